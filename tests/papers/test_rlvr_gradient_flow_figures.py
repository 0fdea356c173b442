"""Figures of the RLVR gradient flow: what a reader must see is in their data (draft quality, from real draws)."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from figures.rlvr_gradient_flow import FIGURES
from figures.rlvr_gradient_flow.answers import FIRST, FROZEN, LEARNABLE, OTHER
from figures.rlvr_gradient_flow.feedback import INTERNAL, VERIFIED
from figures.rlvr_gradient_flow.noise import GROUPS, INTEGRATED, PLAIN
from figures.rlvr_gradient_flow.regimes import FLOW
from figures.rlvr_gradient_flow.simplex import NATURAL
from figures.rlvr_gradient_flow.simplex import PLAIN as ORDINARY
from figures.rlvr_gradient_flow.slow_regime import FIXED, ONE_EACH, POWER, SPREAD, WITNESS
from lemmata import Laboratory
from lemmata.pictures import Quality, style
from lemmata.tables import COLUMNS
from theory.rlvr_gradient_flow import Pair, separatrix

BY_ID = {figure.id: figure for figure in FIGURES}


@cache
def drafted(name: str) -> pd.DataFrame:
    with Laboratory(0) as lab:
        return BY_ID[name].data(lab, Quality.DRAFT)


def curve(name: str, x: str, **wanted: object) -> pd.Series:
    """Values over x of the rows with the wanted entries."""
    data = drafted(name)
    chosen = np.ones(len(data), bool)
    for column, value in wanted.items():
        chosen &= (data[column] == value).to_numpy()
    assert chosen.any(), (name, wanted)
    return data[chosen].set_index(x)["value"].sort_index()


@pytest.mark.parametrize("name", BY_ID)
def test_a_figure_keeps_the_one_schema_and_is_drawn_from_its_data_alone(name: str) -> None:
    """A copy read back from text gives a picture as well."""
    data = drafted(name)
    assert set(COLUMNS) <= set(data.columns)
    assert np.isfinite(data["value"]).all()
    simulated = data[data["kind"] == "simulation"]
    assert ((simulated["lo"] <= simulated["value"]) & (simulated["value"] <= simulated["hi"])).all()
    with style("page"):
        assert BY_ID[name].draw(data.copy()).axes


def test_f1_the_best_pattern_rises_from_the_start_and_within_its_bound() -> None:
    assert (np.diff(curve("F1", "time", series=FLOW, output="policy[0]")) > 0).all()
    assert curve("F1", "time", series="T_1").iloc[0] < curve("F1", "time", series="bound of T_1").iloc[0]


def test_f2_the_runner_up_rises_first_and_the_entanglement_time_is_between_its_bounds() -> None:
    best = curve("F2", "time", series=FLOW, output="policy[0]")
    second = curve("F2", "time", series=FLOW, output="policy[1]")
    assert best.min() < 0.04 < best.iloc[0]
    assert second.max() > 0.9
    assert best.iloc[-1] > 0.99
    low, exact, up = (curve("F2", "time", series=name).iloc[0] for name in ("T_low", "T_0", "T_up"))
    assert low < exact < up


@pytest.mark.statistical
def test_f3_gains_stay_away_from_one_and_the_end_is_a_coin_toss() -> None:
    """Draws at K = 1000 lie at their limits, 5 standard errors of some 1.6e4 draws around them."""
    for series, limit in (("answers frozen", 0.67676), ("answers learnable", 0.78364)):
        found = curve("F3", "patterns", series=series, output="gain", kind="simulation")[1000]
        assert abs(found - limit) < 0.02
    worst = curve("F3", "patterns", series="answers frozen", output="worst", kind="simulation")
    assert worst[2] == 0
    assert abs(worst[1000] - 0.47815) < 0.02


def test_f4_one_accuracy_rises_for_ever_and_the_other_collapses() -> None:
    one = curve("F4", "time", series=VERIFIED, kind="theory")
    two = curve("F4", "time", series=INTERNAL, kind="theory")
    assert (np.diff(one) > -1e-12).all()
    assert two.max() > two.iloc[0] + 0.03
    assert two.iloc[-1] < 0.03


def test_f5_learnable_answers_move_success_rates_and_the_winner() -> None:
    frozen = curve("F5", "pattern", series=FROZEN, output="policy", kind="theory")
    learnable = curve("F5", "pattern", series=LEARNABLE, output="policy", kind="theory")
    assert (frozen.idxmax(), learnable.idxmax()) == (1, 2)
    for series in (FROZEN, LEARNABLE):
        for output in ("policy", "rates"):
            line = curve("F5", "pattern", series=series, output=output, kind="theory")
            marks = curve("F5", "pattern", series=series, output=output, kind="simulation")
            np.testing.assert_allclose(marks, line, atol=0.05)


def test_b1_growth_is_polynomial_or_of_bounded_rate() -> None:
    """Steps of ln T_0 stay below d/g = 3 in each way, while those of gamma^gamma do not; integration agrees."""
    for series in (FIXED, ONE_EACH, SPREAD):
        assert np.diff(curve("B1", "gamma", series=series, kind="theory")).max() < 3
        marks = curve("B1", "gamma", series=series, kind="simulation")
        line = curve("B1", "gamma", series=series, kind="theory")
        np.testing.assert_allclose(marks, line[marks.index], rtol=1e-9)
    assert np.diff(curve("B1", "gamma", series=POWER)).max() > 3


def test_b2_patterns_take_over_in_the_order_of_their_rates() -> None:
    leaders = np.array([curve("B2", "time", output=f"policy[{i}]", kind="theory") for i in range(5)]).argmax(
        axis=0
    )
    assert (np.diff(leaders) <= 0).all()
    assert set(leaders) == {0, 1, 2, 3, 4}
    for i in range(5):
        assert len(curve("B2", "time", output=f"policy[{i}]", series=WITNESS)) > 3


def test_b3_the_slow_regime_is_the_plain_gradients_alone() -> None:
    """The slowest starts: more than 1/(g pi_*) = 5000 against ln(99/pi_*)/g = 57.5, the gap g = .2, pi_* = .001."""
    plain, natural = (curve("B3", "x", series=name, output="log_time") for name in (ORDINARY, NATURAL))
    assert plain.max() > np.log(5000)
    assert natural.max() < np.log(57.6)


def test_b4_the_separatrix_parts_the_winners() -> None:
    for series, sign in ((FIRST, 1), (OTHER, -1)):
        for rate, start in curve("B4", "rate", series=series).items():
            assert sign * (start - separatrix(Pair((float(rate), 0.4)))) > 0  # type: ignore[arg-type]


def test_b5_grpo_stays_on_the_orbits_of_the_plain_gradient() -> None:
    """Integrated GRPO: the runner-up's probability is that of the plain orbit at the same probability of the best."""
    data = drafted("B5")
    line = data[(data["series"] == PLAIN) & (data["orbit"] == 1)].sort_values("time")
    marks = data[(data["series"] == INTEGRATED) & (data["orbit"] == 1)]
    # on this orbit the best pattern rises all along
    assert (np.diff(line["value"]) > 0).all()
    expected = np.interp(marks["value"], line["value"], line["runner_up"])
    np.testing.assert_allclose(marks["runner_up"], expected, atol=2e-3)
    assert (data["series"] == GROUPS).sum() >= 12
