"""Ranks before training: the data's beside the noise (C1, C1b), and the filters' at the start (C9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lemmata.claims import (
    CONFIRMED,
    NARROWED,
    Claim,
    Identity,
    Margin,
    Mutant,
    Ordering,
    Repair,
)
from simulations.cnn_rank import DATA_RANK, TRAINING
from theory.cnn_rank import (
    Data,
    Training,
    data_stable_rank,
    image_stable_rank,
    initial_stable_rank,
    noise_transition,
)
from theory.numerics.spiked_matrices import hard_edge

_CLEAN = Data(features=4, images=72, dimension=180)


def _noises(*shares: float) -> Callable[[Data], tuple[Data, ...]]:
    """The same data at noise levels in units of the transition."""

    def along(model: Data) -> tuple[Data, ...]:
        place = noise_transition(model)
        return tuple(replace(model, noise=share * place) for share in shares)

    return along


# ------------------------------------------------------------------ C1: growth with the noise


def _rises(*shares: float) -> Ordering:
    return Ordering(
        DATA_RANK["patch_rank"],
        along=_noises(*shares),
        rises=True,
        margin=Margin(1.0, "a stable rank that has not risen by one has not grown"),
    )


C1 = Claim(
    "C1",
    source="Section 1",
    statement="The stable rank of the data grows fast with background noise; up to the transition sigma_c of R2.",
    falsifier="neighbouring noise levels below the transition between which the rank does not rise by one",
    design=(_CLEAN,),
    published=_rises(0.25, 0.5, 0.9, 1.5, 4.0),
    repaired=Repair(
        _rises(0.25, 0.5, 0.7, 0.9),
        "Below the transition, at which the noise's top singular value passes the features'.",
        narrows=True,
    ),
    mutants=(
        Mutant(
            "the rank falls with the noise",
            Ordering(
                DATA_RANK["patch_rank"],
                along=_noises(0.25, 0.5, 0.7, 0.9),
                rises=False,
                margin=Margin(0.0, "the bare sign"),
            ),
            distance=10,
        ),
    ),
    records=NARROWED,
    trials={"quick": 256},
)

# ------------------------------------------------------------------ C1b: by the formulas


def _at(noise_law: str, *shares: float, background: int = 1) -> tuple[Data, ...]:
    clean = replace(_CLEAN, noise_law=noise_law, background=background)
    return _noises(*shares)(clean)


def _union(model: Data) -> float:
    """Features and noise in different rows and columns alike: R2 for every noise law, and for whole images."""
    return data_stable_rank(replace(model, noise_law="projected"))


def _hard_edge(model: Data) -> float:
    """The edge (sqrt N + sqrt d')^2 without its shift at finite size."""
    s2, v = model.strength**2, model.noise**2
    rows, columns = model.noise_patches, model.noise_dimension
    energy = model.images * s2 + v * rows * columns
    return energy / max(model.images / (2 * model.features) * s2, v * hard_edge(rows, columns))


_WITHIN = Margin(
    0.01,
    "remainders: the mean edge is known to relative order N^(-4/3) = .003, and a mean of ratios differs from the "
    "ratio of means by the edge's relative variance, .001",
    relative=True,
)

C1B = Claim(
    "C1b",
    source="page",
    statement="The mean stable ranks of the patch matrix and of the image matrix are those of R2 and R3.",
    falsifier="a noise law and level, far from the transitions of both matrices, where the mean differs by 1 %",
    design=(*_at("projected", 0.5, 8.0), *_at("full", 0.5, 8.0), *_at("projected", 0.7, background=2)),
    published=(
        Identity(data_stable_rank, DATA_RANK["patch_rank"], _WITHIN),
        Identity(image_stable_rank, DATA_RANK["image_rank"], _WITHIN),
    ),
    mutants=(
        Mutant(
            "the edge without its Tracy-Widom shift",
            Identity(_hard_edge, DATA_RANK["patch_rank"], _WITHIN),
            distance=1,
        ),
        Mutant(
            "the union of spectra for whole images",
            Identity(_union, DATA_RANK["image_rank"], _WITHIN),
            distance=3,
        ),
        Mutant(
            "the union of spectra for noise along the features",
            Identity(_union, DATA_RANK["patch_rank"], _WITHIN),
            distance=1,
        ),
    ),
    records=CONFIRMED,
    trials={"quick": 2048},
)

# ------------------------------------------------------------------ C9: the filters at the start


def _hard_start(model: Training) -> float:
    rows, columns = 2 * model.filters, model.dimension
    return rows * columns / hard_edge(rows, columns)


_START = Margin(0.01, "the Tracy-Widom edge leaves an error of relative order (2m)^(-4/3)", relative=True)

C9 = Claim(
    "C9",
    source="page",
    statement="At the start the filters' mean stable rank is 2m d/edge(2m, d).",
    falsifier="numbers of filters and dimensions with another mean",
    design=(
        Training(1, 2, 400, filters=30),
        Training(1, 2, 2000, filters=50),
    ),
    published=Identity(initial_stable_rank, TRAINING["filter_rank"], _START),
    mutants=(
        Mutant(
            "the edge without its Tracy-Widom shift",
            Identity(_hard_start, TRAINING["filter_rank"], _START),
            distance=0.5,
        ),
    ),
    records=CONFIRMED,
    trials={"quick": 1024},
)
