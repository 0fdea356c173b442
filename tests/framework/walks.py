"""Runs of the invented walk, and all that they leave behind."""

from __future__ import annotations

from typing import Any

from lemmata.laboratory import Laboratory
from lemmata.tally import Collect
from tests.framework.invented import WALK, Walk

COLLECT = Collect(rows=("end",), covariance=("pair",), histogram={"end": (-1.0, 0.0, 1.0)})
MODEL = Walk(3, drift=0.2)


def bits(lab: Laboratory, chunks: int = 10, model: Walk = MODEL) -> dict[str, Any]:
    """All that `chunks` chunks of the walk leave behind, as arrays."""
    run = lab.run(WALK, model, axes={"scale": (1.0, 0.5)}, collect=COLLECT)
    lab.advance([(run, chunks)])
    assert run.chunks == chunks
    return {k: v for name, tally in run.tallies.items() for k, v in tally.to_arrays(name).items()}
