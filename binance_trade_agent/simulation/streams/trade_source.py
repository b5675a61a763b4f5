"""`<symbol>@trade` and `<symbol>@aggTrade`: what other people trade.

Trades of the simulated accounts are not among them: their ids are a series of their own, which account trade lists show.
"""

from collections.abc import Callable, Iterator

from binance_trade_agent.domain.money import total
from binance_trade_agent.simulation.engine.public_trades import PublicTrades, last_trade_id
from binance_trade_agent.simulation.markets.market import TakerOrder
from binance_trade_agent.simulation.rest.json_shapes import digits
from binance_trade_agent.simulation.streams.event import Json, StreamEvent
from binance_trade_agent.simulation.streams.source import REAL_TIME_MS

Shape = Callable[[str, TakerOrder, int], list[Json]]
"""The payloads of one taker order, given its symbol and the event time."""


class TradeSource:
    """Every taker order of one symbol, shown by `shape`."""

    due_ms = REAL_TIME_MS

    def __init__(self, stream: str, trades: PublicTrades, symbol: str, shape: Shape, now_ms: int) -> None:
        self._stream = stream
        self._trades = trades
        self._symbol = symbol
        self._shape = shape
        self._seen_ms = now_ms

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        for order in self._trades.between(self._symbol, self._seen_ms, now_ms):
            for payload in self._shape(self._symbol, order, now_ms):
                yield StreamEvent(self._stream, payload)
        self._seen_ms = now_ms

    def close(self) -> None:
        """Nothing is held."""


def single_trades(symbol: str, order: TakerOrder, now_ms: int) -> list[Json]:
    """One payload of "Trade Streams" for each trade."""
    return [
        {
            "e": "trade",
            "E": now_ms,
            "s": symbol,
            "t": trade_id,
            "p": digits(order.price),
            "q": digits(quantity),
            "T": order.time_ms,
            "m": order.is_buyer_maker,
            "M": True,
        }
        for trade_id, quantity in enumerate(order.quantities, order.first_trade_id)
    ]


def aggregate_trade(symbol: str, order: TakerOrder, now_ms: int) -> list[Json]:
    """The payload of "Aggregate Trade Streams"."""
    return [
        {
            "e": "aggTrade",
            "E": now_ms,
            "s": symbol,
            "a": order.aggregate_id,
            "p": digits(order.price),
            "q": digits(total(order.quantities)),
            "f": order.first_trade_id,
            "l": last_trade_id(order),
            "T": order.time_ms,
            "m": order.is_buyer_maker,
            "M": True,
        }
    ]


def block_trades(symbol: str, order: TakerOrder, now_ms: int) -> list[Json]:
    """None: "Block Trade Streams" are of trades outside the book, which nobody makes here."""
    return []
