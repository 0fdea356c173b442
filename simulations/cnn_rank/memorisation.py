"""Training close to the noise level at which memorisation starts, each draw at a level relative to its own onset.

Without inner products between patches, a noise patch with pre-activation sigma_p h (h > 0 the largest among the filters
of the image's sign, at unit noise) and norm sigma_p nu passes the knee before its feature k, with largest start z and
n_k images, where

    sigma_p^2 nu^2 tau*(z) > n_k s^2 tau*(sigma_p h),   tau*(z) = kappa^(q-1) (z^(2-q) - kappa^(2-q)) / (q-2),

to leading order in h/kappa and z/kappa where sigma_p^q > n_k (s/nu)^2 (z/h)^(q-2).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError, real
from lemmata.records import Sampler
from simulations.cnn_rank.draws import Draw, draw_run
from simulations.cnn_rank.outcomes import competition
from simulations.cnn_rank.training import Run, pre_activations, training_work
from theory.cnn_rank import Training

Array = npt.NDArray[np.float64]


class NearOnset(Training):
    """A training whose noise level is relative to the onset of memorisation in its own draw.

    Parameters
    ----------
    relative_noise : float
        Noise level over the lowest one at which an image is to be memorised. It stands in place of `noise`, and the
        run ends by itself, three times as late as its last feature escapes, in place of `steps`.
    """

    relative_noise: float = real(above=0, default=1.0, doc="noise level over the draw's own onset")

    def validate(self) -> None:
        super().validate()
        if self.order <= 2.0:
            raise DomainError("order", self.order, "above 2: the onset then depends on the start alone")
        if self.noise_law != "projected" or self.objects != 1:
            raise DomainError(
                "noise_law, objects", (self.noise_law, self.objects), "projected, and one object"
            )


def sample_memorisation(
    model: NearOnset, rng: np.random.Generator, trials: int, *, relative_noise: Array
) -> dict[str, Any]:
    """Train at noise levels relative to each draw's own onset of memorisation.

    Parameters
    ----------
    model : NearOnset
    rng : Generator
    trials : int
    relative_noise : array (levels,)

    Returns
    -------
    dict of arrays (trials, levels)
        memorised : share of images with a noise patch beyond the knee at the end;
        expected : share of images whose own level, from the start alone, lies below the noise;
        any_memorised : whether there is one (0 or 1);
        onset : the draw's lowest level, as a noise ratio r = sigma_p sqrt(d)/s.

    References
    ----------
    R9 of docs/papers/cnn_rank.md.
    """
    made = {name: np.empty((trials, len(relative_noise))) for name in RANGES}
    for trial in range(trials):
        draw = draw_run(model, rng)
        levels, last = onsets(model, draw)
        onset = levels.min()
        made["onset"][trial] = onset * math.sqrt(model.dimension) / model.strength
        for i, relative in enumerate(relative_noise.tolist()):
            run = Run(model, draw, relative * onset)
            run.advance(math.ceil(3.0 * last))
            seen = run.filters()
            found = competition(model, run.initial[:, : 2 * model.features], seen, draw.labels)["memorised"]
            made["memorised"][trial, i] = found
            made["any_memorised"][trial, i] = found > 0.0
            made["expected"][trial, i] = np.mean(levels < relative * onset)
    return made


def onsets(model: Training, draw: Draw) -> tuple[Array, float]:
    """Noise level above which each image is to be memorised (n,), and the step at which the last feature escapes."""
    m, q, s = model.filters, model.order, model.strength
    z, gram, _ = pre_activations(model, draw, 1.0)
    kinds = 2 * model.features
    own = np.where(np.arange(kinds) < model.features, z[:m, :kinds].max(axis=0), z[m:, :kinds].max(axis=0))
    if own.min() <= 0.0:
        raise DomainError("filters", m, "so many that some filter starts with a positive pre-activation")
    of_image = np.repeat(draw.members.argmax(axis=1), model.background)
    counts = draw.members.sum(axis=0)
    tops = np.where(
        np.repeat(draw.labels, model.background) > 0, z[:m, kinds:].max(axis=0), z[m:, kinds:].max(axis=0)
    )
    norms = np.diag(gram)[kinds:]
    powers = np.full(len(norms), np.inf)
    able = tops > 0
    powers[able] = (
        counts[of_image[able]] * s**2 / norms[able] * (own[of_image[able]] / tops[able]) ** (q - 2.0)
    )
    levels = powers.reshape(len(draw.labels), model.background).min(axis=1) ** (1.0 / q)
    # until it escapes the loss is ln 2 and a clock runs at half its speed
    clock = model.knee ** (q - 1.0) * (own ** (2.0 - q) - model.knee ** (2.0 - q)) / (q - 2.0)
    speed = 0.5 * model.step_size * model.output_scale * s**2 * counts / model.images
    shown = counts > 0
    return levels, float(np.max(clock[shown] / speed[shown]))


RANGES = {
    "memorised": (0.0, 1.0),
    "expected": (0.0, 1.0),
    "any_memorised": (0.0, 1.0),
    "onset": (0.0, math.inf),
}


def _work(model: NearOnset) -> float:
    """As many steps as features need that start at the deviation of the starts."""
    typical = model.initial_scale * model.strength * math.sqrt(2.0 * math.log(model.filters + 1.0))
    clock = model.knee ** (model.order - 1.0) * typical ** (2.0 - model.order) / (model.order - 2.0)
    steps = math.ceil(6.0 * clock / model.advance)
    noisy = {**model.to_data(), "steps": steps, "noise": 1.0}
    return training_work(NearOnset.from_data(noisy))


MEMORISATION = Sampler(sample_memorisation, axes=("relative_noise",), ranges=RANGES, work=_work)
