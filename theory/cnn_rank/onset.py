"""R9, the noise at which memorisation starts: a race between two clocks.

A background patch xi of an image of feature k has a clock of its own, faster than the feature's by
beta = |xi|^2 / (n_k s^2) ~ 2K r^2/n. Its first filter escapes before the feature's iff

    beta tau*(s0 s x_k) > tau*(s0 s r x_i),

x_k and x_i the largest of m and of m P_b standard normals (the starts on the feature and on the image's background).
For q > 2 and small starts this is r^q > (n/2K)(x_k/x_i)^(q-2). For q = 2 the feature's clock goes on for 2 ln(1/eps)
after its escape, eps the loss at which one looks.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtri_exp

from lemmata.models import DomainError, real
from theory.cnn_rank.flow import escape_time, flow
from theory.cnn_rank.models import Balanced, Training

Array = npt.NDArray[np.float64]

_NODES = 200
_TINY = 1e-300


class Onset(Training):
    """A training, and where the leading filters start on a feature and on an image's background.

    Parameters
    ----------
    features, images, dimension, background, strength, noise, noise_law, counts, objects, filters, order, knee, \
initial_scale, output_exponent, step_size, steps
        As for `Training`; balanced counts and one object.
    signal_start : float
        x_k, the largest start on the feature over s0 s.
    noise_start : float
        x_i, the largest start on the image's background over s0 sigma_p sqrt(d).
    loss : float
        eps, the loss at which one looks; it matters for q = 2 only.
    """

    signal_start: float = real(above=0, default=2.3, doc="largest start x_k on the feature, in deviations")
    noise_start: float = real(above=0, default=2.3, doc="largest start x_i on the background, in deviations")
    loss: float = real(above=0, below=1, default=1e-3, doc="loss eps at which one looks, if q = 2")

    def validate(self) -> None:
        super().validate()
        _check(self)
        if self.initial_scale * self.strength * self.signal_start >= self.knee:
            raise DomainError(
                "signal_start", self.signal_start, "so small that the filter starts below the knee"
            )


def memorisation_onset(model: Onset) -> float:
    """The noise ratio r = sigma_p sqrt(d)/s above which the image is memorised.

    Root of (2K r^2/n) [tau*(s0 s x_k) + 2 ln(1/eps) (q = 2 only)] = tau*(s0 s r x_i).

    References
    ----------
    R9 of docs/papers/cnn_rank.md.
    """
    from scipy.optimize import brentq

    signal_depth, noise_depth = _depth(model, model.signal_start), _depth(model, model.noise_start)
    # ln of the feature's time, over kappa, on the clock of a background patch at r = 1
    if model.order == 2.0:
        feature = math.log(max(signal_depth, _TINY) - 2.0 * math.log(model.loss) / model.knee)
    else:
        feature = _log_escape(max(signal_depth, _TINY), model.order)
    feature += math.log(2 * model.features / model.images)

    def lead(log_depth: float) -> float:
        depth = math.exp(log_depth)
        return feature + 2.0 * (noise_depth - depth) - _log_escape(depth, model.order)

    deepest = max(1.0, noise_depth + feature / 2.0 + 1.0)  # lead < 0 there, since tau* >= kappa x depth
    return math.exp(noise_depth - math.exp(brentq(lead, -600.0, math.log(deepest), xtol=1e-14, rtol=1e-14)))


def _depth(model: Onset, start: float) -> float:
    """ln(kappa/(s0 s x)) of a start x; as a sum of logarithms no scale is too small for it."""
    return math.log(model.knee) - math.log(model.initial_scale) - math.log(model.strength) - math.log(start)


def _log_escape(depth: float, order: float) -> float:
    """ln(tau*/kappa) of a start e^-depth kappa."""
    if order == 2.0:
        return math.log(depth)
    rise = (order - 2.0) * depth
    return rise + math.log(-math.expm1(-rise)) - math.log(order - 2.0)


def leading_onset(model: Onset) -> float:
    """The same for q > 2 and starts far below the knee: r = [(n/2K)(x_k/x_i)^(q-2)]^(1/q).

    Raises
    ------
    DomainError
        If q = 2.

    References
    ----------
    R9 of docs/papers/cnn_rank.md.
    """
    _check_order(model)
    share = model.images / (2 * model.features)
    lead = math.log(model.signal_start) - math.log(model.noise_start)  # its power may be no float
    return math.exp((math.log(share) + (model.order - 2.0) * lead) / model.order)


def memorised_share(model: Training) -> float:
    """Expected share of images whose own onset lies below the noise ratio, over the law of random starts.

    What one memorised image does to the others (its feature slows down) is neglected.

    Raises
    ------
    DomainError
        If q = 2, counts are not balanced, or images have several objects.

    References
    ----------
    R9 of docs/papers/cnn_rank.md.
    """
    return float(-np.expm1(model.filters * model.background * _log_below(model)) @ _weights())


def no_memory_probability(model: Training) -> float:
    """Probability that no image is memorised: images of a feature share its start x_k, features are independent.

    Raises
    ------
    DomainError
        If q = 2, counts are not balanced, or images have several objects.

    References
    ----------
    R9 of docs/papers/cnn_rank.md.
    """
    starts = model.filters * model.background * model.images / (2 * model.features)
    return float((np.exp(starts * _log_below(model)) @ _weights()) ** (2 * model.features))


def _log_below(model: Training) -> Array:
    """ln P(a start on the background does not win), at quantiles of the feature's largest start."""
    _check(model)
    _check_order(model)
    ratio = model.noise_ratio
    if ratio == 0.0:
        return np.zeros(_NODES)
    scale = model.initial_scale * model.strength
    quantiles = (np.polynomial.legendre.leggauss(_NODES)[0] + 1.0) / 2.0
    tops = scale * ndtri_exp(np.log(quantiles) / model.filters)
    clock = 2 * model.features * ratio**2 / model.images * escape_time(tops, model.order, model.knee)
    # the start that reaches the knee when the feature does
    level = np.where(
        np.isfinite(clock), flow(model.knee, -np.minimum(clock, 1e300), model.order, model.knee), 0.0
    )
    return log_ndtr(level / (scale * ratio))


def _weights() -> Array:
    return np.polynomial.legendre.leggauss(_NODES)[1] / 2.0


def _check(model: Training) -> None:
    if not isinstance(model.counts, Balanced):
        raise DomainError("counts", model.counts, "balanced")
    if model.objects > 1:
        raise DomainError("objects", model.objects, "1")


def _check_order(model: Training) -> None:
    if model.order == 2.0:
        raise DomainError(
            "order", model.order, "above 2: at 2 the onset depends on the loss at which one looks"
        )
