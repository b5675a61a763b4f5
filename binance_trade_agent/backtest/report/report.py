"""Report: everything that is told of a run over candles, whichever path it took, reckoned from what the run left behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

import numpy as np

from binance_trade_agent.backtest.closed_trades import ClosedTrade
from binance_trade_agent.backtest.proof import Proof
from binance_trade_agent.backtest.report.figures import CurveFigures, curve_figures
from binance_trade_agent.backtest.report.growth import Floats, Growth
from binance_trade_agent.backtest.report.symbol_result import Gap, ProfitCurve, Result, SymbolHistory, SymbolTrading, reckon, reckon_all
from binance_trade_agent.domain.money import plain, total


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a run left behind. Times are market time, `first_ms` is when the first candle opens; amounts in `quote_asset`.

    `equity` is what the run's own book says at the end. `path` says how it was run, in words. `settings` are those that the result
    depends on, by name as shown to people. `refusals` counts by rule what risk refused, where the run counted it. `proof` is None for a
    run without an exchange to compare with. `digest` names plan and candles, and is empty for a run without a plan.
    """

    first_ms: int
    last_ms: int
    interval_ms: int
    strategy: str
    quote_asset: str
    initial_value: Decimal
    equity: Decimal
    path: str
    histories: Sequence[SymbolHistory]
    settings: Mapping[str, str]
    modes: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[str, int] = field(default_factory=dict)
    proof: Proof | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Activity:
    """How much was traded. `time_in_market` and `exposure` are fractions, `turnover` a multiple of mean equity; None without time."""

    time_in_market: float | None
    exposure: float | None
    turnover: float | None
    mean_equity: float | None


@dataclass(frozen=True)
class Report:
    """The record of a run with all that is reckoned from it; `exposed` is the share of equity that was held at each point of `growth`."""

    record: RunRecord
    symbols: tuple[SymbolTrading, ...]
    all: Result
    growth: Growth
    exposed: Floats
    figures: CurveFigures
    activity: Activity
    differences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True when nothing differs: neither the report and the run's book, nor that book and the exchange."""
        return not self.differences and (self.record.proof is None or self.record.proof.holds)

    @property
    def profit(self) -> Decimal:
        """Equity at the end less what was put in."""
        return self.record.equity - self.record.initial_value

    @property
    def trades(self) -> list[ClosedTrade]:
        """The closed trades of all symbols in the order in which they closed."""
        trades = (trade for symbol in self.symbols for trade in symbol.trades)
        return sorted(trades, key=lambda trade: (trade.closed_ms, trade.symbol))

    def reason(self, trade: ClosedTrade) -> str:
        """Why the order was placed that closed a trade; empty when the run does not say."""
        return self._reasons.get(trade.client_order_id, "")

    @cached_property
    def _reasons(self) -> Mapping[str, str]:
        return {name: reason for symbol in self.symbols for name, reason in symbol.history.reasons.items()}

    @property
    def gaps(self) -> list[tuple[str, Gap]]:
        """Every hole in the candles, with its symbol."""
        return [(symbol.result.name, gap) for symbol in self.symbols for gap in symbol.history.gaps]


def report_of(record: RunRecord) -> Report:
    """Reckon the report."""
    symbols = tuple(reckon(history) for history in record.histories)
    result, curve = reckon_all(symbols)
    initial = float(record.initial_value)
    growth = Growth(record.first_ms, initial, curve.times_ms, initial + curve.profit)
    with np.errstate(divide="ignore", invalid="ignore"):
        exposed = np.where(growth.values > 0, curve.held / growth.values, 0.0)
    reckoned = total((record.initial_value, result.realized, result.unrealized))
    differences = (
        () if reckoned == record.equity else (f"equity: the book has {plain(record.equity)}, fills and candles give {plain(reckoned)}",)
    )
    return Report(
        record=record,
        symbols=symbols,
        all=result,
        growth=growth,
        exposed=exposed,
        figures=curve_figures(growth),
        activity=_activity(growth, curve, exposed, result),
        differences=differences,
    )


def _activity(growth: Growth, curve: ProfitCurve, exposed: Floats, result: Result) -> Activity:
    if growth.end_ms <= growth.start_ms:
        return Activity(None, None, None, None)
    # A moment counts with what was held at the end of its candle.
    weights = growth.shares_of_time()
    mean_equity = float(weights @ growth.values)
    traded = float(result.bought + result.sold)
    return Activity(
        time_in_market=float(weights @ (curve.open_positions > 0)),
        exposure=float(weights @ exposed),
        turnover=traded / mean_equity if mean_equity > 0 else None,
        mean_equity=mean_equity,
    )
