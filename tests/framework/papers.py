"""A paper that is invented, on every floor that the site looks at; its text is hostile to pages."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from lemmata.catalogue import Entry, PaperFloors
from lemmata.claims import (
    CONFIRMED,
    CORRECTED,
    NOT_EXECUTABLE,
    Claim,
    Control,
    Identity,
    Margin,
    Mutant,
    Repair,
)
from lemmata.pictures import Figure
from lemmata.records import Exact, Foundation, Paper, Result, Waiver
from tests.framework.invented import WALK, Walk, walk_end_mean

HOSTILE = '<script>alert("x")</script> & "more"'
MODEL = Walk(steps=4, drift=0.5, scale=2.0)
STORY = f"""# A walk {HOSTILE}

Back to [how verdicts come about](../referee.md) and [another paper](other.md#R1).

## Results

### R1. The mean of the end: E_n = n d s

    E_n = n delta s,     delta > 0

### R2. Nothing

## Claims

### C1. The mean

### C2. Its published form

### C3. A remark
"""


def wrong_mean(model: Walk) -> float:
    """The mean without its scale."""
    return model.steps * model.drift


def _never(*arguments: object) -> NoReturn:
    raise AssertionError("the invented figure is not drawn")


def _identity(prediction: object) -> Identity:
    margin = Margin(0.5, "an eighth of the standard deviation")
    return Identity(prediction, WALK["end"], margin)  # type: ignore[arg-type]


TRUE = Claim(
    "C1",
    source="Theorem 1",
    statement=f"The mean is n d s {HOSTILE}",
    falsifier="another mean",
    design=(MODEL, replace(MODEL, steps=2)),
    published=_identity(walk_end_mean),
    mutants=(Mutant("the scale forgotten", wrong_mean, distance=1.0),),
    records=CONFIRMED,
    trials={"quick": 8192},
)
FALSE = Claim(
    "C2",
    source="Theorem 2",
    statement="The mean is n d.",
    falsifier="another mean",
    design=(MODEL,),
    published=_identity(wrong_mean),
    repaired=Repair(_identity(walk_end_mean), words="The mean is n d s."),
    mutants=(Mutant("the scale forgotten", wrong_mean, distance=1.0),),
    controls=(Control("the right mean", walk_end_mean),),
    records=CORRECTED,
    trials={"quick": 8192},
)
REMARK = Claim(
    "C3",
    source="Remark 1",
    statement="Walks are nice.",
    falsifier="a walk that is not",
    design=(),
    published=None,
    why="there is nothing to run",
    records=NOT_EXECUTABLE,
)
CLAIMS = (TRUE, FALSE, REMARK)
RESULTS = (Result(walk_end_mean, Walk, source="R1", nature=Exact(), formula="E_n = n delta s"),)
FIGURES = (
    Figure(
        id="F1",
        reproduces="Fig. 1",
        title=f"A figure {HOSTILE}",
        caption="Ours & theirs: x_1",
        data=_never,
        draw=_never,
    ),
)
PAPER = Paper(
    title=f"Walks {HOSTILE}",
    authors=("A. <Author>",),
    arxiv="0000.00000",
    year=2025,
    summary="A summary & more.",
    statements={
        "R1": ("C1", "F1", "walk_end_mean"),
        "R2": Waiver("it says nothing that could be checked"),
        "C1": ("C1",),
        "C2": ("C2",),
        "C3": ("C3",),
        "F1": ("F1",),
        "F2": Waiver("it shows a photograph"),
    },
    foundations={
        "D1": Foundation("A walk", "sums of <steps>"),
        "A1": Foundation("Drift", "d > 0", is_assumption=True),
    },
    uses={"R1": ("D1",), "C2": ("R1", "A1"), "C3": ("D1",), "R2": ("R1",)},
)


def paper(name: str = "walks", about: Paper = PAPER) -> PaperFloors:
    """The invented paper under a name that no real one has."""
    floors = PaperFloors(name)
    floors.__dict__.update(
        metadata=about,
        results=RESULTS,
        samplers=(),
        comparisons=(),
        claims=tuple(Entry(name, claim, "claim") for claim in CLAIMS),
        figures=tuple(Entry(name, figure, "figure") for figure in FIGURES),
    )
    return floors
