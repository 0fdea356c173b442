"""Make tests/golden/cnn_rank.json: references at 30 digits, from the definitions.

    python -m tests.golden.make_cnn_rank

Nothing of the suite is imported. Parameters are the decimals of their texts.

- `clock`: the time t = tau + int_0^tau e^F at given values of the clock, F from the solution of dz/dtau = act'(z) in
  each branch, by quadrature between all places where a filter passes the knee.
- `root`: F with F + e^F = b.
"""

from __future__ import annotations

import json
from pathlib import Path

from mpmath import mp, mpf

FILE = Path(__file__).with_name("cnn_rank.json")
CASES = (
    ("3", "1", (".9", ".5", ".1"), (".3", "-.2", ".4"), (".458810093", "3", "10", "40")),
    ("2", ".05", (".01", ".002", "-.003", ".07"), (".004", ".1", "-.02", ".001"), (".02", ".3", "1", "8")),
    ("4", ".5", (".2", ".05", ".49", "-.1"), (".6", ".1", ".3", "-.1"), (".1", "1", "9", "30")),
    ("2.5", "2", (".1", ".3", ".02"), (".2", ".05", "3"), (".5", "6", "20", "60")),
    ("3", "10", (".004", ".0035", ".001"), (".003", ".001", "-.002"), ("2e4", "24900", "25050", "25100")),
)


def flow(z, tau, q, knee):
    if z <= 0:
        return z
    if z >= knee:
        if z + tau >= knee:
            return z + tau
        z, tau = knee, tau + z - knee
    left = knee * mp.log(knee / z) if q == 2 else knee ** (q - 1) * (z ** (2 - q) - knee ** (2 - q)) / (q - 2)
    if tau >= left:
        return knee + tau - left
    return (
        z * mp.exp(tau / knee)
        if q == 2
        else (z ** (2 - q) - (q - 2) * tau / knee ** (q - 1)) ** (-1 / (q - 2))
    )


def act(z, q, knee):
    if z <= 0:
        return mpf(0)
    return z**q / (q * knee ** (q - 1)) if z <= knee else z - (1 - 1 / q) * knee


def margin(tau, own, other, q, knee):
    rises = mp.fsum(act(flow(z, tau, q, knee), q, knee) for z in own)
    return (rises - mp.fsum(act(flow(z, -tau, q, knee), q, knee) for z in other)) / len(own)


def time(tau, own, other, q, knee):
    bends = {mpf(0), tau}
    for z in (*own, *other):
        if z > 0:
            left = (
                knee * mp.log(knee / min(z, knee))
                if q == 2
                else knee ** (q - 1) * (min(z, knee) ** (2 - q) - knee ** (2 - q)) / (q - 2)
            )
            bends |= {left, z - knee, *(left - knee * 3**j for j in range(9))}
    bends |= {tau * j / 12 for j in range(12)}
    ends = sorted(b for b in bends if 0 <= b <= tau)
    return tau + mp.quad(lambda u: mp.exp(margin(u, own, other, q, knee)), ends)


def main() -> None:
    mp.dps = 30
    clocks = []
    for q, knee, own, other, places in CASES:
        mine, others = ([mpf(z) for z in block] for block in (own, other))
        times = [time(mpf(tau), mine, others, mpf(q), mpf(knee)) for tau in places]
        margins = [margin(mpf(tau), mine, others, mpf(q), mpf(knee)) for tau in places]
        clocks.append(
            {
                "order": q, "knee": knee, "own": own, "other": other, "clock": places,
                "time": [mp.nstr(t, 20) for t in times], "margin": [mp.nstr(f, 20) for f in margins],
            }
        )  # fmt: skip
    roots = {}
    for b in ("-800", "-5", "-.3", "0", ".999", "1", "1.001", "10", "1e4", "1e40"):
        roots[b] = mp.nstr(mp.log(mp.lambertw(mp.exp(mpf(b))).real) if mpf(b) < 700 else iterate(mpf(b)), 20)
    FILE.write_text(json.dumps({"clock": clocks, "root": roots}, indent=1) + "\n")


def iterate(b):
    w = b
    for _ in range(200):
        w = b - mp.log(w)
    return mp.log(w)


if __name__ == "__main__":
    main()
