"""Models of arXiv 2506.18656: ridge regression on the tokens, an attention layer before it, and softmax attention."""

from __future__ import annotations

import math

from lemmata.models import DomainError, Model, choice, flag, nested, real, vector, whole
from theory.numerics.activations import ACTIVATIONS, Activation

Matrix = tuple[tuple[float, ...], ...]


class RidgeRegression(Model):
    """Ridge regression of the labels on the tokens themselves.

    Parameters
    ----------
    tokens : int
        Number of tokens n.
    dimension : int
        Embedding dimension p.
    ridge : float
        Ridge gamma; the penalty of the probe w is n gamma |w|^2.
    snr : float
        Signal-to-noise ratio rho = |mu|^2.
    """

    tokens: int = whole(least=1, doc="number of tokens n")
    dimension: int = whole(least=1, doc="embedding dimension p")
    ridge: float = real(above=0, doc="ridge gamma")
    snr: float = real(least=0, doc="signal-to-noise ratio rho = |mu|^2")


# ------------------------------------------------------------------ attention weights


class Aligned(Model):
    """Weights along the signal: w_K = w_Q = t mu. Strength 0 means no weights beyond the identity.

    Parameters
    ----------
    strength : float
        t.
    """

    strength: float = real(default=0.0, doc="t in w_K = w_Q = t mu")

    def gram(self, snr: float, dimension: int) -> Matrix:
        """Inner products of (mu, w_K, w_Q)."""
        t = self.strength
        return (
            (snr, t * snr, t * snr),
            (t * snr, t * t * snr, t * t * snr),
            (t * snr, t * t * snr, t * t * snr),
        )


class Gram(Model):
    """Any weights, by the inner products of (mu, w_K, w_Q) in this order: all that the limit needs of them.

    Parameters
    ----------
    matrix : 3 x 3 list
        Symmetric and positive semidefinite; the first entry is the signal-to-noise ratio.
    """

    matrix: Matrix = vector(shape=(3, 3), doc="inner products of (mu, w_K, w_Q)")

    def validate(self) -> None:
        import numpy as np

        gram = np.array(self.matrix)
        if not np.allclose(gram, gram.T, rtol=1e-12, atol=0):
            raise DomainError("matrix", self.matrix, "symmetric")
        least, most = np.linalg.eigvalsh(gram)[[0, -1]]
        if least < -1e-12 * max(most, 0.0) or most < 0:
            raise DomainError(
                "matrix", self.matrix, f"positive semidefinite (its smallest eigenvalue is {least:.3g})"
            )

    def gram(self, snr: float, dimension: int) -> Matrix:
        """Inner products of (mu, w_K, w_Q)."""
        return self.matrix


class Strong(Model):
    """Weights that grow with the dimension: w_K = w_Q = kappa p^(1/4) mu/|mu|. Simulated only (R12).

    Parameters
    ----------
    strength : float
        kappa.
    """

    strength: float = real(least=0, doc="kappa in w_K = w_Q = kappa p^(1/4) mu/|mu|")

    def gram(self, snr: float, dimension: int) -> Matrix:
        """Inner products of (mu, w_K, w_Q)."""
        size = self.strength * dimension**0.25
        cross = size * math.sqrt(snr)
        return ((snr, cross, cross), (cross, size * size, size * size), (cross, size * size, size * size))


# ------------------------------------------------------------------ labels


class Balanced(Model):
    """Exactly half of the labels are +1, the others -1."""


class Unbalanced(Model):
    """A fixed number of labels is +1, so that their mean is beta (to the nearest label).

    Parameters
    ----------
    mean : float
        beta, between -1 and 1.
    """

    mean: float = real(least=-1, most=1, doc="mean beta of the labels")


class Independent(Model):
    """Independent labels, +1 or -1 with probability 1/2 each."""


class Spherical(Model):
    """Labels uniform on the sphere of radius sqrt n."""


# ------------------------------------------------------------------ attention


class Attention(Model):
    """One attention layer with fixed weights and an entrywise nonlinearity, and a ridge-regularised linear probe.

    Tokens x_i = y_i mu + z_i are the columns of X (p, n). The attention matrix is
    K_ij = f(x_i . x_j / sqrt p + (x_i . w_K)(w_Q . x_j) / sqrt p) / sqrt p, the probe is fitted to the labels on X K.

    Parameters
    ----------
    tokens : int
        Number of tokens n; even if the labels are balanced.
    dimension : int
        Embedding dimension p.
    ridge : float
        Ridge gamma; the penalty of the probe w is n gamma |w|^2.
    snr : float
        Signal-to-noise ratio rho = |mu|^2.
    activation : model
        The nonlinearity f, one of `theory.numerics.activations`.
    alignment : Aligned, Gram or Strong
        The weights w_K, w_Q.
    diagonal : 'zero' or 'keep'
        Whether the diagonal of K is set to zero (its entries are not small if f is unbounded).
    labels : Balanced, Unbalanced, Independent or Spherical
        How labels are chosen.
    """

    tokens: int = whole(least=2, doc="number of tokens n")
    dimension: int = whole(least=1, doc="embedding dimension p")
    ridge: float = real(above=0, doc="ridge gamma")
    snr: float = real(least=0, doc="signal-to-noise ratio rho = |mu|^2")
    activation: Activation = nested(*ACTIVATIONS, doc="nonlinearity f")
    alignment: Aligned | Gram | Strong = nested(
        Aligned, Gram, Strong, default=Aligned(), doc="weights w_K and w_Q"
    )
    diagonal: str = choice("zero", "keep", default="zero", doc="what becomes of the diagonal of K")
    labels: Balanced | Unbalanced | Independent | Spherical = nested(
        Balanced, Unbalanced, Independent, Spherical, default=Balanced(), doc="how labels are chosen"
    )

    def validate(self) -> None:
        _check(self)


class Softmax(Model):
    """Softmax attention: K = (n/sqrt p) softmax of the logits, over the keys or over the queries.

    Parameters
    ----------
    tokens, dimension, ridge, snr, alignment, labels
        As for `Attention`.
    over : 'keys' or 'queries'
        The index that is normalised: rows (keys) or columns (queries) of each other index sum to one.
    masked : bool
        Whether a token is kept from attending to itself. Without the mask K tends to a multiple of the identity.
    """

    tokens: int = whole(least=2, doc="number of tokens n")
    dimension: int = whole(least=1, doc="embedding dimension p")
    ridge: float = real(above=0, doc="ridge gamma")
    snr: float = real(least=0, doc="signal-to-noise ratio rho = |mu|^2")
    over: str = choice("keys", "queries", default="keys", doc="the index that is normalised")
    masked: bool = flag(default=True, doc="whether tokens do not attend to themselves")
    alignment: Aligned | Gram | Strong = nested(
        Aligned, Gram, Strong, default=Aligned(), doc="weights w_K and w_Q"
    )
    labels: Balanced | Unbalanced | Independent | Spherical = nested(
        Balanced, Unbalanced, Independent, Spherical, default=Balanced(), doc="how labels are chosen"
    )

    def validate(self) -> None:
        _check(self)


def _check(model: Attention | Softmax) -> None:
    """What no single field can check."""
    if isinstance(model.labels, Balanced) and model.tokens % 2:
        raise DomainError("tokens", model.tokens, "even if the labels are balanced")
    if isinstance(model.alignment, Gram):
        own = model.alignment.matrix[0][0]
        if not math.isclose(own, model.snr, rel_tol=1e-12, abs_tol=0):
            raise DomainError(
                "alignment.matrix", model.alignment.matrix, f"a matrix with first entry snr = {model.snr!r}"
            )
