"""Market: what the rest of the world does on the simulated exchange, as a function of time.

A market is asked, never told: the engine calls it with the time, and it answers with prices, liquidity and candles of that time.
Implementations: synthetic (seeded), recorded candles, mirror of a real exchange (paper mode).
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from heapq import merge
from typing import Protocol

import msgspec

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.symbol_rules import SymbolRules

Levels = Sequence[tuple[Decimal, Decimal]]
"""(price, base quantity) per level, best first, prices on the tick grid; may be made only as far as somebody reads."""


class Ladder(msgspec.Struct, frozen=True, gc=False):
    """Other people's resting orders at one moment.

    Both sides are empty while the symbol has no market (a gap in recorded candles).
    """

    bids: Levels
    asks: Levels


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The market of one symbol from `time_ms` on, until the next quote."""

    time_ms: int
    price: Decimal
    ladder: Ladder


class MarketCandle(msgspec.Struct, frozen=True, gc=False):
    """One candle in exact decimals, as the wire shows it; `close_time_ms` is its last millisecond.

    `first_trade_id` is that of its first public trade, None where the market does not number them. The `taker_buy` volumes are those
    of trades whose taker bought, 0 where the market does not tell takers apart.
    """

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_time_ms: int
    quote_volume: Decimal
    trades: int
    first_trade_id: int | None = None
    taker_buy_volume: Decimal = ZERO
    taker_buy_quote_volume: Decimal = ZERO


class TakerOrder(msgspec.Struct, frozen=True, gc=False):
    """What one taker among other people traded at one price in one moment: a trade for each of `quantities`.

    Both kinds of ids count without a gap; the trades have the ids from `first_trade_id` on.
    """

    aggregate_id: int
    first_trade_id: int
    time_ms: int
    price: Decimal
    quantities: Sequence[Decimal]
    is_buyer_maker: bool


class Market(Protocol):
    """Prices, liquidity and candles of every symbol, by time (ms UTC)."""

    @property
    def rules(self) -> Mapping[str, SymbolRules]:
        """The trading rules of every symbol there is."""
        ...

    @property
    def has_queues(self) -> bool:
        """Whether the market's taker orders trade at prices that its books show, so that they can meet resting orders.

        Where they can, a resting order waits behind what stands at its price. Where they cannot, it is filled by quotes only.
        """
        ...

    def quote(self, symbol: str, time_ms: int) -> Quote | None:
        """The market at `time_ms` (the newest quote not after it); None before the symbol's first data."""
        ...

    def quotes(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[Quote]:
        """Every change of the market with after_ms < time_ms <= until_ms, oldest first: resting orders are checked against each."""
        ...

    def candles(
        self, symbol: str, interval_ms: int, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> Sequence[MarketCandle]:
        """Candles as Binance's klines endpoint would give them at `now_ms`, oldest first.

        With `start_ms` the first `limit` candles opening at or after it, else the newest `limit`; none opens after `end_ms` or
        `now_ms`. The last one may still be open and then shows only what has happened until `now_ms`.
        Raises ValueError for an interval that cannot be made from the data.
        """
        ...

    def taker_orders(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """What other people traded with after_ms < time_ms <= until_ms, oldest first; nothing where a market knows only books."""
        ...


def happenings(market: Market, symbol: str, after_ms: int, until_ms: int) -> Iterator[Quote | TakerOrder]:
    """What can fill resting orders with after_ms < time_ms <= until_ms, oldest first.

    Quotes, and the taker orders where the market has queues; a taker order comes before the quote of the same millisecond, which shows
    the book after it.
    """
    quotes = market.quotes(symbol, after_ms, until_ms)
    if not market.has_queues:
        return quotes
    return merge(market.taker_orders(symbol, after_ms, until_ms), quotes, key=lambda happening: happening.time_ms)
