"""The few numbers on which the limit of the memorization error depends.

The limit law knows an activation by its Hermite data (and by what becomes of the diagonal of K), the sizes by their
ratio, and the vectors mu, w_K, w_Q by their inner products.
"""

from __future__ import annotations

from lemmata.models import DomainError, Model, nested, real
from theory.attention_memorization.models import Attention, Gram, Strong, Unbalanced
from theory.numerics.activations import Coefficients
from theory.numerics.hermite import diagonal_value, hermite_data

MOST_SNR = 1e4
"""Largest signal-to-noise ratio, with E good to 1e-11 and S to 1e-7. S falls like its square and loses digits as fast:
at 1e8 none would be left."""

NO_SIGNAL = Gram(((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)))


class Limit(Model):
    """What the limit depends on. Any real ratio, and any Hermite data, whether or not an activation has them.

    Parameters
    ----------
    ratio : float
        c = p / n, between 0.02 and 50.
    ridge : float
        Ridge gamma; gamma / nu lies between 1e-16 and 1e8.
    hermite : Coefficients
        a_1, a_2 and nu of the activation.
    diagonal : float
        d, the diagonal entries of K: 0 if they are set to zero, else the limit of f(sqrt p)/sqrt p.
    weights : Gram
        Inner products of (mu, w_K, w_Q); the first is the signal-to-noise ratio rho, at most 1e4.
    mean : float
        Mean beta of the labels; it matters only if a_2 is not zero.
    """

    ratio: float = real(least=0.02, most=50, doc="c = p / n")
    ridge: float = real(above=0, doc="ridge gamma")
    hermite: Coefficients = nested(Coefficients, doc="Hermite data of the activation")
    diagonal: float = real(default=0.0, doc="diagonal entries d of K")
    weights: Gram = nested(Gram, default=NO_SIGNAL, doc="inner products of (mu, w_K, w_Q)")
    mean: float = real(least=-1, most=1, default=0.0, doc="mean beta of the labels")

    def validate(self) -> None:
        if not self.snr <= MOST_SNR:
            raise DomainError(
                "snr", self.snr, f"at most {MOST_SNR:g}, or double precision loses the digits of S"
            )

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio rho."""
        return self.weights.matrix[0][0]


def limit_of(model: Attention) -> Limit:
    """The numbers on which the limit of a layer's error depends.

    With a kept diagonal d is f(sqrt p)/sqrt p at the model's own dimension.

    Parameters
    ----------
    model : Attention

    Returns
    -------
    Limit

    Raises
    ------
    DomainError
        If the weights grow with the dimension, if the kept diagonal has no limit, or if a number lies outside the
        domain of `Limit`.

    References
    ----------
    arXiv 2506.18656, Theorem 1; R3, R4, R8.
    """
    if isinstance(model.alignment, Strong) and model.alignment.strength > 0:
        raise DomainError(
            "alignment",
            model.alignment,
            "Aligned or Gram: the limit holds for weights whose norms stay bounded; weights of order p^(1/4) lie "
            "outside its scaling and can only be simulated",
        )
    ratio = model.dimension / model.tokens
    if not 0.02 <= ratio <= 50:
        raise DomainError("dimension", model.dimension, "between 0.02 and 50 times the number of tokens")
    kept = model.diagonal == "keep"
    return Limit(
        ratio=ratio,
        ridge=model.ridge,
        hermite=hermite_data(model.activation),
        diagonal=diagonal_value(model.activation, model.dimension) if kept else 0.0,
        weights=Gram(model.alignment.gram(model.snr, model.dimension)),
        mean=model.labels.mean if isinstance(model.labels, Unbalanced) else 0.0,
    )
