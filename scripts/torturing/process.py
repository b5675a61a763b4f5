"""Process: one program that is started again and again with the same log, and struck by signals: killed, frozen, slowed down."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar, cast

COMMAND = (sys.executable, "-m", "binance_trade_agent")
ROOT = Path(__file__).parents[2]
KEY, SECRET = "torture-key", "torture-secret"  # of the simulated exchange alone
START_S = 60.0
STOP_S = 40.0
LOOK_S = 0.02
STEP_S = 0.0001
"""How long a process runs between two looks in slow motion; a commit takes several such steps."""

Found = TypeVar("Found")


class NotAsExpectedError(Exception):
    """A process did not do what it had to, by its log."""


class Process:
    """The log says what it did in all its lives."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._writer: subprocess.Popen[bytes] | None = None
        self._begins_at = 0

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and before it was started."""
        return None if self._child is None else self._child.poll()

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended, frozen or not."""
        return self._child is not None and self._child.poll() is None

    def said(self) -> str:
        """What its present life has said."""
        with self._log.open("rb") as log:
            log.seek(self._begins_at)
            return log.read().decode(errors="replace")

    def let_files_grow(self, most_bytes: int | None) -> None:
        """Writes beyond this length of any file are refused (EFBIG); None lifts that."""
        if self._child is not None and self.is_running:
            _, hardest = resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE, (hardest if most_bytes is None else most_bytes, hardest))

    def lose_log(self) -> None:
        """Let nobody read any more what its present life says."""
        if self._writer is not None:
            self._writer.kill()

    def signal(self, number: int) -> None:
        """Send a signal; nothing when it has ended."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def kill(self) -> bool:
        """End it with SIGKILL; False when it had ended by itself."""
        was_running = self.is_running
        if self._child is not None and was_running:
            self._child.kill()
            self._child.wait(STOP_S)
        self._end_log()
        return was_running

    def stop(self) -> int:
        """Ask it to end, and give its exit code; it is killed when it does not."""
        self.signal(signal.SIGTERM)
        return self.wait_for_end()

    def wait_for_end(self) -> int:
        """Its exit code; it is killed when it does not end within STOP_S, and NotAsExpectedError raised."""
        if self._child is None:
            return 0
        try:
            return self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NotAsExpectedError(f"{self.name} did not end within {STOP_S:.0f} s") from None

    def wait_for(self, what: Callable[[], Found | None], description: str) -> Found:
        """What `what` gives once it gives something; raises NotAsExpectedError when that takes too long, or the process ends."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            found = what()
            if found:
                return found
            if not self.is_running:
                raise NotAsExpectedError(f"{self.name} ended with code {self.exit_code} before {description}")
            time.sleep(LOOK_S)
        raise NotAsExpectedError(f"{self.name} did not get to {description} within {START_S:.0f} s")

    def in_slow_motion(self, is_there: Callable[[], bool], most_s: float) -> bool:
        """Let it run STEP_S by STEP_S until `is_there`, which is asked while it stands still; it is left frozen then.

        False, and it runs again, when `most_s` have passed or it has ended.
        """
        until = time.monotonic() + most_s
        while self.is_running and time.monotonic() < until:
            self.signal(signal.SIGSTOP)
            self._await_standstill()
            if is_there():
                return True
            self.signal(signal.SIGCONT)
            time.sleep(STEP_S)
        return False

    def _await_standstill(self) -> None:
        child = self._child
        while child is not None and child.poll() is None and _state_of(child.pid) not in "TZ":
            time.sleep(STEP_S / 10)

    def _start(self, arguments: tuple[str, ...], settings: dict[str, str], folder: Path) -> None:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment = {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "BINANCE_API_KEY": KEY, "BINANCE_API_SECRET": SECRET}
        self._end_log()
        with self._log.open("ab") as log:
            self._begins_at = log.tell()
            self._writer = subprocess.Popen(("cat",), stdin=subprocess.PIPE, stdout=log)
        with cast(IO[bytes], self._writer.stdin) as pipe:
            self._child = subprocess.Popen(
                [*COMMAND, *arguments], env={**environment, **settings}, cwd=folder, stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL
            )

    def _end_log(self) -> None:
        """Wait until all that it said is in the log; it says it into a pipe, as in a container, which limits on its files spare."""
        if self._writer is not None:
            self._writer.wait(STOP_S)
            self._writer = None


def _state_of(pid: int) -> str:
    """The letter of its state; Z when there is no such process any more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
