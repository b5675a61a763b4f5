"""The strikes: what is done to the processes, when, and how many kills each of them is."""

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from random import Random

from torturing.processes import DaemonProcess, ExchangeProcess

LONGEST_LIFE_S = 4.0
LONGEST_FREEZE_S = 3.0
MOMENT_S = 8.0
"""How long a moment in the book is waited for before the strike comes without it."""

MOST_BYTES = 100_000
"""Bytes a file may have while writes are refused; the book and its log of changes soon have more. SQLite meets this as a failing disk."""

_GLANCE_S = 0.001
_IN_STATE = "SELECT 1 FROM orders WHERE state = ? LIMIT 1"


class Strike(StrEnum):
    """What is done; the first part of a name is whom it hits."""

    DAEMON_AT_ANY_TIME = "daemon killed at any time, starting or trading"
    DAEMON_WITH_INTENT = "daemon killed when the book has an intent that is not sent"
    DAEMON_WHILE_SENDING = "daemon killed when the book has an order under way"
    DAEMON_BEFORE_AN_ANSWER = "daemon killed while the exchange keeps back what it answers to orders"
    DAEMON_AFTER_FREEZE = "daemon frozen, woken and killed"
    DAEMON_BEFORE_A_LATE_EXCHANGE = "exchange frozen, daemon killed with orders on their way, exchange woken"
    DAEMON_WITHOUT_LINE = "connections cut, half of them after the order was carried out, then daemon killed"
    DAEMON_WITHOUT_DISK = "disk that refuses the daemon's writes, then takes them again, then daemon killed"
    EXCHANGE_AT_ANY_TIME = "exchange killed under the daemon"
    EXCHANGE_AFTER_FREEZE = "exchange frozen, then killed with what it had not read"
    BOTH = "both killed"


ENDS_BY_ITSELF = {
    Strike.DAEMON_WITHOUT_DISK: {5},
    Strike.EXCHANGE_AT_ANY_TIME: {6},
    Strike.EXCHANGE_AFTER_FREEZE: {6},
    Strike.BOTH: {6},
}
"""Exit codes (docs/runbook.md) that a strike may lead to: the book cannot be written, the exchange cannot be reached."""


class Striker:
    """Draws a strike and carries it out on a daemon that has just been started."""

    def __init__(self, exchange: ExchangeProcess, daemon: DaemonProcess, random: Random) -> None:
        self._exchange = exchange
        self._daemon = daemon
        self._random = random
        self._acts: dict[Strike, Callable[[], int]] = {
            Strike.DAEMON_AT_ANY_TIME: self._daemon_at_any_time,
            Strike.DAEMON_WITH_INTENT: lambda: self._daemon_at("INTENDED"),
            Strike.DAEMON_WHILE_SENDING: lambda: self._daemon_at("SENT"),
            Strike.DAEMON_BEFORE_AN_ANSWER: self._before_an_answer,
            Strike.DAEMON_WITHOUT_LINE: self._without_line,
            Strike.DAEMON_WITHOUT_DISK: self._without_disk,
            Strike.DAEMON_AFTER_FREEZE: self._daemon_after_freeze,
            Strike.DAEMON_BEFORE_A_LATE_EXCHANGE: self._late_exchange,
            Strike.EXCHANGE_AT_ANY_TIME: self._exchange_at_any_time,
            Strike.EXCHANGE_AFTER_FREEZE: self._exchange_after_freeze,
            Strike.BOTH: self._both,
        }

    def drawn(self) -> Iterator[Strike]:
        """By chance, without end; each comes once before any comes again."""
        while True:
            yield from self._random.sample(tuple(Strike), len(Strike))

    def carry_out(self, strike: Strike) -> int:
        """Do it, and give how many processes were killed by it. Afterwards each process runs or is dead, and none is frozen."""
        return self._acts[strike]()

    def _live(self) -> None:
        time.sleep(self._random.uniform(0, LONGEST_LIFE_S))

    def _freeze(self) -> None:
        time.sleep(self._random.uniform(0.05, LONGEST_FREEZE_S))

    def _daemon_at_any_time(self) -> int:
        self._live()
        return self._daemon.kill()

    def _daemon_at(self, state: str, later_s: float = 0.0) -> int:
        self._daemon.wait_until_ready()
        _wait_for_order(self._daemon.book, state)
        time.sleep(later_s)
        return self._daemon.kill()

    def _before_an_answer(self) -> int:
        self._exchange.let_break(kind="delay_answer", target="POST /api/v3/order", times=None, delay={"typical_ms": 800})
        killed = self._daemon_at("SENT", self._random.uniform(0, 0.4))
        self._exchange.lift_faults()
        return killed

    def _without_line(self) -> int:
        self._daemon.wait_until_ready()
        for kind in ("cut_executed", "cut_not_executed"):
            self._exchange.let_break(kind=kind, target="POST /api/v3/order", times=None, chance=0.5)
        self._exchange.cut_sockets()
        self._live()
        killed = self._daemon.kill()
        self._exchange.lift_faults()
        return killed

    def _without_disk(self) -> int:
        self._daemon.wait_until_ready()
        self._live()
        self._daemon.let_files_grow(self._random.randint(0, MOST_BYTES))
        self._freeze()
        self._daemon.let_files_grow(None)
        self._freeze()
        return self._daemon.kill()

    def _daemon_after_freeze(self) -> int:
        self._daemon.wait_until_ready()
        self._live()
        self._daemon.signal(signal.SIGSTOP)
        self._freeze()
        self._daemon.signal(signal.SIGCONT)
        time.sleep(self._random.uniform(0, 0.3))
        return self._daemon.kill()

    def _late_exchange(self) -> int:
        self._daemon.wait_until_ready()
        _wait_for_order(self._daemon.book, "INTENDED")
        self._exchange.signal(signal.SIGSTOP)
        _wait_for_order(self._daemon.book, "SENT")
        time.sleep(self._random.uniform(0, 0.05))
        killed = self._daemon.kill()
        self._exchange.signal(signal.SIGCONT)
        return killed

    def _exchange_at_any_time(self) -> int:
        self._daemon.wait_until_ready()
        self._live()
        killed = self._exchange.kill()
        self._freeze()
        return killed

    def _exchange_after_freeze(self) -> int:
        self._daemon.wait_until_ready()
        self._exchange.signal(signal.SIGSTOP)
        self._freeze()
        return self._exchange.kill()

    def _both(self) -> int:
        self._daemon.wait_until_ready()
        _wait_for_order(self._daemon.book, "SENT")
        return self._exchange.kill() + self._daemon.kill()


def _wait_for_order(book: Path, state: str) -> None:
    """Until the book has an order in `state`, as seen from outside, or MOMENT_S have passed."""
    until = time.monotonic() + MOMENT_S
    with closing(sqlite3.connect(f"{book.as_uri()}?mode=ro", uri=True, timeout=1, isolation_level=None)) as connection:
        while time.monotonic() < until:
            if connection.execute(_IN_STATE, (state,)).fetchone():
                return
            time.sleep(_GLANCE_S)
