"""Workers: who runs the jobs of a search; this process, processes of its own, or a Dask cluster (dask_workers.py)."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from typing import Protocol, TypeVar

from binance_trade_agent.backtest.search.jobs import Evaluate, Evaluation, Job, Outcome
from binance_trade_agent.domain.errors import ServiceError

MOST_WORKERS = 256
_END_S = 5.0

T = TypeVar("T")


class Workers(Protocol):
    """Runs jobs, in whatever order, and answers in the order in which they were asked."""

    def answers(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """The outcome of each job. Raises ServiceError when a worker failed."""
        ...


class ThisProcess:
    """Runs one job after the other, here."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation
        self._evaluate: Evaluate | None = None

    def answers(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """The outcomes, each run when it is asked for."""
        for job in jobs:
            if self._evaluate is None:
                self._evaluate = self._evaluation.opened()
            yield self._evaluate(job)


@dataclass(frozen=True, slots=True)
class _Failed:
    """What a worker sends in place of an outcome."""

    text: str


class _Worker:
    """One process and the line to it."""

    def __init__(self, evaluation: Evaluation) -> None:
        # Spawned, not forked: a fork in a process with threads may find a lock held for good.
        context = multiprocessing.get_context("spawn")
        self.line, far_end = context.Pipe()
        self.process = context.Process(target=serve, args=(evaluation, far_end), daemon=True)
        self.process.start()
        far_end.close()

    def answer(self) -> Outcome:
        """The outcome that has come."""
        try:
            found = self.line.recv()
        except (EOFError, OSError):
            self.process.join(_END_S)
            raise ServiceError(
                f"a worker process died (exit code {self.process.exitcode}); fewer --workers take less memory, and what is done is kept"
            ) from None
        if isinstance(found, _Failed):
            raise ServiceError(f"a worker failed: {found.text}")
        outcome: Outcome = found
        return outcome

    def end(self) -> None:
        """End it, whatever it is doing: nothing of a job is kept but its answer."""
        self.line.close()
        self.process.terminate()
        self.process.join(_END_S)
        self.process.close()


class ProcessPool:
    """Processes of this machine, each with the candles in its own memory, started when there is work."""

    def __init__(self, evaluation: Evaluation, count: int) -> None:
        self._evaluation = evaluation
        self._count = count
        self._workers: list[_Worker] = []

    def answers(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """The outcomes in order, as soon as each and all before it are there; every worker has one job at a time."""
        if jobs and not self._workers:
            self._workers = [_Worker(self._evaluation) for _ in range(self._count)]
        idle, waiting = deque(self._workers), deque(enumerate(jobs))
        busy: dict[Connection, tuple[_Worker, int]] = {}
        done: dict[int, Outcome] = {}
        for number in range(len(jobs)):
            while number not in done:
                while idle and waiting:
                    worker, (asked, job) = idle.popleft(), waiting.popleft()
                    worker.line.send(job)
                    busy[worker.line] = (worker, asked)
                for line in wait(list(busy)):
                    assert isinstance(line, Connection)  # noqa: S101 - only lines are waited for
                    worker, asked = busy.pop(line)
                    done[asked] = worker.answer()
                    idle.append(worker)
            yield done.pop(number)

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.end()
        self._workers = []


def serve(evaluation: Evaluation, line: Connection) -> None:
    """What a worker process runs: jobs from the line until it is closed, also by the end of the process that asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    with suppress(EOFError, ConnectionError):
        evaluate = _told_on(line, evaluation.opened)
        while evaluate is not None:
            job = line.recv()
            outcome = _told_on(line, partial(evaluate, job))
            if outcome is not None:
                line.send(outcome)


def _told_on(line: Connection, action: Callable[[], T]) -> T | None:
    """What `action` returns; an error is sent to where somebody reads it, and is None here."""
    try:
        return action()
    except Exception as error:
        line.send(_Failed(f"{type(error).__name__}: {error}"))
        return None


@contextmanager
def local_workers(evaluation: Evaluation, count: int) -> Iterator[Workers]:
    """This process for one worker, a pool of processes for more."""
    if count == 1:
        yield ThisProcess(evaluation)
        return
    pool = ProcessPool(evaluation, count)
    try:
        yield pool
    finally:
        pool.close()
