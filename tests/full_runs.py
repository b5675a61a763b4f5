"""Runs over recorded candles by the full path, the whole daemon in virtual time, told in the words of a backtest's result."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from binance_trade_agent.backtest.report.daemon_record import daemon_record
from binance_trade_agent.backtest.report.report import RunRecord
from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.domain.facts import Fact, PassFinished
from binance_trade_agent.domain.order import Fill, JournaledOrder
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import ModeChange, Refused, RiskRule
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon
from binance_trade_agent.settings import Settings
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.wiring import Components, open_components


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
    record: RunRecord


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


async def _run(settings: Settings) -> FullRun:
    onlooker = _Onlooker()
    async with open_components(settings, onlooker, in_memory=True) as components:
        recorded = components.venue.recorded
        assert recorded is not None
        parts = daemon_parts(components, metrics=bytes, stop_at_ms=recorded.last_close_ms)
        assert await Daemon(parts).run() is ExitCode.OK
        return await _told(components, onlooker)


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
        record=await daemon_record(components, refusals),
    )
