"""R1-R3, the stable rank of the data: clean, and with the background's noise.

The stable rank of a matrix is its squared Frobenius norm over its squared spectral norm. The patch matrix X has a row
for each patch; X^T X = s^2 sum_k n_k u_k u_k^T + (noise), with n_k patches of feature k, N = n P_b of noise and
v = sigma_p^2.

- R1, no noise: (patches of objects) / max_k n_k; 2K if counts are balanced, less if they are random.
- R2, noise orthogonal to the features: the spectrum is a union, its top max(n_max s^2, v edge(N, d - 2K)).
- R3, noise along the features too: the top is an outlier above the noise until v (d + sqrt(N d)) = n_max s^2.
- The image matrix has whole images as rows: signal and noise meet in the rows, and the top is an outlier in
  dimension n.

Edges carry their Tracy-Widom shift, outliers of equal counts the split of equal spikes
(`theory.numerics.spiked_matrices`).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lemmata.models import DomainError
from theory.cnn_rank.models import Balanced, Counts, Data
from theory.numerics.gaussian_orthogonal import MOST_SIZE
from theory.numerics.max_load import MOST_BALLS, max_load_law
from theory.numerics.spiked_matrices import added_spikes, mean_edge, planted_spikes

Array = npt.NDArray[np.float64]
Rank = Callable[[Data, int, int], float]

_ANGLES = 4000
_MOST_VALUES = 10**6


def data_stable_rank(model: Data) -> float:
    """Mean stable rank of the patch matrix (to leading order: mean squared norm over mean top eigenvalue).

    (patches s^2 + v N d') / top, the top by R1, R2 or R3 as the noise law has it; averaged over the exact law of the
    largest count if counts are multinomial.

    Parameters
    ----------
    model : Data

    Returns
    -------
    float

    References
    ----------
    R1, R2, R3 of docs/papers/cnn_rank.md.
    """
    return _over_counts(model, _most_patches, _patch_rank)


def image_stable_rank(model: Data) -> float:
    """Mean stable rank of the image matrix, whose n rows are whole images with their objects at fixed places.

    Y Y^T = objects s^2 sum_k 1_k 1_k^T + Xi Xi^T (1_k the images of feature k): a spike in dimension n with D = P_b d'
    degrees of freedom.

    Raises
    ------
    DomainError
        If noise lies everywhere.

    References
    ----------
    R2 of docs/papers/cnn_rank.md.
    """
    if model.noise_law == "everywhere":
        raise DomainError("noise_law", model.noise_law, "projected or full for the image matrix")
    return _over_counts(model, _most_images, _image_rank)


def noise_transition(model: Data) -> float:
    """sigma_p at which the top of the patch matrix passes from the features to the noise.

    s sqrt(n_max / edge(N, d - 2K)) for projected noise, where the stable rank peaks; the threshold of the outlier,
    s sqrt(n_max / (d + sqrt(N d))) for full noise, s sqrt(n_max) / (N d)^(1/4) with N = n (objects + P_b) for noise
    everywhere. With multinomial counts n_max is its mean.

    References
    ----------
    R2, R3 of docs/papers/cnn_rank.md.
    """
    rows, columns = model.noise_patches, model.noise_dimension
    if model.noise_law == "projected":
        edge = mean_edge(rows, columns)
    elif model.noise_law == "full":
        edge = columns + math.sqrt(rows * columns)
    else:
        edge = math.sqrt(_all_patches(model) * columns)
    top = _over_counts(model, _most_patches, lambda _, largest, __: float(largest))
    return model.strength * math.sqrt(top / edge)


def peak_stable_rank(model: Data) -> float:
    """Largest stable rank of the patch matrix along the noise, 2K + N d'/edge at balanced counts (projected noise).

    Raises
    ------
    DomainError
        If the noise is not projected.

    References
    ----------
    R2 of docs/papers/cnn_rank.md.
    """
    _need_projected(model)
    rows, columns = model.noise_patches, model.noise_dimension
    patches = model.images * model.objects
    clean = _over_counts(model, _most_patches, lambda _, largest, __: patches / largest)
    return clean + rows * columns / mean_edge(rows, columns)


def data_singular_values(model: Data) -> Array:
    """Singular values of the patch matrix in falling order, at the quantiles of their limit (projected noise).

    s sqrt(n_k) of the features, and min(N, d') roots of quantiles of the Marchenko-Pastur law of the background.

    Raises
    ------
    DomainError
        If the noise is not projected, or there are more than 10^6 singular values.

    References
    ----------
    R2 of docs/papers/cnn_rank.md.
    """
    _need_projected(model)
    rows, columns = model.noise_patches, model.noise_dimension
    for name, values in (("features", 2 * model.features), ("dimension", min(rows, columns))):
        if values > _MOST_VALUES:
            allowed = f"such that there are at most {_MOST_VALUES} singular values, not {values}"
            raise DomainError(name, getattr(model, name), allowed)
    bulk = model.noise * np.sqrt(_bulk_quantiles(rows, columns)) if model.noise else np.empty(0)
    features = model.strength * np.sqrt(np.array(patch_counts(model), dtype=float))
    return np.sort(np.concatenate([features, bulk]))[::-1]


def _bulk_quantiles(rows: int, columns: int) -> Array:
    """Eigenvalues > 0 of Xi Xi^T, Xi standard normal, at the quantiles of their limit; (min(rows, columns),)."""
    low, high = (math.sqrt(rows) - math.sqrt(columns)) ** 2, (math.sqrt(rows) + math.sqrt(columns)) ** 2
    # in the angle phi the density sqrt((high - x)(x - low))/x dx is smooth
    angle = (np.arange(_ANGLES) + 0.5) * (math.pi / _ANGLES)
    places = low + (high - low) * (1.0 - np.cos(angle)) / 2.0
    mass = np.cumsum(np.sin(angle) ** 2 / places)
    count = min(rows, columns)
    return np.interp((np.arange(count) + 0.5) / count, mass / mass[-1], places)


def patch_counts(model: Data) -> list[int]:
    """Patches n_k of each feature: with several objects feature k is seen in images of k, k-1, ... of its class."""
    if isinstance(model.counts, Balanced):
        return [model.images * model.objects // (2 * model.features)] * (2 * model.features)
    if not isinstance(model.counts, Counts):
        raise DomainError("counts", model.counts, "balanced, or given counts")
    images = np.array(model.counts.values, dtype=int).reshape(2, model.features)
    return np.sum([np.roll(images, shift, axis=1) for shift in range(model.objects)], axis=0).ravel().tolist()


# ------------------------------------------------------------------ what the ranks are made of


def _patch_rank(model: Data, largest: int, equal: int) -> float:
    """Stable rank of the patches, `largest` patches for each of `equal` features."""
    s2, v = _squares(model)
    rows, columns = model.noise_patches, model.noise_dimension
    theta = largest * s2
    if model.noise_law == "projected":
        top = max(theta, v * mean_edge(rows, columns))
    elif model.noise_law == "full":
        top = added_spikes(theta, equal, columns, rows, v)
    else:
        rows = _all_patches(model)
        top = planted_spikes(theta, equal, rows, columns, v)
    return (model.images * model.objects * s2 + v * rows * columns) / top


def _image_rank(model: Data, largest: int, equal: int) -> float:
    s2, v = _squares(model)
    rows, columns = model.images, model.background * model.noise_dimension
    theta = largest * s2
    return (rows * model.objects * s2 + v * rows * columns) / added_spikes(theta, equal, rows, columns, v)


def _squares(model: Data) -> tuple[float, float]:
    """s^2 and sigma_p^2 in a unit in which both are floats: ranks depend on their ratio."""
    largest = max(model.strength, model.noise)
    unit = 1.0 if 1e-100 < largest < 1e100 else largest
    return (model.strength / unit) ** 2, (model.noise / unit) ** 2


def _need_projected(model: Data) -> None:
    if model.noise_law != "projected":
        raise DomainError("noise_law", model.noise_law, "projected")


def _most_patches(model: Data) -> tuple[int, int]:
    """The most patches of a feature, and how many features have as many; balanced counts need no list of them."""
    if isinstance(model.counts, Balanced):
        return model.images * model.objects // (2 * model.features), 2 * model.features
    return _most(patch_counts(model))


def _most_images(model: Data) -> tuple[int, int]:
    """The same of the images that show a feature first: their images have equal objects at equal places."""
    if isinstance(model.counts, Counts):
        return _most([int(count) * model.objects for count in model.counts.values])
    return _most_patches(model)


def _most(counts: list[int]) -> tuple[int, int]:
    return max(counts), counts.count(max(counts))


def _all_patches(model: Data) -> int:
    return model.images * (model.objects + model.background)


def _over_counts(model: Data, counted: Callable[[Data], tuple[int, int]], rank: Rank) -> float:
    """rank(model, largest count, features that have it), averaged over random counts."""
    if isinstance(model.counts, (Balanced, Counts)):
        largest, equal = counted(model)
        try:
            return rank(model, largest, equal if model.noise else 1)  # noise alone splits equal features
        except DomainError as error:
            if error.parameter != "size":
                raise
            allowed = f"so few that at most {MOST_SIZE} are shown equally often, beside this noise"
            raise DomainError("features", model.features, allowed) from None
    if model.objects > 1:
        raise DomainError("objects", model.objects, "1 if counts are multinomial")
    if model.images > MOST_BALLS:
        raise DomainError("images", model.images, f"at most {MOST_BALLS} if counts are multinomial")
    law = max_load_law(model.images, 2 * model.features)
    likely = np.flatnonzero(law)
    return float(sum(law[i] * rank(model, int(i) + 1, 1) for i in likely))
