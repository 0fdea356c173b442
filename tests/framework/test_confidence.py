"""Confidence sequences and fixed-size tools: definitions, invariances, cross-checks, bad input."""

import subprocess
import sys
from functools import reduce

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import integrate, optimize, special, stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from lemmata.confidence import (
    CLOPPER_PEARSON,
    STUDENT,
    TOST,
    WILSON,
    BetaBinomial,
    DKWBand,
    EmpiricalBernstein,
    FirstLook,
    Fixed,
    Interval,
    MaurerPontil,
    NormalMixture,
    Spending,
    TMixture,
    clopper_pearson,
    dkw_band,
    dkw_radius,
    kolmogorov_distance,
    look_sizes,
    maurer_pontil,
    slope_detectable,
    slope_interval,
    slope_trials_needed,
    spend,
    tost,
    wilson,
)
from lemmata.confidence.mixtures import optimal_spread
from lemmata.statistics import Moments

ALPHAS = st.sampled_from((0.05, 0.01, 5e-6, 2.5e-7, 1e-12))
SEEDS = st.integers(0, 2**32 - 1)


def prefixes(rows, start=16):
    return [Moments.of(rows[:n]) for n in look_sizes(len(rows), start)]


def sequences(alpha, start=16):
    """Every confidence sequence that may watch zeros and ones."""
    return (
        TMixture(alpha, first_look=None),
        NormalMixture(alpha, 0.5),
        EmpiricalBernstein(alpha, 0.0, 1.0, start),
        BetaBinomial(alpha),
        Spending(CLOPPER_PEARSON, alpha, start),
        Spending(WILSON, alpha, start),
        Spending(STUDENT, alpha, start),
        Spending(MaurerPontil(0.0, 1.0), alpha, start),
    )


class TestInterval:
    def test_algebra(self):
        interval = Interval(np.array([-1.0, 2.0]), np.array([3.0, 2.0]))
        np.testing.assert_array_equal(interval.width, [4.0, 0.0])
        np.testing.assert_array_equal(interval.midpoint, [1.0, 2.0])
        np.testing.assert_array_equal(interval.contains(2.0), [True, True])
        np.testing.assert_array_equal(interval.contains(2.5), [True, False])
        np.testing.assert_array_equal(interval.shift(1.0).high, [4.0, 3.0])
        np.testing.assert_array_equal(interval.scale(-2.0).low, [-6.0, -4.0])
        np.testing.assert_array_equal(interval.inside(-2.0, 3.0), [False, True])
        np.testing.assert_array_equal(interval.outside(-3.0, 1.0), [False, True])

    def test_scalars_stay_scalars(self):
        interval = Interval(np.float64(0.0), np.asarray(1.0))
        assert type(interval.low) is float
        assert type(interval.width) is float
        assert interval.contains(0.5) is True

    def test_everything_survives_every_operation(self):
        for interval in (
            Interval.everything.shift(2.0),
            Interval.everything.scale(-3.0),
            Interval.everything.intersect(Interval.everything),
        ):
            assert (interval.low, interval.high) == (-np.inf, np.inf)
        assert Interval.everything.width == np.inf
        assert np.isnan(Interval.everything.midpoint)
        zero = Interval.everything.scale(0.0)
        assert (zero.low, zero.high) == (0.0, 0.0)

    def test_disjoint_intervals_meet_in_the_empty_one_which_decides_nothing(self):
        empty = Interval(0.0, 1.0).intersect(Interval(2.0, 3.0))
        assert empty.is_empty
        assert empty.width == 0.0
        assert not empty.contains(1.5)
        assert not empty.inside(-9.0, 9.0)
        assert not empty.outside(8.0, 9.0)
        assert empty.shift(1.0).scale(-1.0).is_empty

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: Interval(1.0, 0.0), "low = 1.0 above high = 0.0"),
            (lambda: Interval(np.nan, 0.0), "low holds a value that is NaN"),
            (lambda: Interval(0.0, 1.0).contains(np.nan), "x holds"),
            (lambda: Interval(0.0, 1.0).shift(np.inf), "c holds"),
            (lambda: Interval.around(0.0, -1.0), "radius = -1.0"),
        ],
    )
    def test_bad_input_is_named(self, make, words):
        with pytest.raises(ValueError, match=words):
            make()


