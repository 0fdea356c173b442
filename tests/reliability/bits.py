"""The same bits everywhere: one digest for every engine, number of workers, order of completion and interruption.

One sampler of each paper is run for a few chunks, and a claim is judged; all stored statistics, all merged ones, the
trials at which the claim stopped and its verdict enter the digest. It is compared within this machine only.
"""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemmata.claims import CONFIRMED, Claim, Identity, Margin, Mutant, judge
from lemmata.engines import Engine, Serial, Threads, make_engine
from lemmata.laboratory import Laboratory, Progress
from lemmata.ledger import Ledger
from tests.framework.invented import WALK, Walk, walk_end_mean
from tests.framework.test_engines import Shuffled
from tests.reliability.tables import Table
from tests.reliability.work import (
    CATALOGUE,
    digest_of_ledger,
    digest_of_runs,
    one_sampler_of_each_paper,
    own_cluster,
    runs_of,
)

SEED = 20


def _without_scale(model: Walk) -> float:
    return model.steps * model.drift


WALK_CLAIM = Claim(
    "C1",
    source="tests",
    statement="The mean end of the invented walk is steps x drift x scale.",
    falsifier="a mean elsewhere",
    design=(Walk(3, drift=0.2, scale=0.5), Walk(2, drift=-0.5, scale=2.0)),
    published=Identity(walk_end_mean, WALK["end"], Margin(0.05, "a tenth of the drift of a step")),
    mutants=(Mutant("the scale is forgotten", _without_scale, distance=3),),
    records=CONFIRMED,
)


@dataclass(frozen=True)
class Size:
    """How much is run."""

    chunks: int
    interruptions: int
    claims: tuple[str, ...]


SIZES = {"small": Size(3, 3, ()), "full": Size(5, 4, ("attention_memorization/C7",))}


class Interrupted(KeyboardInterrupt):
    """Ctrl-C at a chosen chunk."""


@dataclass
class Setting:
    """One way to run the same work."""

    name: str
    engine: Callable[[], Engine]
    interruptions: int = 0


def everything(setting: Setting, size: Size, work: list[Any], folder: Path) -> dict[str, str]:
    """Run all of it, in pieces if interruptions are asked for; digests by name."""
    path = folder / f"{setting.name.replace(' ', '-')}.sqlite"
    rng = random.Random(setting.name)
    for _ in range(setting.interruptions):
        stop = rng.randrange(1, size.chunks * len(work))

        def interrupt(progress: Progress, stop: int = stop) -> None:
            if progress.done >= stop:
                raise Interrupted

        with (
            Ledger(path) as ledger,
            Laboratory(SEED, engine=setting.engine(), ledger=ledger, progress=interrupt) as lab,
        ):
            try:
                lab.advance([(run, size.chunks) for run in runs_of(lab, work)])
            except Interrupted:
                continue
    with Ledger(path) as ledger, Laboratory(SEED, engine=setting.engine(), ledger=ledger) as lab:
        runs = runs_of(lab, work)
        lab.advance([(run, size.chunks) for run in runs])
        entries = (
            [(entry.identifier, entry.item) for entry in CATALOGUE.claims(size.claims)] if size.claims else []
        )
        judgements = judge([("invented/C1", WALK_CLAIM), *entries], lab)
    records = [[found.verdict.value, found.rows, found.to_data()["mutants"]] for found in judgements]
    evidence = hashlib.sha256(json.dumps(records, sort_keys=True).encode()).hexdigest()[:16]
    trials = ", ".join(str(max(row["trials"] for row in found.rows)) for found in judgements)
    return {
        "stored": digest_of_ledger(path),
        "merged": digest_of_runs(runs),
        "evidence": evidence,
        "verdicts (trials)": f"{', '.join(found.verdict.value for found in judgements)} ({trials})",
    }


def run(name: str) -> list[Table]:
    """Every setting against the serial engine."""
    size = SIZES[name]
    work = list(one_sampler_of_each_paper())
    table = Table(
        f"B. Same bits everywhere: {size.chunks} chunks of "
        + ", ".join(sampler.identifier for sampler, _ in work)
        + f"; claims invented/C1 {' '.join(size.claims)}",
        ["run", "stored", "merged", "evidence", "verdicts (trials)", "seconds"],
    )
    chance = random.Random(11).randrange
    settings = [
        Setting("serial", Serial),
        *(Setting(f"{n} threads", lambda n=n: Threads(n)) for n in (1, 2, 4)),
        Setting("last chunk first", lambda: Shuffled(64, lambda n: n - 1)),
        Setting("chunks at random", lambda: Shuffled(16, chance)),
        Setting("interrupted, serial", Serial, size.interruptions),
        Setting("interrupted, 2 threads", lambda: Threads(2), size.interruptions),
    ]
    found: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as folder:

        def measure(setting: Setting) -> None:
            start = time.perf_counter()
            found[setting.name] = everything(setting, size, work, Path(folder))
            table.add(setting.name, *found[setting.name].values(), f"{time.perf_counter() - start:.1f}")

        for setting in settings:
            measure(setting)
        with own_cluster(1) as cluster:
            for workers in (1, 2, 3):
                cluster.scale(workers)
                cluster.wait_for_workers(workers)
                interruptions = 1 if workers == 2 else 0
                engine = lambda: make_engine("dask", cluster=cluster.scheduler_address)  # noqa: E731
                words = ", interrupted" if interruptions else ""
                measure(Setting(f"Dask, {workers} workers{words}", engine, interruptions))
    reference = found["serial"]
    for setting_name, digests in found.items():
        table.expect(digests == reference, f"{setting_name}: {digests} differs from serial {reference}")
    return [table]
