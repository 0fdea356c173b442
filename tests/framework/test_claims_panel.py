"""Claims heard side by side: the judgements, the ledger and the errors of one process alone."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lemmata.claims import Claim, Judgement, judge
from lemmata.engines import Serial
from lemmata.laboratory import Laboratory, Progress
from lemmata.ledger import Ledger
from lemmata.panel import Panel
from tests.framework.test_claims_referee import all_kinds, claim, identity, records


def load(identifier: str) -> Claim:
    """A claim for the processes: one of each kind, one that fails, one whose process dies."""
    if identifier == "p/killed":
        if os.getpid() != int(os.environ["LEMMATA_TEST_PID"]):
            os._exit(9)
        return claim()
    return claim(published=identity(math.nan)) if identifier == "p/failing" else dict(all_kinds())[identifier]


@pytest.fixture(scope="module")
def panel() -> Iterator[Panel]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEMMATA_TEST_PID", str(os.getpid()))
        with Panel(load, 2) as panel:
            yield panel


def test_judgements_and_ledger_are_those_of_one_process(tmp_path: Path, panel: Panel):
    heard: list[Judgement] = []
    told: list[Progress] = []
    with Ledger(tmp_path / "one.sqlite") as ledger, Laboratory(3, engine=Serial(), ledger=ledger) as lab:
        alone = records(judge(all_kinds(), lab))
        assert (chunks := lab.computed) > 0
        kept = ledger.summary().samplers, [row.record for row in ledger.verdicts()]
    with Ledger(tmp_path / "two.sqlite") as ledger:
        with Laboratory(3, engine=Serial(), ledger=ledger, progress=told.append) as lab:
            assert records(panel.judge(all_kinds(), lab, notify=heard.append)) == alone
            assert lab.computed >= chunks  # two hearings at a time may want the same chunk
        assert (ledger.summary().samplers, [row.record for row in ledger.verdicts()]) == kept
        with Laboratory(3, engine=Serial(), ledger=ledger) as lab:
            assert records(panel.judge(all_kinds(), lab)) == alone
            assert (lab.computed, lab.reused) == (0, lab.reused)
    assert sorted(judgement.identifier for judgement in heard) == [name for name, _ in all_kinds()]
    assert {progress.label for progress in told} <= {name for name, _ in all_kinds()}


def test_an_error_is_raised_as_by_one_process(panel: Panel):
    claims = [*all_kinds()[:2], ("p/failing", load("p/failing")), *all_kinds()[2:4]]
    with Laboratory(3, engine=Serial()) as lab, pytest.raises(ValueError, match="must be finite") as caught:
        panel.judge(claims, lab)
    assert caught.value.__notes__ == ["while judging p/failing"]
    with Laboratory(3, engine=Serial()) as lab:  # the processes are still there
        assert len(panel.judge(all_kinds()[:2], lab)) == 2


def test_an_interrupt_keeps_what_is_finished(tmp_path: Path, panel: Panel):
    def interrupt(judgement: Judgement) -> None:
        raise KeyboardInterrupt

    with Ledger(tmp_path / "ledger.sqlite") as ledger, Laboratory(3, engine=Serial(), ledger=ledger) as lab:
        with pytest.raises(KeyboardInterrupt):
            panel.judge(all_kinds(), lab, notify=interrupt)
        assert ledger.summary().rows > 0


def test_the_claims_of_a_process_that_dies_are_heard_here(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LEMMATA_TEST_PID", str(os.getpid()))
    claims = [("p/killed", claim()), *all_kinds()[:2]]
    with Laboratory(3, engine=Serial()) as lab:
        alone = records(judge(claims, lab))
        with Panel(load, 1) as panel:
            assert records(panel.judge(claims, lab)) == alone