class TestLooks:
    def test_ladder_doubles_up_to_the_budget(self):
        assert look_sizes(100) == (16, 32, 64)
        assert look_sizes(64, start=64) == (64,)
        assert look_sizes(15) == ()

    def test_spent_alpha_adds_to_less_than_alpha(self):
        spent = sum(spend(0.05, k) for k in range(1, 2000))
        assert 0.05 * (1 - 1e-3) < spent < 0.05
        assert all(spend(0.05, k) > 0.05 * 6 / (np.pi * k) ** 2 for k in range(2, 50))

    @pytest.mark.parametrize("bad", [0, -1, 1.5, True])
    def test_bad_counts_are_named(self, bad):
        with pytest.raises(ValueError, match="budget"):
            look_sizes(bad)
        with pytest.raises(ValueError, match="look"):
            spend(0.05, bad)


class TestTMixture:
    @pytest.mark.parametrize("n", [2, 5, 40])
    def test_evidence_is_the_ratio_of_the_t_laws_mixed_over_effect_sizes(self, n):
        """R_n = integral of the noncentral t density over N(0, g) effects, over the central one."""
        rows = np.random.default_rng(3).normal(0.3, 2.0, n)
        sequence = TMixture(0.01, first_look=None, tightest_at=32)
        g = (optimal_spread(0.01) - 1) / 32
        t = np.sqrt(n) * rows.mean() / rows.std(ddof=1)
        mixed, _ = integrate.quad(
            lambda d: stats.nct.pdf(t, n - 1, np.sqrt(n) * d) * stats.norm.pdf(d, scale=np.sqrt(g)), -6, 6
        )
        expected = np.log(mixed / stats.t.pdf(t, n - 1))
        assert sequence.log_evidence(Moments.of(rows), 0.0) == pytest.approx(expected, rel=1e-6)

    @given(SEEDS, ALPHAS, st.sampled_from((16, 64, 1000)))
    def test_interval_ends_where_the_evidence_reaches_the_threshold(self, seed, alpha, n):
        moments = Moments.of(np.random.default_rng(seed).normal(size=n))
        sequence = TMixture(alpha, first_look=None, tightest_at=64)
        interval = sequence.interval([moments])
        if np.isfinite(interval.low):
            for end in (interval.low, interval.high):
                assert sequence.log_evidence(moments, end) == pytest.approx(-np.log(alpha), rel=1e-9)
        else:
            far = moments.mean + 1e9
            assert sequence.log_evidence(moments, far) < -np.log(alpha)

    @given(SEEDS, ALPHAS, st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.booleans())
    def test_location_scale_equivariance(self, seed, alpha, shift, scale, flip):
        """The interval of a + b X is a + b times that of X, first-look rule included."""
        rows = np.random.default_rng(seed).standard_exponential((1024, 2))
        scale = -scale if flip else scale
        before = TMixture(alpha).interval(prefixes(rows))
        after = TMixture(alpha).interval(prefixes(shift + scale * rows))
        expected = before.scale(scale).shift(shift)
        rounding = 1e-9 * (abs(shift) + abs(scale))
        np.testing.assert_allclose(after.low, expected.low, rtol=1e-9, atol=rounding)
        np.testing.assert_allclose(after.high, expected.high, rtol=1e-9, atol=rounding)

    def test_trials_that_do_not_vary_leave_it_silent(self):
        sequence = TMixture(0.05, first_look=None)
        for rows in (np.zeros(4096), np.full(4096, 0.1), 0.1 + np.spacing(0.1) * (np.arange(4096) % 3)):
            assert sequence.interval([Moments.of(rows)]).width == np.inf
        assert sequence.detectable(4096, 0.0) == np.inf
        assert sequence.trials_needed(0.1, 0.0) == np.inf

    def test_tightest_where_it_says(self):
        sequence = TMixture(1e-4, tightest_at=1000)
        half = [float(sequence.detectable(n, float(n), 0.5)) for n in (250, 500, 1000, 2000, 4000)]
        assert np.argmin(half) == 2
        assert min(half) == pytest.approx(np.sqrt(optimal_spread(1e-4)), rel=1e-2)

    def test_first_look_waits_for_skewness_longer_at_smaller_levels(self):
        rows = np.random.default_rng(8).standard_exponential((2**15, 50))
        looks = prefixes(rows)

        def speaks(alpha):
            return [int(np.sum(TMixture(alpha).interval([look]).is_bounded)) for look in looks]

        first = {alpha: next(i for i, n in enumerate(speaks(alpha)) if n > 25) for alpha in (0.05, 5e-6)}
        for alpha, trials in ((0.05, 512), (5e-6, 2048)):
            assert look_sizes(2**15)[first[alpha]] == trials
            assert TMixture(alpha).first_look_trials(2.0) == trials

    def test_rule_is_the_stated_inequality(self):
        moments = Moments.of(np.random.default_rng(0).standard_exponential(2000))
        g, z = abs(float(moments.skewness)), 5.0
        size = (g + np.sqrt(6 / 2000)) / np.sqrt(2000)
        assert FirstLook(ratio=size * 1.001, tail=None).allows(moments, z)
        assert not FirstLook(ratio=size * 0.999, tail=None).allows(moments, z)
        assert FirstLook(ratio=None, tail=size * z**3 / 3 * 1.001).allows(moments, z)
        assert not FirstLook(ratio=None, tail=size * z**3 / 3 * 0.999).allows(moments, z)
        trials = FirstLook().trials(2.0, z)
        assert (2 + np.sqrt(6 / trials)) / np.sqrt(trials) == pytest.approx(9 / z**3, rel=1e-2)


