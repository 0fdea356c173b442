"""R5, the flow of one pre-activation: dz/dtau = act'(z), solved for any order q >= 2 and knee kappa.

A start 0 < z0 <= kappa reaches the knee after tau* = kappa ((kappa/z0)^(q-2) - 1) / (q-2), for q = 2 after
kappa ln(kappa/z0); it moves with unit speed from there on, and starts z0 <= 0 stay. Backwards in time the same formulas
hold. They are evaluated as logarithms (log1p, expm1), so that q may be as close to 2 and z0 as close to 0 as one likes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lemmata.models import Model, real, vector

Array = npt.NDArray[np.float64]


class FeatureFlow(Model):
    """Pre-activations at the start, and the clock's time for which they flow.

    Parameters
    ----------
    start : list of float
        z(0) of any number of filters.
    time : float
        tau; negative times lead back.
    order : float
        Order q >= 2 of the activation.
    knee : float
        kappa > 0.
    """

    start: tuple[float, ...] = vector(doc="pre-activations z(0)")
    time: float = real(doc="time tau of the clock, negative to go back")
    order: float = real(least=2, default=3.0, doc="order q of the activation at 0")
    knee: float = real(above=0, default=10.0, doc="kappa, where the activation becomes linear")


def feature_flow(model: FeatureFlow) -> Array:
    """Pre-activations after the clock has advanced by tau.

    z0 e^(tau/kappa) (q = 2) or (z0^(2-q) - (q-2) tau/kappa^(q-1))^(-1/(q-2)) up to the knee, kappa + tau - tau* beyond.

    Parameters
    ----------
    model : FeatureFlow

    Returns
    -------
    Array of shape (len(start),)

    References
    ----------
    R5 of docs/papers/cnn_rank.md.
    """
    return flow(np.array(model.start), model.time, model.order, model.knee)


def flow(start: npt.ArrayLike, time: npt.ArrayLike, order: float, knee: float) -> Array:
    """Phi_tau(z0), elementwise with broadcasting; units of start, time and knee are those of z."""
    z = np.asarray(start, dtype=float)
    tau = np.asarray(time, dtype=float) + np.maximum(z - knee, 0.0)  # from the knee, if z0 is beyond it
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        reach = np.minimum(z, knee) / knee
        log, power = np.log(reach), order - 2.0
        left = _escape(log, power) - tau / knee  # until the knee, in units of kappa
        if power == 0.0:
            bent = reach * np.exp(np.minimum(tau / knee, -log))
        else:
            bent = reach * np.exp(-np.log1p(-power * tau / knee * np.exp(power * log)) / power)
        moved = np.where(left <= 0.0, knee * (1.0 - left), knee * bent)
    return np.where(z > 0.0, moved, np.broadcast_to(z, moved.shape))


def escape_time(start: npt.ArrayLike, order: float, knee: float) -> Array:
    """tau*, the clock's time at which a pre-activation reaches the knee: infinite for z0 <= 0, < 0 beyond the knee."""
    z = np.asarray(start, dtype=float)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        bent = knee * _escape(np.log(np.minimum(z, knee) / knee), order - 2.0)
    return np.where(z > 0.0, bent - np.maximum(z - knee, 0.0), np.inf)


def _escape(log: Array, power: float) -> Array:
    """Time to the knee in units of kappa, from ln(z0/kappa) <= 0 and q - 2."""
    return -log if power == 0.0 else np.expm1(-power * log) / power
