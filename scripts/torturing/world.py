"""World: one exchange and one book, from the first order through their strikes to the last comparison."""

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from enum import IntEnum
from itertools import islice
from pathlib import Path
from random import Random

from torturing.comparing import Comparison, copied_book
from torturing.figures import Figures
from torturing.history import ExchangeHistory
from torturing.process import NotAsExpectedError
from torturing.processes import BackupProcess, DaemonProcess, ExchangeProcess
from torturing.small_disk import SmallDisk
from torturing.strike import ENDS_BY_ITSELF, LEAVES_BEHIND, Strike
from torturing.strikes import APPETITE, Striker

CALM_S = 40.0
MOST_BETWEEN_CALMS = 4
MOST_STRIKES_A_KILL = 4
"""Some strikes end the daemon without a kill; a world of them alone has an end as well."""

BOOK_FAILED = "book_failed"
_AGAIN_S = 0.5


class Kind(IntEnum):
    """What is special about a world; they take turns by the seed."""

    PLAIN = 0
    PROTECTED = 1
    """Positions have their stop-loss and take-profit on the exchange."""
    SMALL = 2
    """The daemon's data are on a file system of some megabytes."""


_ONLY_IN = {
    Strike.DAEMON_PROTECTING: Kind.PROTECTED,
    Strike.DAEMON_MOVING_A_STOP: Kind.PROTECTED,
    Strike.DAEMON_ON_A_FULL_DISK: Kind.SMALL,
}
_NOT_IN = {
    Strike.DAEMON_MIGRATING: Kind.PROTECTED,  # the first schema has no orders of lists
}
_TURNS_OF_THE_SPECIAL = len(Kind)
"""What only one kind of world has is drawn so much more often there, and comes as often as all else over all worlds."""

_PROTECTION = {
    "PROTECTION": "exchange",
    "RISK_TRAILING_STOP_PCT": "0.02",
    "PROTECTION_TRAILING_STEP_PCT": "0.00001",
}
"""A stop follows nearly every step of the price."""