class TestExactSequences:
    @given(st.integers(1, 3000), st.floats(0, 1), ALPHAS, st.sampled_from((0.5, 1.0)))
    @example(1, 0.0, 1e-12, 0.5)
    @example(1, 1.0, 1e-12, 0.5)
    def test_beta_binomial_against_direct_inversion(self, n, part, alpha, shape):
        """Both ends solve M_n(p) = 1/alpha, found by a bracketing root finder on the definition."""
        k = round(part * n)
        interval = BetaBinomial(alpha, shape).interval_of(k, n)

        def excess(p):
            mixture = special.betaln(shape + k, shape + n - k) - special.betaln(shape, shape)
            likelihood = special.xlogy(k, p) + special.xlog1py(n - k, -p)
            return mixture - likelihood + np.log(alpha)

        low = 0.0 if k == 0 else optimize.brentq(excess, 1e-300, k / n, xtol=1e-300, rtol=1e-12)
        high = 1.0 if k == n else optimize.brentq(excess, k / n, 1 - 1e-16, xtol=1e-15)
        assert interval.low == pytest.approx(low, rel=1e-8)
        assert interval.high == pytest.approx(high, abs=1e-9)

    def test_normal_mixture_radius_is_the_formula(self):
        interval = NormalMixture(0.05, 2.0, tightest_at=100).interval([Moments.of(np.zeros(25))])
        s = 1 + 25 * (optimal_spread(0.05) - 1) / 100
        assert interval.high == pytest.approx(2 * np.sqrt(s / (s - 1) * (2 * np.log(20) + np.log(s)) / 25))

    @given(SEEDS, ALPHAS, st.sampled_from((0.002, 0.3)))
    def test_empirical_bernstein_against_its_definition_trial_by_trial(self, seed, alpha, p):
        """The ends are where the average of the supermartingales, summed over single trials, is 2/alpha."""
        rows = (np.random.default_rng(seed).random(128) < p) * 0.8 + 0.1
        interval = EmpiricalBernstein(alpha, 0.0, 1.0).interval(prefixes(rows))
        tilts = [0.75 * 2 ** (-j / 2) for j in range(24)]
        spread = 0.0
        for i, x in enumerate(rows):
            past = 0 if i < 16 else 2 ** int(np.log2(i))
            spread += (x - (rows[:past].sum() + 0.5) / (past + 1)) ** 2

        def capital(mean, sign):
            gain = sign * (rows - mean).sum()
            return np.mean([np.exp(tilt * gain + (np.log1p(-tilt) + tilt) * spread) for tilt in tilts])

        for end, sign in ((interval.low, 1), (interval.high, -1)):
            if 0.0 < end < 1.0:
                assert capital(end, sign) == pytest.approx(2 / alpha, rel=1e-6)
            else:
                assert capital(end, sign) < 2 / alpha

    def test_empirical_bernstein_supermartingale(self):
        """E exp(l y - psi(l) (y - c)^2 - l E y) <= 1 for every two-point law and prediction."""
        grid = np.linspace(0, 1, 41)
        for tilt in (0.01, 0.3, 0.75):
            cost = -np.log1p(-tilt) - tilt
            x, p, c = (axis[..., None] for axis in np.meshgrid(grid, grid, grid))
            outcomes = np.concatenate([np.zeros_like(x), x], axis=-1)
            weights = np.concatenate([1 - p, p], axis=-1)
            mean = (weights * outcomes).sum(axis=-1, keepdims=True)
            value = weights * np.exp(tilt * (outcomes - mean) - cost * (outcomes - c) ** 2)
            assert value.sum(axis=-1).max() <= 1 + 1e-12

    def test_constant_trials_narrow_at_the_rate_of_the_range(self):
        """Sequences that know the range shrink on constant data, as 1/n and never to a point."""
        for make in (BetaBinomial, lambda a: EmpiricalBernstein(a, 0.0, 1.0)):
            width = [make(1e-4).interval(prefixes(np.zeros(n))).width for n in (256, 4096)]
            assert 0 < width[1] < 0.2 * width[0]

    def test_half_width_against_the_fixed_size_one(self):
        """The price of watching, at the trials for which the mixtures are tightest."""
        for alpha, price in ((0.05, 1.56), (2.5e-7, 1.16)):
            fixed = stats.norm.isf(alpha / 2) / 64
            assert TMixture(alpha).detectable(4096, 1.0, 0.5) / fixed < price
            assert NormalMixture(alpha, 1.0).detectable(4096, 1.0, 0.5) / fixed < price


