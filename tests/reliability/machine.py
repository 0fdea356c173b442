"""A state machine over what may happen to a ledger: submit, crash, resume, extend, compact, in any order."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import Verbosity, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import lemmata.laboratory
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory, Progress, Run
from lemmata.ledger import Ledger
from tests.framework.invented import UNIFORM, Walk
from tests.reliability.tables import Table
from tests.reliability.work import digest_of_runs, health, stored

SIZES = {"small": (25, 12), "full": (300, 25)}
"""Examples, and steps of each."""
MODELS = (Walk(40), Walk(50))
MOST_CHUNKS = 24
SEED = 2
happened: Counter[str] = Counter()


def _reference() -> tuple[dict[str, tuple[str, int, bytes]], dict[tuple[int, int], str]]:
    """Every chunk's row by key, and the digest of the merged statistics by model and number of chunks."""
    rows: dict[str, tuple[str, int, bytes]] = {}
    digests: dict[tuple[int, int], str] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.sqlite"
        for m, model in enumerate(MODELS):
            with Ledger(path) as ledger, Laboratory(SEED, engine=Serial(), ledger=ledger) as lab:
                growing = lab.run(UNIFORM, model)
                for chunks in range(1, MOST_CHUNKS + 1):
                    lab.advance([(growing, chunks)])
                    digests[m, chunks] = digest_of_runs([growing])
        rows = {key: (model, chunk, payload) for key, _, model, chunk, _, payload in stored(path)}
    return rows, digests


class Ledgers(RuleBasedStateMachine):
    """One ledger file and the runs on it, with what it has acknowledged."""

    rows: dict[str, tuple[str, int, bytes]]
    digests: dict[tuple[int, int], str]

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.sqlite"
        self.asked: dict[int, int] = {}  # chunks that were asked for last, by model
        self.acknowledged = 0

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def run(self, m: int, chunks: int, commit_every: int, die_at: int | None = None) -> Run:
        """Ask for chunks of a model; a process that is to die kills itself at that chunk."""

        def die(progress: Progress) -> None:
            if progress.done == die_at:
                os.kill(os.getpid(), 9)

        lemmata.laboratory.COMMIT_EVERY = commit_every
        with (
            Ledger(self.path) as ledger,
            Laboratory(SEED, engine=Serial(), ledger=ledger, progress=die) as lab,
        ):
            growing = lab.run(UNIFORM, MODELS[m])
            lab.advance([(growing, chunks)])
        return growing

    @rule(m=st.integers(0, 1), chunks=st.integers(1, MOST_CHUNKS), commit_every=st.integers(1, 8))
    def submit(self, m: int, chunks: int, commit_every: int) -> None:
        """Run to the end."""
        happened["submit"] += 1
        self.asked[m] = chunks
        self.finish(m, commit_every)

    @rule(
        m=st.integers(0, 1),
        chunks=st.integers(1, MOST_CHUNKS),
        commit_every=st.integers(1, 8),
        share=st.floats(0, 1),
    )
    def crash(self, m: int, chunks: int, commit_every: int, share: float) -> None:
        """kill -9 in the middle: whole commits that came before stay."""
        before = len(stored(self.path))
        die_at = max(1, round(share * chunks))
        pid = os.fork()
        if pid == 0:
            try:
                self.run(m, chunks, commit_every, die_at)
            finally:
                os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code == -9
        happened["crash"] += 1
        self.asked[m] = max(chunks, self.asked.get(m, 0))
        assert len(stored(self.path)) >= before

    @precondition(lambda self: bool(self.asked))
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        """The same again."""
        happened["resume"] += 1
        self.finish(data.draw(st.sampled_from(sorted(self.asked))), 8)

    @precondition(lambda self: bool(self.asked))
    @rule(data=st.data(), more=st.integers(1, 8))
    def extend(self, data: st.DataObject, more: int) -> None:
        """More chunks than were asked for."""
        happened["extend"] += 1
        m = data.draw(st.sampled_from(sorted(self.asked)))
        self.asked[m] = min(self.asked[m] + more, MOST_CHUNKS)
        self.finish(m, 3)

    @rule()
    def compact(self) -> None:
        """Give back room."""
        happened["compact"] += 1
        before = stored(self.path)
        with Ledger(self.path) as ledger:
            ledger.compact()
        assert stored(self.path) == before

    @rule(seconds=st.floats(0, 0.01))
    def crash_compacting(self, seconds: float) -> None:
        """kill -9 while room is given back."""
        happened["crash while compacting"] += 1
        before = stored(self.path)
        pid = os.fork()
        if pid == 0:
            try:
                with Ledger(self.path) as ledger:
                    while True:
                        ledger.compact()
            finally:
                os._exit(0)
        time.sleep(seconds)
        os.kill(pid, 9)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -9
        assert stored(self.path) == before

    def finish(self, m: int, commit_every: int) -> None:
        """Run to the end: the statistics are those of an undisturbed run, and what was stored is not run again."""
        growing = self.run(m, self.asked[m], commit_every)
        assert digest_of_runs([growing]) == self.digests[m, self.asked[m]]
        model = MODELS[m].to_json()
        held = {row[3] for row in stored(self.path) if row[2] == model}
        assert held >= set(range(self.asked[m]))

    @invariant()
    def every_row_is_right(self) -> None:
        """No chunk is lost, none is there twice, each holds the bits of an undisturbed run."""
        if not hasattr(self, "path"):
            return
        assert health(self.path) == ""
        found = stored(self.path)
        assert len(found) >= self.acknowledged
        self.acknowledged = len(found)
        for key, _, model, chunk, _, payload in found:
            assert self.rows[key] == (model, chunk, payload)


def run(name: str) -> list[Table]:
    """Many runs of the machine."""
    examples, steps = SIZES[name]
    Ledgers.rows, Ledgers.digests = _reference()
    run_state_machine_as_test(
        Ledgers,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=True,
            verbosity=Verbosity.quiet,
        ),
    )
    table = Table(
        f"C. Faults: state machine, {examples} runs of up to {steps} steps; after each step every row is checked",
        ["step", "times"],
    )
    for words in ("submit", "crash", "resume", "extend", "compact", "crash while compacting"):
        table.add(words, happened[words])
        table.expect(happened[words] > 0, f"{words} did not happen")
    return [table]
