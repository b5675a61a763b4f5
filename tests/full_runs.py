"""Runs over recorded candles by the full path, the whole daemon in virtual time, also in paper mode, told as a backtest is told."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.backtest.report.daemon_record import daemon_record
from binance_trade_agent.backtest.report.report import RunRecord
from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.domain.facts import Fact, PassFinished
from binance_trade_agent.domain.order import Fill, JournaledOrder
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import ModeChange, Refused, RiskRule
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import Venue as Mode
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles, load_candles
from binance_trade_agent.simulation.markets.mirror import MirrorMarket
from binance_trade_agent.simulation.markets.recorded import RecordedMarket
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.wiring import Components, open_components
from binance_trade_agent.wiring.components import OpenVenue
from binance_trade_agent.wiring.embedded_venue import mirroring_venue
from binance_trade_agent.wiring.exchange_memory import opened_memory
from binance_trade_agent.wiring.recorded_settings import settings_for_candles
from binance_trade_agent.wiring.venue import Venue


@dataclass(frozen=True)
class FullRun:
    """What the daemon's book held at the end, and what its passes decided."""

    orders: list[JournaledOrder]
    fills: list[Fill]
    balances: Mapping[str, Decimal]
    positions: Mapping[str, Position]
    modes: Mapping[str, ModeChange]
    equity: Decimal
    refusals: Mapping[RiskRule, int]
    passes: int
    record: RunRecord | None


@dataclass
class _Onlooker:
    passes: int = 0
    refusals: Counter[RiskRule] = field(default_factory=Counter)

    def observe(self, fact: Fact) -> None:
        if isinstance(fact, PassFinished):
            self.passes += 1
            for decision in fact.decisions:
                if isinstance(decision.risk, Refused) and decision.risk.rule is not RiskRule.HOLD:
                    self.refusals[decision.risk.rule] += 1


def full_run(settings: Settings) -> FullRun:
    """The daemon over the candles of the settings, to their end, with everything in memory."""
    return run_virtual(_run(settings))


def paper_run(settings: Settings) -> FullRun:
    """The same in paper mode; the real exchange is one that plays the candles of the settings. There is no record of it."""
    recorded = load_candles(settings.candles_dir or Path())
    here = settings_for_candles(settings, recorded).model_copy(update={"candles_dir": None, "trading_mode": Mode.PAPER})
    return run_virtual(_run(here, recorded, partial(_paper_venue, recorded)))


async def _run(settings: Settings, recorded: RecordedCandles | None = None, at: OpenVenue | None = None) -> FullRun:
    onlooker = _Onlooker()
    async with open_components(settings, onlooker, in_memory=True, at=at) as components:
        played = recorded or components.venue.recorded
        assert played is not None
        parts = daemon_parts(components, metrics=bytes, stop_at_ms=played.last_close_ms)
        assert await Daemon(parts).run() is ExitCode.OK
        return await _told(components, onlooker)


@asynccontextmanager
async def _paper_venue(recorded: RecordedCandles, settings: Settings, observer: Observer) -> AsyncIterator[Venue]:
    """What paper mode is made of, over an exchange that plays `recorded` instead of the real one."""
    clock = VirtualClock(recorded.first_open_ms)
    upstream = InProcessTransport(SimulatedExchange(RecordedMarket(recorded), clock))
    async with AsyncBinanceClient(Connection(settings.base_url, upstream, clock)) as client:
        await client.sync_clock()
        mirror = MirrorMarket(await client.get_exchange_info(settings.trading_symbols))
    with opened_memory(None) as store:
        yield replace(mirroring_venue(settings, observer, upstream, mirror, clock, store), is_virtual=True)


async def _told(components: Components, onlooker: _Onlooker) -> FullRun:
    portfolio, store = components.portfolio, components.store
    equity = portfolio.snapshot().equity
    refusals = {rule.value: times for rule, times in onlooker.refusals.items()}
    return FullRun(
        orders=list(await store.all_orders()),
        fills=list(await store.all_fills()),
        balances=portfolio.balances,
        positions=dict(portfolio.view().positions),
        modes=dict(portfolio.modes),
        equity=equity,
        refusals=dict(onlooker.refusals),
        passes=onlooker.passes,
        record=await daemon_record(components, refusals) if components.venue.recorded is not None else None,
    )
