"""Kernel: full-batch gradient descent on pre-activations alone.

Gradient descent meets the patches through their inner products. Let the M different patches be the rows of A, with
Gram matrix G = A A^T, and Z = W A^T the pre-activations of the 2m filters (the first m have output weight +m^-p, the
others -m^-p). One step with weights g_i = 1/(1 + exp(y_i F_i)) of the n images is

    D = (step_size m^-p/n) J act'(Z) (sum over images with patch c of y_i g_i)_c,   C += D,   Z += D G,

J = +-1 by filter: an element-wise pass on either side of one matrix product, whatever the dimension of the patches.
W = W(0) + C A at any time. The first patches are the features, which many images share; the others are noise patches,
`backgrounds` for each image, in the order of the images.

References
----------
arXiv 2504.08628; R4 of docs/papers/cnn_rank.md.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lemmata.kernels import kernel

Array = npt.NDArray[np.float64]
State = tuple[Array, Array, Array, Array, Array]
"""Z and C (2m, M), G (M, M), and two matrices (2m, M) to work in."""
Images = tuple[Array, Array]
"""How often each image holds each feature (n, features), and labels +-1 (n,)."""
Rule = tuple[float, float, float, float, float]
"""Order q and knee kappa of the activation, output scale, step size, relative rise of the loss that ends a run."""


@kernel
def descend(state: State, images: Images, rule: Rule, steps: int, margins: Array) -> int:
    """Take steps in place; fill `margins` (n,) with y_i F_i after the last one.

    Returns the steps taken: fewer than asked for if the loss rose in the last of them.
    """
    z, trace, gram, change, product = state
    members, labels = images
    order, knee, output_scale, step_size, rise = rule
    sums, pulls = np.empty(z.shape[1]), np.empty(z.shape[1])
    scale = step_size * output_scale / labels.size
    before = np.inf
    product[:] = 0.0
    for step in range(steps + 1):
        if order in (2.0, 3.0):
            add_and_activate(z, product, order, knee, change, sums)
        else:
            add_and_activate_any(z, product, order, knee, change, sums)
        collect_margins(sums, members, labels, output_scale, margins)
        loss = weigh(margins, members, labels, pulls) / labels.size
        if loss > before * (1.0 + rise):
            return step - 1
        before = loss
        if step == steps:
            break
        for c in range(pulls.size):
            pulls[c] *= scale
        pull(change, pulls, trace)
        np.dot(change, gram, product)
    return steps


@kernel
def descend_filters(
    filters: Array, rows: Array, columns: Array, labels: Array, rule: Rule, steps: int, margins: Array
) -> int:
    """The same on filters (2m, d) themselves, over the rows (n x patches of an image, d) of all images in order.

    `columns` is the transpose of `rows` in row order.
    """
    order, knee, output_scale, step_size, rise = rule
    shape = (filters.shape[0], rows.shape[0])
    z, slopes, nothing, trace = np.empty(shape), np.empty(shape), np.zeros(shape), np.zeros(shape)
    sums, pulls, members = np.empty(shape[1]), np.empty(shape[1]), np.empty((labels.size, 0))
    update = np.empty(filters.shape)
    before = np.inf
    for step in range(steps + 1):
        np.dot(filters, columns, z)
        if order in (2.0, 3.0):
            add_and_activate(z, nothing, order, knee, slopes, sums)
        else:
            add_and_activate_any(z, nothing, order, knee, slopes, sums)
        collect_margins(sums, members, labels, output_scale, margins)
        loss = weigh(margins, members, labels, pulls) / labels.size
        if loss > before * (1.0 + rise):
            return step - 1
        before = loss
        if step == steps:
            break
        for c in range(pulls.size):
            pulls[c] *= step_size * output_scale / labels.size
        pull(slopes, pulls, trace)
        np.dot(slopes, rows, update)
        filters += update
    return steps


@kernel(fastmath={"contract"})
def add_and_activate(z: Array, product: Array, order: float, knee: float, slopes: Array, sums: Array) -> None:
    """Z += product; fill `slopes` (2m, M) with act'(Z), and `sums` (M,) with the sums over filters of J act(Z).

    For order q = 2 or 3. With x = z/kappa cut to [0, 1], act'(z) = x^(q-1) and act(z) = kappa (x^q/q + what z/kappa
    exceeds 1 by).
    """
    filters = z.shape[0] // 2
    inverse, share = 1.0 / knee, 1.0 / order
    linear = 3.0 - order  # x^(q-1) = x (linear + (1 - linear) x): no power and no branch in the loop
    sums[:] = 0.0
    for r in range(z.shape[0]):
        sign = knee if r < filters else -knee
        for c in range(z.shape[1]):
            value = z[r, c] + product[r, c]
            z[r, c] = value
            value *= inverse
            value = value if value > 0.0 else 0.0
            x = value if value < 1.0 else 1.0
            power = x * (linear + (1.0 - linear) * x)
            slopes[r, c] = power
            sums[c] += sign * (share * x * power + (value - x))


@kernel
def add_and_activate_any(
    z: Array, product: Array, order: float, knee: float, slopes: Array, sums: Array
) -> None:
    """The same at an order that is not 2 or 3."""
    filters = z.shape[0] // 2
    sums[:] = 0.0
    for r in range(z.shape[0]):
        sign = knee if r < filters else -knee
        for c in range(z.shape[1]):
            z[r, c] += product[r, c]
            value = z[r, c] / knee
            slopes[r, c] = 0.0
            if value >= 1.0:
                slopes[r, c] = 1.0
                sums[c] += sign * (1.0 / order + (value - 1.0))
            elif value > 0.0:
                slopes[r, c] = math.exp((order - 1.0) * math.log(value))
                sums[c] += sign * value * slopes[r, c] / order


@kernel
def pull(slopes: Array, pulls: Array, trace: Array) -> None:
    """Turn act'(Z) into D = J act'(Z) times the pull of each patch, in place, and C += D."""
    filters = slopes.shape[0] // 2
    for r in range(slopes.shape[0]):
        sign = 1.0 if r < filters else -1.0
        for c in range(slopes.shape[1]):
            step = sign * pulls[c] * slopes[r, c]
            slopes[r, c] = step
            trace[r, c] += step


@kernel
def collect_margins(sums: Array, members: Array, labels: Array, output_scale: float, margins: Array) -> None:
    """y_i F_i from the sums of each patch."""
    images, features = members.shape
    backgrounds = (sums.size - features) // images
    for i in range(images):
        output = 0.0
        for k in range(features):
            output += members[i, k] * sums[k]
        for c in range(features + i * backgrounds, features + (i + 1) * backgrounds):
            output += sums[c]
        margins[i] = output_scale * labels[i] * output


@kernel
def weigh(margins: Array, members: Array, labels: Array, pulls: Array) -> float:
    """Fill `pulls` (M,) with the sums of y_i g_i over the images that hold a patch; return the sum of the losses."""
    images, features = members.shape
    backgrounds = (pulls.size - features) // images
    pulls[:features] = 0.0
    total = 0.0
    for i in range(images):
        tail = math.exp(-abs(margins[i]))
        total += math.log1p(tail)
        weight = tail / (1.0 + tail)
        if margins[i] < 0.0:
            total -= margins[i]
            weight = 1.0 / (1.0 + tail)
        weight *= labels[i]
        for k in range(features):
            pulls[k] += members[i, k] * weight
        for c in range(features + i * backgrounds, features + (i + 1) * backgrounds):
            pulls[c] = weight
    return total
