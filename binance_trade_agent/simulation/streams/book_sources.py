"""Streams of the order book: `@bookTicker`, `@depth<levels>` and `@depth`, with the update ids that REST depth has too."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.liquidity import levels_of
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.markets.market import Ladder, Market
from binance_trade_agent.simulation.rest import json_shapes
from binance_trade_agent.simulation.rest.json_shapes import digits
from binance_trade_agent.simulation.streams.event import StreamEvent
from binance_trade_agent.simulation.streams.source import REAL_TIME_MS, next_due_ms
from binance_trade_agent.simulation.streams.touched_levels import Levels, TouchedLevels

_SIDES = (Side.BUY, Side.SELL)


class BookTickerSource:
    """The best bid and ask whenever one of them has changed."""

    due_ms = REAL_TIME_MS

    def __init__(self, stream: str, engine: Engine, symbol: str, now_ms: int) -> None:
        self._stream = stream
        self._engine = engine
        self._symbol = symbol
        self._update_id = engine.book_update_id(symbol, now_ms)
        self._shown = json_shapes.book_ticker(symbol, engine.visible_ladder(symbol, now_ms))

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        update_id = self._engine.book_update_id(self._symbol, now_ms)
        if update_id == self._update_id:
            return
        self._update_id = update_id
        best = json_shapes.book_ticker(self._symbol, self._engine.visible_ladder(self._symbol, now_ms))
        if best != self._shown:
            self._shown = best
            names = {"b": "bidPrice", "B": "bidQty", "a": "askPrice", "A": "askQty"}
            yield StreamEvent(self._stream, {"u": update_id, "s": self._symbol, **{key: best[name] for key, name in names.items()}})

    def close(self) -> None:
        """Nothing is held."""


class PartialDepthSource:
    """The best `levels` of both sides at every update, changed or not."""

    def __init__(self, stream: str, engine: Engine, symbol: str, levels: int, speed_ms: int, now_ms: int) -> None:
        self._stream = stream
        self._engine = engine
        self._symbol = symbol
        self._levels = levels
        self._speed_ms = speed_ms
        self.due_ms = next_due_ms(now_ms, speed_ms)
        self._newest: tuple[int, StreamEvent] | None = None

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        self.due_ms = next_due_ms(now_ms, self._speed_ms)
        update_id = self._engine.book_update_id(self._symbol, now_ms)
        if self._newest is None or self._newest[0] != update_id:
            book = json_shapes.depth(self._engine.visible_ladder(self._symbol, now_ms), self._levels, update_id)
            self._newest = (update_id, StreamEvent(self._stream, book))
        yield self._newest[1]

    def close(self) -> None:
        """Nothing is held."""


class DepthSource:
    """The levels that have changed since the last event, with the range of update ids in between.

    Named are all levels that differ between any two states of the book since then, so that a snapshot of any moment in between
    becomes right.
    """

    def __init__(
        self, stream: str, engine: Engine, market: Market, touched: TouchedLevels, symbol: str, speed_ms: int, now_ms: int
    ) -> None:
        self._stream = stream
        self._engine = engine
        self._market = market
        self._symbol = symbol
        self._speed_ms = speed_ms
        self._watch = touched
        self._touched = touched.watch(symbol)
        self.due_ms = next_due_ms(now_ms, speed_ms)
        self._seen_ms = now_ms
        self._update_id = engine.book_update_id(symbol, now_ms)
        self._sides = _by_price(engine.visible_ladder(symbol, now_ms))

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        self.due_ms = next_due_ms(now_ms, self._speed_ms)
        since_ms, self._seen_ms = self._seen_ms, now_ms
        update_id = self._engine.book_update_id(self._symbol, now_ms)
        if update_id == self._update_id:
            return
        first_id, self._update_id = self._update_id + 1, update_id
        named = self._passed_levels(since_ms, now_ms)
        self._touched.clear()
        yield StreamEvent(
            self._stream,
            {
                "e": "depthUpdate",
                "E": now_ms,
                "s": self._symbol,
                "U": first_id,
                "u": update_id,
                **{name: _shown(self._sides[side], side, named) for name, side in zip("ba", _SIDES, strict=True)},
            },
        )

    def close(self) -> None:
        """Watch the symbol's levels no more."""
        self._watch.unwatch(self._symbol, self._touched)

    def _passed_levels(self, since_ms: int, now_ms: int) -> Levels:
        """Levels that accounts touched, and those that the market changed, for good or for a while; the newest book is kept."""
        named = set(self._touched)
        passed = [quote.ladder for quote, _ in pairwise(self._market.quotes(self._symbol, since_ms, now_ms))]
        for ladder in (*passed, self._engine.visible_ladder(self._symbol, now_ms)):
            before, self._sides = self._sides, _by_price(ladder)
            for side in _SIDES:
                named.update([(side, price) for price in _differing(before[side], self._sides[side])])
        return named


_Side = dict[Decimal, Decimal]


def _by_price(ladder: Ladder) -> dict[Side, _Side]:
    return {side: dict(levels_of(ladder, side)) for side in _SIDES}


def _differing(before: _Side, after: _Side) -> set[Decimal]:
    """The prices at which there is another quantity than before."""
    return {price for price, quantity in after.items() if before.get(price) != quantity} | (before.keys() - after.keys())


def _shown(book: _Side, side: Side, named: Levels) -> list[tuple[str, str]]:
    """Price and quantity of the named levels, 0 where nothing is left, best first."""
    prices = sorted([price for where, price in named if where is side and price > 0], reverse=side is Side.BUY)
    return [(digits(price), digits(book.get(price, ZERO))) for price in prices]
