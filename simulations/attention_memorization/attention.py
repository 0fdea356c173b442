"""Samplers of the attention layer, token by token: E, T and S at all ridges from one draw.

References
----------
Sections "Model", R5 and R12 of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from lemmata.records import Sampler
from simulations.attention_memorization.draws import draws
from simulations.attention_memorization.features import Apply
from simulations.attention_memorization.layer import Layer
from simulations.attention_memorization.probe import probe_errors
from simulations.attention_memorization.weights import weights_of
from theory.attention_memorization import Attention
from theory.numerics.activations import Coefficients

Array = npt.NDArray[np.float64]


def sample_attention(
    model: Attention, rng: np.random.Generator, trials: int, *, ridge: Array
) -> dict[str, Array]:
    """Errors of the attention layer from drawn tokens, at all ridges from one reduction.

    A trial costs n p normals and about 3 n^2 p + n p min(n, p) + 4/3 min(n, p)^3 operations, nearly all of them matrix
    products (n^2 p more if w_K and w_Q have different directions). The attention matrix is never stored as a whole: the
    memory beyond the tokens is n p (2 n p with weights), 512 n and min(n, p)^2 numbers.

    Parameters
    ----------
    model : Attention
    rng : numpy.random.Generator
    trials : int
    ridge : array (r,)
        Free axis: one draw serves all ridges.

    Returns
    -------
    dict
        Arrays (trials, r): 'error' (E, on the labels), 'trace_error' (T, on pure noise), 'matched_filter_error' (S, on
        X^T mu / |X^T mu|; without signal, on the first row of the tokens).

    Raises
    ------
    DomainError
        If the activation is known by its coefficients alone or overflows, or the weights do not fit the dimension.
    """
    return _sample(model, rng, trials, ridge)


def sample_attention_single(
    model: Attention, rng: np.random.Generator, trials: int, *, ridge: Array
) -> dict[str, Array]:
    """As `sample_attention`, with the attention matrix and its products in single precision.

    The probe works in double precision. Relative errors of E, T and S at ridges >= 1e-5 stay below 1e-6 at p <= n/2 for
    nonlinear activations; they reach some 1e-5 at p >= n, where the small eigenvalues of K matter.
    """
    return _sample(model, rng, trials, ridge, precision=np.float32)


def sample_attention_gap(
    model: Attention, rng: np.random.Generator, trials: int, *, ridge: Array
) -> dict[str, Array]:
    """Errors of attention and of ridge regression on the same draws, and their difference.

    Parameters
    ----------
    model, rng, trials, ridge
        As for `sample_attention`.

    Returns
    -------
    dict
        Arrays (trials, r): 'error', 'ridge_regression_error' and 'gap', the first less the second.
    """
    apply, layer = layer_of(model)
    outputs = {name: np.empty((trials, len(ridge))) for name in _GAP}
    for trial, (tokens, labels) in enumerate(draws(model, rng, trials)):
        features = layer.entrywise(tokens, apply, keep_diagonal=model.diagonal == "keep")
        ours, _ = layer.errors(features, labels[None], ridge)
        theirs, _ = probe_errors(tokens, labels[None], ridge, room=layer.room)
        outputs["error"][trial], outputs["ridge_regression_error"][trial] = ours[0], theirs[0]
        outputs["gap"][trial] = ours[0] - theirs[0]
    return outputs


def layer_of(model: Attention, **options: Any) -> tuple[Apply, Layer]:
    """The activation of a model, to be applied in place, and its layer (options as `Layer` has them)."""
    if isinstance(model.activation, Coefficients):
        raise DomainError(
            "activation", model.activation, "a function; coefficients determine a limit but no layer"
        )
    return model.activation.apply, Layer((model.dimension, model.tokens), weights_of(model), **options)


def _sample(
    model: Attention, rng: np.random.Generator, trials: int, ridge: Array, **options: Any
) -> dict[str, Array]:
    apply, layer = layer_of(model, **options)
    outputs = {name: np.empty((trials, len(ridge))) for name in LAYER}
    for trial, (tokens, labels) in enumerate(draws(model, rng, trials)):
        features = layer.entrywise(tokens, apply, keep_diagonal=model.diagonal == "keep")
        errors, trace = layer.errors(features, np.array([labels, tokens[0]]), ridge)
        outputs["error"][trial], outputs["matched_filter_error"][trial] = errors
        outputs["trace_error"][trial] = trace
    return outputs


def work(model: Any) -> float:
    """Operations of a trial; its fixed part stands for the calls."""
    n, p = model.tokens, model.dimension
    return 2e5 + n * n * (p + 20.0) + 0.25 * n * p * min(n, p)


LAYER: dict[str, tuple[float, float]] = {
    "error": (0.0, 1.0),
    "trace_error": (0.0, 1.0),
    "matched_filter_error": (0.0, 1.0),
}
_GAP: dict[str, tuple[float, float]] = {
    "error": (0.0, 1.0),
    "ridge_regression_error": (0.0, 1.0),
    "gap": (-1.0, 1.0),
}
_RIDGE = ("ridge",)

ATTENTION = Sampler(sample_attention, axes=_RIDGE, ranges=LAYER, work=work, paired_trials=1)
ATTENTION_SINGLE = Sampler(sample_attention_single, axes=_RIDGE, ranges=LAYER, work=work, paired_trials=1)
ATTENTION_GAP = Sampler(sample_attention_gap, axes=_RIDGE, ranges=_GAP, work=work, paired_trials=1)
