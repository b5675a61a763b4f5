"""Public market data that the stations do not need as domain values. Source: rest-api.md, "Market Data endpoints"."""

import math
from decimal import Decimal

import msgspec

from binance_trade_agent.binance.answers.shape import Answer, Decoder
from binance_trade_agent.domain.errors import BadAnswerError


class ExecutionRule(Answer, frozen=True, kw_only=True, gc=False):
    """One rule of a symbol; the multipliers bound execution prices around the reference price (PRICE_RANGE)."""

    rule_type: str
    bid_limit_mult_up: Decimal | None = None
    bid_limit_mult_down: Decimal | None = None
    ask_limit_mult_up: Decimal | None = None
    ask_limit_mult_down: Decimal | None = None


class SymbolExecutionRules(Answer, frozen=True, kw_only=True, gc=False):
    """The execution rules of one symbol."""

    symbol: str
    rules: tuple[ExecutionRule, ...]


class ExecutionRules(Answer, frozen=True, kw_only=True, gc=False):
    """Source: "Query Execution Rules"."""

    symbol_rules: tuple[SymbolExecutionRules, ...]


class Trade(Answer, frozen=True, kw_only=True, gc=False):
    """One public trade, or one block trade (which never says `is_best_match`). Quantity in base, `quote_qty` in quote."""

    id: int
    price: Decimal
    qty: Decimal
    quote_qty: Decimal
    time_ms: int
    is_buyer_maker: bool
    is_best_match: bool | None = None


class AggregateTrade(Answer, frozen=True, kw_only=True, gc=False):
    """Trades of one taker order at one price, put together: ids `first_trade_id` to `last_trade_id`."""

    aggregate_trade_id: int = msgspec.field(name="a")
    price: Decimal = msgspec.field(name="p")
    qty: Decimal = msgspec.field(name="q")
    first_trade_id: int = msgspec.field(name="f")
    last_trade_id: int = msgspec.field(name="l")
    time_ms: int = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")


class AveragePrice(Answer, frozen=True, kw_only=True, gc=False):
    """The average over the last `mins` minutes; `close_time_ms` is the time of the last trade."""

    mins: int
    price: Decimal
    close_time_ms: int


class PriceStatistics(Answer, frozen=True, kw_only=True, gc=False):
    """Prices and volumes of one symbol over a window. The fields that may be None are left out of MINI answers.

    `prev_close_price` and the best bid and ask are given for the last 24 hours only. Without trades the ids are -1.
    """

    symbol: str
    open_price: Decimal
    high_price: Decimal
    low_price: Decimal
    last_price: Decimal
    volume: Decimal
    quote_volume: Decimal
    open_time_ms: int
    close_time_ms: int
    first_id: int
    last_id: int
    count: int
    price_change: Decimal | None = None
    price_change_percent: Decimal | None = None
    weighted_avg_price: Decimal | None = None
    prev_close_price: Decimal | None = None
    last_qty: Decimal | None = None
    bid_price: Decimal | None = None
    bid_qty: Decimal | None = None
    ask_price: Decimal | None = None
    ask_qty: Decimal | None = None


class ReferencePrice(Answer, frozen=True, kw_only=True, gc=False):
    """The reference price at `timestamp_ms`; None when none is set at present."""

    symbol: str
    reference_price: Decimal | None
    timestamp_ms: int


class ReferencePriceCalculation(Answer, frozen=True, kw_only=True, gc=False):
    """How a reference price comes about: a mean over buckets (ARITHMETIC_MEAN), or outside the engine (EXTERNAL)."""

    symbol: str
    calculation_type: str
    bucket_count: int | None = None
    bucket_width_ms: int | None = msgspec.field(name="bucketWidthMs", default=None)
    external_calculation_id: int | None = None


class ExactKline(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One candle in exact decimals, to be kept; where candles feed indicators there is Candle. Source: "Kline/Candlestick data"."""

    open_time_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    close_time_ms: int
    quote_volume: Decimal
    trades: int
    taker_buy_volume: Decimal
    taker_buy_quote_volume: Decimal

    def __post_init__(self) -> None:
        if not all(figure.is_finite() for figure in msgspec.structs.astuple(self) if isinstance(figure, Decimal)):
            raise ValueError("a number that no amount can be")


class Ladder(Answer, frozen=True, kw_only=True, gc=False):
    """A deep order book for indicators: (price, quantity) as floats, best level first. For money there is OrderBook."""

    last_update_id: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]


def decode_ladder(body: bytes) -> Ladder:
    """Depth straight into floats; BadAnswerError for anything that is no finite number."""
    ladder = Decoder("depth", Ladder, strict=False)(body)
    if not math.isfinite(sum(price + quantity for side in (ladder.bids, ladder.asks) for price, quantity in side)):
        raise BadAnswerError("depth: a price or quantity that is no finite number - at `$`")
    return ladder
