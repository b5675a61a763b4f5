"""World: one exchange and one book, from the first order through their strikes to the last comparison."""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from torturing.comparing import Comparison, copied_book
from torturing.history import ExchangeHistory
from torturing.processes import DaemonProcess, ExchangeProcess, NotAsExpectedError
from torturing.strikes import ENDS_BY_ITSELF, Strike, Striker

APPETITE = 80
CALM_S = 40.0
MOST_BETWEEN_CALMS = 3
_AGAIN_S = 0.5


@dataclass(slots=True)
class Figures:
    """What was done and seen, counted over worlds."""

    kills: int = 0
    calms: int = 0
    strikes: Counter[Strike] = field(default_factory=Counter)
    found_open: Counter[str] = field(default_factory=Counter)
    trades_found_later: int = 0
    orders: int = 0
    trades: int = 0
    longest_calm_s: float = 0.0
    findings: list[str] = field(default_factory=list)


class World:
    """Lives in `folder`, which holds afterwards what is needed to look into a finding."""

    def __init__(self, folder: Path, seed: int, figures: Figures) -> None:
        folder.mkdir(parents=True)
        self._random = Random(f"{seed}:torture")  # noqa: S311 - it has to repeat, not to be secret
        self._exchange = ExchangeProcess(folder, seed)
        self._daemon = DaemonProcess(folder, seed)
        self._striker = Striker(self._exchange, self._daemon, self._random)
        self._copy = folder / "compared.sqlite"
        self._figures = figures
        self._done: list[Strike] = []

    def torture(self, kills: int, strikes: Iterator[Strike] | None = None) -> bool:
        """Strike until `kills` processes have been killed, then calm down; False when something was found.

        `strikes` are drawn by chance if they are not given; there must be enough of them.
        """
        coming = self._striker.drawn() if strikes is None else strikes
        until = self._figures.kills + kills
        try:
            self._exchange.start()
            self._daemon.start(self._exchange.address, APPETITE)
            self._daemon.wait_until_ready()
            while self._figures.kills < until and not self._figures.findings:
                for _ in range(self._random.randint(1, MOST_BETWEEN_CALMS)):
                    self._strike(next(coming))
                    if self._figures.kills >= until or self._figures.findings:
                        break
                self._calm_down()
            self._count_the_whole()
        except (NotAsExpectedError, ValueError, sqlite3.Error) as error:
            self._find([f"{type(error).__name__}: {error}"])
        finally:
            self._daemon.kill()
            self._exchange.kill()
        return not self._figures.findings

    def _strike(self, strike: Strike) -> None:
        if not self._daemon.is_running:
            self._daemon.start(self._exchange.address, APPETITE)
        self._done.append(strike)
        self._figures.strikes[strike] += 1
        self._figures.kills += self._striker.carry_out(strike)
        if not self._exchange.is_running:
            self._exchange.start()
        code = self._daemon.exit_code
        if code is None:
            return  # it lives on, and the next strike or calm meets it as it is
        if code >= 0 and code not in ENDS_BY_ITSELF.get(strike, ()):
            raise NotAsExpectedError(f"the daemon ended by itself with code {code}")
        if self._daemon.book.exists():
            self._look_at_the_dead()

    def _look_at_the_dead(self) -> None:
        """The book as it was left, before any daemon has mended it."""
        comparison = self._compared()
        self._figures.found_open += comparison.fate_of_the_open
        self._figures.trades_found_later += comparison.unbooked_trades
        self._find(comparison.at_any_moment())

    def _compared(self) -> Comparison:
        book = copied_book(self._daemon.book, self._copy)
        try:
            return Comparison(book, ExchangeHistory(self._exchange.history()))
        finally:
            book.close()

    def _calm_down(self) -> None:
        """A daemon without appetite has to bring the book to what the exchange has; then it is asked to end, which must go well."""
        self._figures.kills += self._daemon.kill()
        self._daemon.start(self._exchange.address, appetite=0)
        began = time.monotonic()
        self._daemon.wait_until_ready()
        findings = list(self._compared().settled())
        while findings and time.monotonic() < began + CALM_S:
            time.sleep(_AGAIN_S)
            findings = list(self._compared().settled())
        self._find(findings)
        self._find(self._halts())
        self._figures.calms += 1
        self._figures.longest_calm_s = max(self._figures.longest_calm_s, time.monotonic() - began)
        code = self._daemon.stop()
        if code != 0:
            raise NotAsExpectedError(f"the daemon ended with code {code} after SIGTERM")

    def _halts(self) -> Iterable[str]:
        book = copied_book(self._daemon.book, self._copy)
        modes = book.modes()
        book.close()
        return [f"{scope} is {mode}, and nobody wanted that" for scope, mode in modes.items() if mode != "ACTIVE"]

    def _count_the_whole(self) -> None:
        book = copied_book(self._daemon.book, self._copy)
        self._figures.orders += len(book.orders())
        self._figures.trades += len(book.trades())
        book.close()

    def _find(self, findings: Iterable[str]) -> None:
        last = ", then ".join(f"[{strike}]" for strike in self._done[-MOST_BETWEEN_CALMS:])
        self._figures.findings += [f"{finding} (after {last})" for finding in findings]
