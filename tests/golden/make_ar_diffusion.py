"""Make tests/golden/ar_diffusion.json: references at 30 digits, from the definitions.

    python -m tests.golden.make_ar_diffusion

Nothing of the suite is imported. Grids are uniform with dyadic steps, so that binary numbers hold their nodes exactly.

- `direction`: one direction of variance lambda: the mean and variance of Y after all steps
  Y <- e^h Y + 2(e^h - 1) s_tau(Y) + sqrt(e^2h - 1) Z, step by step at 60 digits; given are A (the mean of Y if
  started at 1 with target mean 0), the variance minus lambda_delta, and the response of the mean to a unit bias.
- `divergence`: the rule x_2 = g x_1 + sigma xi: laws of (x_1, x_2) by propagating means and 2 x 2 covariances, their KL
  divergences by the textbook formula at 60 digits, where its cancellation does not matter.
- `path`: KL(p_T || N(0, I)) and the sum over steps of int E|s_tau(X_tau) - s_{tau_n}(X_{tau_n})|^2 dtau by numerical
  integration, from the covariance e^-(tau_n - tau) lambda_tau of X_tau and X_{tau_n}.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from mpmath import mp, mpf

FILE = Path(__file__).with_name("ar_diffusion.json")
DIGITS = 30


def noised(variance, time):
    return mp.exp(-2 * time) * variance + 1 - mp.exp(-2 * time)


def nodes(horizon, stop, steps):
    return [horizon - (horizon - stop) * n / steps for n in range(steps + 1)]


def direction(variance, times, start_mean, start_variance, bias):
    mean, spread = mpf(start_mean), mpf(start_variance)
    for tau, after in itertools.pairwise(times):
        h = tau - after
        factor = mp.exp(h) - 2 * (mp.exp(h) - 1) / noised(variance, tau)
        mean = factor * mean + 2 * (mp.exp(h) - 1) * bias
        spread = factor**2 * spread + mp.exp(2 * h) - 1
    return mean, spread


def stage(slope, variance, times, prefix_mean, prefix_variance, centre):
    """One more coordinate y given a scalar prefix x: joint law of (x, y), conditional mean centre + slope x."""
    my, cxy, cyy = mpf(0), mpf(0), mpf(1)
    for tau, after in itertools.pairwise(times):
        q = mp.exp(tau - after) - 1
        pull = 2 * q / noised(variance, tau)
        a, b = 1 + q - pull, pull * mp.exp(-tau) * slope
        my = a * my + b * prefix_mean + pull * mp.exp(-tau) * centre
        cyy = a * a * cyy + 2 * a * b * cxy + b * b * prefix_variance + q * (2 + q)
        cxy = a * cxy + b * prefix_variance
    return my, cxy, cyy


def vanilla(mean, covariance, times):
    m, c = mp.zeros(2, 1), mp.eye(2)
    for tau, after in itertools.pairwise(times):
        h = tau - after
        precision = (mp.exp(-2 * tau) * covariance + (1 - mp.exp(-2 * tau)) * mp.eye(2)) ** -1
        matrix = mp.exp(h) * mp.eye(2) - 2 * (mp.exp(h) - 1) * precision
        m = matrix * m + 2 * (mp.exp(h) - 1) * precision * mp.exp(-tau) * mean
        c = matrix * c * matrix.T + (mp.exp(2 * h) - 1) * mp.eye(2)
    return m, c


def kl(m0, s0, m1, s1):
    inverse = s1**-1
    trace = sum((inverse * s0)[i, i] for i in range(s0.rows))
    shift = (m1 - m0).T * inverse * (m1 - m0)
    return (trace - s0.rows + mp.log(mp.det(s1) / mp.det(s0)) + shift[0]) / 2


def path(eigenvalues, mean_squares, times):
    horizon = times[0]
    start = total = mpf(0)
    for variance, square in zip(eigenvalues, mean_squares, strict=True):
        at = noised(variance, horizon)
        start += (at - 1 - mp.log(at) + mp.exp(-2 * horizon) * square) / 2
        for tau, after in itertools.pairwise(times):
            late = noised(variance, tau)

            def increment(t, variance=variance, late=late, tau=tau):
                early = noised(variance, t)
                cross = mp.exp(-(tau - t)) * early  # covariance of X_t and X_tau
                return 1 / early + 1 / late - 2 * cross / (early * late)

            total += mp.quad(increment, [after, tau])
    return start, total


def text(x):
    return mp.nstr(x, DIGITS)


def main():
    mp.dps = 60
    data = {"direction": [], "divergence": [], "path": []}
    for variance in ("1e-6", "0.01", "0.3", "1", "1.999", "10", "1e4"):
        for horizon, stop, steps in ((4, "0", 16), (8, "0", 512), (4, "0.25", 60), (8, "0.0009765625", 8191)):
            times = nodes(mpf(horizon), mpf(stop), steps)
            factor, _ = direction(mpf(variance), times, 1, 0, 0)
            response, spread = direction(mpf(variance), times, 0, 1, 1)
            error = spread - noised(mpf(variance), times[-1])
            data["direction"].append(
                [variance, horizon, stop, steps, text(factor), text(error), text(response)]
            )
    for gain, noise, mean in (
        ("2", "0.5", ("1", "-1")),
        ("0", "0.25", ("0", "3")),
        ("10", "0.125", ("0", "0")),
    ):
        g, s, mu = mpf(gain), mpf(noise), mp.matrix([mpf(mean[0]), mpf(mean[1])])
        covariance = mp.matrix([[1, g], [g, g * g + s * s]])
        for horizon, stop, steps in ((4, "0", 64), (8, "0.125", 63), (8, "0", 2048)):
            times = nodes(mpf(horizon), mpf(stop), steps)
            m, c = vanilla(mu, covariance, times)
            first_mean, first_factor = direction(1, times, 0, 1, 0)[1], direction(1, times, 1, 0, 0)[0]
            # AR: the first patch alone, then the second given the first
            mean_1 = (mp.exp(-times[-1]) - mp.exp(-times[0]) * first_factor) * mu[0]
            mean_2, cross, last = stage(g, s * s, times, mean_1, first_mean, mu[1] - g * mu[0])
            ar_mean = mp.matrix([mean_1, mean_2])
            ar = mp.matrix([[first_mean, cross], [cross, last]])
            row = [gain, noise, *mean, horizon, stop, steps]
            for law_mean, law in ((m, c), (ar_mean, ar)):
                joint = kl(mu, covariance, law_mean, law)
                first = kl(mu[0:1, 0], covariance[0:1, 0:1], law_mean[0:1, 0], law[0:1, 0:1])
                row += [text(joint), text(first), text(joint - first)]
            data["divergence"].append(row)
            if steps == 64:
                trace, det = covariance[0, 0] + covariance[1, 1], s * s
                root = mp.sqrt(trace * trace / 4 - det)
                squares = (mu[0] ** 2 + mu[1] ** 2, mpf(0))
                start, total = path((trace / 2 - root, trace / 2 + root), squares, times)
                ar_start, ar_total = path((mpf(1), s * s), (mu[0] ** 2, mu[1] ** 2 + g * g), times)
                data["path"].append([*row[:7], *map(text, (start, total, ar_start, ar_total))])
    lines = [f'"digits": {DIGITS}']
    lines += [
        f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for name, rows in data.items()
    ]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
