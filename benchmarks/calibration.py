"""Hold the confidence tools to their promises: `python -m benchmarks.calibration`.

Writes what was measured to docs/calibration.md. About ten minutes on one core; `--thin 10` takes a tenth of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from collections.abc import Sequence as Items
from pathlib import Path

import numpy as np

from benchmarks.far_tail import probability_of_error
from benchmarks.laws import COIN, DIE, EXPONENTIAL, LOG_NORMAL, NORMAL, RARE, UNIFORM, Law
from benchmarks.sequence_experiments import (
    ErrorCount,
    Mixture,
    power_at_last_look,
    relative_width,
    watch,
    watch_band,
    watch_every_trial,
)
from lemmata.confidence import (
    CLOPPER_PEARSON,
    STUDENT,
    WILSON,
    BetaBinomial,
    DKWBand,
    EmpiricalBernstein,
    FirstLook,
    MaurerPontil,
    NormalMixture,
    Sequence,
    Spending,
    TMixture,
    look_sizes,
)

LAWS = (NORMAL, EXPONENTIAL, LOG_NORMAL, UNIFORM, DIE, COIN, RARE)
FIXED_RULE = FirstLook(ratio=0.1, tail=None, noise=0.0)
RULES = (("no rule", None), ("fixed bound 0.1", FIXED_RULE), ("the rule", FirstLook()))
SEED = 20250


def tools(law: Law, alpha: float) -> list[tuple[str, Sequence]]:
    """The sequences that may be used on a law, by name."""
    found: list[tuple[str, Sequence]] = [
        ("t-mixture", TMixture(alpha)),
        ("Student, spending", Spending(STUDENT, alpha)),
    ]
    if law is NORMAL:
        found.append(("normal mixture", NormalMixture(alpha, 1.0)))
    if np.isfinite(law.high):
        found += [
            ("normal mixture", NormalMixture(alpha, (law.high - law.low) / 2)),
            ("empirical Bernstein", EmpiricalBernstein(alpha, law.low, law.high)),
            ("Maurer-Pontil, spending", Spending(MaurerPontil(law.low, law.high), alpha)),
        ]
    if law.support == (0.0, 1.0):
        found += [
            ("beta-binomial", BetaBinomial(alpha)),
            ("Clopper-Pearson, spending", Spending(CLOPPER_PEARSON, alpha)),
            ("Wilson, spending", Spending(WILSON, alpha)),
        ]
    return found


def table(head: Items[str], rows: Iterable[Items[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def shown(tally: ErrorCount) -> str:
    """A frequency, in bold where the promise is broken."""
    text = f"{tally.rate:.2g}" if tally.events else "0"
    return f"**{text}**" if tally.exceeds() else text


def at_every_look(thin: int) -> str:
    rows: list[list[str]] = []
    experiments = 10_000 // thin
    for law in LAWS:
        names = [name for name, _ in tools(law, 0.05)]
        results = {}
        for alpha in (0.05, 0.01):
            sequences = [tool for _, tool in tools(law, alpha)]
            results[alpha] = watch(sequences, [alpha] * len(names), law, experiments, look_sizes(16384), SEED)
        for i, name in enumerate(names):
            row = [law.name, name]
            for alpha in (0.05, 0.01):
                alarms = results[alpha][i]
                row += [shown(alarms.missed), shown(alarms.confirmed), shown(alarms.refuted)]
            rows.append(row)
    head = ["law", "tool", ".05: missed", "confirmed", "refuted", ".01: missed", "confirmed", "refuted"]
    return f"{experiments:,} experiments for each row and level.\n\n" + table(head, rows)


def at_every_trial(thin: int) -> str:
    rows: list[list[str]] = []
    experiments = 4_000 // thin
    for law in LAWS:
        mixtures: list[tuple[str, Mixture, Mixture]] = [("t-mixture", TMixture(0.05), TMixture(0.01))]
        early = (TMixture(0.05, tightest_at=64), TMixture(0.01, tightest_at=64))
        mixtures.append(("t-mixture, tightest at 64", *early))
        if law is NORMAL:
            mixtures += [("normal mixture", NormalMixture(0.05, 1.0), NormalMixture(0.01, 1.0))]
        if law.support == (0.0, 1.0):
            mixtures += [("beta-binomial", BetaBinomial(0.05), BetaBinomial(0.01))]
        flat = [mixture for _, *pair in mixtures for mixture in pair]
        tallies = watch_every_trial(flat, law, experiments, 10_000, SEED)
        for i, (name, *_) in enumerate(mixtures):
            rows.append([law.name, name, shown(tallies[2 * i]), shown(tallies[2 * i + 1])])
    head = ["law", "mixture", ".05: missed", ".01: missed"]
    return f"{experiments:,} experiments of 10,000 trials.\n\n" + table(head, rows)


def bands(thin: int) -> str:
    experiments = 2_000 // thin
    rows = []
    for law in (UNIFORM, DIE, COIN, RARE):
        tallies = watch_band([DKWBand(0.05), DKWBand(0.01)], law, experiments, look_sizes(16384), SEED)
        rows.append([law.name, *(shown(tally) for tally in tallies)])
    head = ["law", ".05: left the band", ".01: left the band"]
    return f"{experiments:,} experiments, looks up to 16,384 trials.\n\n" + table(head, rows)


def at_one_in_ten_thousand(thin: int) -> str:
    experiments = 200_000 // thin
    rows = []
    for law in (NORMAL, EXPONENTIAL, LOG_NORMAL, RARE):
        tagged = [(at, name, TMixture(1e-4, rule, at)) for at in (64, 512, 4096) for name, rule in RULES]
        sequences = [sequence for *_, sequence in tagged]
        alarms = watch(sequences, [1e-4] * len(tagged), law, experiments, look_sizes(16384), SEED)
        for at in (64, 512, 4096):
            cells = [shown(a.missed) for (where, *_), a in zip(tagged, alarms, strict=True) if where == at]
            rows.append([law.name, str(at), *cells])
    head = ["law", "tightest at", *(name for name, _ in RULES)]
    return f"{experiments:,} experiments, looks at 16, 32, ..., 16,384.\n\n" + table(head, rows)


def far_tails(thin: int) -> str:
    experiments = max(4_000 // thin, 1000)
    rows = []
    for law in (EXPONENTIAL, LOG_NORMAL, RARE, COIN):
        for alpha in (1e-4, 5e-6, 2.5e-7):
            tagged = [(at, TMixture(alpha, rule, at)) for at in (64, 512, 4096) for _, rule in RULES]
            found = probability_of_error([s for _, s in tagged], law, experiments, look_sizes(65536), SEED)
            for at in (64, 512, 4096):
                cells = []
                for (where, _), estimate in zip(tagged, found, strict=True):
                    if where == at:
                        ratio, error = estimate.value / alpha, estimate.standard_error / alpha
                        text = f"{ratio:.2g} ± {error:.1g}"
                        cells.append(f"**{text}**" if ratio - 3.7 * error > 1 else text)
                rows.append([law.name, f"{alpha:g}", str(at), *cells])
    head = ["law", "alpha", "tightest at", *(name for name, _ in RULES)]
    note = f"{experiments:,} weighted experiments for each row, looks at 16, 32, ..., 65,536.\n\n"
    return note + table(head, rows)


def waiting() -> str:
    rows = []
    for skewness in (0.0, 0.5, 1.0, 2.0, 6.18):
        waits = (TMixture(alpha).first_look_trials(skewness) for alpha in (0.05, 1e-3, 5e-6, 2.5e-7))
        rows.append([f"{skewness:g}", *(f"{trials:,}" for trials in waits)])
    return table(["skewness of a trial", "alpha = .05", "1e-3", "5e-6", "2.5e-7"], rows)


def powers(thin: int) -> str:
    experiments = 20_000 // thin
    cases = (
        (NORMAL, "t-mixture", TMixture),
        (NORMAL, "normal mixture", lambda a: NormalMixture(a, 1.0)),
        (NORMAL, "Student, spending", lambda a: Spending(STUDENT, a)),
        (UNIFORM, "t-mixture", TMixture),
        (UNIFORM, "empirical Bernstein", lambda a: EmpiricalBernstein(a, 0.0, 1.0)),
        (COIN, "empirical Bernstein", lambda a: EmpiricalBernstein(a, 0.0, 1.0)),
        (RARE, "empirical Bernstein", lambda a: EmpiricalBernstein(a, 0.0, 1.0)),
        (UNIFORM, "Maurer-Pontil, spending", lambda a: Spending(MaurerPontil(0.0, 1.0), a)),
        (COIN, "beta-binomial", BetaBinomial),
        (RARE, "beta-binomial", BetaBinomial),
        (COIN, "Clopper-Pearson, spending", lambda a: Spending(CLOPPER_PEARSON, a)),
        (COIN, "Wilson, spending", lambda a: Spending(WILSON, a)),
    )
    rows = []
    for law, name, make in cases:
        row = [law.name, name]
        for alpha in (0.05, 2.5e-7):
            sequence = make(alpha)
            distance = float(sequence.detectable(4096, law.variance)) / np.sqrt(law.variance)
            above, below = (
                power_at_last_look(sequence, law, experiments, look_sizes(4096), SEED, side=side)
                for side in (1, -1)
            )
            row += [f"{distance:.3f}", f"{above.rate:.3f}", f"{below.rate:.3f}"]
        rows.append(row)
    head = ["law", "tool", ".05: distance / sd", "above", "below", "2.5e-7: distance / sd", "above", "below"]
    return f"{experiments:,} experiments, one look at 4,096 trials.\n\n" + table(head, rows)


def widths() -> str:
    sizes = (64, 256, 1024, 4096, 16384, 2**18, 2**20)
    cases = (
        ("t-mixture", TMixture, 1.0),
        ("normal mixture", lambda a: NormalMixture(a, 1.0), 1.0),
        ("Student, spending", lambda a: Spending(STUDENT, a), 1.0),
        ("empirical Bernstein, sd .29 of the range", lambda a: EmpiricalBernstein(a, 0.0, 1.0), 1 / 12),
        ("empirical Bernstein, sd .03", lambda a: EmpiricalBernstein(a, 0.0, 1.0), 0.001),
        ("Maurer-Pontil, spending, sd .29", lambda a: Spending(MaurerPontil(0.0, 1.0), a), 1 / 12),
        ("beta-binomial, p = .5", BetaBinomial, 0.25),
        ("beta-binomial, p = .01", BetaBinomial, 0.0099),
        ("Clopper-Pearson, spending, p = .5", lambda a: Spending(CLOPPER_PEARSON, a), 0.25),
    )
    rows = []
    for alpha in (0.05, 1e-3, 2.5e-7):
        for name, make, variance in cases:
            ratios = [relative_width(make(alpha), alpha, n, variance) for n in sizes]
            rows.append([f"{alpha:g}", name, *(f"{r:.2f}" if np.isfinite(r) else "silent" for r in ratios)])
    return table(["alpha", "tool", *(f"n = {n:,}" for n in sizes)], rows)


PAGE = """# How the confidence tools keep their promises

