"""Demonstrations of arXiv 2506.18656: the two parts of the memorization error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from lemmata.classroom import (
    LOG,
    Axis,
    Badge,
    Bar,
    Bars,
    Choice,
    Curve,
    Demo,
    Dots,
    LogSlider,
    Number,
    Plot,
    Reading,
    Slider,
    Task,
    Values,
    along,
    trials_along,
)
from lemmata.classroom.quantities import Array
from simulations.attention_memorization import ATTENTION_GAP
from theory.attention_memorization import (
    Aligned,
    Attention,
    RidgeRegression,
    error_curve,
    ridge_regression_error,
)
from theory.numerics.activations import Cosine, Linear, Relu, Sign, Tanh

TOKENS = 256
ACTIVATIONS = MappingProxyType(
    {"tanh": Tanh(), "sign": Sign(), "ReLU": Relu(), "cosine": Cosine(), "linear": Linear()}
)
RATIOS = MappingProxyType({"1/4": 0.25, "1/2": 0.5, "2": 2.0, "4": 4.0})
RIDGES = Axis(label="ridge $\\gamma$", low=1e-6, high=1e2, scale=LOG, points=41)


def layer(values: Values) -> Attention:
    """The attention layer at the controls' values."""
    return Attention(
        TOKENS,
        round(RATIOS[values["ratio"]] * TOKENS),
        ridge=values["ridge"],
        snr=values["snr"],
        activation=ACTIVATIONS[values["activation"]],
        alignment=Aligned(values["strength"]),
    )


def attention_error(model: Attention, ridges: Array) -> Array:
    """E of R4 along the ridge."""
    return error_curve(model, ridges).error


def attention_noise_part(model: Attention, ridges: Array) -> Array:
    """T/(1 + rho) of R5 along the ridge."""
    return error_curve(model, ridges).trace_error / (1 + model.snr)


def on_tokens(function: Callable[[RidgeRegression, Array], Array]) -> Callable[[Attention, Array], Array]:
    """A curve of ridge regression on the tokens of a layer."""

    def values(model: Attention, ridges: Array) -> Array:
        return function(RidgeRegression(model.tokens, model.dimension, model.ridge, model.snr), ridges)

    return values


regression_error = along(ridge_regression_error, "ridge")


def regression_noise_part(model: RidgeRegression, ridges: Array) -> Array:
    """T/(1 + rho) of R5 for ridge regression, whose error on labels of pure noise is that without signal."""
    return regression_error(replace(model, snr=0.0), ridges) / (1 + model.snr)


def floor(model: Attention) -> float:
    """What no ridge and no weights of bounded norm can go below: (1 - c)/(1 + rho) of R6, if c < 1."""
    ratio = model.dimension / model.tokens
    return (1 - ratio) / (1 + model.snr) if ratio < 1 else np.nan


