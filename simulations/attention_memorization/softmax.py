"""Sampler of softmax attention, token by token (R10).

References
----------
R10 of docs/papers/attention_memorization.md.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.attention_memorization.attention import LAYER, work
from simulations.attention_memorization.draws import draws
from simulations.attention_memorization.layer import Layer
from simulations.attention_memorization.weights import weights_of
from theory.attention_memorization import Softmax

Array = npt.NDArray[np.float64]


def sample_softmax(
    model: Softmax, rng: np.random.Generator, trials: int, *, ridge: Array
) -> dict[str, Array]:
    """Errors of softmax attention from drawn tokens, at all ridges from one reduction.

    With the logits L = X^T W X / sqrt p, K is n/sqrt p times the softmax of L: over the keys (its columns sum to one)
    or over the queries (its rows do). A mask leaves out the diagonal. A trial costs about 4 n^2 p operations.

    Parameters
    ----------
    model : Softmax
    rng : numpy.random.Generator
    trials : int
    ridge : array (r,)
        Free axis: one draw serves all ridges.

    Returns
    -------
    dict
        'error', 'trace_error' and 'matched_filter_error', arrays (trials, r), as `sample_attention` has them.

    Raises
    ------
    DomainError
        If the weights do not fit the dimension.
    """
    layer = Layer((model.dimension, model.tokens), weights_of(model))
    softmax = layer.softmax_over_keys if model.over == "keys" else layer.softmax_over_queries
    outputs = {name: np.empty((trials, len(ridge))) for name in LAYER}
    for trial, (tokens, labels) in enumerate(draws(model, rng, trials)):
        features = softmax(tokens, masked=model.masked)
        errors, trace = layer.errors(features, np.array([labels, tokens[0]]), ridge)
        outputs["error"][trial], outputs["matched_filter_error"][trial] = errors
        outputs["trace_error"][trial] = trace
    return outputs


SOFTMAX = Sampler(sample_softmax, axes=("ridge",), ranges=LAYER, work=work, paired_trials=1)
