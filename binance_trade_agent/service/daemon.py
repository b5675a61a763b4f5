"""Daemon: starts the parts in order, keeps them together, and ends them in order; it never runs half alive."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import structlog

from binance_trade_agent.binance.call_scope import within_deadline
from binance_trade_agent.cancellation_agent import Cancellations
from binance_trade_agent.domain.errors import AgentError, BookError, ExitCode, ServiceError
from binance_trade_agent.domain.facts import LoopLagged, PassFailed, PassFinished, Reconciled
from binance_trade_agent.domain.order import JournaledOrder
from binance_trade_agent.domain.service_facts import PassesScheduled
from binance_trade_agent.domain.slots import Slots
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.service.account_watch import AccountSide, AccountWatch
from binance_trade_agent.service.backups import Backups
from binance_trade_agent.service.control import Control
from binance_trade_agent.service.equity_answer import EquityAnswer, EquityReader
from binance_trade_agent.service.http_face import IDLE_TIMEOUT_S, IDLE_TIMEOUT_VIRTUAL_S, HttpFace, Sources
from binance_trade_agent.service.operator_verbs import Flattening, OperatorVerbs, SaleBell
from binance_trade_agent.service.retention import Retention
from binance_trade_agent.service.schedule import Schedule
from binance_trade_agent.service.self_measure import measure_self
from binance_trade_agent.service.signals import stop_on_signals
from binance_trade_agent.service.status_report import service_status
from binance_trade_agent.service.stop_stages import StopStage, StopWalk
from binance_trade_agent.service.supervision import Ended, Supervisor
from binance_trade_agent.service.symbol_refresh import SymbolRefresh
from binance_trade_agent.service.vitals import Rhythm, Vitals
from binance_trade_agent.wiring.patience import patiently

T = TypeVar("T")

TRADING = "trading"
RECONCILE_DEADLINE_S = 120.0
CLOCK_SYNC_DEADLINE_S = 15.0
LAG_PERIOD_S = 1.0
READS_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class DaemonParts:
    """What the daemon needs; intervals in market time (ms), deadlines and timeouts in seconds of the event loop.

    The callables report their own facts to the observer; the daemon adds those of the schedule and the loop. With `account` the
    account's events are heeded as they come, beside the passes. `market_data` says for people where prices come from;
    `unprotected` names what is held without the protection that the settings ask for;
    `verbs` are what an operator can order; `sell` is a pass over what one wants sold, None when that is nothing.
    `outlast_streams` returns never and raises what the market streams have died of. `backups` are made while it runs, and
    `symbols` chosen anew.
    `stop_at_ms` is where recorded candles end. At a stop `drain_orders` waits for orders in flight and names what has not come to an
    end, and `leave_orders` leaves what stands on the exchange as the settings want it; each stage takes its share of `stop_bounds`.
    `on_slot` gets the market time of each slot once its pass has ended. `virtual_time` tells that the loop's time jumps: then a timer
    is never late, so loop lag is not measured, and timeouts say nothing about real clients. `speed` is how many
    market milliseconds pass in a real one; `equity` reads the curve of the status page; `book` is the book's file, None where that is
    kept in memory.
    """

    clock: Clock
    observer: Observer
    interval_ms: int
    pass_deadline_s: float
    run_pass: Callable[[], Awaitable[PassFinished]]
    reconcile: Callable[[], Awaitable[Reconciled]]
    reconcile_interval_ms: int
    sync_clock: Callable[[], Awaitable[object]]
    clock_sync_interval_ms: int
    status: Callable[[], Mapping[str, object]]
    metrics: Callable[[], bytes]
    verbs: OperatorVerbs
    http_host: str
    http_port: int
    stop_bounds: Mapping[StopStage, float]
    http_names: tuple[str, ...] = ()
    control_token: str | None = field(default=None, repr=False)
    account: AccountSide | None = None
    market_data: Callable[[], str] | None = None
    unprotected: Callable[[], tuple[str, ...]] | None = None
    outlast_streams: Callable[[], Coroutine[object, object, None]] | None = None
    backups: Backups | None = None
    retention: Retention | None = None
    symbols: SymbolRefresh | None = None
    stop_at_ms: int | None = None
    on_slot: Callable[[int], None] | None = None
    virtual_time: bool = False
    drain_orders: Callable[[], Awaitable[tuple[str, ...]]] | None = None
    leave_orders: Callable[[], Awaitable[object]] | None = None
    sell: Callable[[], Awaitable[PassFinished | None]] | None = None
    clock_error_ms: Callable[[], float] | None = None
    max_clock_error_ms: int = 1_000
    speed: float = 1.0
    equity: EquityReader | None = None
    book: Path | None = None


class Daemon:
    """One run of the service, from start-up to the exit code."""

    def __init__(self, parts: DaemonParts) -> None:
        self._parts = parts
        self._log = structlog.get_logger(component="daemon")
        rhythm = Rhythm(parts.interval_ms, parts.pass_deadline_s, parts.reconcile_interval_ms, parts.clock_sync_interval_ms)
        self.vitals = Vitals(parts.clock, rhythm, clock_error_ms=parts.clock_error_ms, most_ms=parts.max_clock_error_ms)
        self.vitals.market_data = parts.market_data
        self.vitals.unprotected = parts.unprotected
        self.vitals.backups = parts.backups
        self._schedule = Schedule(parts.clock, parts.observer, Slots.every(parts.interval_ms), self._take_slot, parts.stop_at_ms)
        # Held by a pass or a reconciliation, so that neither sees the book in the middle of the other.
        self._turn = asyncio.Lock()
        self._sale = SaleBell()
        self._watch: AccountWatch | None = None
        self._started = False
        self._trading: asyncio.Task[None] | None = None
        self._supervisor: Supervisor | None = None
        self.face: HttpFace | None = None

    async def run(self) -> ExitCode:
        """Run until a stop is asked for, the recorded market ends, or a part dies; errors are logged and become the exit code."""
        try:
            with stop_on_signals(self.request_stop):
                async with self._new_face() as self.face:
                    return await self._supervise()
        except AgentError as error:
            self._log.error("the daemon cannot run", error=str(error), kind=type(error).__name__)
            return error.exit_code

    def request_stop(self, reason: str) -> None:
        """Take no more slots and let what is running finish in time; asked a second time, cancel it at once. From the loop's thread."""
        if self.vitals.stopping is None:
            self._log.info("stopping", reason=reason, timeout_s=self._parts.stop_bounds[StopStage.FINISH])
            self._drain(reason)
        else:
            self._cancel_trading(f"asked to stop again ({reason})")

    def _new_face(self) -> HttpFace:
        idle_timeout_s = IDLE_TIMEOUT_VIRTUAL_S if self._parts.virtual_time else IDLE_TIMEOUT_S
        return HttpFace(self._parts.http_host, self._parts.http_port, self._sources(), idle_timeout_s)

    def _sources(self) -> Sources:
        token = self._parts.control_token
        return Sources(
            health=self.vitals.health,
            readiness=self.vitals.readiness,
            status=self._status,
            metrics=self._metrics,
            control=None if token is None else Control(token, self._verbs()),
            equity=None if self._parts.equity is None else EquityAnswer(self._parts.equity, self._parts.clock),
            is_live=not self._parts.virtual_time,
            names=self._parts.http_names,
        )

    def _metrics(self) -> bytes:
        measure_self(self._parts.observer, self.vitals.readiness(), self._parts.book)
        return self._parts.metrics()

    def _verbs(self) -> OperatorVerbs:
        """The operator's verbs: modes change and sales begin at once, and orders are never touched in the middle of a pass."""
        verbs = self._parts.verbs

        async def flatten(scope: str, reason: str) -> Flattening:
            told = await verbs.flatten(scope, reason)
            self._sale.ring()
            return told

        async def cancel(scope: str, reason: str) -> Cancellations:
            async with self._turn:
                return await self._within(RECONCILE_DEADLINE_S, "cancelling open orders", lambda: verbs.cancel(scope, reason))

        async def settle(order_id: str, reason: str) -> JournaledOrder:
            async with self._turn:
                return await self._within(RECONCILE_DEADLINE_S, "settling an order", lambda: verbs.settle(order_id, reason))

        return replace(verbs, flatten=flatten, cancel=cancel, settle=settle)

    def _status(self) -> Mapping[str, object]:
        service = service_status(self.vitals, self._parts.clock.now_ms(), self._schedule.next_slot_ms, self._schedule.missed)
        return {**self._parts.status(), "control": self._parts.control_token is not None, "service": service}

    async def _supervise(self) -> ExitCode:
        if self.vitals.stopping is not None:
            return ExitCode.OK
        self._supervisor = supervisor = Supervisor()
        walk = StopWalk(self._parts.stop_bounds, self._log)
        try:
            self._trading = supervisor.start(TRADING, self._trade(supervisor))
            if not self._parts.virtual_time:
                supervisor.start("loop lag", self._report_lag())
            await supervisor.until_news()
            return await self._end_trading(supervisor, walk, self._trading)
        finally:
            for name in await supervisor.close(self._parts.stop_bounds[StopStage.END_PARTS]):
                self._log.error("a component did not end when it was cancelled", died=name)
            await self._end_orders(walk)

    async def _end_trading(self, supervisor: Supervisor, walk: StopWalk, trading: "asyncio.Task[None]") -> ExitCode:
        """The pass that runs may hold an order in flight, so it gets its time even when another part has died."""
        code = self._verdict(supervisor.ended) if supervisor.ended is not None else None
        self._drain(f"{supervisor.ended.name} ended" if supervisor.ended is not None else "asked to")
        await walk.through(StopStage.FINISH, asyncio.wait([trading]))
        if not trading.done():
            self._cancel_trading("it took too long to finish")
            await walk.through(StopStage.CANCEL, asyncio.wait([trading]))
        if code is not None:
            return code
        return ExitCode.COMPONENT_DIED if supervisor.ended is None else self._verdict(supervisor.ended)

    async def _end_orders(self, walk: StopWalk) -> None:
        """What is in flight lands, and what stands on the exchange is left as the settings want it: the next start finds all the rest."""
        parts = self._parts
        if parts.drain_orders is not None:
            await walk.through(StopStage.DRAIN_ORDERS, parts.drain_orders())
        if parts.leave_orders is not None and self._started:
            try:
                await walk.through(StopStage.LEAVE_ORDERS, parts.leave_orders())
            except AgentError as error:
                self._log.warning("open orders could not be looked after; the next start does", error=str(error))

    def _verdict(self, ended: Ended) -> ExitCode:
        if ended.error is None:
            if ended.name == TRADING:
                return ExitCode.OK
            self._log.error("a component ended that must not end", died=ended.name)
            return ExitCode.COMPONENT_DIED
        if isinstance(ended.error, AgentError):
            self._log.error("a component failed", died=ended.name, error=str(ended.error), kind=type(ended.error).__name__)
            return ended.error.exit_code
        self._log.error("a component died", died=ended.name, exc_info=ended.error)
        return ExitCode.COMPONENT_DIED

    def _drain(self, reason: str) -> None:
        if self.vitals.stopping is not None:
            return
        self.vitals.stopping = reason
        self._schedule.stop()
        if self._trading is None:
            return
        if not self._started:
            # Nothing is traded yet, and a start may wait long for an exchange that does not answer.
            self._cancel_trading("it was still starting")
        if self._supervisor is not None:
            self._supervisor.interrupt()

    def _cancel_trading(self, why: str) -> None:
        if self._trading is not None and not self._trading.done():
            self._log.warning("cancelling what is still running", why=why)
            self._trading.cancel()

    async def _trade(self, supervisor: Supervisor) -> None:
        await patiently("clock synchronisation", self._sync_clock, self._log)
        account = self._parts.account
        if account is not None:
            self._watch = AccountWatch(account, lambda: self._settle(account), self._reconcile)
            self.vitals.account_stream = self._watch.stream
            supervisor.start("user data stream", self._watch.stream.run())
            await self._watch.await_begin()
        await patiently("reconciliation", self._reconcile, self._log)
        parts = self._parts
        supervisor.start("reconciliation", self._every(parts.reconcile_interval_ms, "reconciliation", self._reconcile))
        supervisor.start("clock synchronisation", self._every(parts.clock_sync_interval_ms, "clock synchronisation", self._sync_clock))
        if self._watch is not None:
            supervisor.start("order events", self._watch.settle_when_told())
            supervisor.start("account events", self._watch.compare_when_told())
        if parts.outlast_streams is not None:
            supervisor.start("market streams", parts.outlast_streams())
        if parts.sell is not None:
            supervisor.start("sales", self._sell_when_told(parts.sell))
        if parts.backups is not None:
            supervisor.start("backups", parts.backups.run())
        if parts.retention is not None:
            supervisor.start("retention", parts.retention.run())
        if parts.symbols is not None:
            supervisor.start("choice of symbols", parts.symbols.run())
            supervisor.start("followed symbols", parts.symbols.follow())
        self._started = True
        parts.observer.observe(PassesScheduled(parts.interval_ms / 1000 / parts.speed))
        self._log.info("trading", interval_s=parts.interval_ms / 1000, address=self.face.address if self.face else None)
        await self._schedule.run()
        # A reconciliation that has begun comes to its end before the timers are cancelled.
        async with self._turn:
            self._log.info("no more passes", finished=self.vitals.passes_finished, failed=self.vitals.passes_failed)

    async def _take_slot(self, slot_ms: int) -> None:
        async with self._turn:
            if self.vitals.stopping is not None:
                return
            await self._pass(self._parts.run_pass)
        if self._parts.on_slot is not None:
            self._parts.on_slot(slot_ms)

    async def _sell_when_told(self, sell: Callable[[], Awaitable[PassFinished | None]]) -> None:
        """What the operator wants sold is sold now, in a pass of its own; what is left is tried again in each pass."""
        while True:
            await self._sale.wait()
            async with self._turn:
                if self.vitals.stopping is None:
                    await self._pass(sell)

    async def _pass(self, run_pass: Callable[[], Awaitable[PassFinished | None]]) -> None:
        try:
            finished = await self._within(self._parts.pass_deadline_s, "a pass", run_pass)
        except BookError:
            raise
        except AgentError as error:
            self.vitals.pass_failed(f"{type(error).__name__}: {error}")
            self._parts.observer.observe(PassFailed(f"{type(error).__name__}: {error}"))
            self._log.warning("a pass failed; the next slot is taken", error=str(error), kind=type(error).__name__)
        else:
            if finished is not None:
                self.vitals.pass_finished(finished)

    async def _reconcile(self) -> None:
        async with self._turn:
            with self._watch.comparing() if self._watch is not None else nullcontext():
                self.vitals.book_reconciled(await self._within(RECONCILE_DEADLINE_S, "a reconciliation", self._parts.reconcile))

    async def _settle(self, account: AccountSide) -> None:
        async with self._turn:
            await self._within(RECONCILE_DEADLINE_S, "settling open orders", account.settle)

    async def _sync_clock(self) -> None:
        await self._within(CLOCK_SYNC_DEADLINE_S, "a clock synchronisation", self._parts.sync_clock)
        self.vitals.clock_synced()

    async def _every(self, interval_ms: int, name: str, action: Callable[[], Awaitable[None]]) -> None:
        clock = self._parts.clock
        while True:
            await clock.sleep_until(clock.now_ms() + interval_ms)
            try:
                await action()
            except BookError:
                raise
            except AgentError as error:
                self._log.warning("a timer's work failed; it is tried again at its next turn", part=name, error=str(error))

    async def _within(self, seconds: float, what: str, action: Callable[[], Awaitable[T]]) -> T:
        """The result of `action`; ServiceError when it takes longer than `seconds`, and it is cancelled then.

        Reads on its behalf give up a little earlier, so that what hangs on one of them does not cost all the rest.
        """
        reads_until_ms = self._parts.clock.monotonic_ms() + seconds * 1_000 * READS_SHARE
        try:
            with within_deadline(reads_until_ms):
                async with asyncio.timeout(seconds) as deadline:
                    return await action()
        except TimeoutError:
            if not deadline.expired():
                raise
            raise ServiceError(f"{what} took longer than {seconds:g} s") from None

    async def _report_lag(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + LAG_PERIOD_S
            await asyncio.sleep(LAG_PERIOD_S)
            self._parts.observer.observe(LoopLagged(max(0.0, loop.time() - due_s) * 1000))
