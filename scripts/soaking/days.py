"""Days: the real daemon against the embedded exchange on a VirtualLoop, both with real files, sampled as time passes."""

import asyncio
import gc
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from simulating.growth import kept, open_files

from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.domain.facts import Fact, PassFailed, PassFinished
from binance_trade_agent.ports.observer import Observer, Observers
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon, DaemonParts
from binance_trade_agent.settings import Settings, load_settings
from binance_trade_agent.settings.choices import MarketData
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.in_process_sockets import InProcessSockets
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.storage.ban_files import BanFiles
from binance_trade_agent.telemetry.metrics import MetricsObserver
from binance_trade_agent.telemetry.narration import LogObserver
from binance_trade_agent.telemetry.timing import use_observer
from binance_trade_agent.wiring import open_components
from binance_trade_agent.wiring.exchange_memory import opened_memory
from binance_trade_agent.wiring.remote_venue import circuit_rules, wanted_streams
from binance_trade_agent.wiring.venue import Venue
from soaking.slopes import MIB, Held, Pace, Sample

DAY_S = 86_400
SAMPLES_A_DAY = 24
START_MS = 1_790_000_040_000
INTERVAL_S = 60
CASH = Decimal(20_000)
KEY, SECRET = "soak-key", "soak-secret"  # of the simulated exchange alone
APPETITE = 10
"""Percent of the opinions that are orders."""

FAULTS = (
    Fault(FaultKind.LOSE_ANSWER, "POST /api/v3/order", times=None, chance=0.01),
    Fault(FaultKind.CUT_EXECUTED, times=None, chance=0.003),
    Fault(FaultKind.UNAVAILABLE, times=None, chance=0.003),
    Fault(FaultKind.DROP_EVENT, times=None, chance=0.001),
    Fault(FaultKind.CUT, times=None, chance=0.00001),
)
"""What leaves things half done goes wrong all the time, a little; connections end each 24 hours besides."""

_LATENCY_MS = 20.0
_PAGE = 4096
_STRATEGY = Path(__file__).parents[1] / "simulating/restless.py"


@dataclass(slots=True)
class Soaked:
    """What came of it."""

    code: ExitCode
    samples: list[Sample] = field(default_factory=list)
    passes: Counter[str] = field(default_factory=Counter)
    decisions: int = 0
    orders: int = 0
    trades: int = 0
    struck: int = 0

    @property
    def pace(self) -> Pace:
        """What there was of a day."""
        days = self.samples[-1].day
        return Pace(self.decisions / days, self.trades / days)

    def told(self) -> str:
        """In one sentence."""
        passes = f"{self.passes['finished']} passes and {self.passes['failed']} that failed"
        return f"{passes}, {self.orders} orders, {self.trades} trades, {self.struck} faults; the daemon ended with {self.code!r}."