Written by `python -m benchmarks.calibration`; fixed seeds. A rate in **bold** breaks its promise: there
would be less than one chance in 10,000 of as many errors if the promise held (one-sided Clopper-Pearson).
The tests hold every tool to this on the laws for which it claims validity; the long ones run in `make
test-full`.

A tool is *exact* when its level holds at every number of trials: the normal mixture (a known or bounding
standard deviation), empirical Bernstein (a known range), beta-binomial and Clopper-Pearson (zeros and
ones), Maurer-Pontil (a known range), DKW (any law). It is *asymptotic* when the level holds for normal
trials, or for many: the t-mixture (exact for normal trials at every number of them), Student, Wilson. The
last two have no first-look rule, and the tables show what that means on skewed trials: they are here for
comparison and for a single, large, fixed sample.

## Watched at every look

Looks at 16, 32, 64, ..., 16,384 trials; an error at any look counts. *Missed*: an interval leaves the mean
out. *Confirmed*: the mean lies exactly a margin (0.1 standard deviations) from a point, and an interval
lies within the margin. *Refuted*: it lies within by a part in 10^9, and an interval lies outside. The hard
cases of a decision are these two.

{looks}

## Watched after every trial

The mixtures bound the errors at all trials together; looks on the ladder use only a part of that.

