"""Training by gradient descent on inner products: the exact reduction that knows no dimension."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from lemmata.records import Sampler
from simulations.cnn_rank.descent import State, descend
from simulations.cnn_rank.draws import Draw, draw_run, features_of_kinds
from simulations.cnn_rank.outcomes import RANGES, TESTS, Filters, competition, new_images, own_shape, ranks
from theory.cnn_rank import Training

Array = npt.NDArray[np.float64]

RISE = 1e-9
"""Relative rise of the loss in a step that shows a step size beyond stability; rounding moves it by less than 1e-13."""


def sample_training(
    model: Training, rng: np.random.Generator, trials: int, *, noise: Array, steps: Array
) -> dict[str, Any]:
    """Train networks on new images by gradient descent on pre-activations (exact at every dimension of the patches).

    Cost: a product of a (2m x M) and an (M x M) matrix for each step, M = 2K + n P_b. The literal twin is
    `sample_training_literal`.

    Parameters
    ----------
    model : Training
    rng : Generator
    trials : int
    noise : array (levels,)
        Noise levels sigma_p; all see the same draws, scaled.
    steps : array (times,)
        Numbers of steps after which the network is looked at, in any order.

    Returns
    -------
    dict of arrays (trials, levels, times)
        filter_rank, learned_rank, signal_rank : stable ranks of W, W - W(0) (0 before the first step), and W U;
        signal_energy : |W U|^2 / |W|^2, U the directions of the features;
        train_loss, test_loss, test_error : the last two on new images (`TESTS` backgrounds for each kind);
        escaped : share of features on which a filter of their class has passed the knee;
        memorised : share of images on whose background one has;
        winners : filters of its class that have passed the knee on a feature, mean over features;
        max_load : most features on which one filter has;
        follows_start : share of features whose largest pre-activation belongs to the filter that led at the start;
        participation : (sum_k z_k^2)^2 / sum_k z_k^4 of the filter that leads on a feature, mean over features;
        feature_margin, feature_winners : y_k F_k and winners of each feature, with one more axis (2K,).

    Raises
    ------
    DomainError
        If the loss rises in a step: `step_size` is beyond stability.

    References
    ----------
    R4, R5, R10 of docs/papers/cnn_rank.md.
    """
    order = np.argsort(steps, kind="stable")
    stops = steps[order].astype(int)
    shape = (trials, len(noise), len(stops))
    made = {name: np.empty((*shape, *own_shape(model, name))) for name in RANGES}
    for trial in range(trials):
        draw = draw_run(model, rng)
        normals = rng.standard_normal((TESTS, model.background, 2 * model.filters))
        for level, sigma in enumerate(noise.tolist()):
            run = Run(model, draw, sigma)
            for stop, place in zip(stops, order, strict=True):
                run.advance(int(stop))
                for name, value in run.outcomes(normals).items():
                    made[name][trial, level, place] = value
    return made


class Run:
    """One network in training.

    Parameters
    ----------
    model : Training
    draw : Draw
        Data and filters at the start.
    noise : float
        Standard deviation sigma_p; without noise there are no noise patches.
    """

    def __init__(self, model: Training, draw: Draw, noise: float) -> None:
        self.model, self.draw, self.noise, self.steps = model, draw, noise, 0
        self.initial, gram, self.initial_gram = pre_activations(model, draw, noise)
        z = self.initial.copy()
        self.state: State = (z, np.zeros_like(z), gram, np.empty_like(z), np.empty_like(z))
        self.margins = np.empty(len(draw.labels))
        self.advance(0)

    def advance(self, steps: int) -> None:
        """Train until so many steps are done.

        Raises
        ------
        DomainError
            If the loss rises in a step.
        """
        model = self.model
        rule = (model.order, model.knee, model.output_scale, model.step_size, RISE)
        images = (self.draw.members, self.draw.labels)
        wanted = steps - self.steps
        done = descend(self.state, images, rule, wanted, self.margins)
        if done < wanted:
            raise DomainError(
                "step_size", model.step_size, f"smaller: the loss rises in step {self.steps + done + 1}"
            )
        self.steps = steps

    def filters(self) -> Filters:
        """The filters as they are now: W W^T = W(0) W(0)^T + Z(0) C^T + C Z^T."""
        z, trace = self.state[0], self.state[1]
        kinds = 2 * self.model.features
        cross = self.initial @ trace.T
        learned = trace @ (z - self.initial).T
        learned = 0.5 * (learned + learned.T)
        return Filters(z[:, :kinds], z[:, kinds:], self.initial_gram + cross + cross.T + learned, learned)

    def outcomes(self, normals: Array) -> dict[str, Any]:
        """Every output of `sample_training`; `normals` (TESTS, P_b, 2m) make the backgrounds of new images."""
        model, filters = self.model, self.filters()
        kinds = 2 * model.features
        return {
            **ranks(model, filters),
            **competition(model, self.initial[:, :kinds], filters, self.draw.labels),
            **new_images(model, features_of_kinds(model), filters, self.noise, normals),
            "train_loss": float(np.mean(np.logaddexp(0.0, -self.margins))),
        }


def pre_activations(model: Training, draw: Draw, noise: float) -> tuple[Array, Array, Array]:
    """Z(0) (2m, M), G (M, M) and W(0) W(0)^T (2m, 2m) at a noise level; M = 2K without noise."""
    s, s0, kinds = model.strength, model.initial_scale, 2 * model.features
    initial_gram = s0**2 * (
        draw.along_features @ draw.along_features.T + draw.along_noise @ draw.along_noise.T + draw.bulk
    )
    on_features = s0 * s * draw.along_features
    if noise == 0.0:
        return on_features, s**2 * np.eye(kinds), initial_gram
    rows = noise * np.hstack([draw.mixing, draw.noise])
    on_noise = s0 * np.hstack([draw.along_features, draw.along_noise]) @ rows.T
    gram = np.empty((kinds + len(rows), kinds + len(rows)))
    gram[:kinds, :kinds] = s**2 * np.eye(kinds)
    gram[kinds:, :kinds] = s * noise * draw.mixing
    gram[:kinds, kinds:] = gram[kinds:, :kinds].T
    gram[kinds:, kinds:] = rows @ rows.T
    return np.hstack([on_features, on_noise]), gram, initial_gram


def training_work(model: Training) -> float:
    """Operations of a run at one noise level."""
    rows, patches = 2.0 * model.filters, 2.0 * model.features + (model.noise_patches if model.noise else 0)
    step = rows * patches * (patches / 4 + 6.0) + 20.0 * model.images + 1e3
    return model.steps * step + rows**2 * model.noise_patches + 20.0 * rows**3 + TESTS * rows**2


TRAINING = Sampler(sample_training, axes=("noise", "steps"), ranges=RANGES, work=training_work)
