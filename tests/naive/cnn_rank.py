"""Slow references for the convolutional network, written from its definition: number by number, patch by patch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lemmata.statistics import Array

Patch = Sequence[float]


def act(z: float, order: float, knee: float) -> float:
    """Huberised ReLU."""
    if z <= 0.0:
        return 0.0
    if z <= knee:
        return z**order / (order * knee ** (order - 1.0))
    return z - (1.0 - 1.0 / order) * knee


def slope(z: float, order: float, knee: float) -> float:
    """Its derivative."""
    return 0.0 if z <= 0.0 else 1.0 if z >= knee else (z / knee) ** (order - 1.0)


@dataclass
class Network:
    """Filters w_jr, the first half with j = +1, and the activation.

    `scale` is the size of the second layer's weights.
    """

    filters: list[list[float]]
    order: float
    knee: float
    scale: float

    def sign(self, row: int) -> float:
        return 1.0 if row < len(self.filters) // 2 else -1.0

    def output(self, image: Sequence[Patch]) -> float:
        """F(W, x)."""
        return self.scale * math.fsum(
            self.sign(row) * act(dot(filter_, patch), self.order, self.knee)
            for row, filter_ in enumerate(self.filters)
            for patch in image
        )

    def loss(self, images: Sequence[Sequence[Patch]], labels: Sequence[float]) -> float:
        """Mean logistic loss."""
        losses = [
            math.log1p(math.exp(-label * self.output(image)))
            for image, label in zip(images, labels, strict=True)
        ]
        return math.fsum(losses) / len(losses)

    def step(self, images: Sequence[Sequence[Patch]], labels: Sequence[float], step_size: float) -> None:
        """w_jr += (eta j c/n) sum_i y_i g_i sum_p act'(<w_jr, x_ip>) x_ip."""
        pulls = [
            label / (1.0 + math.exp(label * self.output(image)))
            for image, label in zip(images, labels, strict=True)
        ]
        moved = []
        for row, filter_ in enumerate(self.filters):
            rate = step_size * self.scale * self.sign(row) / len(images)
            new = list(filter_)
            for image, pull in zip(images, pulls, strict=True):
                for patch in image:
                    by = rate * pull * slope(dot(filter_, patch), self.order, self.knee)
                    for a, entry in enumerate(patch):
                        new[a] += by * entry
            moved.append(new)
        self.filters = moved


def dot(left: Patch, right: Patch) -> float:
    """Inner product."""
    return math.fsum(a * b for a, b in zip(left, right, strict=True))


def stable_rank(matrix: Array) -> float:
    """Sum of squared singular values over the largest."""
    squares = [float(value) ** 2 for value in np.linalg.svd(matrix, compute_uv=False)]
    return math.fsum(squares) / max(squares)


def busiest(starts: Array) -> int:
    """Most features that one filter wins, starts (2, K, m): the filter with the largest start wins a feature."""
    most = 0
    for block in starts.tolist():
        wins = [row.index(max(row)) for row in block]
        most = max(most, *(wins.count(filter_) for filter_ in wins))
    return most


def digits_loss(
    filters: Array, dense: Array, offsets: Array, images: Array, classes: Sequence[int], stride: int
) -> float:
    """Mean cross-entropy of a convolution, rectified linear units, and a dense layer with a softmax, loop by loop.

    Fields lie row by row, and the dense layer sees all filters at the first place, then all at the second.
    """
    side = math.isqrt(filters.shape[1])
    total = 0.0
    for image, wanted in zip(images, classes, strict=True):
        hidden: list[float] = []
        for i in range(0, image.shape[0] - side + 1, stride):
            for j in range(0, image.shape[1] - side + 1, stride):
                field = image[i : i + side, j : j + side].ravel().tolist()
                hidden += [max(0.0, dot(filter_, field)) for filter_ in filters.tolist()]
        logits = [
            dot(hidden, column) + offset for column, offset in zip(dense.T.tolist(), offsets, strict=True)
        ]
        total += math.log(math.fsum(math.exp(value) for value in logits)) - logits[wanted]
    return total / len(classes)
