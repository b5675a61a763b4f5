"""The daemon keeps its schedule, reconciles between passes, and ends whole: with the right exit code, and never half alive."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from operator_desk import Desk
from structlog.testing import capture_logs

from binance_trade_agent.domain.errors import (
    BookError,
    BookMismatchError,
    ExchangeRefusedError,
    ExitCode,
    FateUnknownError,
    MarketDataError,
    NotSentError,
    RateLimitedError,
)
from binance_trade_agent.domain.facts import Fact, LoopLagged, PassFinished, PassOverrun, Reconciled
from binance_trade_agent.domain.order import ExchangeStatus, Fill, OrderReport, Side
from binance_trade_agent.ports.account_events import AccountEvents
from binance_trade_agent.service.account_watch import BEGIN_PATIENCE_S, AccountSide, AccountStream
from binance_trade_agent.service.daemon import Daemon, DaemonParts
from binance_trade_agent.service.stop_stages import StopStage
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.wiring.patience import START_ATTEMPTS

MINUTE_MS = 60_000
START_MS = 1_700_000_000_000
Work = Callable[[], Awaitable[Any]]


@dataclass
class World:
    """A stand-in for all that the daemon drives; `log` tells in which order it was asked."""

    clock: VirtualClock
    log: list[tuple[str, int]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    pass_work: Work | None = None
    reconcile_work: Work | None = None
    sync_work: Work | None = None
    passes: int = 0

    def observe(self, fact: Fact) -> None:
        self.facts.append(fact)

    def note(self, what: str) -> None:
        self.log.append((what, self.clock.now_ms() - START_MS))

    async def run_pass(self) -> PassFinished:
        self.passes += 1
        started_ms = self.clock.now_ms()
        self.note("pass")
        if self.pass_work:
            await self.pass_work()
        self.note("pass done")
        return PassFinished(self.passes, f"p{self.passes}", started_ms, 1.0, ())

    async def reconcile(self) -> Reconciled:
        self.note("reconcile")
        if self.reconcile_work:
            await self.reconcile_work()
        self.note("reconcile done")
        return Reconciled(0, 0, (), 1.0)

    async def sync_clock(self) -> None:
        self.note("sync")
        if self.sync_work:
            await self.sync_work()

    def times_of(self, what: str) -> list[int]:
        return [at_ms for name, at_ms in self.log if name == what]


def parts_of(world: World, **changes: Any) -> DaemonParts:
    parts = DaemonParts(
        clock=world.clock,
        observer=world,
        interval_ms=MINUTE_MS,
        pass_deadline_s=30,
        run_pass=world.run_pass,
        reconcile=world.reconcile,
        reconcile_interval_ms=10 * MINUTE_MS,
        sync_clock=world.sync_clock,
        clock_sync_interval_ms=30 * MINUTE_MS,
        status=dict,
        metrics=lambda: b"",
        verbs=Desk().verbs,
        http_host="127.0.0.1",
        http_port=0,
        stop_bounds=dict.fromkeys(StopStage, 20.0),
        stop_at_ms=START_MS + 60 * MINUTE_MS,
        virtual_time=True,
    )
    return replace(parts, **changes)


def run(arrange: Callable[[World], dict[str, Any] | None], during: Callable[[Daemon, World], Awaitable[None]] | None = None):
    """Run a daemon over an hour of virtual time; returns (exit code, world, daemon, log lines)."""

    async def main():
        world = World(VirtualClock(START_MS))
        daemon = Daemon(parts_of(world, **(arrange(world) or {})))
        side = asyncio.ensure_future(during(daemon, world)) if during else None
        code = await daemon.run()
        if side:
            side.cancel()
            await asyncio.wait([side])
        leftover = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert leftover == [], "a task outlived the daemon"
        return code, world, daemon

    with capture_logs() as lines:
        code, world, daemon = run_virtual(main())
    return code, world, daemon, lines


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 -- virtual seconds cost nothing, and the daemon offers no event to wait for
        await asyncio.sleep(1)


def failing(error: BaseException) -> Work:
    async def work() -> None:
        raise error

    return work


def sleeping(seconds: float) -> Work:
    async def work() -> None:
        await asyncio.sleep(seconds)

    return work


def test_an_hour_of_minutes_is_sixty_passes_after_one_sync_and_one_reconciliation() -> None:
    slots: list[int] = []
    code, world, daemon, _ = run(lambda world: {"on_slot": slots.append})
    assert code is ExitCode.OK
    assert [name for name, _ in world.log[:3]] == ["sync", "reconcile", "reconcile done"]
    assert world.passes == len(slots) == daemon.vitals.passes_finished
    assert world.passes in (59, 60)
    assert [slot - START_MS for slot in slots] == world.times_of("pass")


def test_the_same_run_twice_is_the_same_to_the_millisecond() -> None:
    def arrange(world: World) -> None:
        world.pass_work = sleeping(75)
        world.reconcile_work = sleeping(3)

    first, second = (run(lambda world: (arrange(world), {"pass_deadline_s": 100})[1]) for _ in range(2))
    assert first[1].log == second[1].log
    assert any(isinstance(fact, PassOverrun) for fact in first[1].facts)


def test_a_reconciliation_never_runs_in_the_middle_of_a_pass() -> None:
    def arrange(world: World) -> dict[str, Any]:
        world.pass_work = sleeping(29)
        world.reconcile_work = sleeping(20)
        return {"reconcile_interval_ms": 7_777}

    _, world, _, _ = run(arrange)
    names = [name for name, _ in world.log if name != "sync"]
    assert names.count("reconcile") > 10
    for begun, ended in zip(names[::2], names[1::2], strict=True):
        assert ended == f"{begun} done"


class TellingStream:
    """Tells of an order of ours every second from the second minute on, once it has begun after `begins_s`."""

    def __init__(self, listener: AccountEvents, begins_s: float) -> None:
        self._listener = listener
        self._begins_s = begins_s
        self.is_live = False

    async def run(self) -> None:
        await asyncio.sleep(self._begins_s)
        self.is_live = True
        self._listener.on_gap("all before the beginning")
        await asyncio.sleep(60)
        while True:
            await asyncio.sleep(1)
            report = OrderReport("BTCUSDT", 1, "ours", Side.BUY, "LIMIT", ExchangeStatus.PARTIALLY_FILLED, *[Decimal(1)] * 4, 1)
            self._listener.on_order(report)


def account_of(world: World, begins_s: float = 0.0, open_stream: Callable[[AccountEvents], AccountStream] | None = None) -> AccountSide:
    async def settle() -> None:
        world.note("settle")
        await asyncio.sleep(5)
        world.note("settle done")

    async def unbooked(_fills: object) -> list[Fill]:
        return []

    return AccountSide(open_stream or (lambda listener: TellingStream(listener, begins_s)), lambda _: True, unbooked, settle)


def test_orders_are_settled_when_an_event_says_so_and_never_in_the_middle_of_a_pass_or_a_reconciliation() -> None:
    def arrange(world: World) -> dict[str, Any]:
        world.pass_work = sleeping(29)
        world.reconcile_work = sleeping(20)
        return {"reconcile_interval_ms": 7 * MINUTE_MS, "account": account_of(world)}

    code, world, _, _ = run(arrange)
    names = [name for name, _ in world.log if name != "sync"]
    assert code is ExitCode.OK
    assert names.count("settle") > 100
    for begun, ended in zip(names[::2], names[1::2], strict=True):
        assert ended == f"{begun} done"


@pytest.mark.parametrize(("begins_s", "reconciliations"), [(1, 1), (BEGIN_PATIENCE_S + 1, 2)])
def test_the_first_reconciliation_covers_what_was_before_the_events_and_a_late_begin_is_a_gap(
    begins_s: float, reconciliations: int
) -> None:
    _, world, daemon, _ = run(
        lambda world: {
            "reconcile_interval_ms": 1000 * MINUTE_MS,
            "account": account_of(world, begins_s),
            "stop_at_ms": START_MS + MINUTE_MS,
        }
    )
    assert len(world.times_of("reconcile")) == reconciliations
    assert daemon.vitals.account_stream is not None
    assert daemon.vitals.account_stream.is_live


def test_a_stream_that_dies_of_a_defect_ends_the_daemon() -> None:
    class Broken:
        is_live = False

        async def run(self) -> None:
            await asyncio.sleep(100)
            raise ZeroDivisionError("a defect")

    code, _, _, lines = run(lambda world: {"account": account_of(world, open_stream=lambda _: Broken())})
    assert code is ExitCode.COMPONENT_DIED
    assert any(line.get("died") == "user data stream" for line in lines)


def test_market_streams_that_die_of_a_defect_end_the_daemon() -> None:
    async def outlast() -> None:
        await asyncio.sleep(100)
        raise ZeroDivisionError("a defect")

    code, _, _, lines = run(lambda world: {"outlast_streams": outlast})
    assert code is ExitCode.COMPONENT_DIED
    assert any(line.get("died") == "market streams" for line in lines)


def test_reconciliation_and_clock_keep_their_timers() -> None:
    _, world, _, _ = run(lambda world: None)
    assert len(world.times_of("reconcile")) == 6
    assert len(world.times_of("sync")) == 2


def test_a_failing_pass_is_told_and_the_next_slot_is_taken() -> None:
    def arrange(world: World) -> None:
        world.pass_work = failing(FateUnknownError("no answer"))

    code, world, daemon, lines = run(arrange)
    assert code is ExitCode.OK
    assert world.passes == daemon.vitals.passes_failed > 50
    assert daemon.vitals.passes_finished == 0
    assert daemon.vitals.last_error == "FateUnknownError: no answer"
    assert sum("a pass failed" in line["event"] for line in lines) == world.passes


def test_a_pass_beyond_its_deadline_is_cancelled_and_counted_as_failed() -> None:
    def arrange(world: World) -> None:
        world.pass_work = sleeping(3_000)

    code, world, daemon, _ = run(arrange)
    assert code is ExitCode.OK
    assert daemon.vitals.passes_failed > 50
    assert world.times_of("pass done") == []
    assert "longer than 30 s" in str(daemon.vitals.last_error)


@pytest.mark.parametrize(
    ("error", "code"), [(BookError("disk full"), ExitCode.BOOK_FAILED), (BookMismatchError("1 BTC too few"), ExitCode.MISMATCH)]
)
@pytest.mark.parametrize("where", ["pass_work", "reconcile_work"])
def test_a_broken_book_ends_the_daemon_with_its_exit_code(error: BookError, code: ExitCode, where: str) -> None:
    def arrange(world: World) -> None:
        setattr(world, where, failing(error))

    ended, world, _, lines = run(arrange)
    assert ended is code
    assert world.passes <= 1
    assert any(line.get("error") == str(error) for line in lines)


@pytest.mark.parametrize(("name", "attribute"), [("trading", "pass_work"), ("reconciliation", "reconcile_work"), ("clock", "sync_work")])
def test_a_part_that_dies_of_a_defect_stops_the_daemon_and_is_named(name: str, attribute: str) -> None:
    def arrange(world: World) -> None:
        async def later() -> None:
            if world.passes:
                raise ZeroDivisionError

        setattr(world, attribute, later)

    code, world, _, lines = run(arrange)
    assert code is ExitCode.COMPONENT_DIED
    assert world.passes < 50
    assert [line["died"].split()[0] for line in lines if "died" in line] == [name]


def test_a_dying_part_lets_the_running_pass_finish() -> None:
    def arrange(world: World) -> dict[str, Any]:
        async def break_in_a_pass() -> None:
            if world.passes:
                raise ZeroDivisionError

        world.sync_work = break_in_a_pass
        world.pass_work = sleeping(15)
        return {"clock_sync_interval_ms": MINUTE_MS + 7_000 - START_MS % MINUTE_MS}

    code, world, _, _ = run(arrange)
    assert code is ExitCode.COMPONENT_DIED
    assert len(world.times_of("pass done")) == world.passes == 1


def test_timer_work_that_fails_for_want_of_the_exchange_is_tried_again() -> None:
    def arrange(world: World) -> None:
        async def away() -> None:
            if world.passes:
                raise NotSentError("no route")

        world.reconcile_work = world.sync_work = away

    code, world, _, _ = run(arrange)
    assert code is ExitCode.OK
    assert len(world.times_of("reconcile")) == 6
    assert world.passes > 50


class TestStart:
    def test_an_exchange_that_is_away_for_a_moment_is_waited_for(self) -> None:
        def arrange(world: World) -> None:
            async def away_twice() -> None:
                if len(world.times_of("reconcile")) < 3:
                    raise NotSentError("no route")

            world.reconcile_work = away_twice

        code, world, _, _ = run(arrange)
        assert code is ExitCode.OK
        assert world.times_of("reconcile")[:3] == [0, 1000, 3000]
        assert world.passes > 50

    def test_an_exchange_that_stays_away_ends_the_start(self) -> None:
        def arrange(world: World) -> None:
            world.sync_work = failing(NotSentError("no route"))

        code, world, _, _ = run(arrange)
        assert code is ExitCode.EXCHANGE_UNREACHABLE
        assert len(world.log) == START_ATTEMPTS
        assert world.passes == 0

    def test_a_definite_no_is_not_asked_again(self) -> None:
        def arrange(world: World) -> None:
            world.reconcile_work = failing(ExchangeRefusedError(-2015, "Invalid API-key", 401))

        code, world, _, _ = run(arrange)
        assert code is ExitCode.EXCHANGE_UNREACHABLE
        assert len(world.times_of("reconcile")) == 1

    def test_a_rate_limit_is_sat_out(self) -> None:
        def arrange(world: World) -> None:
            async def banned_once() -> None:
                if len(world.times_of("sync")) == 1:
                    raise RateLimitedError(-1003, "banned", 418, 120.0)

            world.sync_work = banned_once

        _, world, _, _ = run(arrange)
        assert world.times_of("sync")[:2] == [0, 120_000]

    def test_a_busy_port_is_a_configuration_error_that_names_the_setting(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            code, world, _, lines = run(lambda world: {"http_port": port})
        assert code is ExitCode.CONFIGURATION
        assert world.log == []
        assert any(f"HTTP_PORT={port}" in line.get("error", "") for line in lines)


class TestStop:
    def test_a_signal_lets_the_running_pass_finish_and_takes_no_other(self) -> None:
        def arrange(world: World) -> None:
            world.pass_work = sleeping(10)

        async def during(daemon: Daemon, world: World) -> None:
            await until(lambda: world.passes > 0)
            os.kill(os.getpid(), signal.SIGTERM)

        code, world, daemon, _ = run(arrange, during)
        assert code is ExitCode.OK
        assert [name for name, _ in world.log][-2:] == ["pass", "pass done"]
        assert world.passes == 1
        assert daemon.vitals.stopping == "SIGTERM"

    def test_a_pass_that_does_not_finish_in_time_is_cancelled(self) -> None:
        def arrange(world: World) -> dict[str, Any]:
            world.pass_work = sleeping(3_000)
            return {"pass_deadline_s": 10_000}

        async def during(daemon: Daemon, world: World) -> None:
            await until(lambda: world.passes > 0)
            daemon.request_stop("enough")
            await asyncio.sleep(19)
            assert world.log[-1][0] == "pass"
            world.note("still draining")

        code, world, _, lines = run(arrange, during)
        assert code is ExitCode.OK
        assert world.log[-1][0] == "still draining"
        assert any(line["event"].startswith("cancelling") for line in lines)

    def test_a_second_request_cancels_at_once(self) -> None:
        ended: list[int] = []

        def arrange(world: World) -> dict[str, Any]:
            async def work() -> None:
                try:
                    await asyncio.sleep(3_000)
                finally:
                    ended.append(world.clock.now_ms())

            world.pass_work = work
            return {"pass_deadline_s": 10_000, "stop_bounds": dict.fromkeys(StopStage, 5_000.0)}

        async def during(daemon: Daemon, world: World) -> None:
            await until(lambda: world.passes > 0)
            daemon.request_stop("first")
            await asyncio.sleep(5)
            world.note("second")
            daemon.request_stop("second")

        code, world, _, _ = run(arrange, during)
        assert code is ExitCode.OK
        assert ended == [START_MS + world.times_of("second")[0]]

    def test_stages_are_walked_in_order_and_none_takes_longer_than_its_bound(self) -> None:
        async def never() -> tuple[str, ...]:
            await asyncio.Event().wait()
            return ()

        def arrange(world: World) -> dict[str, Any]:
            async def leave() -> None:
                world.note("leave")
                await never()

            async def drain() -> tuple[str, ...]:
                world.note("drain")
                return await never()

            bounds = dict.fromkeys(StopStage, 20.0) | {StopStage.DRAIN_ORDERS: 7.0, StopStage.LEAVE_ORDERS: 3.0}
            return {"drain_orders": drain, "leave_orders": leave, "stop_bounds": bounds}

        async def during(daemon: Daemon, world: World) -> None:
            await until(lambda: world.passes == 1)
            daemon.request_stop("enough")
            world.note("stop")

        code, world, _, lines = run(arrange, during)
        assert code is ExitCode.OK
        (stop,), (drain,), (leave,) = (world.times_of(name) for name in ("stop", "drain", "leave"))
        assert (drain - stop, leave - drain) == (0, 7_000)
        left = [line["stage"] for line in lines if "left behind" in line["event"]]
        assert left == ["DRAIN_ORDERS", "LEAVE_ORDERS"]

    def test_open_orders_that_cannot_be_looked_after_do_not_change_how_it_ends(self) -> None:
        async def during(daemon: Daemon, world: World) -> None:
            await until(lambda: world.passes == 1)
            daemon.request_stop("enough")

        code, _, _, lines = run(lambda _: {"leave_orders": failing(BookError("the disk is full"))}, during)
        assert code is ExitCode.OK
        assert [line for line in lines if "the next start does" in line["event"]]

    def test_a_pass_that_outlives_its_cancellation_is_left_behind(self) -> None:
        async def deaf() -> None:
            for _ in range(60):
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(10)

        async def during(daemon: Daemon, world: World) -> None:
            await until(lambda: world.passes == 1)
            daemon.request_stop("enough")

        async def main() -> ExitCode:
            world = World(VirtualClock(START_MS))
            world.pass_work = deaf
            daemon = Daemon(parts_of(world, pass_deadline_s=10_000))
            side = asyncio.ensure_future(during(daemon, world))
            code = await daemon.run()
            await side
            return code

        with capture_logs() as lines:
            assert run_virtual(main()) is ExitCode.COMPONENT_DIED
        assert [line["stage"] for line in lines if "left behind" in line["event"]] == ["FINISH", "CANCEL"]

    def test_a_stop_while_waiting_for_a_slot_ends_without_waiting_for_it(self) -> None:
        async def during(daemon: Daemon, world: World) -> None:
            await asyncio.sleep(1)
            daemon.request_stop("enough")

        code, world, _, _ = run(lambda world: {"interval_ms": 3_600_000}, during)
        assert code is ExitCode.OK
        assert world.passes == 0

    def test_a_stop_during_the_start_ends_it(self) -> None:
        def arrange(world: World) -> None:
            world.sync_work = sleeping(14)

        async def during(daemon: Daemon, world: World) -> None:
            await asyncio.sleep(2)
            daemon.request_stop("enough")

        code, world, _, _ = run(arrange, during)
        assert code is ExitCode.OK
        assert world.times_of("reconcile") == []

    def test_a_reconciliation_under_way_comes_to_its_end(self) -> None:
        def arrange(world: World) -> dict[str, Any]:
            async def slow_later() -> None:
                await asyncio.sleep(15 if world.passes else 0)

            world.reconcile_work = slow_later
            return {"reconcile_interval_ms": 90_000}

        async def during(daemon: Daemon, world: World) -> None:
            await until(lambda: len(world.times_of("reconcile")) == 2)
            daemon.request_stop("enough")

        _, world, _, _ = run(arrange, during)
        assert len(world.times_of("reconcile")) == len(world.times_of("reconcile done")) == 2

    def test_the_handlers_of_before_are_put_back(self) -> None:
        before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
        run(lambda world: None)
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before

    def test_cancelling_the_run_itself_leaves_nothing_behind(self) -> None:
        async def main() -> None:
            world = World(VirtualClock(START_MS))
            task = asyncio.ensure_future(Daemon(parts_of(world)).run())
            await asyncio.sleep(100)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        run_virtual(main())


def test_loop_lag_is_reported_where_time_is_real() -> None:
    _, world, _, _ = run(lambda world: {"virtual_time": False})
    lags = [fact for fact in world.facts if isinstance(fact, LoopLagged)]
    assert len(lags) > 3_500
    assert max(fact.lag_ms for fact in lags) == pytest.approx(0)


def test_unusable_market_data_fails_the_pass_only() -> None:
    def arrange(world: World) -> None:
        world.pass_work = failing(MarketDataError("stale"))

    assert run(arrange)[0] is ExitCode.OK


def test_the_token_is_in_no_repr() -> None:
    async def main() -> str:
        return repr(parts_of(World(VirtualClock(START_MS)), control_token="hunter2"))

    assert "hunter2" not in run_virtual(main())