class _PassCounter:
    """Observer that counts how passes end."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def observe(self, fact: Fact) -> None:
        """See Observer."""
        if isinstance(fact, (PassFinished, PassFailed)):
            self.counts["finished" if isinstance(fact, PassFinished) else "failed"] += 1


class Days:
    """`run` them once, on a VirtualLoop, with the files in `folder`; `besides` is one more observer of everything that happens."""

    def __init__(self, folder: Path, days: float, symbols: int, *, with_streams: bool = True, besides: Observer | None = None) -> None:
        self._folder = folder
        self._days = days
        names = tuple(f"{ascii_uppercase[number // 26]}{ascii_uppercase[number % 26]}CUSDT" for number in range(symbols))
        self._market = SyntheticMarket(names, 1)
        self._besides = besides
        self._settings = load_settings(
            trading_mode="testnet",
            binance_api_key=KEY,
            binance_api_secret=SECRET,
            binance_base_url="http://127.0.0.1:1",
            trading_symbols=",".join(names),
            trading_interval_seconds=INTERVAL_S,
            strategy_path=f"{_STRATEGY}:Restless",
            strategy_parameters={"appetite": APPETITE},
            risk_max_loss_streak=0,
            risk_max_daily_drawdown="1",
            risk_max_total_drawdown="1",
            risk_max_orders_per_minute=1_000,
            market_data=MarketData.STREAMS if with_streams else MarketData.REST,
            data_dir=folder,
            http_port=0,
        )

    async def run(self) -> Soaked:
        """All the days, and the end that a stop asks for."""
        with opened_memory(self._folder) as store:
            self._exchange = SimulatedExchange(self._market, VirtualClock(START_MS), store=store, seed=1)
            self._exchange.open_account(KEY, SECRET, {"USDT": CASH})
            for fault in FAULTS:
                self._exchange.faults.append(fault)
            self._sockets = InProcessSockets(self._exchange, latency_ms=_LATENCY_MS)
            try:
                return await self._soak()
            finally:
                await self._sockets.aclose()

    async def _soak(self) -> Soaked:
        metrics, counter = MetricsObserver(version="soaked"), _PassCounter()
        observers = [metrics, LogObserver(quote_asset="USDT"), counter]
        observer = Observers([*observers, self._besides] if self._besides is not None else observers)
        with use_observer(observer):
            async with open_components(self._settings, observer, at=self._venue) as components:
                parts = daemon_parts(components, metrics=metrics.render, on_slot=lambda _: self._exchange.checkpoint())
                daemon = Daemon(parts)
                samples: list[Sample] = []
                sampling = asyncio.ensure_future(self._sample(daemon, parts, samples))
                asyncio.get_running_loop().call_later(self._days * DAY_S, daemon.request_stop, "the soak is over")
                code = await daemon.run()
                sampling.cancel()
                with suppress(asyncio.CancelledError):
                    await sampling
        decisions = counter.counts["finished"] * len(self._settings.trading_symbols)
        orders, trades = len(self._exchange.orders(KEY)), len(self._exchange.trades(KEY))
        return Soaked(code, samples, counter.counts, decisions, orders, trades, self._exchange.faults.struck.total())

    async def _sample(self, daemon: Daemon, parts: DaemonParts, samples: list[Sample]) -> None:
        """Every hour, between two passes; somebody looks at status and metrics each time."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(INTERVAL_S / 2)
        while True:
            parts.metrics()
            parts.status()
            gc.collect()
            samples.append(Sample(loop.time() / DAY_S, self._held(daemon)))
            await asyncio.sleep(DAY_S / SAMPLES_A_DAY)

    def _held(self, daemon: Daemon) -> dict[Held, float]:
        book = self._settings.book_path
        log = book.with_name(f"{book.name}-wal")
        resident_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return {
            Held.RESIDENT: resident_pages * _PAGE / MIB,
            Held.BLOCKS: sys.getallocatedblocks() / 1_000,
            Held.KEPT: sum(count for _, count in kept(daemon)),
            Held.FILES: open_files(),
            Held.TASKS: len(asyncio.all_tasks()),
            Held.THREADS: threading.active_count(),
            Held.TIMERS: sum(not timer.cancelled() for timer in getattr(asyncio.get_running_loop(), "_scheduled", ())),
            Held.BOOK: book.stat().st_size / MIB if book.exists() else 0.0,
            Held.LOG_OF_CHANGES: log.stat().st_size / MIB if log.exists() else 0.0,
        }

    @asynccontextmanager
    async def _venue(self, settings: Settings, observer: Observer) -> AsyncIterator[Venue]:
        clock = VirtualClock(START_MS)
        given: dict[str, Any] = {"order_entry": settings.order_entry, "circuit_rules": circuit_rules(settings)}
        connection = Connection(
            base_url=settings.base_url,
            transport=InProcessTransport(self._exchange, latency_ms=_LATENCY_MS),
            clock=clock,
            api_key=KEY,
            api_secret=SECRET,
            observer=observer,
            recv_window_ms=settings.recv_window_ms,
            request_timeout_s=settings.request_timeout_seconds,
            websocket_api_url=settings.websocket_api_url,
            open_socket=self._sockets.open,
            max_clock_error_ms=settings.max_clock_error_ms,
            ban_memory=BanFiles(settings.data_dir),
            **given,
        )
        yield Venue("soaked", settings, settings.book_path.parent, connection, clock, wanted_streams(settings), is_virtual=True)
