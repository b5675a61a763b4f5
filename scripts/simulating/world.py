"""World: one simulation: an exchange, a machine with a disk and a clock, and one life of the daemon after the other, as the plan says."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.domain.errors import AgentError, BookError, ExitCode
from binance_trade_agent.domain.risk import TradingMode
from binance_trade_agent.ports.observer import Observer, Observers
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon, DaemonParts
from binance_trade_agent.settings import Settings, load_settings
from binance_trade_agent.simulation.clocks import SkewedClock, VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.incident import Incident, IncidentKind
from binance_trade_agent.simulation.in_process import LOCAL_IP, InProcessTransport
from binance_trade_agent.simulation.in_process_sockets import InProcessSockets
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.rest.rate_limits import WEIGHT
from binance_trade_agent.simulation.sockets.rules import ConnectionRules
from binance_trade_agent.storage.ban_files import BanFiles
from binance_trade_agent.storage.new_book import begin_anew
from binance_trade_agent.telemetry.metrics import MetricsObserver
from binance_trade_agent.telemetry.narration import LogObserver
from binance_trade_agent.telemetry.timing import use_observer
from binance_trade_agent.wiring import open_components
from binance_trade_agent.wiring.remote_venue import circuit_rules, wanted_streams
from binance_trade_agent.wiring.venue import Venue
from simulating.book_file import BookFile
from simulating.checks import Check, Finding
from simulating.disk import Disk, Mount
from simulating.growth import kept_findings, open_files, running_findings
from simulating.life import CURRENT, Life, PowerCutError, outside, watch_tasks
from simulating.network import Cable, Plugs
from simulating.operating import Operator
from simulating.plan import SeedPlan
from simulating.reckoning import Reckoning
from simulating.remembering import memory_findings, mode_findings
from simulating.result import Result
from simulating.watch import Watch

KEY, SECRET = "key-of-the-simulation-0123456789abcdef", "secret-of-the-simulation-fedcba9876543210"
HOST = "http://127.0.0.1:1"  # nobody listens there: everything goes through the process
START_MS = 1_790_000_040_000
_MOST_RESTARTS = 60
_TICK_MS = 700
"""What is told by sockets comes up to so much later; every tenth of a second would cost half of all time."""
_RESTART_S, _LONGEST_RESTART_S, _SHORT_LIFE_S = 5.0, 60.0, 30.0
"""Whoever starts a daemon again waits longer each time that it ends at once."""
_LAST_STOP_S = 120.0
_INCIDENTS_FROM_S = 20.0
_RESTLESS = Path(__file__).with_name("restless.py")
_CASH = Decimal(100_000)


@lru_cache(maxsize=16)
def _market(number: int, symbols: tuple[str, ...]) -> SyntheticMarket:
    """Nothing else is listed: what others trade where the daemon does not look is a deposit or withdrawal for it."""
    return SyntheticMarket(symbols, number)


class World:
    """`run` it once, on a VirtualLoop. `folder` is the machine's disk, empty at first."""

    def __init__(self, plan: SeedPlan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._machine = SkewedClock(VirtualClock(START_MS))
        self.exchange = SimulatedExchange(_market(plan.market, plan.symbols), VirtualClock(START_MS), seed=plan.seed)
        self._account_id = self.exchange.open_account(KEY, SECRET, {"USDT": _CASH, "BTC": Decimal(1)})
        self._settings = self._made_settings()
        self._book = BookFile(self._settings.book_path)
        self.watch = Watch(
            self.exchange,
            self._account_id,
            self._book,
            limits=(self._settings.risk_max_total_exposure, self._settings.risk_max_position_per_symbol),
            quote_asset="USDT",
            machine_was_set=lambda: self._machine.was_set,
            others_trade=plan.has(IncidentKind.FOREIGN_ORDER),
            is_timely=plan.is_timely,
        )
        self._disk = Disk(plan.seed, plan.disk_ms, plan.stall_chance)
        self._digest = hashlib.sha256()
        self._life: Life | None = None
        self._parts: DaemonParts | None = None
        self._steps = 0
        self._lives = 0
        self._blows: Counter[str] = Counter()
        self._files: int | None = None
        self._operator = Operator(self.watch, self._change_mode)
        self._is_calm = False
        self._others: list[asyncio.Task[Any]] = []
        self._calls: list[asyncio.Future[Any]] = []

    async def run(self) -> Result:
        """The troubled part, the calm, and the reckoning."""
        watch_tasks()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_unhandled)
        self._sockets = InProcessSockets(self.exchange, rules=ConnectionRules(tick_ms=_TICK_MS), latency_ms=self._plan.latency_ms)
        for fault in self._plan.faults:
            self.exchange.faults.append(fault)
        for other in (self._incidents(), self._clock(), self._operator.halt_at(self._plan.halts), self._neighbour(), self._reset()):
            self._besides(other)
        loop.call_later(self._plan.trouble_s, self._calm_down)
        try:
            await self._live()
        finally:
            for task in self._others:
                task.cancel()
            await asyncio.gather(*self._others, return_exceptions=True)
            await self._sockets.aclose()
        return self._result()

    # -- lives ----------------------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        end_s = self._plan.trouble_s + self._plan.calm_s
        loop = asyncio.get_running_loop()
        code: ExitCode | None = None
        pause_s = _RESTART_S
        while self._lives < _MOST_RESTARTS:
            blows = self._plan.blows[self._lives] if self._lives < len(self._plan.blows) and not self._is_calm else {}
            aim = self._plan.aims[self._lives] if self._lives < len(self._plan.aims) else None
            self._lives += 1
            life = self._life = Life(self._lives, blows, self._note, aim)
            last_stop = loop.call_at(max(end_s, loop.time()), life.stop, "the end")
            began_s = loop.time()
            code = await self._lived(life)
            pause_s = min(pause_s * 2, _LONGEST_RESTART_S) if loop.time() - began_s < _SHORT_LIFE_S else _RESTART_S
            last_stop.cancel()
            self._take_stock(life)
            if code is ExitCode.EXCHANGE_RESET:
                self._begin_anew()
            if loop.time() >= end_s:
                break
            await asyncio.sleep(pause_s)
        if code is not ExitCode.OK:
            self.watch.find(Check.ORDERLY, f"the last process ended with {code!r} in the calm")

    async def _lived(self, life: Life) -> ExitCode | None:
        """Run one process to its end; None when it was cut off."""
        main = life.start(self._main(life))
        died = outside(life.died.wait())
        await asyncio.wait([main, died], return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        self._parts = None
        if life.is_dead:
            self._sockets.doors.cut()
            await life.bury()
            return None
        for call in self._calls:
            call.cancel()  # as its HTTP face does with what is asked while it ends
        code = self._exit_code(main)
        self._note(f"process {life.number} ended with {code!r}")
        for _ in range(20):
            await asyncio.sleep(0)
        if life.tasks:
            self.watch.find(Check.ORDERLY, f"tasks outlive their process: {sorted(task.get_name() for task in life.tasks)[:3]}")
            life.is_dead = True
            await life.bury()
        return code

    def _begin_anew(self) -> None:
        """As the command `run` does: the book is kept under another name, and the next process makes a new one.

        When somebody has resumed meanwhile the book refuses; then the next process finds the reset once more.
        """
        self._book.close()
        try:
            begin_anew(self._settings.book_path)
        except BookError:
            return
        self.watch.begin_anew()

    def _exit_code(self, main: "asyncio.Task[ExitCode]") -> ExitCode | None:
        if main.cancelled():
            return ExitCode.OK  # it was asked to stop while it was starting
        error = main.exception()
        if error is None:
            return main.result()
        if isinstance(error, AgentError):
            return error.exit_code
        self.watch.find(Check.ORDERLY, f"a process died of {type(error).__name__}: {error}")
        return ExitCode.FAILED

    async def _main(self, life: Life) -> ExitCode:
        """The process, as the command `run` makes it."""
        metrics = MetricsObserver(version="simulated")
        observer = Observers([metrics, LogObserver(quote_asset="USDT")])
        with use_observer(observer):
            async with open_components(self._settings, observer, at=self._venue) as components:
                self._found(mode_findings(components.risk, self._book.modes()))
                self._parts = daemon_parts(components, metrics=metrics.render, on_slot=self._on_slot)
                daemon = Daemon(self._parts)
                life.request_stop = daemon.request_stop
                life.halt = lambda: self._besides(self._operator.halt_life(life))
                try:
                    code = await daemon.run()
                    if code is ExitCode.OK and not life.is_dead:
                        self._found(memory_findings(components.portfolio, self._settings.book_path))
                    return code
                finally:
                    shown = metrics.render()
                    self._check_secrets("a metric", shown)
                    self._found(kept_findings(daemon, shown))

    @asynccontextmanager
    async def _venue(self, settings: Settings, observer: Observer) -> AsyncIterator[Venue]:
        life = CURRENT.get()
        if life is None:
            raise RuntimeError("a venue is opened outside any process")
        cable = Cable(life, InProcessTransport(self.exchange, latency_ms=self._plan.latency_ms), self.watch)
        connection = Connection(
            base_url=settings.base_url,
            transport=cable,
            clock=self._machine,
            api_key=KEY,
            api_secret=SECRET,
            observer=observer,
            recv_window_ms=settings.recv_window_ms,
            request_timeout_s=settings.request_timeout_seconds,
            websocket_api_url=settings.websocket_api_url,
            open_socket=Plugs(life, self._sockets, self.watch).open,
            order_entry=settings.order_entry,
            max_clock_error_ms=settings.max_clock_error_ms,
            circuit_rules=circuit_rules(settings),
            ban_memory=BanFiles(settings.data_dir),
        )
        yield Venue(
            "simulated",
            settings,
            settings.book_path.parent,
            connection,
            self._machine,
            wanted_streams(settings),
            is_virtual=True,
            open_database=Mount(life, self._disk),
        )

    def _made_settings(self) -> Settings:
        given: dict[str, Any] = {
            "trading_mode": "testnet",
            "binance_api_key": KEY,
            "binance_api_secret": SECRET,
            "binance_base_url": HOST,
            "trading_symbols": ",".join(self._plan.symbols),
            "trading_interval_seconds": self._plan.interval_s,
            "candle_interval": "1m",
            "candle_window": 20,
            "strategy_path": f"{_RESTLESS}:Restless",
            "data_dir": self._folder,
            "http_port": 0,
            "risk_volatility_threshold": "0",
            "risk_max_loss_streak": 0,
            "risk_max_orders_per_minute": 1_000,
            **self._plan.settings,
        }
        return load_settings(**given)

    # -- what happens besides ---------------------------------------------------------------------------------------------------

    def _calm_down(self) -> None:
        self._is_calm = True
        self.exchange.incidents.clear()  # first: what they have put among the faults they take away themselves
        self.exchange.faults.clear()
        self._disk.stall_chance = 0.0
        if self._life is not None:
            self._life.spare()

    async def _incidents(self) -> None:
        """They begin when there is a book: what was before is none of its business."""
        while self._book.opened_ms() is None:  # noqa: ASYNC110 - the book is a file, nobody there could set an event
            await asyncio.sleep(_INCIDENTS_FROM_S)
        if not self._is_calm:
            for incident in self._plan.incidents:
                self.exchange.let_happen(incident)

    async def _clock(self) -> None:
        for at_s, jump_ms in sorted(self._plan.clock_jumps_ms.items()):
            await asyncio.sleep(max(at_s - asyncio.get_running_loop().time(), 0))
            self._machine.shift(jump_ms)

    async def _reset(self) -> None:
        """A test network does it about once a month. What no comparison has seen yet is not missed, so there must have been something."""
        if self._plan.reset_s is not None:
            await asyncio.sleep(self._plan.reset_s)
            while not self._book.has_seen_trades():  # noqa: ASYNC110 - as above
                await asyncio.sleep(_INCIDENTS_FROM_S)
            if self._is_calm:
                return
            self.exchange.let_happen(Incident(IncidentKind.RESET_ACCOUNTS))
            self.watch.forget()

    async def _neighbour(self) -> None:
        """Somebody else behind the same address, who uses most of each minute's weight as soon as it begins."""
        leaves, minute_ms = self._plan.neighbour_leaves, WEIGHT.interval_ms
        while leaves is not None and not self._is_calm:
            now_ms = self.exchange.present_ms()
            limits = self.exchange.venue.limits
            limits.charge(LOCAL_IP, max(WEIGHT.most - leaves - limits.used_weight(LOCAL_IP, now_ms), 0), now_ms)
            await asyncio.sleep((minute_ms - now_ms % minute_ms) / 1_000)

    def _besides(self, other: Coroutine[Any, Any, None]) -> None:
        self._others.append(outside(other))

    async def _change_mode(self, scope: str, mode: TradingMode) -> bool:
        """By the daemon's own control, when it runs; True when it said that it was done."""
        life, parts = self._life, self._parts
        if life is None or parts is None or life.is_dead:
            return False
        token = CURRENT.set(life)
        try:
            change = asyncio.ensure_future(parts.verbs.set_mode(scope, mode, "the operator wants it"))
        finally:
            CURRENT.reset(token)
        self._calls.append(change)
        await asyncio.wait([change])
        self._calls.remove(change)
        return not change.cancelled() and change.exception() is None

    def _on_slot(self, _slot_ms: int) -> None:
        if self._life is not None:
            self._found(running_findings(len(self._life.tasks)))

    def _take_stock(self, life: Life) -> None:
        """What one process leaves behind: counts, and no open file more than the one before it."""
        self._steps += life.steps
        self._blows.update(life.struck)
        self._book.close()  # ours; and SQLite keeps files open that another connection of this process has locked
        files, before = open_files(), self._files
        if before is not None and files > before:
            self.watch.find(Check.BOUNDED, f"{files - before} files stay open after process {life.number}")
        self._files = max(files, before or 0)

    def _found(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.watch.find(finding.check, finding.what)

    def _on_unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, PowerCutError) or (self._life is not None and self._life.is_dead):
            return
        self.watch.find(Check.ORDERLY, f"nobody handled: {context.get('message')}: {type(error).__name__} {error}")

    def _note(self, what: str) -> None:
        self._digest.update(f"{asyncio.get_running_loop().time():.6f} {what}\n".encode())

    def _check_secrets(self, where: str, text: bytes) -> None:
        for name, secret in (("the secret", SECRET), ("the key", KEY)):
            if secret.encode() in text:
                self.watch.find(Check.NO_LEAK, f"{name} stands in {where}")

    def _result(self) -> Result:
        self._found(Reckoning(self.exchange, KEY, self._account_id, self._book, self._plan).findings())
        self.watch.check_proofs()
        for path in sorted(self._folder.rglob("*")):
            if path.is_file():
                self._check_secrets(f"the file {path.name}", path.read_bytes())
        for row in self._book.dump():
            self._digest.update(row.encode())
        for line in self.exchange.history():
            self._digest.update(line)
        self._book.close()
        trades = len(self.exchange.trades(KEY))
        struck = self.exchange.faults.struck + self.exchange.incidents.struck
        return Result(
            seed=self._plan.seed,
            findings=tuple(self.watch.findings),
            digest=self._digest.hexdigest(),
            lives=self._lives,
            steps=self._steps,
            orders=self.watch.placed,
            trades=trades,
            struck={kind.value: count for kind, count in sorted(struck.items())},
            blows=dict(sorted(self._blows.items())),
            features=self._plan.features,
            most_weight=self.watch.most_weight,
        )
