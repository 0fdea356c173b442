"""Numbers of the two methods side by side, as the claims read them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from theory.ar_diffusion import AR, Divergence, Vanilla, joint_kl


def with_steps(model: Any, steps: int) -> Any:
    """The model with another number of steps."""
    return replace(model, scheme=replace(model.scheme, grid=replace(model.scheme.grid, steps=steps)))


def with_method(model: Any, method: Vanilla | AR) -> Any:
    """The model with another method."""
    return replace(model, scheme=replace(model.scheme, method=method))


def vanilla_kl(model: Divergence) -> float:
    """KL of vanilla diffusion."""
    return joint_kl(with_method(model, Vanilla()))


def ar_kl(model: Divergence) -> float:
    """KL of AR diffusion with the same steps in each stage."""
    return joint_kl(with_method(model, AR()))


def ratio(model: Divergence) -> float:
    """KL of vanilla over that of AR at equal steps of each stage."""
    return vanilla_kl(model) / ar_kl(model)


def one(_: Any) -> float:
    """The number one, as a bound of ratios."""
    return 1.0
