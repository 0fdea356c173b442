"""The memorization error averaged over the labels that the tokens leave open, exactly (R5).

The layer sees the tokens alone, and the tokens reveal the labels y only through s = X^T mu. With h = gamma^2 Q^2, the
error is y^T h y / n. Independent labels +-1 have, given X, independent entries of mean tau = tanh(s), so

    E[E | X] = (sum_i h_ii (1 - tau_i^2) + tau^T h tau) / n.

Spherical labels follow a von Mises-Fisher law about s of concentration K = sqrt(n) |s|: with T = tr h / n,
S = s^T h s / |s|^2 and the ratio r = I_{n/2}(K) / I_{n/2-1}(K) of Bessel functions,

    E[E | X] = k S + (1 - k) (n T - S)/(n - 1),    k = 1 - (n - 1) r / K.

References
----------
R5 of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from lemmata.records import Sampler
from simulations.attention_memorization.attention import layer_of, work
from simulations.attention_memorization.draws import draws
from simulations.attention_memorization.probe import require_finite_squares
from theory.attention_memorization import Attention, Independent, Spherical

Array = npt.NDArray[np.float64]


def sample_label_average(
    model: Attention, rng: np.random.Generator, trials: int, *, ridge: Array
) -> dict[str, Array]:
    """Errors on drawn labels, beside their exact averages over the labels given the tokens.

    Parameters
    ----------
    model : Attention
        With independent or spherical labels.
    rng, trials, ridge
        As for `sample_attention`.

    Returns
    -------
    dict
        Arrays (trials, r): 'error' (E), 'averaged_error' (E[E | X]) and 'residual', the first less the second.

    Raises
    ------
    DomainError
        If labels are neither independent nor spherical, or as for `sample_attention`.
    """
    if not isinstance(model.labels, Independent | Spherical):
        raise DomainError("labels", model.labels, "independent or spherical")
    apply, layer = layer_of(model)
    outputs = {name: np.empty((trials, len(ridge))) for name in _RANGES}
    for trial, (tokens, labels) in enumerate(draws(model, rng, trials)):
        features = layer.entrywise(tokens, apply, keep_diagonal=model.diagonal == "keep")
        revealed = math.sqrt(model.snr) * tokens[0]
        if isinstance(model.labels, Spherical):
            errors, trace = layer.errors(features, np.array([labels, tokens[0]]), ridge)
            drawn = errors[0]
            averaged = spherical_average(errors[1], trace, revealed)
        else:
            drawn, averaged = independent_average(features, labels, revealed, ridge * model.dimension)
        outputs["error"][trial], outputs["averaged_error"][trial] = drawn, averaged
        outputs["residual"][trial] = drawn - averaged
    return outputs


def independent_average(features: Array, labels: Array, revealed: Array, ridge: Array) -> tuple[Array, Array]:
    """E on labels +-1 and E[E | X], arrays (r,), from features A (p, n) and s (n,).

    Raises
    ------
    DomainError
        If squares of the features overflow.
    """
    require_finite_squares(features)
    p, n = features.shape
    values, vectors = np.linalg.eigh(features @ features.T if p < n else features.T @ features)
    values, shift = np.maximum(values, 0.0)[:, None], n * ridge
    if p < n:  # h = 1 - A^T U (value + 2 shift)/(value + shift)^2 U^T A
        rows, unit = vectors.T @ features, 1.0
        weights = -(values + 2 * shift) / (values + shift) ** 2
    else:  # h = U (shift/(value + shift))^2 U^T
        rows, unit = vectors.T, 0.0
        weights = (shift / (values + shift)) ** 2
    means = np.tanh(revealed)
    spreads = 1 - means**2

    def form(vector: Array) -> Array:
        return unit * (vector @ vector) + (rows @ vector) ** 2 @ weights

    trace = unit * spreads.sum() + (rows**2 @ spreads) @ weights
    return np.clip(form(labels) / n, 0.0, 1.0), np.clip((trace + form(means)) / n, 0.0, 1.0)


def spherical_average(matched_filter_error: Array, trace_error: Array, revealed: Array) -> Array:
    """E[E | X] for spherical labels, arrays (r,), from S and T on the same tokens and s (n,)."""
    n = len(revealed)
    concentration = math.sqrt(n) * float(np.linalg.norm(revealed))
    if concentration == 0:
        return trace_error
    share = 1 - (n - 1) * bessel_ratio(n / 2 - 1, concentration) / concentration
    rest = (n * trace_error - matched_filter_error) / (n - 1)
    return np.clip(share * matched_filter_error + (1 - share) * rest, 0.0, 1.0)


def bessel_ratio(order: float, argument: float) -> float:
    """I_{v+1}(x) / I_v(x) for v >= 0 and x > 0, where the functions themselves may overflow or underflow.

    By r_v = 1/(2 (v+1)/x + r_{v+1}), downwards from an upper bound. A step shrinks an error by at least r^2, where
    r < 1 - (v + 1/2)/(x + v + 1): so m steps do by exp(-m^2/x) or less, down to roundings.
    """
    steps = 32 + math.ceil(6 * math.sqrt(argument))
    top = order + steps
    ratio = argument / (top + 0.5 + math.hypot(top + 0.5, argument))
    for step in range(steps, 0, -1):
        ratio = 1 / (2 * (order + step) / argument + ratio)
    return ratio


_RANGES: dict[str, tuple[float, float]] = {
    "error": (0.0, 1.0),
    "averaged_error": (0.0, 1.0),
    "residual": (-1.0, 1.0),
}

LABEL_AVERAGE = Sampler(
    sample_label_average, axes=("ridge",), ranges=_RANGES, work=lambda model: 2 * work(model), paired_trials=1
)