TWO_PARTS = Demo(
    id="two-parts",
    title="What attention can melt away, and what it cannot",
    sources=("R1", "R4", "R5", "R6"),
    story="A probe learns the labels of the tokens it has seen. Its error has two parts. One part is the "
    "error on pure noise. The other part is the error on the signal. Compare a probe on the raw tokens "
    "(ridge regression) with a probe behind an attention layer.",
    ask="The layer's weights now turn towards the signal: you will push the alignment from 0 to 4. Which "
    "part of attention's bar gets smaller, and which does not move at all?",
    answer="The lower part, the error on noise, does not move. The upper part, the error on the signal, "
    "gets smaller: a layer with weights sees the signal better, but noise stays noise. The error never "
    "falls below the lower part.",
    controls=(
        LogSlider(name="ridge", label="ridge $\\gamma$", low=1e-6, high=1e2, default=1.0, steps=41),
        Slider(name="snr", label="signal-to-noise ratio $\\rho$", low=0, high=16, default=1, steps=17),
        Slider(name="strength", label="alignment of the weights $t$", low=0, high=4, default=0, steps=9),
        Choice(name="activation", label="nonlinearity $f$", options=tuple(ACTIVATIONS), default="tanh"),
        Choice(name="ratio", label="dimension per token $c = p/n$", options=tuple(RATIOS), default="2"),
    ),
    model=layer,
    theory=(
        Curve(
            name="regression",
            label="ridge regression",
            function=on_tokens(regression_error),
            along=RIDGES,
            uses=("snr", "ratio"),
            dashed=True,
        ),
        Curve(
            name="regression noise",
            label="its part on noise",
            function=on_tokens(regression_noise_part),
            along=RIDGES,
            uses=("snr", "ratio"),
        ),
        Curve(
            name="attention",
            label="attention",
            function=attention_error,
            along=RIDGES,
            uses=("snr", "strength", "activation", "ratio"),
            color="blue",
        ),
        Curve(
            name="attention noise",
            label="its part on noise",
            function=attention_noise_part,
            along=RIDGES,
            uses=("snr", "activation", "ratio"),
            color="blue",
        ),
        Number(
            name="floor",
            label="floor $(1-c)/(1+\\rho)$",
            function=floor,
            uses=("snr", "ratio"),
            color="green",
            dashed=True,
        ),
    ),
    readings=(
        Reading(name="regression now", label="ridge regression now", curve="regression", at="ridge"),
        Reading(name="regression noise now", label="noise part", curve="regression noise", at="ridge"),
        Reading(name="attention now", label="attention now", curve="attention", at="ridge"),
        Reading(name="attention noise now", label="noise part", curve="attention noise", at="ridge"),
    ),
    dots=(
        Dots(
            name="drawn regression",
            label="ridge regression, one draw",
            function=trials_along(ATTENTION_GAP["ridge_regression_error"], RIDGES, 9),
            uses=("snr", "strength", "activation", "ratio"),
            marker="s",
        ),
        Dots(
            name="drawn attention",
            label="attention, the same draw",
            function=trials_along(ATTENTION_GAP["error"], RIDGES, 9),
            uses=("snr", "strength", "activation", "ratio"),
            color="blue",
        ),
    ),
    pictures=(
        Bars(
            title="The two parts of the error",
            y=Axis(label="memorization error $E$", low=0, high=1),
            bars=(
                Bar(label="ridge regression", tops=("regression noise now", "regression now")),
                Bar(label="attention", tops=("attention noise now", "attention now")),
            ),
            labels=("error on noise", "error on the signal"),
            colors=("sky", "orange"),
        ),
        Plot(
            title="Error along the ridge",
            x=RIDGES,
            y=Axis(label="memorization error $E$", low=1e-4, high=1, scale=LOG),
            curves=("regression", "attention"),
            points=("regression now", "attention now"),
            levels=("floor",),
            dots=("drawn regression", "drawn attention"),
        ),
    ),
    badges=(
        Badge(label="error of attention", value="attention now"),
        Badge(label="error of ridge regression", value="regression now"),
    ),
    tasks=(
        Task(
            question="Before you touch anything: how large is the error of attention?",
            read="attention now",
            because="A third of it is error on the signal, the rest is error on noise.",
        ),
        Task(
            question="Push the alignment to 4. How large is it now?",
            read="attention now",
            at={"strength": 4},
            because="The part on the signal has nearly gone.",
        ),
        Task(
            question="How large is the part on noise now? It is the error that no alignment can remove.",
            read="attention noise now",
            at={"strength": 4},
            because="It does not depend on the weights at all, so it was as large before.",
        ),
        Task(
            question="Set the alignment back to 0, the nonlinearity to sign, the ratio to 1/4. How much "
            "larger is the error of ridge regression than that of attention? First its error:",
            read="regression now",
            at={"activation": "sign", "ratio": "1/4"},
            because="At a large ridge and few dimensions, attention wins even without alignment.",
        ),
        Task(
            question="And the error of attention there:",
            read="attention now",
            at={"activation": "sign", "ratio": "1/4"},
        ),
    ),
    note=f"The curves are limits for many tokens. The dots are drawn with {TOKENS} tokens, so they scatter about the "
    "curves. With a strong signal or strong weights they stay a little away: the theorem's scaling is not yet reached.",
)

DEMOS = (TWO_PARTS,)
