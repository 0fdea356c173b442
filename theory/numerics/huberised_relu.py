"""The Huberised ReLU of order q and knee kappa: a power at first, linear beyond the knee, once differentiable.

    act(z) = 0 (z <= 0),   z^q / (q kappa^(q-1)) (0 <= z <= kappa),   z - (1 - 1/q) kappa (z >= kappa).

It lies between relu(z) - (1 - 1/q) kappa and relu(z), and tends to relu(z) as kappa becomes small.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def huberised_relu(values: npt.ArrayLike, order: float, knee: float) -> Array:
    """The activation, elementwise.

    Parameters
    ----------
    values : array_like, any shape
        z.
    order : float
        q >= 1.
    knee : float
        kappa > 0.
    """
    reach = np.asarray(values, dtype=float) / knee
    bent = np.clip(reach, 0.0, 1.0)
    return knee * (bent**order / order + np.maximum(reach - 1.0, 0.0))


def huberised_relu_slope(values: npt.ArrayLike, order: float, knee: float) -> Array:
    """Its derivative clip(z / kappa, 0, 1)^(q-1), elementwise; parameters as for `huberised_relu`, order > 1."""
    return np.clip(np.asarray(values, dtype=float) / knee, 0.0, 1.0) ** (order - 1.0)
