"""R9, features and noise learnt together: one clock for each feature and each background patch.

Where different patches are orthogonal (d beyond any other size) every pre-activation has the flow of R5, with clocks

    dtau_k/dt = (2K/n) sum_{i of k} g_i,   dtau_ip/dt = (2K/n)(|xi_ip|^2/s^2) g_i,   g_i = 1/(1 + e^(margin of i)),

margin of i = F_{k_i}(tau_k) + sum_p N_ip(tau_ip).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError, vector
from theory.cnn_rank.flow import flow
from theory.cnn_rank.start import Start
from theory.numerics.huberised_relu import huberised_relu

Array = npt.NDArray[np.float64]

_RTOL = 1e-8


class NoisyStart(Start):
    """A training whose filters start with given pre-activations on the features and on the background.

    Parameters
    ----------
    features, images, dimension, background, strength, noise, noise_law, counts, objects, filters, order, knee, \
initial_scale, output_exponent, step_size, steps, signals
        As for `Start`; images of one object, those of feature 0 first.
    backgrounds : 2m x n P_b list
        <w_jr, xi_ip> at the start, column i P_b + p.
    """

    backgrounds: tuple[tuple[float, ...], ...] = vector(
        depth=2, default=((0.0,),), doc="pre-activations (2m x N) on the background at the start"
    )

    def validate(self) -> None:
        super().validate()
        shape = (2 * self.filters, self.noise_patches)
        if len(self.backgrounds) != shape[0] or any(len(row) != shape[1] for row in self.backgrounds):
            raise DomainError("backgrounds", f"{len(self.backgrounds)} rows", f"a matrix of 2m x N = {shape}")
        if self.objects > 1:
            raise DomainError("objects", self.objects, "1")
        if self.noise == 0.0:
            raise DomainError("noise", self.noise, "above 0 where noise is learnt")


def learned_stable_rank(model: NoisyStart) -> float:
    """Stable rank of W - W(0) at the training's time, if all patches are orthogonal.

    That of the 2m x (2K + N) matrix [(Zs - Zs(0))/s, (Zn - Zn(0))/|xi|].

    References
    ----------
    R9 of docs/papers/cnn_rank.md.
    """
    start, sizes = _start(model), _sizes(model)
    moved = (flow(start, _signs(model) * _clocks(model), model.order, model.knee) - start) / sizes
    values = np.linalg.svd(moved, compute_uv=False)
    if values[0] == 0.0:
        raise DomainError("steps", model.steps, "so many that the filters have moved")
    return float((values**2).sum() / values[0] ** 2)


def memorised_images(model: NoisyStart) -> Array:
    """Whether a filter of its sign is beyond the knee on an image's background at the training's time; (n,) of 0 and 1.

    References
    ----------
    R9 of docs/papers/cnn_rank.md.
    """
    kinds = 2 * model.features
    z = flow(_start(model), _signs(model) * _clocks(model), model.order, model.knee)[:, kinds:]
    beyond = (z > model.knee) & (_signs(model)[:, kinds:] > 0)
    return beyond.any(axis=0).reshape(model.images, model.background).any(axis=1).astype(float)


def _start(model: NoisyStart) -> Array:
    return np.hstack([np.array(model.signals), np.array(model.backgrounds)])


def _sizes(model: NoisyStart) -> Array:
    """Norms of the patches."""
    noise = np.full(model.noise_patches, model.noise * np.sqrt(model.noise_dimension))
    return np.concatenate([np.full(2 * model.features, model.strength), noise])


def _kinds(model: Start) -> npt.NDArray[np.int64]:
    """Feature of each image."""
    return np.repeat(np.arange(2 * model.features), model.image_counts().astype(np.int64))


def _signs(model: NoisyStart) -> Array:
    """+1 where a filter's sign is that of the patch's class, else -1; shape (2m, 2K + N)."""
    kinds = np.concatenate([np.arange(2 * model.features), np.repeat(_kinds(model), model.background)])
    return np.outer(np.repeat([1.0, -1.0], model.filters), np.where(kinds < model.features, 1.0, -1.0))


@lru_cache(maxsize=4)
def _clocks(model: NoisyStart) -> Array:
    """All clocks at the training's time, shape (2K + N,)."""
    from scipy.integrate import solve_ivp

    start, signs, kinds = _start(model), _signs(model), _kinds(model)
    members = np.eye(2 * model.features)[kinds]
    share = 2 * model.features / model.images
    gains = share * (_sizes(model) / model.strength) ** 2

    def speeds(_: float, tau: Array) -> Any:
        values = huberised_relu(flow(start, signs * tau, model.order, model.knee), model.order, model.knee)
        outputs = model.output_scale * (signs * values).sum(axis=0)
        own = outputs[2 * model.features :].reshape(model.images, model.background).sum(axis=1)
        gates = np.exp(-np.logaddexp(0.0, outputs[kinds] + own))
        return gains * np.concatenate([members.T @ gates, np.repeat(gates, model.background)])

    if model.time == 0.0:
        return np.zeros(start.shape[1])
    run = solve_ivp(
        speeds,
        (0.0, model.time),
        np.zeros(start.shape[1]),
        method="DOP853",
        rtol=_RTOL,
        atol=_RTOL * model.knee,
    )
    return run.y[:, -1]
