"""What trading came to, per symbol and in all: reckoned from fills and recorded candles alone, not from the book's own figures."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, times, total
from binance_trade_agent.domain.order import Fill, Side
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.symbol_rules import SymbolRules

Point = tuple[int, Decimal]
"""(time ms, amount): a price that a candle ended at, or the profit at that moment."""


@dataclass(frozen=True, slots=True)
class Result:
    """Trading of one symbol, or of all together. Amounts are in quote, profit is net of fees in base and quote.

    `fees` are valued at the price of their fill when charged in base; `fees_elsewhere` are commissions in an asset that is neither base
    nor quote, by asset, and are in no other figure. `max_drawdown` is the largest fall of realised plus unrealised profit from its peak.
    """

    name: str
    orders: int
    fills: int
    bought: Decimal
    sold: Decimal
    fees: Decimal
    realized: Decimal
    unrealized: Decimal
    max_drawdown: Decimal
    quantity: Decimal
    candles: int
    missing_candles: int
    fees_elsewhere: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def profit(self) -> Decimal:
        """Realised and unrealised profit."""
        return self.realized + self.unrealized


@dataclass(frozen=True, slots=True)
class SymbolHistory:
    """What happened to one symbol: its fills by trade id, and (end time ms, close) of every candle that was played, oldest first."""

    rules: SymbolRules
    fills: Sequence[Fill]
    closes: Sequence[Point]
    orders: int
    missing_candles: int

    def result(self) -> Result:
        """Reckon the symbol."""
        position = self._flat()
        for fill in self.fills:
            position = position.apply(fill)
        elsewhere: dict[str, Decimal] = {}
        for fill in self.fills:
            if fill.commission_asset not in {self.rules.base_asset, self.rules.quote_asset}:
                elsewhere[fill.commission_asset] = elsewhere.get(fill.commission_asset, ZERO) + fill.commission
        return Result(
            name=self.rules.symbol,
            orders=self.orders,
            fills=len(self.fills),
            bought=total(fill.quote_quantity for fill in self.fills if fill.side is Side.BUY),
            sold=total(fill.quote_quantity for fill in self.fills if fill.side is Side.SELL),
            fees=total(self._fee_in_quote(fill) for fill in self.fills),
            realized=position.realized,
            unrealized=position.unrealized(self.closes[-1][1] if self.closes else ZERO),
            max_drawdown=largest_fall(profit for _, profit in self.profit_curve()),
            quantity=position.quantity,
            candles=len(self.closes),
            missing_candles=self.missing_candles,
            fees_elsewhere=elsewhere,
        )

    def profit_curve(self) -> Iterator[Point]:
        """Profit at the end of every candle, from the first fill on."""
        position, at = self._flat(), 0
        for time_ms, price in self.closes:
            while at < len(self.fills) and self.fills[at].time_ms <= time_ms:
                position = position.apply(self.fills[at])
                at += 1
            if at:
                yield time_ms, position.realized + position.unrealized(price)

    def _flat(self) -> Position:
        return Position(self.rules.symbol, self.rules.base_asset, self.rules.quote_asset)

    def _fee_in_quote(self, fill: Fill) -> Decimal:
        if fill.commission_asset == self.rules.quote_asset:
            return fill.commission
        return times(fill.commission, fill.price) if fill.commission_asset == self.rules.base_asset else ZERO


def result_of_all(histories: Sequence[SymbolHistory], results: Sequence[Result]) -> Result:
    """All symbols together; the drawdown is that of their common profit, not the sum of theirs."""
    elsewhere: dict[str, Decimal] = {}
    for result in results:
        for asset, amount in result.fees_elsewhere.items():
            elsewhere[asset] = elsewhere.get(asset, ZERO) + amount
    return Result(
        name="all",
        orders=sum(result.orders for result in results),
        fills=sum(result.fills for result in results),
        bought=total(result.bought for result in results),
        sold=total(result.sold for result in results),
        fees=total(result.fees for result in results),
        realized=total(result.realized for result in results),
        unrealized=total(result.unrealized for result in results),
        max_drawdown=largest_fall(_common_curve([history.profit_curve() for history in histories])),
        quantity=ZERO,
        candles=sum(result.candles for result in results),
        missing_candles=sum(result.missing_candles for result in results),
        fees_elsewhere=elsewhere,
    )


def largest_fall(curve: Iterable[Decimal], start: Decimal = ZERO) -> Decimal:
    """The largest fall of `curve` from the highest value before it; `start` counts as its first value."""
    peak, fall = start, ZERO
    for value in curve:
        peak = max(peak, value)
        fall = max(fall, peak - value)
    return fall


def _common_curve(curves: Sequence[Iterator[Point]]) -> Iterator[Decimal]:
    """The sum of the curves at each moment at which one of them has a point; a curve counts with its last value."""
    marked = [_numbered(number, curve) for number, curve in enumerate(curves)]
    last: dict[int, Decimal] = {}
    now_ms, common = -1, ZERO
    for time_ms, number, profit in heapq.merge(*marked):
        if time_ms != now_ms and last:
            yield common
        now_ms = time_ms
        common += profit - last.get(number, ZERO)
        last[number] = profit
    if last:
        yield common


def _numbered(number: int, curve: Iterator[Point]) -> Iterator[tuple[int, int, Decimal]]:
    return ((time_ms, number, profit) for time_ms, profit in curve)