class TestEverySequence:
    @given(SEEDS, st.sampled_from((0.5, 0.05)), st.integers(0, 7))
    def test_smaller_alpha_contains_larger(self, seed, p, which):
        looks = prefixes((np.random.default_rng(seed).random((256, 3)) < p).astype(float))
        previous = None
        for alpha in (0.2, 0.05, 1e-3, 2.5e-7, 1e-12):
            interval = sequences(alpha)[which].interval(looks)
            if previous is not None:
                assert np.all(np.asarray(interval.low) <= np.asarray(previous.low) + 1e-12)
                assert np.all(np.asarray(interval.high) >= np.asarray(previous.high) - 1e-12)
            previous = interval

    @given(SEEDS, st.integers(0, 7), st.lists(st.integers(1, 127), max_size=6, unique=True))
    def test_how_chunks_were_merged_does_not_matter(self, seed, which, cuts):
        rows = (np.random.default_rng(seed).random((128, 2)) < 0.3).astype(float)
        sequence = sequences(1e-3)[which]
        whole = prefixes(rows)
        pieces = np.split(rows, sorted(cuts))
        merged = [*whole[:-1], reduce(Moments.merge, [Moments.of(piece) for piece in pieces])]
        a, b = sequence.interval(whole), sequence.interval(merged)
        np.testing.assert_allclose(a.low, b.low, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(a.high, b.high, rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("which", range(8))
    def test_elementwise_equals_one_by_one(self, which):
        rows = (np.random.default_rng(5).random((512, 4)) < 0.2).astype(float)
        sequence = sequences(1e-3)[which]
        together = sequence.interval(prefixes(rows))
        for i in range(4):
            alone = sequence.interval(prefixes(rows[:, i]))
            assert alone.low == pytest.approx(together.low[i], rel=1e-12)
            assert alone.high == pytest.approx(together.high[i], rel=1e-12)

    @pytest.mark.parametrize("which", range(8))
    @pytest.mark.parametrize("alpha", [0.05, 2.5e-7])
    def test_trials_needed_inverts_detectable(self, which, alpha):
        sequence = sequences(alpha)[which]
        for discrepancy in (0.1, 0.01):
            trials = sequence.trials_needed(discrepancy, 0.2)
            assert trials == int(trials)
            assert sequence.detectable(trials, 0.2) <= discrepancy
            assert sequence.detectable(trials - 1, 0.2) > discrepancy
        both = sequence.trials_needed(np.array([0.1, 0.01]), 0.2)
        assert both[1] == trials

    @pytest.mark.parametrize("which", range(8))
    def test_no_look_yet_says_nothing(self, which):
        assert sequences(0.05)[which].interval([]).contains([0.0, 1.0]).all()

    @pytest.mark.parametrize("which", range(8))
    def test_bad_input_is_named(self, which):
        sequence = sequences(0.05)[which]
        with pytest.raises(ValueError, match="moments"):
            sequence.interval([Moments.of(np.array([0.0, np.nan] * 8))])
        with pytest.raises(ValueError, match="variance"):
            sequence.detectable(100, np.nan)
        with pytest.raises(ValueError, match="trials"):
            sequence.detectable(0, 0.1)
        with pytest.raises(ValueError, match="power"):
            sequence.detectable(100, 0.1, 1.0)
        with pytest.raises(ValueError, match="discrepancy"):
            sequence.trials_needed(0.0, 0.1)

    @pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, np.nan])
    def test_bad_alpha_is_named(self, alpha):
        for make in (
            TMixture,
            BetaBinomial,
            DKWBand,
            lambda a: NormalMixture(a, 1.0),
            lambda a: EmpiricalBernstein(a, 0.0, 1.0),
            lambda a: Spending(STUDENT, a),
            lambda a: Fixed(STUDENT, a),
            lambda a: TOST(0.1, a),
        ):
            with pytest.raises(ValueError, match="alpha = "):
                make(alpha)

    def test_bad_parameters_are_named(self):
        for make, word in (
            (lambda: NormalMixture(0.05, 0.0), "sd"),
            (lambda: TMixture(0.05, tightest_at=0), "tightest_at"),
            (lambda: FirstLook(ratio=-1.0), "ratio"),
            (lambda: FirstLook().trials(np.nan, 5.0), "skewness"),
            (lambda: EmpiricalBernstein(0.05, 1.0, 1.0), "low must be below high"),
            (lambda: EmpiricalBernstein(0.05, 0.0, np.inf), "high"),
            (lambda: BetaBinomial(0.05, 0.0), "shape"),
        ):
            with pytest.raises(ValueError, match=word):
                make()

    def test_trials_outside_the_tool_s_domain_are_named(self):
        half = Moments.of(np.full(16, 0.5))
        mixed = Moments.of(np.array([0.25, 0.75] * 8))
        for tool in (BetaBinomial(0.05), Spending(WILSON, 0.05)):
            with pytest.raises(ValueError, match="0 or 1"):
                tool.interval([mixed])
            with pytest.raises(ValueError, match="0 or 1"):
                tool.interval([half])
        with pytest.raises(ValueError, match=r"at most high = 0\.6"):
            EmpiricalBernstein(0.05, 0.0, 0.6).interval([mixed])
        with pytest.raises(ValueError, match="counts must increase"):
            EmpiricalBernstein(0.05, 0.0, 1.0).interval([mixed, mixed])
        with pytest.raises(ValueError, match="must lie in the range"):
            maurer_pontil(mixed, 0.0, 0.6, 0.05)


