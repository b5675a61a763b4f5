"""A route from a stream's frames to its typed events: `{"stream":"<name>","data":{..}}` is decoded once, by the decoder of its kind.

Source: web-socket-streams.md, "General WSS information" (combined streams). Amounts must be finite, not negative and of a size that
an exchange can mean; a frame that breaks this, or its stream's promise, raises BadAnswerError and never reaches a listener.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, Protocol

import msgspec

from binance_trade_agent.binance.streams.events import (
    AggregateTradeEvent,
    AveragePriceEvent,
    BookTickerEvent,
    CandleEvent,
    DepthEvent,
    MarketEvent,
    MiniTickerEvent,
    TradeEvent,
)
from binance_trade_agent.binance.streams.stream_names import StreamKind, parse_stream
from binance_trade_agent.domain.errors import BadAnswerError
from binance_trade_agent.domain.market import Candle, Count, Figure

# Digits before and after the point that an amount may have; far more than any asset needs, and few enough to reckon with and print.
MOST_WHOLE_DIGITS: Final = 20
MOST_DECIMALS: Final = 18

_SHOWN_CHARACTERS: Final = 200


class Gate(Protocol):
    """Who is asked before an event is delivered, while there is something to watch for."""

    def admit(self, route: "EventRoute", event: MarketEvent) -> Sequence[MarketEvent]:
        """The events to deliver, now that `route` has brought `event`."""
        ...


class EventRoute:
    """One stream of one connection: how its frames are decoded, and how many came.

    `events` counts them; `last` is the newest that was delivered, None before the first; `gate` is None as long as everything is
    delivered. `checked` and `quiet_checks` belong to whoever looks for silent streams.
    """

    __slots__ = ("_decode", "_interval", "_symbol", "checked", "event_type", "events", "gate", "kind", "last", "name", "quiet_checks")

    def __init__(self, name: str) -> None:
        parsed = parse_stream(name)
        self.name = name
        self.kind = parsed.kind
        self.event_type = _EVENT_TYPES.get(parsed.kind)
        self.events = 0
        self.last: MarketEvent | None = None
        self.gate: Gate | None = None
        self.checked = 0
        self.quiet_checks = 0
        self._symbol = parsed.symbol
        self._interval = parsed.interval
        self._decode = _DECODERS[parsed.kind]

    def decode(self, frame: bytes) -> MarketEvent:
        """The event in `frame`, a whole combined-stream message of this stream; BadAnswerError when it is not what is promised."""
        try:
            event = self._decode(frame)
        except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
            raise BadAnswerError(f"{self.name}: {error}"[:_SHOWN_CHARACTERS]) from None
        if event.symbol != self._symbol:
            raise BadAnswerError(f"{self.name}: the event of another symbol")
        if self._interval is not None and isinstance(event, CandleEvent) and event.interval != self._interval:
            raise BadAnswerError(f"{self.name}: the candle of another interval")
        return event


class _Kline(msgspec.Struct, gc=False):
    open_time_ms: Count = msgspec.field(name="t")
    close_time_ms: Count = msgspec.field(name="T")
    interval: str = msgspec.field(name="i")
    open: Figure = msgspec.field(name="o")
    close: Figure = msgspec.field(name="c")
    high: Figure = msgspec.field(name="h")
    low: Figure = msgspec.field(name="l")
    volume: Figure = msgspec.field(name="v")
    trades: Count = msgspec.field(name="n")
    is_closed: bool = msgspec.field(name="x")
    quote_volume: Figure = msgspec.field(name="q")
    taker_buy_volume: Figure = msgspec.field(name="V")
    taker_buy_quote_volume: Figure = msgspec.field(name="Q")


class _KlineData(msgspec.Struct, gc=False, tag_field="e", tag="kline"):
    event_time_ms: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    kline: _Kline = msgspec.field(name="k")


class _KlineFrame(msgspec.Struct, gc=False):
    data: _KlineData


class _TradeFrame(msgspec.Struct, gc=False):
    data: TradeEvent


class _AggregateTradeFrame(msgspec.Struct, gc=False):
    data: AggregateTradeEvent


class _BookTickerFrame(msgspec.Struct, gc=False):
    data: BookTickerEvent


class _MiniTickerFrame(msgspec.Struct, gc=False):
    data: MiniTickerEvent


class _AveragePriceFrame(msgspec.Struct, gc=False):
    data: AveragePriceEvent


class _DepthFrame(msgspec.Struct, gc=False):
    data: DepthEvent


_Decode = Callable[[bytes], MarketEvent]


def _with_amounts(frame_type: type[Any], *amounts: str) -> _Decode:
    """A decoder of frames whose event has these amounts, two at least."""
    decode = msgspec.json.Decoder(frame_type).decode
    values_of: Callable[[MarketEvent], Any] = attrgetter(*amounts)

    def decode_checked(frame: bytes) -> MarketEvent:
        event: MarketEvent = decode(frame).data
        for value in values_of(event):
            if not value.is_finite() or value.is_signed() or not -MOST_DECIMALS <= value.adjusted() < MOST_WHOLE_DIGITS:
                raise ValueError("an amount that is negative, not finite, or out of any proportion")
        return event

    return decode_checked


def _kline_decoder() -> _Decode:
    decode = msgspec.json.Decoder(_KlineFrame, strict=False).decode  # the exchange sends prices as text

    def decode_checked(frame: bytes) -> CandleEvent:
        data = decode(frame).data
        kline = data.kline
        if kline.close_time_ms < kline.open_time_ms:
            raise ValueError("a candle that closes before it opens")
        candle = Candle(
            kline.open_time_ms,
            kline.open,
            kline.high,
            kline.low,
            kline.close,
            kline.volume,
            kline.close_time_ms,
            kline.quote_volume,
            kline.trades,
            kline.taker_buy_volume,
            kline.taker_buy_quote_volume,
        )
        return CandleEvent(data.symbol, kline.interval, candle, kline.is_closed, data.event_time_ms)

    return decode_checked


def _depth_decoder() -> _Decode:
    decode = msgspec.json.Decoder(_DepthFrame).decode

    def decode_checked(frame: bytes) -> DepthEvent:
        event = decode(frame).data
        if event.first_update_id > event.final_update_id:
            raise ValueError("updates that end before they begin")
        return event

    return decode_checked


_DECODERS: Mapping[StreamKind, _Decode] = MappingProxyType(
    {
        StreamKind.KLINE: _kline_decoder(),
        StreamKind.TRADE: _with_amounts(_TradeFrame, "price", "quantity"),
        StreamKind.AGGREGATE_TRADE: _with_amounts(_AggregateTradeFrame, "price", "quantity"),
        StreamKind.BOOK_TICKER: _with_amounts(_BookTickerFrame, "bid_price", "bid_quantity", "ask_price", "ask_quantity"),
        StreamKind.MINI_TICKER: _with_amounts(
            _MiniTickerFrame, "close_price", "open_price", "high_price", "low_price", "volume", "quote_volume"
        ),
        StreamKind.AVERAGE_PRICE: _with_amounts(_AveragePriceFrame, "price", "price"),
        StreamKind.DEPTH: _depth_decoder(),
    }
)
# The `e` of each kind's events; bookTicker has none.
_EVENT_TYPES: Mapping[StreamKind, str] = MappingProxyType(
    {
        StreamKind.KLINE: "kline",
        StreamKind.TRADE: "trade",
        StreamKind.AGGREGATE_TRADE: "aggTrade",
        StreamKind.MINI_TICKER: "24hrMiniTicker",
        StreamKind.AVERAGE_PRICE: "avgPrice",
        StreamKind.DEPTH: "depthUpdate",
    }
)