class World:
    """Lives in `folder`, which holds afterwards what is needed to look into a finding."""

    def __init__(self, folder: Path, seed: int, kind: Kind | None = None, *, with_disk: bool = False) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.figures = Figures(worlds=1)
        drawn = Kind(seed % len(Kind)) if kind is None else kind
        self._kind = Kind.PLAIN if drawn is Kind.SMALL and not with_disk else drawn
        self._random = Random(f"{seed}:torture")  # noqa: S311 - it has to repeat, not to be secret
        self._disk = SmallDisk(folder / "data") if self._kind is Kind.SMALL else None
        self._exchange = ExchangeProcess(folder, seed)
        self._daemon = DaemonProcess(folder, seed, _PROTECTION if self._kind is Kind.PROTECTED else {})
        self._backup = BackupProcess(folder)
        self._striker = Striker(self._exchange, self._daemon, self._backup, self._disk, self._random)
        self._copy = folder / "compared.sqlite"
        self._done: list[Strike] = []

    def torture(self, kills: int, strikes: Iterator[Strike] | None = None, *, only: Iterable[Strike] = tuple(Strike)) -> bool:
        """Strike until `kills` processes have been killed or `strikes` are at an end, then calm down; False when something was found.

        `strikes` are drawn by chance from `only`, without end, if they are not given.
        """
        possible = tuple(self._possible(only))
        coming = self._striker.drawn(possible) if strikes is None else strikes
        figures = self.figures
        try:
            if strikes is None and not possible:
                return True
            self._exchange.start()
            self._daemon.start(self._exchange.address, APPETITE)
            self._daemon.wait_until_ready()
            while (
                len(self._done) < kills * MOST_STRIKES_A_KILL
                and figures.kills < kills
                and not figures.findings
                and (some := self._some_of(coming))
            ):
                for strike in some:
                    if figures.kills < kills and not figures.findings:
                        self._strike(strike)
                self._calm_down()
            self._count_the_whole()
        except (NotAsExpectedError, ValueError, OSError, sqlite3.Error) as error:
            self._find([f"{type(error).__name__}: {error}"])
        finally:
            for process in (self._daemon, self._exchange, self._backup):
                process.kill()
            if self._disk is not None:
                self._disk.close(keep_at=self.folder / "data-of-small-disk" if figures.findings else None)
        return not figures.findings

    def _possible(self, only: Iterable[Strike]) -> Iterator[Strike]:
        """What makes sense here, the special again and again."""
        for strike in only:
            if strike in _ONLY_IN:
                yield from [strike] * (_TURNS_OF_THE_SPECIAL if _ONLY_IN[strike] is self._kind else 0)
            elif _NOT_IN.get(strike) is not self._kind:
                yield strike

    def _some_of(self, coming: Iterator[Strike]) -> list[Strike]:
        """Those until the next calm."""
        return list(islice(coming, self._random.randint(1, MOST_BETWEEN_CALMS)))

    def _strike(self, strike: Strike) -> None:
        if not self._daemon.is_running:
            self._daemon.start(self._exchange.address, APPETITE)
        self._done.append(strike)
        self.figures.strikes[strike] += 1
        struck = self._striker.carry_out(strike)
        self._count_kills(strike, struck.kills)
        if not self._exchange.is_running:
            self._exchange.start()
        code = self._daemon.exit_code
        if code is not None and code >= 0 and code not in ENDS_BY_ITSELF.get(strike, ()):
            raise NotAsExpectedError(f"the daemon ended by itself with code {code}")
        fates = set() if code is None or not self._daemon.book.exists() else self._look_at_the_dead()
        self.figures.met[strike] += struck.met if struck.met is not None else bool(fates & LEAVES_BEHIND.get(strike, fates))

    def _count_kills(self, strike: Strike, kills: int) -> None:
        self.figures.kills += kills
        self.figures.kills_by[strike] += kills

    def _look_at_the_dead(self) -> set[str]:
        """The book as it was left, before any daemon has mended it; what it left orders as."""
        comparison = self._compared()
        self.figures.found_open += comparison.fate_of_the_open
        self.figures.trades_found_later += comparison.unbooked_trades
        self._find(comparison.at_any_moment())
        if self._backup.target.exists():
            copied_book(self._backup.target, self._copy).close()
        return set(comparison.fate_of_the_open)

    def _compared(self) -> Comparison:
        book = copied_book(self._daemon.book, self._copy)
        try:
            return Comparison(book, ExchangeHistory(self._exchange.history()))
        finally:
            book.close()

    def _calm_down(self) -> None:
        """A daemon without appetite has to bring the book to what the exchange has; then it is asked to end, which must go well."""
        if self._daemon.kill():
            self.figures.kills += 1
            self.figures.notes["killed before a calm"] += 1
        self._daemon.start(self._exchange.address, appetite=0)
        began = time.monotonic()
        self._daemon.wait_until_ready()
        findings = list(self._compared().settled())
        while findings and time.monotonic() < began + CALM_S:
            time.sleep(_AGAIN_S)
            findings = list(self._compared().settled())
        self._find(findings)
        self._find(self._modes_that_nobody_wanted())
        self._back_up_after_a_death()
        self.figures.calms += 1
        self.figures.longest_calm_s = max(self.figures.longest_calm_s, time.monotonic() - began)
        code = self._daemon.stop()
        if code != 0:
            raise NotAsExpectedError(f"the daemon ended with code {code} after SIGTERM")

    def _back_up_after_a_death(self) -> None:
        """What a backup that was killed left behind must not be in the way of the next one."""
        if not self._backup.part.exists():
            return
        self._backup.start()
        code = self._backup.wait_for_end()
        if code != 0 or self._backup.part.exists():
            raise NotAsExpectedError(f"a backup after one that was killed ended with code {code}")
        copied_book(self._backup.target, self._copy).close()

    def _modes_that_nobody_wanted(self) -> list[str]:
        """What still stands after the operator has resumed what a failing disk had stopped."""
        for scope, (_, rule) in self._stopped().items():
            if rule == BOOK_FAILED:
                self.figures.notes["resumed by hand after the book could not be written"] += 1
                self._daemon.resume(scope, "the disk takes writes again")
        return [f"{scope} is {mode} by {rule}, and nobody wanted that" for scope, (mode, rule) in self._stopped().items()]

    def _stopped(self) -> dict[str, tuple[str, str]]:
        copied_book(self._daemon.book, self._copy).close()
        with closing(sqlite3.connect(self._copy)) as copy:
            rows = copy.execute("SELECT scope, mode, rule FROM mode_changes ORDER BY id").fetchall()
        last = {scope: (mode, rule) for scope, mode, rule in rows}
        return {scope: stands for scope, stands in last.items() if stands[0] != "ACTIVE"}

    def _count_the_whole(self) -> None:
        book = copied_book(self._daemon.book, self._copy)
        self.figures.orders += len(book.orders())
        self.figures.trades += len(book.trades())
        book.close()

    def _find(self, findings: Iterable[str]) -> None:
        last = ", then ".join(f"[{strike}]" for strike in self._done[-MOST_BETWEEN_CALMS:])
        self.figures.findings += [f"{finding} (after {last}, in {self.folder.name})" for finding in findings]
