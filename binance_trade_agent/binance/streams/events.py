"""The events of market streams, decoded into Structs. Source: web-socket-streams.md, "Detailed Stream information".

Prices and quantities that money is reckoned with are exact Decimals; candles and depth, which feed indicators, are floats (a depth
level keeps the exchange's text, because a local order book must find a level again by its exact price). Times are milliseconds UTC.
"""

from decimal import Decimal

import msgspec

from binance_trade_agent.domain.market import Candle


class CandleEvent(msgspec.Struct, frozen=True, gc=False):
    """`<symbol>@kline_<interval>`: the candle of this moment, and whether it is closed and will change no more."""

    symbol: str
    interval: str
    candle: Candle
    is_closed: bool
    event_time_ms: int


class TradeEvent(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="trade"):
    """`<symbol>@trade`: one trade."""

    event_time_ms: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    trade_id: int = msgspec.field(name="t")
    price: Decimal = msgspec.field(name="p")
    quantity: Decimal = msgspec.field(name="q")
    time_ms: int = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")


class AggregateTradeEvent(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="aggTrade"):
    """`<symbol>@aggTrade`: the trades of one taker order at one price, put together."""

    event_time_ms: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    aggregate_trade_id: int = msgspec.field(name="a")
    price: Decimal = msgspec.field(name="p")
    quantity: Decimal = msgspec.field(name="q")
    first_trade_id: int = msgspec.field(name="f")
    last_trade_id: int = msgspec.field(name="l")
    time_ms: int = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")


class BookTickerEvent(msgspec.Struct, frozen=True, gc=False):
    """`<symbol>@bookTicker`: the best bid and ask after update `update_id`; it carries no time."""

    update_id: int = msgspec.field(name="u")
    symbol: str = msgspec.field(name="s")
    bid_price: Decimal = msgspec.field(name="b")
    bid_quantity: Decimal = msgspec.field(name="B")
    ask_price: Decimal = msgspec.field(name="a")
    ask_quantity: Decimal = msgspec.field(name="A")


class MiniTickerEvent(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="24hrMiniTicker"):
    """`<symbol>@miniTicker`: the last price and the sums of the last 24 hours."""

    event_time_ms: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    close_price: Decimal = msgspec.field(name="c")
    open_price: Decimal = msgspec.field(name="o")
    high_price: Decimal = msgspec.field(name="h")
    low_price: Decimal = msgspec.field(name="l")
    volume: Decimal = msgspec.field(name="v")
    quote_volume: Decimal = msgspec.field(name="q")


class AveragePriceEvent(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="avgPrice"):
    """`<symbol>@avgPrice`: the average price over `interval`."""

    event_time_ms: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    interval: str = msgspec.field(name="i")
    price: Decimal = msgspec.field(name="w")
    last_trade_time_ms: int = msgspec.field(name="T")


class DepthEvent(msgspec.Struct, frozen=True, gc=False, tag_field="e", tag="depthUpdate"):
    """`<symbol>@depth` and `@depth@100ms`: the levels that changed in updates `first_update_id` to `final_update_id`."""

    event_time_ms: int = msgspec.field(name="E")
    symbol: str = msgspec.field(name="s")
    first_update_id: int = msgspec.field(name="U")
    final_update_id: int = msgspec.field(name="u")
    bids: tuple[tuple[str, str], ...] = msgspec.field(name="b")
    asks: tuple[tuple[str, str], ...] = msgspec.field(name="a")


MarketEvent = CandleEvent | TradeEvent | AggregateTradeEvent | BookTickerEvent | MiniTickerEvent | AveragePriceEvent | DepthEvent
