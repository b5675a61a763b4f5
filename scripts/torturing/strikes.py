"""Striker: carries a strike out on processes that run, and says how many kills it was and whether its moment was met."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from torturing.line import Cut, Line
from torturing.moments import GLANCE_S, MOMENT_S, comes, comes_to_book, order_in
from torturing.old_book import copy_before_migration, make_old, version_of
from torturing.process import START_S, NotAsExpectedError
from torturing.processes import BackupProcess, DaemonProcess, ExchangeProcess
from torturing.small_disk import SmallDisk
from torturing.strike import Strike

APPETITE = 80
LONGEST_LIFE_S = 2.5
LONGEST_FREEZE_S = 2.0
ANSWER_LATE_MS = 800

MOST_BYTES = 100_000
"""Bytes a file may have while writes are refused; the book and its log of changes soon have more. SQLite meets this as a failing disk."""

STEPS_OF_A_MIGRATION = 4
"""In slow motion, from the first sign of a migration on."""

LOOKS_AT_A_BACKUP = 12
_ORDERS = "POST /api/v3/order*"


@dataclass(frozen=True, slots=True)
class Struck:
    """`met` is whether the moment was; None where the dead daemon's book tells it."""

    kills: int
    met: bool | None = None


class Striker:
    """Draws a strike and carries it out on a daemon that has just been started."""

    def __init__(
        self, exchange: ExchangeProcess, daemon: DaemonProcess, backup: BackupProcess, disk: SmallDisk | None, random: Random
    ) -> None:
        self._exchange = exchange
        self._daemon = daemon
        self._backup = backup
        self._disk = disk
        self._random = random
        self._acts: dict[Strike, Callable[[], Struck]] = {
            Strike.DAEMON_AT_ANY_TIME: self._daemon_at_any_time,
            Strike.DAEMON_WITH_INTENT: self._with_intent,
            Strike.DAEMON_WHILE_SENDING: lambda: Struck(self._killed_at_sent()),
            Strike.DAEMON_BEFORE_AN_ANSWER: self._before_an_answer,
            Strike.DAEMON_RECONCILING: self._reconciling,
            Strike.DAEMON_STOPPING: self._stopping,
            Strike.DAEMON_BACKING_UP: self._backing_up,
            Strike.DAEMON_MIGRATING: self._migrating,
            Strike.DAEMON_PROTECTING: self._protecting,
            Strike.DAEMON_MOVING_A_STOP: self._moving_a_stop,
            Strike.DAEMON_AFTER_FREEZE: self._daemon_after_freeze,
            Strike.DAEMON_BEFORE_A_LATE_EXCHANGE: self._late_exchange,
            Strike.DAEMON_WITHOUT_LINE: self._without_line,
            Strike.DAEMON_WITH_HALF_A_REQUEST: lambda: self._with_half(Cut.REQUEST),
            Strike.DAEMON_WITH_HALF_AN_ANSWER: lambda: self._with_half(Cut.ANSWER),
            Strike.DAEMON_WITHOUT_WRITES: self._without_writes,
            Strike.DAEMON_ON_A_FULL_DISK: self._on_a_full_disk,
            Strike.DAEMON_WITHOUT_LOG: self._without_log,
            Strike.EXCHANGE_AT_ANY_TIME: self._exchange_at_any_time,
            Strike.EXCHANGE_AFTER_FREEZE: self._exchange_after_freeze,
            Strike.BOTH: self._both,
        }

    def drawn(self, possible: tuple[Strike, ...]) -> Iterator[Strike]:
        """By chance, without end; each of the `possible` comes once before any comes again."""
        while True:
            yield from self._random.sample(possible, len(possible))

    def carry_out(self, strike: Strike) -> Struck:
        """Do it. Afterwards each process runs or is dead, and none is frozen."""
        return self._acts[strike]()

    def _live(self) -> None:
        time.sleep(self._random.uniform(0, LONGEST_LIFE_S))

    def _freeze(self) -> None:
        time.sleep(self._random.uniform(0.05, LONGEST_FREEZE_S))

    @contextmanager
    def _late_answers(self, target: str) -> Iterator[None]:
        self._exchange.let_break(kind="delay_answer", target=target, times=None, delay={"typical_ms": ANSWER_LATE_MS})
        yield
        self._exchange.lift_faults()

    def _killed_at_sent(self, latest_s: float = 0.0, *, of_a_pair: bool = False) -> bool:
        self._daemon.wait_until_ready()
        comes_to_book(self._daemon.book, "SENT", of_a_pair=of_a_pair)
        time.sleep(self._random.uniform(0, latest_s))
        return self._daemon.kill()

    # -- the daemon, at moments of its orders ------------------------------------------------------------------------------

    def _daemon_at_any_time(self) -> Struck:
        self._live()
        return Struck(self._daemon.kill())

    def _with_intent(self) -> Struck:
        self._daemon.wait_until_ready()
        with order_in(self._daemon.book, "INTENDED") as is_there:
            self._daemon.in_slow_motion(is_there, MOMENT_S)
        return Struck(self._daemon.kill())

    def _before_an_answer(self) -> Struck:
        with self._late_answers(_ORDERS):
            return Struck(self._killed_at_sent(ANSWER_LATE_MS / 2_000))

    def _protecting(self) -> Struck:
        self._daemon.wait_until_ready()
        with self._late_answers("POST /api/v3/orderList/oco"), order_in(self._daemon.book, "SENT", of_a_pair=True) as is_there:
            comes(is_there)
            time.sleep(self._random.uniform(0, ANSWER_LATE_MS / 1_500))
            was_there = is_there()
            return Struck(self._daemon.kill(), was_there)

    def _moving_a_stop(self) -> Struck:
        self._daemon.wait_until_ready()
        with self._late_answers("POST /api/v3/order/cancelReplace"):
            moved = self._exchange.struck("delay_answer")
            is_met = comes(lambda: self._exchange.struck("delay_answer") > moved)
            time.sleep(self._random.uniform(0, ANSWER_LATE_MS / 1_500))
            return Struck(self._daemon.kill(), is_met)

    # -- the daemon, at moments of its life --------------------------------------------------------------------------------

    def _reconciling(self) -> Struck:
        with self._late_answers(_ORDERS):
            kills = int(self._killed_at_sent(ANSWER_LATE_MS / 2_000))
        with self._late_answers("GET /api/v3/order*"):
            asked = self._exchange.struck("delay_answer")
            self._daemon.start(self._exchange.address, APPETITE)
            self._daemon.wait_for(
                lambda: self._exchange.struck("delay_answer") > asked or self._daemon.has_told("trading"), "looking for orders"
            )
            time.sleep(self._random.uniform(0, ANSWER_LATE_MS / 1_000))
            is_met = not self._daemon.has_told("trading")
            return Struck(kills + self._daemon.kill(), is_met)

    def _stopping(self) -> Struck:
        self._daemon.wait_until_ready()
        with self._late_answers(_ORDERS):
            comes_to_book(self._daemon.book, "SENT")
            self._daemon.signal(signal.SIGTERM)
            comes(lambda: self._daemon.has_told("stopping"), 1)
            time.sleep(self._random.uniform(0, ANSWER_LATE_MS / 1_000))
            is_met = self._daemon.has_told("stopping")
            kills = self._daemon.kill()
            return Struck(kills, is_met and kills)

    def _backing_up(self) -> Struck:
        self._daemon.wait_until_ready()
        self._backup.target.unlink(missing_ok=True)
        self._backup.start()
        if comes(lambda: self._backup.part.exists() or not self._backup.is_running):
            time.sleep(self._random.randrange(LOOKS_AT_A_BACKUP) * GLANCE_S)
        kills = self._backup.kill() + self._daemon.kill()
        return Struck(kills, self._backup.part.exists() and not self._backup.target.exists())

    def _migrating(self) -> Struck:
        kills = int(self._daemon.kill())
        book = self._daemon.book
        if not book.exists():
            return Struck(kills, met=False)
        make_old(book)
        copy = copy_before_migration(book)
        part = copy.with_name(f"{copy.name}.partial")
        for left in (copy, part):
            left.unlink(missing_ok=True)
        self._daemon.start(self._exchange.address, APPETITE)
        self._daemon.in_slow_motion(lambda: part.exists() or copy.exists(), START_S)
        looks = iter(range(self._random.randrange(STEPS_OF_A_MIGRATION)))
        self._daemon.in_slow_motion(lambda: next(looks, None) is None, MOMENT_S)
        kills += self._daemon.kill()
        return Struck(kills, version_of(book) == 1 and (part.exists() or copy.exists()))

    def _daemon_after_freeze(self) -> Struck:
        self._daemon.wait_until_ready()
        self._live()
        self._daemon.signal(signal.SIGSTOP)
        self._freeze()
        self._daemon.signal(signal.SIGCONT)
        time.sleep(self._random.uniform(0, 0.3))
        return Struck(self._daemon.kill())

    # -- the line between them ---------------------------------------------------------------------------------------------

    def _late_exchange(self) -> Struck:
        self._daemon.wait_until_ready()
        comes_to_book(self._daemon.book, "INTENDED")
        self._exchange.signal(signal.SIGSTOP)
        comes_to_book(self._daemon.book, "SENT")
        time.sleep(self._random.uniform(0, 0.05))
        killed = self._daemon.kill()
        self._exchange.signal(signal.SIGCONT)
        return Struck(killed)

    def _without_line(self) -> Struck:
        self._daemon.wait_until_ready()
        for kind in ("cut_executed", "cut_not_executed"):
            self._exchange.let_break(kind=kind, target=_ORDERS, times=None, chance=0.5)
        self._exchange.cut_sockets()
        self._live()
        killed = self._daemon.kill()
        self._exchange.lift_faults()
        return Struck(killed)

    def _with_half(self, what: Cut) -> Struck:
        kills = int(self._daemon.kill())
        line = Line(int(self._exchange.address.rpartition(":")[2]), self._random)
        self._daemon.start(line.open(), APPETITE)
        try:
            self._daemon.wait_until_ready()
            line.cut_inside(what)
            is_met = comes(lambda: line.cuts > 0)
            time.sleep(self._random.uniform(0, LONGEST_LIFE_S / 2))
            return Struck(kills + self._daemon.kill(), is_met)
        finally:
            line.close()

    # -- the disk ----------------------------------------------------------------------------------------------------------

    def _without_writes(self) -> Struck:
        self._daemon.wait_until_ready()
        self._live()
        self._daemon.let_files_grow(self._random.randint(0, MOST_BYTES))
        comes(lambda: not self._daemon.is_running, LONGEST_FREEZE_S)
        self._daemon.let_files_grow(None)
        self._freeze()
        had_to_be_killed = self._daemon.kill()
        return Struck(had_to_be_killed, not had_to_be_killed)

    def _on_a_full_disk(self) -> Struck:
        if self._disk is None:
            raise NotAsExpectedError("this world has no disk of its own that could be full")
        self._daemon.wait_until_ready()
        self._live()
        self._disk.fill()
        try:
            is_met = comes(lambda: not self._daemon.is_running)
        finally:
            self._disk.make_room()
        return Struck(self._daemon.kill(), is_met)

    def _without_log(self) -> Struck:
        self._daemon.wait_until_ready()
        self._daemon.lose_log()
        self._live()
        comes_to_book(self._daemon.book, "SENT")
        is_met = self._daemon.is_running
        return Struck(self._daemon.kill(), is_met)

    # -- the exchange ------------------------------------------------------------------------------------------------------

    def _exchange_at_any_time(self) -> Struck:
        self._daemon.wait_until_ready()
        self._live()
        killed = self._exchange.kill()
        self._freeze()
        return Struck(killed)

    def _exchange_after_freeze(self) -> Struck:
        self._daemon.wait_until_ready()
        self._exchange.signal(signal.SIGSTOP)
        self._freeze()
        return Struck(self._exchange.kill())

    def _both(self) -> Struck:
        self._daemon.wait_until_ready()
        comes_to_book(self._daemon.book, "SENT")
        return Struck(self._exchange.kill() + self._daemon.kill())
