"""Exact output laws of the discretised samplers on Gaussian targets (R1, R4)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from theory.ar_diffusion.models import GaussianSampling, RuleSampling
from theory.ar_diffusion.stages import generation_order, stages

Array = npt.NDArray[np.floating[Any]]


class OutputLaw(NamedTuple):
    """A Gaussian output law, and how it differs from that of the data.

    Attributes
    ----------
    mean, mean_error : array (d,)
        Mean, and mean minus mu.
    covariance, covariance_error : array (d, d)
        Covariance, and covariance minus Sigma, the latter to the accuracy of its own largest entries.
    """

    mean: Array
    mean_error: Array
    covariance: Array
    covariance_error: Array


def law(model: GaussianSampling) -> OutputLaw:
    """The output law of a sampler on a Gaussian target.

    Stage k makes x_k = M_k mu_{k|<k}(x_<k) + shift + noise of covariance V_k, with mu_{k|<k} the true conditional mean.
    With e = deviation of the output's mean and E = that of its covariance, both vanish for an exact sampler:
    e_k = (M_k - I) mu_k + M_k B_k e_<k, E_{k,<k} = (M_k - I) B_k Sigma_<k + M_k B_k E_<k, and E_kk follows likewise.
    """
    order, _ = generation_order(model.target, model.scheme.method)
    truth = model.target.covariance_matrix()[np.ix_(order, order)]
    dimension = len(order)
    mean_error, error = np.zeros(dimension), np.zeros((dimension, dimension))
    made = stages(model)
    if not all(np.all(np.isfinite(stage.reversal.variance)) for stage in made):
        vector, matrix = np.full(dimension, np.inf), np.full((dimension, dimension), np.inf)
        return OutputLaw(vector, vector, matrix, matrix)
    for stage in made:
        block, basis = stage.directions.block, stage.directions.basis
        own, before = slice(block.start, block.stop), slice(0, block.start)
        loss, keep = (basis * stage.mean_loss) @ basis.T, (basis * stage.mean_factor) @ basis.T
        mean_error[own] = (
            basis @ (stage.reversal.shift - stage.mean_loss * stage.directions.mean)
            + keep @ block.slope @ mean_error[before]
        )
        slope = keep @ block.slope
        lost = loss @ block.slope
        error[own, before] = slope @ error[before, before] - lost @ truth[before, before]
        error[before, own] = error[own, before].T
        # slope (Sigma_< + E_<) slope^T - B Sigma_< B^T, with slope = B - lost
        explained = lost @ truth[before, before] @ (slope + block.slope).T
        error[own, own] = (
            (basis * stage.variance_error) @ basis.T
            + slope @ error[before, before] @ slope.T
            - 0.5 * (explained + explained.T)
        )
    place = np.argsort(order)
    mean_error, error = mean_error[place], error[np.ix_(place, place)]
    return OutputLaw(
        model.target.mean_vector() + mean_error,
        mean_error,
        model.target.covariance_matrix() + error,
        error,
    )


def output_law(model: GaussianSampling) -> Array:
    """Mean and covariance of the sampler's output, exact for any grid, horizon, early stop and score bias.

    Parameters
    ----------
    model : GaussianSampling

    Returns
    -------
    array (d+1, d)
        The mean in the first row, the covariance below. All entries are infinite where the steps are so coarse that
        a variance exceeds the largest number.

    References
    ----------
    R1 (vanilla) and R4 (AR) of docs/papers/ar_diffusion.md.
    """
    output = law(model)
    return np.vstack((output.mean, output.covariance))


def output_moments(model: GaussianSampling) -> Array:
    """First and second moments of the sampler's output: E x and E x x^T.

    Parameters
    ----------
    model : GaussianSampling

    Returns
    -------
    array (d+1, d)
        E x in the first row, E x x^T below.

    References
    ----------
    R1 (vanilla) and R4 (AR) of docs/papers/ar_diffusion.md.
    """
    output = law(model)
    return np.vstack((output.mean, output.covariance + np.outer(output.mean, output.mean)))


def rule_violation(model: RuleSampling) -> float:
    """E(x_2 - mu_2 - g (x_1 - mu_1))^2 of the output, by how much the rule is violated; sigma^2 for data.

    With mean 0 it is Var(x_2 - g x_1). To first order in equal steps h it exceeds sigma^2 by h (1 + g^2) for vanilla
    sampling and by h for AR.

    Parameters
    ----------
    model : RuleSampling

    Returns
    -------
    float
        Infinite where the steps are so coarse that a variance exceeds the largest number.

    References
    ----------
    R14 of docs/papers/ar_diffusion.md.
    """
    g, noise = model.target.gain, model.target.rule_noise
    output = law(model)
    if not np.all(np.isfinite(output.covariance_error)):
        return float("inf")
    residual = np.array([-g, 1.0])
    return noise**2 + float(
        residual @ output.covariance_error @ residual + (residual @ output.mean_error) ** 2
    )
