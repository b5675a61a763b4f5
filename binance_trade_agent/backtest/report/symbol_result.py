"""What trading one symbol came to, or all together: reckoned from fills and candles alone, not from the book's own figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from binance_trade_agent.backtest.closed_trades import ClosedTrade, closed_trades, flat
from binance_trade_agent.backtest.report.bars import Bars
from binance_trade_agent.backtest.report.figures import TradeFigures, trade_figures
from binance_trade_agent.backtest.report.growth import Floats, Times
from binance_trade_agent.domain.money import ZERO, times, total
from binance_trade_agent.domain.order import Fill, JournaledOrder, Side
from binance_trade_agent.domain.symbol_rules import SymbolRules

Gap = tuple[int, int]
"""(open time ms of the candle before, number of missing candles)."""


@dataclass(frozen=True, slots=True)
class SymbolHistory:
    """What happened to one symbol: its fills by trade id, every candle that was played, how many orders there were, and the holes.

    `last_close` is that of the last candle, exact; 0 without one. `reasons` are why orders were placed, by client order id.
    """

    rules: SymbolRules
    fills: Sequence[Fill]
    bars: Bars
    last_close: Decimal
    orders: int
    gaps: tuple[Gap, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)


def reasons_by_symbol(orders: Iterable[JournaledOrder], symbols: Iterable[str]) -> dict[str, dict[str, str]]:
    """Why each order was placed, by symbol and client order id."""
    reasons: dict[str, dict[str, str]] = {symbol: {} for symbol in symbols}
    for order in orders:
        reasons.setdefault(order.intent.symbol, {})[order.intent.client_order_id] = order.intent.reason
    return reasons


@dataclass(frozen=True, slots=True, eq=False)
class ProfitCurve:
    """At the end of every candle: realised plus unrealised profit, the value of what was held, and how many positions were open.

    A position is open while more is held than a rest too small to be sold. Each of shape (n,).
    """

    times_ms: Times
    profit: Floats
    held: Floats
    open_positions: Floats


@dataclass(frozen=True, slots=True)
class Result:
    """Trading of one symbol, or of all together. Amounts are in quote, profit is net of fees in base and quote.

    `fees` are valued at the price of their fill when charged in base; `fees_elsewhere` are commissions in an asset that is neither base
    nor quote, by asset, and are in no other figure. `max_drawdown` is the largest fall of realised plus unrealised profit from its peak,
    which is 0 at least.
    """

    name: str
    orders: int
    fills: int
    bought: Decimal
    sold: Decimal
    fees: Decimal
    realized: Decimal
    unrealized: Decimal
    max_drawdown: float
    quantity: Decimal
    candles: int
    missing_candles: int
    trades: TradeFigures
    fees_elsewhere: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def profit(self) -> Decimal:
        """Realised and unrealised profit."""
        return self.realized + self.unrealized


@dataclass(frozen=True, slots=True)
class SymbolTrading:
    """A symbol's result with the curve and the trades that it was made of."""

    history: SymbolHistory
    result: Result
    curve: ProfitCurve
    trades: tuple[ClosedTrade, ...]


def reckon(history: SymbolHistory) -> SymbolTrading:
    """Reckon one symbol; its last close values what is still held."""
    rules, fills, bars = history.rules, history.fills, history.bars
    positions, is_open = [flat(rules)], [False]
    for fill in fills:
        positions.append(positions[-1].apply(fill))
        is_open.append(positions[-1].quantity >= rules.smallest_quantity_at(fill.price))
    last = positions[-1]
    elsewhere: dict[str, Decimal] = {}
    for fill in fills:
        if fill.commission_asset not in {rules.base_asset, rules.quote_asset}:
            elsewhere[fill.commission_asset] = elsewhere.get(fill.commission_asset, ZERO) + fill.commission
    # Which position each candle ended with: fills in its last millisecond are in it.
    places = np.searchsorted(np.array([fill.time_ms for fill in fills], dtype=np.int64), bars.ends_ms, side="right")
    held = np.array([float(position.quantity) for position in positions])[places] * bars.closes
    banked = np.array([float(position.realized - position.cost) for position in positions])[places]
    curve = ProfitCurve(bars.ends_ms, banked + held, held, np.array(is_open, dtype=np.float64)[places])
    trades = closed_trades(rules, fills)
    result = Result(
        name=rules.symbol,
        orders=history.orders,
        fills=len(fills),
        bought=total(fill.quote_quantity for fill in fills if fill.side is Side.BUY),
        sold=total(fill.quote_quantity for fill in fills if fill.side is Side.SELL),
        fees=total(_fee_in_quote(rules, fill) for fill in fills),
        realized=last.realized,
        unrealized=last.unrealized(history.last_close),
        max_drawdown=largest_fall(curve.profit),
        quantity=last.quantity,
        candles=len(bars),
        missing_candles=sum(missing for _, missing in history.gaps),
        trades=trade_figures(trades),
        fees_elsewhere=elsewhere,
    )
    return SymbolTrading(history, result, curve, trades)


def reckon_all(symbols: Sequence[SymbolTrading]) -> tuple[Result, ProfitCurve]:
    """All symbols together; the drawdown is that of their common profit, not the sum of theirs."""
    elsewhere: dict[str, Decimal] = {}
    results = [symbol.result for symbol in symbols]
    for result in results:
        for asset, amount in result.fees_elsewhere.items():
            elsewhere[asset] = elsewhere.get(asset, ZERO) + amount
    curve = common_curve([symbol.curve for symbol in symbols])
    common = Result(
        name="all",
        orders=sum(result.orders for result in results),
        fills=sum(result.fills for result in results),
        bought=total(result.bought for result in results),
        sold=total(result.sold for result in results),
        fees=total(result.fees for result in results),
        realized=total(result.realized for result in results),
        unrealized=total(result.unrealized for result in results),
        max_drawdown=largest_fall(curve.profit),
        quantity=ZERO,
        candles=sum(result.candles for result in results),
        missing_candles=sum(result.missing_candles for result in results),
        trades=trade_figures([trade for symbol in symbols for trade in symbol.trades]),
        fees_elsewhere=elsewhere,
    )
    return common, curve


def largest_fall(curve: Floats) -> float:
    """The largest fall of `curve` from the highest value before it; it starts at 0."""
    if not len(curve):
        return 0.0
    return float((np.maximum(np.maximum.accumulate(curve), 0.0) - curve).max(initial=0.0))


def common_curve(curves: Sequence[ProfitCurve]) -> ProfitCurve:
    """The sum of the curves at each moment at which one of them has a point; a curve counts with its last value, and with 0 before it."""
    grids = [curve.times_ms for curve in curves]
    if all(np.array_equal(grid, grids[0]) for grid in grids[1:]):
        moments = grids[0] if grids else np.empty(0, dtype=np.int64)
    else:
        moments = np.unique(np.concatenate(grids))
    sums = np.zeros((3, len(moments)))
    for curve in curves:
        places = np.searchsorted(curve.times_ms, moments, side="right")
        columns = np.stack((curve.profit, curve.held, curve.open_positions))
        sums += np.pad(columns, ((0, 0), (1, 0)))[:, places]
    return ProfitCurve(moments, *sums)


def _fee_in_quote(rules: SymbolRules, fill: Fill) -> Decimal:
    if fill.commission_asset == rules.quote_asset:
        return fill.commission
    return times(fill.commission, fill.price) if fill.commission_asset == rules.base_asset else ZERO