{trials}

## Distribution functions

{bands}

## The first-look rule of the t-mixture

Skewness g of a trial changes the tail of the t-statistic at critical value z by a factor of about exp(|g|
z^3 / (3 sqrt(n))), upwards on the side where the sample lacks the law's large values. The rule to wait
until |g| / sqrt(n) <= 0.1 is right for moderate levels. It is *not* enough at the levels that a suite uses:
z grows as alpha falls (z = 6 at 2.5e-7), and a small sample of a skewed law that errs is one that looks
mild. The rule in use is

    (|g| + sqrt(6/n)) / sqrt(n)  <=  min(0.1, 9 / z^3)

with the sample's g: the factor is held below exp(3) = 20 in one tail, which the mixture's reserve absorbs
(at a single look, at the trials for which it is tightest, its tail is 1/20 of alpha at .05 and 1/80 at
2.5e-7); the standard error sqrt(6/n) keeps small samples that are mild by luck waiting. *Fixed bound 0.1*
is the older rule as it stands, without that term. *Tightest at* is the mixture's tuning: 4,096 is the
default, which by itself keeps the first looks quiet; 64 lets them speak.

### At 1e-4, by plain simulation

{plain}

### Down to 2.5e-7, by importance sampling

Probability of an interval wholly below the mean, as a multiple of alpha (± one standard error); bold: above 1
by more than 3.7 standard errors; `0 ± 0`: silent at all these looks.

