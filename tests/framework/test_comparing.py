"""Theory beside simulation: what is to be expected of a limit at finite size, and what has no z."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pytest

import theory
from lemmata import DomainError, Laboratory, Model, Result, Sampler, real, whole
from lemmata.catalogue import Catalogue
from lemmata.comparing import Row, compare
from lemmata.engines import make_engine
from lemmata.records import Asymptotic, Exact, Nature, Numerical
from simulations.attention_memorization import RIDGE_REGRESSION
from tests.framework.invented import EVERYWHERE, work_256
from theory.attention_memorization import RidgeRegression


def _laboratory(seed: int = 0) -> Laboratory:
    return Laboratory(seed, engine=make_engine("serial"))


def z_of(row: Row) -> float:
    """The z of a row that has one."""
    assert row.z is not None
    return row.z


class Sized(Model):
    """Its sampled mean is (1, 2) plus `bias` / size."""

    size: int = whole(least=1)
    bias: float = real(default=3.0)


def sample_sized(model: Sized, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    """A vector of two numbers."""
    noise = 0.1 * rng.standard_normal((trials, 2))
    return {"pair": noise + np.array([1.0, 2.0]) + model.bias / model.size}


def sized_limit(model: Sized) -> np.ndarray:
    """Where the mean tends."""
    return np.array([1.0, 2.0])


def sized_mean(model: Sized) -> np.ndarray:
    """The mean at a finite size."""
    return sized_limit(model) + model.bias / model.size


SIZED = Sampler(sample_sized, ranges={"pair": EVERYWHERE}, work=work_256)


class Growing(Sized):
    """A prediction that grows with the size, and a parameter that follows it."""

    doubled_size: int = whole(least=1, default=80)

    def validate(self) -> None:
        if self.doubled_size != 2 * self.size:
            raise DomainError("doubled_size", self.doubled_size, f"2 size = {2 * self.size}")

    def resized(self, sizes: Mapping[str, int]) -> Self:
        return replace(self, size=sizes["size"], doubled_size=2 * sizes["size"])


def sample_growing(model: Growing, rng: np.random.Generator, trials: int) -> dict[str, Any]:
    """A vector of two numbers, with the size as a factor."""
    return {"pair": model.size * sample_sized(model, rng, trials)["pair"]}


def growing_prediction(model: Growing) -> np.ndarray:
    """What the ratio to the mean tends to."""
    return model.size * sized_limit(model)


GROWING = Sampler(sample_growing, ranges={"pair": EVERYWHERE}, work=work_256)


@pytest.mark.parametrize("size", [40, 41], ids=["halved", "doubled"])
def test_a_limit_shows_the_correction_to_expect(size: int) -> None:
    """At n = 40 the mean is off by 3/40, which the run at half (or twice) the size foretells."""
    limit = Result(sized_limit, Sized, source="", nature=Asymptotic("size", order=1))
    rows = compare(_laboratory(), limit, SIZED["pair"], [Sized(size)], 25600)
    assert [row.output for row in rows] == ["pair[0]", "pair[1]"]
    for row in rows:
        assert row.correction is not None
        assert row.correction_error is not None
        assert 0 < row.correction_error < 3e-3
        assert abs(row.correction - 3 / size) < 4 * row.correction_error
        assert abs(row.difference - 3 / size) < 4 * row.standard_error
        assert abs(row.difference / row.standard_error) > 50  # a bare z would have called it wrong
        assert abs(z_of(row)) < 4


def test_z_of_a_limit_has_unit_variance() -> None:
    """The two sizes share the run at n: their covariance is part of the standard error."""
    limit = Result(sized_limit, Sized, source="", nature=Asymptotic("size", order=1))
    z = [
        z_of(row)
        for seed in range(200)
        for size in (40, 41)
        for row in compare(_laboratory(seed), limit, SIZED["pair"], [Sized(size)], 256)
    ]
    assert abs(np.mean(np.square(z)) - 1) < 4 * math.sqrt(2 / len(z))


def test_an_exact_result_shows_a_plain_z() -> None:
    exact = Result(sized_mean, Sized, source="", nature=Exact())
    rows = compare(_laboratory(), exact, SIZED["pair"], [Sized(3), Sized(4)], 1000)
    assert [row.point for row in rows] == [{"size": 3}, {"size": 3}, {"size": 4}, {"size": 4}]
    for row in rows:
        assert row.correction is None
        assert row.z == row.difference / row.standard_error
        assert abs(z_of(row)) < 4
        assert row.to_data()["expected_correction"] is None


def test_comparison_along_a_free_axis_uses_one_draw() -> None:
    limit = Catalogue(theory.PAPERS).result("ridge_regression_error")
    lab = _laboratory()
    model = RidgeRegression(64, 32, ridge=0.1, snr=1.0)
    rows = compare(lab, limit, RIDGE_REGRESSION["error"], [model], 100, {"ridge": (0.1, 1.0, 10.0)})
    assert [row.point for row in rows] == [{"ridge": 0.1}, {"ridge": 1.0}, {"ridge": 10.0}]
    assert lab.computed == 2  # at this size and at half of it
    assert all(abs(z_of(row)) < 4 for row in rows)


@pytest.mark.parametrize("size", [40, 41], ids=["halved", "doubled"])
def test_a_limit_of_the_ratio_shows_the_correction_to_expect(size: int) -> None:
    """Mean and prediction grow with the size; what is expected of their difference is 3 at every size."""
    limit = Result(growing_prediction, Growing, source="", nature=Asymptotic("size", order=1))
    for row in compare(_laboratory(), limit, GROWING["pair"], [Growing(size, doubled_size=2 * size)], 25600):
        assert row.correction is not None
        assert row.correction_error is not None
        assert abs(row.correction - 3) < 4 * row.correction_error < 0.5
        assert abs(z_of(row)) < 4


class Fixed(Sized):
    """There is no other size."""

    def resized(self, sizes: Mapping[str, int]) -> Self:
        raise DomainError("size", sizes["size"], f"{self.size}")


@pytest.mark.parametrize(
    ("nature", "model"), [(Asymptotic("size", order=1), Fixed(4)), (Numerical("below .001"), Sized(4))]
)
def test_what_cannot_be_told_from_a_correction_or_an_error_has_no_z(nature: Nature, model: Sized) -> None:
    result = Result(sized_mean, type(model), source="", nature=nature)
    for row in compare(_laboratory(), result, SIZED["pair"], [model], 256):
        assert (row.z, row.correction, row.slack) == (None, None, None)
        assert abs(row.difference) < 5 * row.standard_error
