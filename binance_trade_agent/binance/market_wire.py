"""Market data from the exchange's JSON: prices, best bids and asks, depth and candles, which come by the hundred and often.

The promises are those of `wire`: a domain value, or BadAnswerError naming the answer and the field. Texts of amounts are looked at all
together (amounts), and candles are floats, because they feed indicators.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from typing import Annotated

import msgspec

from binance_trade_agent.binance.amounts import exact_amounts
from binance_trade_agent.binance.answers.shape import Decoder
from binance_trade_agent.binance.filters import Amount
from binance_trade_agent.domain.errors import BadAnswerError
from binance_trade_agent.domain.market import BookLevel, BookTicker, Candle, OrderBook


class _Shape(msgspec.Struct, rename="camel", gc=False):
    """What all rows share: camelCase names, no reference cycles."""


class _Price(_Shape):
    symbol: str
    price: str


class _LonePrice(_Shape):
    symbol: str
    price: Amount


class _BookTicker(_Shape):
    symbol: str
    bid_price: str
    bid_qty: str
    ask_price: str
    ask_qty: str


class _Depth(_Shape):
    last_update_id: Annotated[int, msgspec.Meta(ge=0)]
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


_read_prices: Decoder[_LonePrice | list[_Price]] = Decoder("ticker_price", _LonePrice | list[_Price])  # type: ignore[arg-type] # a union is no class
_read_book_tickers = Decoder("book_ticker", list[_BookTicker])
_read_depth = Decoder("depth", _Depth)
_read_candles = Decoder("klines", tuple[Candle, ...], strict=False)


def decode_prices(body: bytes) -> dict[str, Decimal]:
    """Last prices by symbol, of one symbol or of a list of them; 0 for a symbol that never traded."""
    rows = _read_prices(body)
    if isinstance(rows, _LonePrice):
        return {rows.symbol: Decimal(rows.price)}
    prices = exact_amounts("ticker_price", [row.price for row in rows], ("price",))
    return {row.symbol: price for row, price in zip(rows, prices, strict=True)}


def decode_book_tickers(body: bytes) -> dict[str, BookTicker]:
    """Best bids and asks by symbol; 0 where a side of the book is empty."""
    rows = _read_book_tickers(body)
    texts = [text for row in rows for text in (row.bid_price, row.bid_qty, row.ask_price, row.ask_qty)]
    amounts = iter(exact_amounts("book_ticker", texts, ("bidPrice", "bidQty", "askPrice", "askQty")))
    symbols = [row.symbol for row in rows]
    # The same iterator four times: each ticker takes the next four amounts.
    return dict(zip(symbols, map(BookTicker, symbols, amounts, amounts, amounts, amounts), strict=True))


def decode_depth(body: bytes) -> OrderBook:
    """Depth; the answer does not name its symbol, so that the book's is empty."""
    answer = _read_depth(body)
    return OrderBook("", answer.last_update_id, _levels(answer.bids, "$.bids"), _levels(answer.asks, "$.asks"))


def _levels(rows: Sequence[tuple[str, str]], place: str) -> tuple[BookLevel, ...]:
    amounts = iter(exact_amounts("depth", list(chain.from_iterable(rows)), ("price", "quantity"), place))
    return tuple(map(BookLevel, amounts, amounts))  # the same iterator twice: each level takes the next two


def decode_candles(body: bytes) -> tuple[Candle, ...]:
    """Candles, oldest first, straight into floats: the exchange sends prices as text, times and counts as numbers."""
    candles = _read_candles(body)  # Candle itself admits no NaN and no infinity
    before_ms = -1
    for candle in candles:
        open_ms = candle.open_time_ms
        if not before_ms < open_ms <= candle.close_time_ms:
            raise BadAnswerError("klines: candles out of order - at `$`")
        before_ms = open_ms
    return candles