class TestFixedSize:
    @given(st.integers(1, 5000), st.floats(0, 1), st.sampled_from((0.05, 1e-4, 2.5e-7)))
    def test_proportions_against_statsmodels(self, n, part, alpha):
        k = round(part * n)
        for mine, method in ((clopper_pearson, "beta"), (wilson, "wilson")):
            interval = mine(k, n, alpha)
            low, high = proportion_confint(k, n, alpha, method)
            assert interval.low == pytest.approx(low, rel=1e-9, abs=1e-12)
            assert interval.high == pytest.approx(high, rel=1e-9, abs=1e-12)

    @pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (17, 4000)])
    def test_proportions_against_scipy(self, k, n):
        test = stats.binomtest(k, n)
        for mine, theirs in (
            (clopper_pearson, test.proportion_ci(0.99, "exact")),
            (wilson, test.proportion_ci(0.99, "wilson")),
        ):
            interval = mine(k, n, 0.01)
            assert interval.low == pytest.approx(theirs.low, rel=1e-8, abs=1e-12)
            assert interval.high == pytest.approx(theirs.high, rel=1e-8, abs=1e-12)

    def test_clopper_pearson_covers_for_every_probability(self):
        """Exact coverage, enumerated."""
        n, alpha = 40, 0.05
        k = np.arange(n + 1)
        interval = clopper_pearson(k, n, alpha)
        for p in np.linspace(0.001, 0.999, 300):
            missed = np.where(interval.contains(p), 0.0, stats.binom.pmf(k, n, p)).sum()
            assert missed <= alpha

    @given(SEEDS, st.floats(-0.5, 0.5), st.floats(0.05, 0.6))
    def test_tost_against_statsmodels(self, seed, mean, margin):
        rows = np.random.default_rng(seed).normal(mean, 1.0, 60)
        mine = tost(Moments.of(rows), margin, 0.05)
        p_value, (_, p_low, _), (_, p_high, _) = DescrStatsW(rows).ttost_mean(-margin, margin)
        assert mine.p_low == pytest.approx(p_low, rel=1e-9)
        assert mine.p_high == pytest.approx(p_high, rel=1e-9)
        assert mine.p_held == pytest.approx(p_value, rel=1e-9)
        assert (mine.decision == "held") == (p_value < 0.05)

    def test_tost_decides_three_ways(self):
        rows = np.random.default_rng(6).normal([0.0, 1.0, 0.3], 1.0, (400, 3))
        assert tost(Moments.of(rows), 0.3, 1e-3).decision.tolist() == ["held", "failed", "open"]
        assert tost(Moments.of(rows), 0.3, 1e-3, point=np.array([0.0, 1.0, 0.0])).decision[1] == "held"
        assert tost(Moments.of(np.zeros(10)), 0.3, 0.05).decision == "open"

    def test_tost_power_is_that_of_the_noncentral_t(self):
        tool = TOST(1.0, 0.01)
        distance = tool.detectable(50, 1.0)
        power = stats.nct.sf(stats.t.isf(0.01, 49), 49, distance * np.sqrt(50))
        assert power == pytest.approx(0.9, abs=3e-3)
        n = tool.trials_needed(distance, 1.0)
        assert n == 50

    def test_student_against_scipy(self):
        rows = np.random.default_rng(4).normal(3.0, 2.0, 25)
        interval = Fixed(STUDENT, 0.01).interval(Moments.of(rows))
        expected = stats.ttest_1samp(rows, 0.0).confidence_interval(0.99)
        assert (interval.low, interval.high) == pytest.approx(tuple(expected), rel=1e-9)

    def test_slope_with_known_errors_against_numpy(self):
        rng = np.random.default_rng(2)
        x, errors = np.log([32.0, 64, 128, 256, 512]), np.array([0.1, 0.1, 0.2, 0.3, 0.5])
        y = 1.0 - 0.5 * x[:, None] + errors[:, None] * rng.normal(size=(5, 3))
        fit = slope_interval(x, y, 0.05, errors)
        for i, (value, error) in enumerate(
            zip(np.asarray(fit.value), np.asarray(fit.standard_error), strict=True)
        ):
            coefficients, covariance = np.polyfit(x, y[:, i], 1, w=1 / errors, cov="unscaled")
            assert value == pytest.approx(coefficients[0], rel=1e-9)
            assert error == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-9)
        np.testing.assert_allclose(fit.interval.width, 2 * stats.norm.isf(0.025) * fit.standard_error)

    def test_slope_without_errors_against_scipy(self):
        rng = np.random.default_rng(2)
        x = np.arange(6.0)
        y = 2 * x + rng.normal(size=6)
        fit, theirs = slope_interval(x, y, 0.01), stats.linregress(x, y)
        assert fit.value == pytest.approx(theirs.slope)
        assert fit.standard_error == pytest.approx(theirs.stderr)
        assert fit.interval.width == pytest.approx(2 * stats.t.isf(0.005, 4) * theirs.stderr)
        assert slope_interval(x, 3 * x, 0.01).interval.width == np.inf

    def test_slope_triple(self):
        x, errors = np.arange(5.0), np.full(5, 0.2)
        distance = float(slope_detectable(x, errors, 0.05))
        trials = slope_trials_needed(x, 2.0, distance, 0.05)
        assert trials == pytest.approx(100, abs=1)
        z = stats.norm.isf(0.025)
        assert stats.norm.sf(z - distance / (0.2 / np.sqrt(10))) == pytest.approx(0.9, abs=1e-9)

    def test_slope_bad_input_is_named(self):
        x = np.arange(3.0)
        for xs, ys, errors, word in (
            (x, np.arange(4.0), None, "y of shape"),
            (np.ones(3), x, None, "2 different values"),
            (x, np.array([1.0, np.nan, 2.0]), None, "y holds"),
            (x, x, np.array([1.0, 0.0, 1.0]), "standard_errors"),
            (x[:2], x[:2], None, "at least 3"),
        ):
            with pytest.raises(ValueError, match=word):
                slope_interval(xs, ys, 0.05, errors)

    def test_bad_counts_are_named(self):
        for arguments, word in (((3, 2), "hits"), ((-1, 2), "hits"), ((1, 0), "trials"), ((0.5, 2), "hits")):
            with pytest.raises(ValueError, match=word):
                clopper_pearson(*arguments, 0.05)


