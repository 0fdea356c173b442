"""Claims heard side by side, in processes of their own.

Proofs, closed forms and draws of small models are rows of Python calls, which threads of one process make in turns.
So each process hears whole claims; the ledger stays with the process that asked, which reads and writes it for all.
The module loads little before its processes start, so that they load what they need side by side.
Judgements are the same as those of `judge` alone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from lemmata.ledger import ChunkRow, Key, Ledger, LedgerError
from lemmata.threads import ONE_THREAD

if TYPE_CHECKING:
    from lemmata.claims import Claim, Judgement, Level
    from lemmata.laboratory import Laboratory, Progress
    from lemmata.payload import Arrays

Wire: TypeAlias = "Connection[Any, Any]"

TELL_EVERY = 0.1
"""Seconds between two reports of progress."""
PATIENCE = 1.0
"""Seconds that a process has to end by itself."""
FAREWELL = 10.0
"""Seconds that an interrupted process has to hand in what is finished."""


@dataclass(frozen=True)
class _Case:
    """A claim to be heard, and how."""

    identifier: str
    seed: int
    level: Level
    alpha: float
    has_ledger: bool


@dataclass(frozen=True)
class _Verdict:
    """What a process has found: the judgement without its claim, which has functions and stays where it is."""

    fields: dict[str, Any]
    key: str
    computed: int
    reused: int


@dataclass(frozen=True)
class _Failure:
    """A hearing has ended with an error."""


@dataclass(frozen=True)
class _Told:
    """How far a hearing is."""

    progress: Progress


class Panel:
    """Processes that hear claims; a context manager.

    They start at once and load what they need meanwhile.

    Parameters
    ----------
    load : callable
        From a claim's identifier to the claim; a function of a module, called in the processes.
    processes : int
        How many, >= 1.
    workers : int
        Threads of each.
    """

    def __init__(self, load: Callable[[str], Claim], processes: int, *, workers: int = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self._processes: list[Any] = []
        self._members: dict[Wire, int] = {}  # with the number of each process
        self._hearing: dict[Wire, str] = {}
        missing = {name: value for name, value in ONE_THREAD.items() if name not in os.environ}
        os.environ.update(missing)  # for the processes: their BLAS looks at it when NumPy is loaded
        try:
            with _deaf_to_interrupts():
                for _ in range(processes):
                    ours, theirs = context.Pipe()
                    process = context.Process(target=_sit, args=(theirs, load, workers), daemon=True)
                    process.start()
                    theirs.close()
                    self._processes.append(process)
                    self._members[ours] = process.pid or 0
        finally:
            for name in missing:
                del os.environ[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        for connection in self._members:
            connection.close()  # one that waits for a claim ends by itself
        for process in self._processes:
            process.join(PATIENCE)
            process.terminate()
            process.join()
        self._members, self._processes = {}, []

    def judge(
        self,
        claims: Sequence[tuple[str, Claim]],
        lab: Laboratory,
        level: Level | None = None,
        *,
        alpha: float | None = None,
        notify: Callable[[Judgement], None] | None = None,
    ) -> list[Judgement]:
        """As `lemmata.claims.judge`.

        Where a hearing ends with an error, or its process dies, this process hears the claim again: so the error is
        raised here as it arose.
        """
        from lemmata.claims import CLAIM_ALPHA, QUICK, Judgement, judge

        level, alpha = level or QUICK, alpha or CLAIM_ALPHA
        known = dict(claims)
        waiting = deque(
            _Case(name, lab.seed, level, alpha, lab.ledger is not None) for name in _order(claims)
        )
        found: dict[str, Judgement] = {}
        for connection in self._members:
            self._next(connection, waiting)
        try:
            while self._hearing:
                for connection in wait(list(self._hearing)):
                    assert isinstance(connection, Connection)
                    message = self._receive(connection, lab)
                    if message is None:
                        continue
                    identifier = self._hearing.pop(connection)
                    if isinstance(message, _Verdict):
                        judgement = Judgement(claim=known[identifier], **message.fields)
                        found[identifier] = judgement
                        lab.computed += message.computed
                        lab.reused += message.reused
                        if lab.ledger is not None:
                            lab.ledger.put_verdict(identifier, level.name, message.key, judgement.to_data())
                        if notify is not None:
                            notify(judgement)
                        self._next(connection, waiting)
                    else:
                        waiting.clear()  # the error need not wait for the other claims
        except BaseException:
            self._adjourn(lab)
            raise
        left = [(identifier, claim) for identifier, claim in claims if identifier not in found]
        found |= {j.identifier: j for j in judge(left, lab, level, alpha=alpha, notify=notify)}
        return [found[identifier] for identifier, _ in claims]

    def _next(self, connection: Wire, waiting: deque[_Case]) -> None:
        if waiting:
            case = waiting.popleft()
            self._hearing[connection] = case.identifier
            connection.send(case)

    def _receive(self, connection: Wire, lab: Laboratory) -> _Verdict | _Failure | None:
        """Serve one request of a process; None while its hearing goes on."""
        try:
            message = connection.recv()
        except (EOFError, OSError):
            del self._members[connection]
            return _Failure()
        if isinstance(message, _Told):
            lab.report(message.progress)
        elif isinstance(message, _Request):
            assert lab.ledger is not None
            connection.send(getattr(lab.ledger, message.method)(message.argument))
        else:
            return message
        return None

    def _adjourn(self, lab: Laboratory) -> None:
        """Interrupt all hearings and keep what they have finished."""
        for connection in self._hearing:
            if hasattr(signal, "SIGKILL"):  # elsewhere a signal ends the process at once
                os.kill(self._members[connection], signal.SIGINT)
        end = time.monotonic() + FAREWELL
        while self._hearing and (left := end - time.monotonic()) > 0:
            for connection in wait(list(self._hearing), left):
                assert isinstance(connection, Connection)
                try:
                    ended = self._receive(connection, lab) is not None
                except LedgerError:
                    ended = True  # it is said already, or the interrupt is what matters
                if ended:
                    del self._hearing[connection]
        self._hearing.clear()


@contextmanager
def _deaf_to_interrupts() -> Generator[None]:
    """Processes that start here ignore interrupts until they sit: one would end their imports with a traceback."""
    if threading.current_thread() is not threading.main_thread():  # which alone may set this
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _order(claims: Sequence[tuple[str, Claim]]) -> list[str]:
    """Identifiers in the order of hearing: proofs, which need no kernels, while the first claim compiles them."""
    from lemmata.claims.statements import Statement

    sampled = [name for name, claim in claims if any(isinstance(p, Statement) for p in claim.published_parts)]
    proofs = [name for name, _ in claims if name not in sampled]
    return [*sampled[:1], *proofs, *sampled[1:]]


# ---- in the processes


def _sit(connection: Wire, load: Callable[[str], Claim], workers: int) -> None:
    """Hear claims until the connection is closed."""
    signal.signal(signal.SIGINT, _interrupt_once)
    try:
        while True:
            case = connection.recv()
            try:
                connection.send(_hear(case, connection, load(case.identifier), workers))
            except (EOFError, BrokenPipeError):
                raise
            except Exception:
                connection.send(_Failure())
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return  # whoever asked is gone, or wants no more


def _interrupt_once(number: int, frame: FrameType | None) -> None:
    """An interrupt reaches the process from the terminal and from the panel: the second must not stop the farewell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _hear(case: _Case, connection: Wire, claim: Claim, workers: int) -> _Verdict:
    from lemmata.claims.evidence import evidence_key
    from lemmata.claims.referee import judge_claim
    from lemmata.engines import Threads
    from lemmata.laboratory import Laboratory

    said = 0.0

    def tell(progress: Progress) -> None:
        nonlocal said
        if time.monotonic() - said >= TELL_EVERY or progress.done == progress.planned:
            said = time.monotonic()
            connection.send(_Told(progress))

    ledger = _Relay(connection) if case.has_ledger else None
    with Laboratory(case.seed, engine=Threads(workers), ledger=ledger, progress=tell) as lab:
        lab.label = case.identifier
        judgement = judge_claim(case.identifier, claim, lab, case.level, alpha=case.alpha)
        key = evidence_key(case.identifier, claim, case.level, case.seed, case.alpha)
    found = {name: value for name, value in vars(judgement).items() if name != "claim"}
    return _Verdict(found, key, lab.computed, lab.reused)


@dataclass(frozen=True)
class _Request:
    """A call of one of the ledger's methods."""

    method: str
    argument: Any


class _Relay(Ledger):
    """The ledger of the process that asked, as the laboratory uses it."""

    def __init__(self, wire: Wire) -> None:  # no file is opened here
        self._wire = wire

    def get(self, keys: Sequence[Key]) -> dict[Key, Arrays]:
        return self._ask("get", list(keys))

    def platforms(self, keys: Sequence[Key]) -> set[str]:
        return self._ask("platforms", list(keys))

    def put(self, rows: Iterable[ChunkRow]) -> int:
        return self._ask("put", list(rows))

    def _ask(self, method: str, argument: Any) -> Any:
        self._wire.send(_Request(method, argument))
        return self._wire.recv()
