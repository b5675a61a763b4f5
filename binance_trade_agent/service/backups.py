"""Backups on a schedule: when the next one is due, a process that makes it, and what is told of how it ended."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.domain.service_facts import BackupDone, BackupsPlanned
from binance_trade_agent.domain.spans import lasting
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.storage.scheduled_backup import newest_copy_s

FIRST_AFTER_S = 60.0
"""A start is busy enough; a backup that is overdue waits this long."""

AGAIN_AFTER_S = 600.0
"""After a backup that failed, the next one is tried this much later, or at its turn when that is sooner."""

MOST_S = 3_600.0
_TOLD_CHARACTERS = 1_000
_CODES: dict[int | None, ExitCode] = {int(code): code for code in ExitCode}
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG")
_PROGRAM = "binance_trade_agent.storage.scheduled_backup"


@dataclass(frozen=True, slots=True)
class BackupPlan:
    """Back `book` (of the account epoch `epoch`) up into `folder` every `interval_s` seconds of real time, and keep `keep` copies."""

    book: Path
    epoch: str
    folder: Path
    interval_s: float
    keep: int


class Backups:
    """Makes the backups of a running daemon, one after another; a failure is told and stops nothing.

    `clock` shows real time. `on_damage` is called with a sentence when the book itself was found unsound.
    """

    def __init__(self, plan: BackupPlan, *, clock: Clock, observer: Observer, on_damage: Callable[[str], Awaitable[None]]) -> None:
        self._plan = plan
        self._clock = clock
        self._observer = observer
        self._on_damage = on_damage
        self._newest_s: float | None = None
        self._error = ""

    @property
    def standing(self) -> str:
        """How the backups stand, as a phrase for people."""
        age = "none yet" if self._newest_s is None else f"the newest is {lasting(max(0, int(self._now_s() - self._newest_s)) * 1000)} old"
        return f"{age}; the last attempt failed: {self._error}" if self._error else age

    async def run(self) -> None:
        """Make backups for good. Raises what `on_damage` raises."""
        plan = self._plan
        self._newest_s = newest_copy_s(plan.folder, plan.epoch)
        self._observer.observe(BackupsPlanned(plan.interval_s, self._newest_s))
        wait_s = max(min(FIRST_AFTER_S, plan.interval_s), self._due_in_s())
        while True:
            await asyncio.sleep(wait_s)
            wait_s = plan.interval_s if await self._made() else min(plan.interval_s, AGAIN_AFTER_S)

    def _due_in_s(self) -> float:
        return 0.0 if self._newest_s is None else min(self._plan.interval_s, self._newest_s + self._plan.interval_s - self._now_s())

    async def _made(self) -> bool:
        """Whether there is one backup more."""
        started_ms = self._clock.monotonic_ms()
        code, said = await self._carry_out()
        self._error = "" if code is ExitCode.OK else said
        ended_s = self._now_s()
        duration_ms = self._clock.monotonic_ms() - started_ms
        if code is ExitCode.OK:
            self._newest_s = ended_s
            self._observer.observe(BackupDone(ended_s, duration_ms, path=said))
        else:
            self._observer.observe(BackupDone(ended_s, duration_ms, error=said))
        if code is ExitCode.BOOK_DAMAGED:
            await self._on_damage(said)
        return code is ExitCode.OK

    async def _carry_out(self) -> tuple[ExitCode, str]:
        plan = self._plan
        command = (sys.executable, "-m", _PROGRAM, str(plan.book.resolve()), str(plan.folder.resolve()), str(plan.keep))
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=_environment())
        except OSError as error:
            return ExitCode.FAILED, f"the process that makes backups could not be started: {error.strerror}"
        try:
            async with asyncio.timeout(MOST_S):
                made, why = await _said(process)
        except TimeoutError:
            return ExitCode.FAILED, f"it was not done after {MOST_S:.0f} s"
        finally:
            await _end(process)
        code = _CODES.get(process.returncode, ExitCode.FAILED)
        return (code, made) if code is ExitCode.OK else (code, why or f"its process ended with {process.returncode}")

    def _now_s(self) -> float:
        return self._clock.now_ms() / 1_000


def _environment() -> dict[str, str]:
    """What a Python needs to find the same modules, and nothing else: settings stand in the environment, and some are secrets."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUTF8": "1"}


async def _said(process: Process) -> tuple[str, str]:
    """The last lines of its output and of its errors, once it has ended."""
    assert process.stdout is not None  # noqa: S101 - it was started with pipes
    assert process.stderr is not None  # noqa: S101 - the same
    output, errors, _ = await asyncio.gather(process.stdout.read(), process.stderr.read(), process.wait())
    return _last_line(output), _last_line(errors)


def _last_line(text: bytes) -> str:
    return (text.decode(errors="replace").strip().splitlines() or [""])[-1][:_TOLD_CHARACTERS]


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
