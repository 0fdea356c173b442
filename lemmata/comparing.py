"""Theory beside simulation, point by point.

A limit does not equal a mean at finite size: what is to be expected of the difference there is estimated from the
simulation itself, at half (or twice) the size. If T(n) is the mean at size n, P(n) the prediction (which may itself
grow with the size) and T(n)/P(n) = 1 + c n^-k to leading order, then with the mean at the other size brought here,
T' = T(n/2) P(n)/P(n/2), T(n) - P(n) is about (T' - T(n)) / (2^k - 1), or (T(n) - T') / (1 - 2^-k) from twice the size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lemmata.models import DomainError, Model
from lemmata.records import Asymptotic, LeadingOrder, Numerical, OneSided, Output, Result
from lemmata.statistics import Array
from lemmata.tables import flat, predictions, varying

if TYPE_CHECKING:
    from lemmata.laboratory import Laboratory, Run


NO_EQUALITY = OneSided | LeadingOrder | Numerical
"""Natures whose value the mean does not equal up to its own standard error."""


@dataclass(frozen=True)
class Row:
    """One number of the theory beside its simulated mean.

    Attributes
    ----------
    point : mapping
        The parameters that vary.
    output : str
        Name of the output, with its index if it has a shape.
    theory, estimate, standard_error : float
    trials : int
    correction, correction_error : float or None
        For a limit: what the difference is expected to be at this size, with its standard error.
    z : float or None
        Difference, less its expected correction, in units of its standard error. None for a bound, a leading order
        or a numerical value with an error of its own, which the mean need not equal, and for a limit whose model has no
        other size.
    slack : float or None
        For a bound: how far the estimate lies on its right side, with the estimate's standard error.
    """

    point: Mapping[str, Any]
    output: str
    theory: float
    estimate: float
    standard_error: float
    trials: int
    correction: float | None
    correction_error: float | None
    z: float | None
    slack: float | None = None

    @property
    def difference(self) -> float:
        """Estimate minus theory."""
        return self.estimate - self.theory

    @property
    def is_far(self) -> bool:
        """Whether a limit is so far from the mean that one correction term cannot be trusted to explain it."""
        return self.correction is not None and abs(self.difference) > 0.5 * abs(self.theory)

    def to_data(self) -> dict[str, Any]:
        """JSON data."""
        return {
            "point": dict(self.point),
            "output": self.output,
            "theory": self.theory,
            "estimate": self.estimate,
            "se": self.standard_error,
            "trials": self.trials,
            "difference": self.difference,
            "expected_correction": self.correction,
            "expected_correction_se": self.correction_error,
            "z": self.z,
            "is_far": self.is_far,
            "slack": self.slack,
        }


def compare(
    lab: Laboratory,
    result: Result,
    output: Output,
    models: Sequence[Model],
    trials: int,
    axes: Mapping[str, Sequence[float]] | None = None,
) -> list[Row]:
    """A result beside an output at every model and every combination of free axes.

    Raises
    ------
    DomainError
        If `trials` is below 1.
    """
    if trials < 1:
        raise DomainError("trials", trials, "a whole number >= 1")
    runs = [lab.run(output.sampler, model, axes=axes) for model in models]
    sizes = [_other_size(result.nature, model) for model in models]
    others = [
        _Other(lab.run(output.sampler, size[0], axes=axes), size[1]) if size else None for size in sizes
    ]
    lab.advance((run, run.chunks_for(trials)) for run in (*runs, *(o.run for o in others if o is not None)))
    names = [name for name in varying(models) if name not in (axes or {})]
    rows: list[Row] = []
    for model, run, other in zip(models, runs, others, strict=True):
        place = {name: flat(model).get(name) for name in names}
        rows += _rows(result, output, run, other, place, axes or {})
    return rows


@dataclass(frozen=True)
class _Other:
    """The run at another size, and the weight w in: correction = w (T' - T)."""

    run: Run
    weight: float


def _rows(
    result: Result,
    output: Output,
    run: Run,
    other: _Other | None,
    place: Mapping[str, Any],
    axes: Mapping[str, Sequence[float]],
) -> list[Row]:
    here = run.estimate(output.name)
    mean, error = here.mean, here.standard_error
    shape = tuple(len(values) for values in axes.values())
    points, theory = _predicted(result, run, axes, mean.shape)
    there = None if other is None else _brought_here(result, output, other.run, axes, theory)
    rows: list[Row] = []
    for index in np.ndindex(mean.shape):
        point = points[int(np.ravel_multi_index(index[: len(shape)], shape)) if shape else 0]
        inner = index[len(shape) :]
        name = f"{output.name}[{','.join(map(str, inner))}]" if inner else output.name
        t, m, s = float(theory[index]), float(mean[index]), float(error[index])
        correction = correction_error = None
        gap, spread = m - t, s
        if other is not None and there is not None:
            weight, a, sa = other.weight, float(there[0][index]), float(there[1][index])
            correction, correction_error = weight * (a - m), abs(weight) * math.hypot(sa, s)
            gap, spread = gap - correction, math.hypot((1 + weight) * s, weight * sa)
        unexplained = isinstance(result.nature, Asymptotic) and other is None
        z = None if unexplained or isinstance(result.nature, NO_EQUALITY) else _z(gap, spread)
        slack = _slack(result.nature, t, m) if isinstance(result.nature, OneSided) else None
        rows.append(
            Row({**place, **point}, name, t, m, s, here.trials, correction, correction_error, z, slack)
        )
    return rows


def _predicted(
    result: Result, run: Run, axes: Mapping[str, Sequence[float]], shape: tuple[int, ...]
) -> tuple[list[dict[str, float]], Array]:
    """Every combination of free axes, and the prediction there as an array of the output's shape."""
    expected = predictions(result.function, [run.batch.model], axes)
    values = np.asarray([value for _, _, value in expected], dtype=float)
    values = values.reshape((*(len(axis) for axis in axes.values()), *values.shape[1:]))
    return [point for _, point, _ in expected], np.broadcast_to(values, shape)


def _brought_here(
    result: Result, output: Output, run: Run, axes: Mapping[str, Sequence[float]], theory: Array
) -> tuple[Array, Array]:
    """Mean and standard error at another size, times the prediction here over the prediction there."""
    found = run.estimate(output.name)
    _, its = _predicted(result, run, axes, found.mean.shape)
    ratio = np.divide(theory, its, out=np.ones_like(theory), where=its != 0)
    return ratio * found.mean, np.abs(ratio) * found.standard_error


def _slack(nature: OneSided, bound: float, estimate: float) -> float:
    return bound - estimate if nature.side == "upper" else estimate - bound


def _z(gap: float, spread: float) -> float:
    if math.isnan(spread):
        return math.nan
    if spread > 0:
        return gap / spread
    return 0.0 if gap == 0 else math.copysign(math.inf, gap)


def _other_size(nature: Any, model: Model) -> tuple[Model, float] | None:
    """The model at half the size, else at twice, and the weight w in: correction = w (T' - T). None: at neither."""
    if not isinstance(nature, Asymptotic):
        return None
    sizes = {name: getattr(model, name) for name in nature.sizes}
    gain = 2**nature.order
    tried = [({name: 2 * size for name, size in sizes.items()}, -gain / (gain - 1))]
    if all(size % 2 == 0 for size in sizes.values()):
        tried.insert(0, ({name: size // 2 for name, size in sizes.items()}, 1 / (gain - 1)))
    for other, weight in tried:
        with suppress(DomainError):
            return model.resized(other), weight
    return None


__all__ = ["Row", "compare"]