class TestDistributionFunctions:
    def test_distance_against_scipy(self):
        rows = np.random.default_rng(0).normal(size=200)
        assert kolmogorov_distance(rows, stats.norm.cdf) == pytest.approx(
            stats.kstest(rows, "norm").statistic
        )

    def test_distance_of_a_law_with_jumps(self):
        """Ties: 3 zeros and 1 one against a fair coin."""
        assert kolmogorov_distance([0.0, 0.0, 1.0, 0.0], lambda x: stats.binom.cdf(x, 1, 0.5)) == 0.25
        assert kolmogorov_distance([0.0, 1.0], lambda x: stats.binom.cdf(x, 1, 0.5)) == 0.0

    def test_band_and_radius(self):
        assert dkw_radius(200, 0.05) == pytest.approx(np.sqrt(np.log(40) / 400))
        band = dkw_band([0.0, 0.5, 1.0], 200, 0.05)
        radius = float(dkw_radius(200, 0.05))
        np.testing.assert_allclose(band.low, [0.0, 0.5 - radius, 1 - radius])
        np.testing.assert_allclose(band.high, [radius, 0.5 + radius, 1.0])

    def test_distance_interval_decides(self):
        tool = DKWBand(1e-4)
        assert tool.distance(0.002, 2**18, 15).inside(-1.0, 0.02)
        assert tool.distance(0.05, 2**18, 15).outside(-1.0, 0.02)
        trials = tool.trials_needed(0.02)
        assert tool.detectable(trials) <= 0.02 < tool.detectable(trials - 1)

    def test_bad_input_is_named(self):
        with pytest.raises(ValueError, match="samples"):
            kolmogorov_distance([0.0, np.nan], stats.norm.cdf)
        with pytest.raises(ValueError, match="samples is empty"):
            kolmogorov_distance([], stats.norm.cdf)
        with pytest.raises(ValueError, match="cdf ranges over"):
            kolmogorov_distance([0.0, 3.0], lambda x: x)
        with pytest.raises(ValueError, match="values"):
            dkw_band([1.5], 10, 0.05)


def test_import_does_not_load_scipy_stats():
    code = "import sys, lemmata.confidence; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
