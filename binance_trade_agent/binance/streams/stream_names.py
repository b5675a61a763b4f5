"""Names of market streams, made and taken apart. Source: web-socket-streams.md, "Detailed Stream information".

A stream's name begins with its symbol in lower case; non-ASCII symbols keep their characters (UTF-8 on the wire).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from binance_trade_agent.binance.symbols import check_symbol
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import MarketDataError

# Candles of a month can be heard, though nothing here reckons with them: months differ in length.
KLINE_INTERVALS: Final = (*INTERVALS_MS, "1M")

_FAST_DEPTH: Final = "@100ms"


class StreamKind(StrEnum):
    """The streams that can be heard, as the exchange spells them."""

    KLINE = "kline"
    TRADE = "trade"
    AGGREGATE_TRADE = "aggTrade"
    BOOK_TICKER = "bookTicker"
    MINI_TICKER = "miniTicker"
    AVERAGE_PRICE = "avgPrice"
    DEPTH = "depth"


@dataclass(frozen=True, slots=True)
class StreamName:
    """What a stream's name says. `interval` is set for klines only; `is_fast` tells depth at 100 ms from depth at 1 s."""

    symbol: str
    kind: StreamKind
    interval: str | None = None
    is_fast: bool = False

    def __str__(self) -> str:
        """The name as it is subscribed to, such as `btcusdt@kline_1m`."""
        suffix = f"_{self.interval}" if self.interval else _FAST_DEPTH if self.is_fast else ""
        return f"{self.symbol.lower()}@{self.kind}{suffix}"


def kline_stream(symbol: str, interval: str) -> str:
    """`<symbol>@kline_<interval>`: the present candle, every 2 s (1 s for interval `1s`) and when it closes."""
    return _checked(symbol, StreamKind.KLINE, interval=_checked_interval(interval))


def trade_stream(symbol: str) -> str:
    """`<symbol>@trade`: every trade."""
    return _checked(symbol, StreamKind.TRADE)


def aggregate_trade_stream(symbol: str) -> str:
    """`<symbol>@aggTrade`: trades put together by taker order and price."""
    return _checked(symbol, StreamKind.AGGREGATE_TRADE)


def book_ticker_stream(symbol: str) -> str:
    """`<symbol>@bookTicker`: every change of the best bid and ask."""
    return _checked(symbol, StreamKind.BOOK_TICKER)


def mini_ticker_stream(symbol: str) -> str:
    """`<symbol>@miniTicker`: sums of 24 hours, every second."""
    return _checked(symbol, StreamKind.MINI_TICKER)


def average_price_stream(symbol: str) -> str:
    """`<symbol>@avgPrice`: the average price, every second."""
    return _checked(symbol, StreamKind.AVERAGE_PRICE)


def depth_stream(symbol: str, *, is_fast: bool = False) -> str:
    """`<symbol>@depth`: changes of the book, every second, or every 100 ms when `is_fast`."""
    return _checked(symbol, StreamKind.DEPTH, is_fast=is_fast)


def parse_stream(name: str) -> StreamName:
    """What `name` says; MarketDataError, saying what is allowed, when no stream here has such a name."""
    symbol, _, rest = name.partition("@")
    kind, _, interval = rest.partition("_")
    is_fast = rest == StreamKind.DEPTH + _FAST_DEPTH
    try:
        parsed = StreamName(
            symbol.upper(),
            StreamKind.DEPTH if is_fast else StreamKind(kind),
            interval or None,
            is_fast,
        )
    except ValueError:
        raise _unknown(name) from None
    if (parsed.kind is StreamKind.KLINE) is not (parsed.interval in KLINE_INTERVALS) or str(parsed) != name:
        raise _unknown(name)
    check_symbol(parsed.symbol)
    return parsed


def _checked(symbol: str, kind: StreamKind, *, interval: str | None = None, is_fast: bool = False) -> str:
    check_symbol(symbol)
    return str(StreamName(symbol, kind, interval, is_fast))


def _checked_interval(interval: str) -> str:
    if interval not in KLINE_INTERVALS:
        raise MarketDataError(f"{interval[:20]!r} is no candle interval; allowed are {', '.join(KLINE_INTERVALS)}")
    return interval


def _unknown(name: str) -> MarketDataError:
    kinds = ", ".join(f"<symbol>@{kind}" for kind in StreamKind if kind is not StreamKind.KLINE)
    return MarketDataError(
        f"{name[:80]!r} is no stream that is understood; allowed are <symbol>@kline_<interval>, {kinds} and <symbol>@depth@100ms, "
        "with the symbol in lower case"
    )
