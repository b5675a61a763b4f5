"""PublicTrades: the tape that everybody sees, asked by how many, by time or by id."""

from collections.abc import Callable, Iterator
from itertools import takewhile

from binance_trade_agent.domain.candle_intervals import MINUTE_MS
from binance_trade_agent.simulation.markets.market import Market, TakerOrder
from binance_trade_agent.simulation.markets.newest_taker import newest_taker

_FIRST_SPAN_MS = MINUTE_MS

Number = Callable[[TakerOrder], int]
"""The last id of a kind that a taker order has."""


def last_trade_id(order: TakerOrder) -> int:
    """The id of the last trade that the order made."""
    return order.first_trade_id + len(order.quantities) - 1


def aggregate_id(order: TakerOrder) -> int:
    """The id of all its trades together."""
    return order.aggregate_id


class PublicTrades:
    """Taker orders with their trades; ids grow with time."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def between(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """Those with after_ms < time_ms <= until_ms, oldest first."""
        return iter(self._market.taker_orders(symbol, after_ms, until_ms))

    def newest(self, symbol: str, until_ms: int, *, enough: Callable[[list[TakerOrder]], bool], after_ms: int = -1) -> list[TakerOrder]:
        """The last ones at or before `until_ms`, oldest first: at least as many as are `enough`, or all there are after `after_ms`."""
        span_ms = _FIRST_SPAN_MS
        while True:
            since_ms = max(until_ms - span_ms, after_ms)
            found = list(self.between(symbol, since_ms, until_ms))
            if since_ms <= after_ms or enough(found):
                return found
            span_ms *= 2

    def from_id(self, symbol: str, wanted: int, number: Number, until_ms: int) -> Iterator[TakerOrder]:
        """Those up to `until_ms` whose last id of a kind is not below `wanted`, oldest first."""
        start_ms = self._time_of(symbol, wanted, number, until_ms)
        return (order for order in self.between(symbol, start_ms - 1, until_ms) if number(order) >= wanted)

    def last_before(self, symbol: str, time_ms: int) -> TakerOrder | None:
        """The newest at or before `time_ms`."""
        return newest_taker(self._market, symbol, time_ms)

    def _time_of(self, symbol: str, wanted: int, number: Number, until_ms: int) -> int:
        """A time, ms UTC, before which all ids are below `wanted`: looked for between 1970 and `until_ms`, first where it should be."""
        low_ms, low, high_ms, high = -1, -1, until_ms, self._number_at(symbol, until_ms, number)
        if high < wanted:
            return until_ms + 1
        is_guess = True
        while high_ms - low_ms > 1:
            share = (wanted - low) / (high - low) if is_guess else 0.5
            middle_ms = min(max(low_ms + int((high_ms - low_ms) * share), low_ms + 1), high_ms - 1)
            middle = self._number_at(symbol, middle_ms, number)
            if middle < wanted:
                low_ms, low = middle_ms, middle
            else:
                high_ms, high = middle_ms, middle
            is_guess = not is_guess
        return high_ms

    def _number_at(self, symbol: str, time_ms: int, number: Number) -> int:
        order = self.last_before(symbol, time_ms)
        return -1 if order is None else number(order)


def first_trades(orders: Iterator[TakerOrder], wanted: int) -> list[TakerOrder]:
    """Taker orders from the beginning until they hold `wanted` trades."""
    counted = 0

    def is_needed(order: TakerOrder) -> bool:
        nonlocal counted
        before, counted = counted, counted + len(order.quantities)
        return before < wanted

    return list(takewhile(is_needed, orders))
