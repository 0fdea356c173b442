"""Transformers trained by gradients on sampled prompts: the witness that training finds the best steps.

References
----------
arXiv 2502.15609, Theorem 4.3; R3 to R5 of docs/papers/context_hijacking.md.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.records import Sampler
from simulations.context_hijacking.tasks import TAU, draw_tasks
from simulations.context_hijacking.training import sample_training_mean
from theory.context_hijacking import PerLayer, Training, Tuning

Array = npt.NDArray[np.float64]

ROUNDS, PROMPTS = 600, 256  # updates, and fresh prompts for each
RATE = 0.03  # of the first updates, in units of alpha n and of c; falls to 0
HELD_OUT = 4096  # prompts on which the trained transformer is judged


def sample_trained(model: Tuning, rng: np.random.Generator, trials: int) -> dict[str, Array]:
    """What Adam finds on fresh literal prompts: L step sizes and the initial scale, all free, from a random start.

    The loss of a prompt is its squared error averaged over clean queries, less 1 - 2/pi. Each trial trains once.

    Parameters
    ----------
    model : Tuning
        Both parameters of the start are trained, as in 'joint' mode, whatever its `initialisation`.
    rng : numpy.random.Generator
    trials : int

    Returns
    -------
    dict
        Arrays (trials,): 'excess' (mean excess risk on held-out prompts; a layer with a negative step is left out),
        'step_size' (mean of the layers), 'spread' (standard deviation of the layers over their mean) and
        'initial_scale'.
    """
    outputs = {name: np.empty(trials) for name in ("excess", "step_size", "spread", "initial_scale")}
    for trial in range(trials):
        steps, scale = _train(model, rng)
        n, d = model.examples, model.dimension
        largest = max(float(np.abs(steps).max()), 1e-300)
        relative = PerLayer(tuple(np.maximum(steps, 0.0) / largest))
        trained = Training(n, d, model.depth, largest, scale, model.prior, relative)
        axes = {"depth": model.depth, "step_size": largest, "initial_scale": scale}
        held_out = sample_training_mean(
            trained, rng, HELD_OUT, **{name: np.array([value]) for name, value in axes.items()}
        )
        outputs["excess"][trial] = held_out["excess"].mean()
        outputs["step_size"][trial] = steps.mean()
        outputs["spread"][trial] = steps.std() / abs(steps.mean())
        outputs["initial_scale"][trial] = scale
    return outputs


def _train(model: Tuning, rng: np.random.Generator) -> tuple[Array, float]:
    """Step sizes (L,) and initial scale after `ROUNDS` updates."""
    depth = model.depth
    start = 0.5 / depth * (1 + 0.3 * rng.standard_normal(depth))
    parameters = np.append(start, 0.5 + 0.1 * rng.standard_normal())
    first, second = np.zeros_like(parameters), np.zeros_like(parameters)
    for count in range(1, ROUNDS + 1):
        gradient = _gradient(model, parameters, rng)
        first += 0.1 * (gradient - first)
        second += 0.01 * (gradient * gradient - second)
        direction = first / (1 - 0.9**count) / (np.sqrt(second / (1 - 0.99**count)) + 1e-12)
        parameters -= RATE * 0.5 * (1 + math.cos(math.pi * count / ROUNDS)) * direction
    return parameters[:depth] / model.examples, float(parameters[depth])


def _gradient(model: Tuning, parameters: Array, rng: np.random.Generator) -> Array:
    """Gradient of the mean excess of fresh prompts in alpha_1 n, ..., alpha_L n and c, by backpropagation."""
    n, d = model.examples, model.dimension
    axis, tasks = draw_tasks(model.prior, rng, d, PROMPTS)
    examples = rng.standard_normal((PROMPTS, n, d))
    labels = np.copysign(1.0, examples @ tasks[..., None])
    gram = examples.transpose(0, 2, 1) @ examples / n
    target = examples.transpose(0, 2, 1) @ labels / n
    return excess_gradient(gram, target, tasks, axis, parameters)


def excess_gradient(gram: Array, target: Array, tasks: Array, axis: Array, parameters: Array) -> Array:
    """Gradient of mean |w_L - tau w*|^2 for w <- w - eta_l (G w - t), w_0 = c beta*, in eta_1, ..., eta_L and c.

    Parameters
    ----------
    gram, target : array (prompts, d, d), array (prompts, d, 1)
    tasks, axis : array (prompts, d), array (d,)
    parameters : array (L + 1,)
    """
    depth = len(parameters) - 1
    w = np.tile(parameters[depth] * axis, (len(tasks), 1))[..., None]
    slopes: list[Array] = []
    for eta in parameters[:depth]:
        slopes.append(gram @ w - target)
        w = w - eta * slopes[-1]
    back = 2 * (w - TAU * tasks[..., None]) / len(tasks)
    gradient = np.empty_like(parameters)
    for layer in reversed(range(depth)):
        gradient[layer] = -np.vdot(back, slopes[layer])
        back = back - parameters[layer] * (gram @ back)
    gradient[depth] = np.vdot(back, np.broadcast_to(axis[:, None], back.shape))
    return gradient


TRAINED = Sampler(
    sample_trained,
    ranges={
        "excess": (0.0, math.inf),
        "step_size": (-math.inf, math.inf),
        "spread": (0.0, math.inf),
        "initial_scale": (-math.inf, math.inf),
    },
    work=lambda model: (
        ROUNDS
        * PROMPTS
        * model.dimension
        * (10.0 * model.examples + 0.2 * model.examples * model.dimension + model.dimension * model.depth)
    ),
)