{tails}

### What the rule costs

First look of the doubling ladder at which a law of this skewness is expected to meet the rule (2 is
exponential, 6.18 log-normal). Where this is too long and the range is known, empirical Bernstein does not
wait.

{waiting}

What no rule can see is an event that the sample does not hold: trials that are almost always mild and once
in 100,000 enormous look mild. For such trials use a tool that knows their range, or a statistic with
lighter tails.

## Power

The smallest distance that is detected with probability 0.9, as each tool states it, planted above and below
the mean. For the empirical Bernstein tools 0.9 is the probability for laws on two points and a lower bound
for others; for rare events the tool states the distance for the harder side.

{powers}

## Width

Half width over that of the normal interval of the same level for a fixed sample of the same size: the price
of being allowed to stop at any time. The normal and the t-mixture are tightest at 4,096 trials, and stay
within a few percent of that over a factor of 16 either way at small levels. The table takes the laws'
variance as given; the t-mixture may have to wait longer than shown for its first look.

{widths}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/calibration.md"))
    parser.add_argument("--thin", type=int, default=1, help="divide the numbers of experiments by this")
    options = parser.parse_args()
    thin = options.thin
    page = PAGE.format(
        looks=at_every_look(thin),
        trials=at_every_trial(thin),
        bands=bands(thin),
        plain=at_one_in_ten_thousand(thin),
        tails=far_tails(thin),
        waiting=waiting(),
        powers=powers(thin),
        widths=widths(),
    )
    options.out.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
