"""PublicMarket: the market as everybody sees it, with the trades of the exchange's own accounts among those of other people.

Ids count through both: an account's trade takes the id after the last of the market's, and those of the market that come later are moved
up by one. What a market numbers stays a function of time; how far it is moved up, the accounts' trades say.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby

from msgspec.structs import replace

from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.change_feed import ChangeFeed
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.records import ExchangeTrade
from binance_trade_agent.simulation.markets.market import Market, MarketCandle, Quote, TakerOrder
from binance_trade_agent.simulation.markets.newest_taker import newest_taker

MOST_KEPT = 100_000
"""Taker orders by symbol; of more, the older half is no longer shown among the public trades, though their ids stay taken."""


@dataclass(slots=True)
class _OwnTape:
    """One symbol's trades between accounts or with the market: times, taker orders, and how many trades there were before each of them."""

    times_ms: list[int] = field(default_factory=list)
    orders: list[TakerOrder] = field(default_factory=list)
    trades_before: list[int] = field(default_factory=list)
    forgotten: int = 0
    trades: int = 0

    def append(self, order: TakerOrder) -> None:
        """One more, not older than the last."""
        self.times_ms.append(order.time_ms)
        self.orders.append(order)
        self.trades_before.append(self.trades)
        self.trades += len(order.quantities)
        if len(self.orders) > MOST_KEPT:
            half = MOST_KEPT // 2
            for kept in (self.times_ms, self.orders, self.trades_before):
                del kept[:half]
            self.forgotten += half

    def before(self, time_ms: int) -> tuple[int, int]:
        """How many trades there were before `time_ms`, and how many taker orders."""
        index = bisect_left(self.times_ms, time_ms)
        return self.trades_before[index] if index < len(self.times_ms) else self.trades, self.forgotten + index

    def between(self, after_ms: int, until_ms: int) -> list[TakerOrder]:
        """Those with after_ms < time_ms <= until_ms."""
        return self.orders[bisect_right(self.times_ms, after_ms) : bisect_right(self.times_ms, until_ms)]


class PublicMarket:
    """A Market. The accounts' trades are read by `past` when somebody asks for the first time, and from then on heard of by `feed`.

    `counted` tells how many trades of accounts there ever were on a symbol: of those that the history has forgotten the ids stay taken.
    """

    def __init__(
        self, market: Market, past: Callable[[], Iterable[ExchangeTrade]], counted: Callable[[str], int], feed: ChangeFeed
    ) -> None:
        self._market = market
        self._past = past
        self._counted = counted
        self._feed = feed
        self._tapes: dict[str, _OwnTape] | None = None

    @property
    def has_queues(self) -> bool:
        """See Market."""
        return self._market.has_queues

    @property
    def rules(self) -> Mapping[str, SymbolRules]:
        """See Market."""
        return self._market.rules

    def quote(self, symbol: str, time_ms: int) -> Quote | None:
        """See Market."""
        return self._market.quote(symbol, time_ms)

    def quotes(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[Quote]:
        """See Market."""
        return self._market.quotes(symbol, after_ms, until_ms)

    def candles(
        self, symbol: str, interval_ms: int, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> Sequence[MarketCandle]:
        """The market's alone, as accounts' trades would make them depend on who trades; with the ids of the public trades."""
        candles = self._market.candles(symbol, interval_ms, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=now_ms)
        tape = self._tape(symbol)
        return candles if tape is None else [_moved_candle(candle, tape) for candle in candles]

    def taker_orders(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """Everybody's; of one moment those of the market come first."""
        orders = iter(self._market.taker_orders(symbol, after_ms, until_ms))
        tape = self._tape(symbol)
        if tape is None:
            return orders
        moved = (_moved(order, tape) for order in orders)
        return merge(moved, tape.between(after_ms, until_ms), key=lambda order: order.time_ms)

    def _tape(self, symbol: str) -> _OwnTape | None:
        if self._tapes is None:
            past = sorted(self._past(), key=lambda trade: (trade.symbol, trade.trade_id))
            known = Counter(symbol for symbol, _ in {(trade.symbol, trade.trade_id) for trade in past})
            forgotten = {name: self._counted(name) - known[name] for name in known.keys() | self._market.rules.keys()}
            self._tapes = {name: _OwnTape(forgotten=number, trades=number) for name, number in forgotten.items() if number}
            self._take_in(past)
            self._feed.subscribe(self._hear)
        return self._tapes.get(symbol)

    def _hear(self, changes: ChangeSet, now_ms: int) -> None:
        if changes.trades:
            self._take_in(changes.trades)

    def _take_in(self, trades: Iterable[ExchangeTrade]) -> None:
        """Trades by symbol and id, a trade between accounts by both of its sides."""
        takers = {}
        for trade in trades:
            key = trade.symbol, trade.trade_id
            if key not in takers or not trade.is_maker:
                takers[key] = trade
        for _, of_one in groupby(takers.values(), key=_aggregate):
            self._append(list(of_one))

    def _append(self, trades: list[ExchangeTrade]) -> None:
        first = trades[0]
        tapes = self._tapes if self._tapes is not None else {}
        tape = tapes.setdefault(first.symbol, _OwnTape())
        newest = newest_taker(self._market, first.symbol, first.time_ms)
        tape.append(
            TakerOrder(
                aggregate_id=(0 if newest is None else newest.aggregate_id + 1) + tape.forgotten + len(tape.orders),
                first_trade_id=first.trade_id,
                time_ms=first.time_ms,
                price=first.price,
                quantities=tuple([trade.quantity for trade in trades]),
                is_buyer_maker=(first.side is Side.BUY) == first.is_maker,
            )
        )


def _aggregate(trade: ExchangeTrade) -> tuple[object, ...]:
    """What trades have in common that are one aggregate: a taker, a price and a moment. Other people's takers make one trade each."""
    return trade.symbol, trade.price, trade.time_ms, trade.trade_id if trade.is_maker else -trade.order_id


def _moved(order: TakerOrder, tape: _OwnTape) -> TakerOrder:
    trades, takers = tape.before(order.time_ms)
    return replace(order, aggregate_id=order.aggregate_id + takers, first_trade_id=order.first_trade_id + trades)


def _moved_candle(candle: MarketCandle, tape: _OwnTape) -> MarketCandle:
    if candle.first_trade_id is None:
        return candle
    return replace(candle, first_trade_id=candle.first_trade_id + tape.before(candle.open_time_ms)[0])
