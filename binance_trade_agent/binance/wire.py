"""From the exchange's JSON to domain values, without I/O: all but market data, which is in market_wire.

Every function takes the body of an answer and returns domain values, or raises BadAnswerError naming the answer and the field.
Fields we do not know are passed over, because the exchange adds some every few weeks; fields we need must be there and be what
the documents promise (rest-api.md, "Response" of each endpoint). Money arrives as text and becomes an exact Decimal.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

import msgspec

from binance_trade_agent.binance.answers.shape import Decoder
from binance_trade_agent.binance.balances import BalanceRow, held
from binance_trade_agent.binance.error_codes import CANCEL_REPLACE_FAILURES, TOO_MANY_ORDERS
from binance_trade_agent.binance.error_table import Code
from binance_trade_agent.binance.filters import Amount, SymbolFilter, apply_filters
from binance_trade_agent.binance.limits.rate_limit import RateLimit, rate_limit
from binance_trade_agent.domain.account import AccountInfo
from binance_trade_agent.domain.errors import BadAnswerError
from binance_trade_agent.domain.money import ZERO, floor_to_step, times, total
from binance_trade_agent.domain.order import ExchangeStatus, Fill, OrderReport, Side
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus

SignedAmount = Annotated[str, msgspec.Meta(pattern=r"\A-?[0-9]{1,20}(\.[0-9]{1,18})?\Z")]
Id = Annotated[int, msgspec.Meta(ge=0)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0)]

_QUOTE_QUANTUM = Decimal("1e-8")


class _Shape(msgspec.Struct, rename="camel", gc=False):
    """What all answers share: camelCase names, no reference cycles."""


class _ErrorBody(_Shape):
    code: Code
    msg: str = ""


class _Refusal(_Shape):
    code: Code = 0


class _FailedHalves(_Shape):
    new_order_response: _Refusal | None = None


class _CancelReplaceError(_Shape):
    data: _FailedHalves


class _ServerTime(_Shape):
    server_time: Milliseconds


class _RateLimit(_Shape):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


class _Symbol(_Shape):
    symbol: str
    status: str
    base_asset: str
    base_asset_precision: int
    quote_asset: str
    quote_asset_precision: int
    filters: list[SymbolFilter]


class _ExchangeInfo(_Shape):
    symbols: list[_Symbol]
    rate_limits: list[_RateLimit] = msgspec.field(default_factory=list)


class ExchangeInfo(msgspec.Struct, frozen=True):
    """Trading rules by symbol, and the limits on requests and orders; kinds of limits that we do not know are left out."""

    rules: Mapping[str, SymbolRules]
    rate_limits: tuple[RateLimit, ...]


class _CommissionRates(_Shape):
    maker: Amount
    taker: Amount


class _Account(_Shape):
    balances: list[BalanceRow]
    can_trade: bool
    commission_rates: _CommissionRates
    update_time: Milliseconds
    uid: Id | None = None


class _Order(_Shape):
    symbol: str
    order_id: Id
    client_order_id: str
    side: Side
    type: str
    status: ExchangeStatus
    price: Amount
    orig_qty: Amount
    executed_qty: Amount
    # Negative for some historical orders, meaning "not available" (rest-api.md, "Query order"); the spelling is the exchange's.
    cummulative_quote_qty: SignedAmount


class _PlacementFill(_Shape):
    price: Amount
    qty: Amount
    commission: Amount
    commission_asset: str
    trade_id: Id


class _PlacedOrder(_Order):
    transact_time: Milliseconds
    fills: list[_PlacementFill]


class _CanceledOrder(_Order):
    orig_client_order_id: str
    transact_time: Milliseconds


class _QueriedOrder(_Order):
    update_time: Milliseconds


class _Trade(_Shape):
    symbol: str
    id: Id
    order_id: Id
    price: Amount
    qty: Amount
    quote_qty: Amount
    commission: Amount
    commission_asset: str
    time: Milliseconds
    is_buyer: bool
    is_maker: bool


_read_error = Decoder("error", _ErrorBody)
_read_cancel_replace_error = Decoder("cancel_replace", _CancelReplaceError)
_read_acknowledgement = Decoder("acknowledgement", dict[str, object])
_read_time = Decoder("time", _ServerTime)
_read_exchange_info = Decoder("exchange_info", _ExchangeInfo)
_read_account = Decoder("account", _Account)
_read_placed_order = Decoder("new_order", _PlacedOrder)
_read_canceled_order = Decoder("cancel_order", _CanceledOrder)
_read_order = Decoder("query_order", _QueriedOrder)
_read_open_orders = Decoder("open_orders", list[_QueriedOrder])
_read_trades = Decoder("my_trades", list[_Trade])


def decode_error(body: bytes) -> tuple[int, str] | None:
    """(code, message) of an error body, None when it holds none (an HTML page of the firewall, say)."""
    try:
        answer = _read_error(body)
    except BadAnswerError:
        return None
    return answer.code, answer.msg


def limiting_code(code: int, body: bytes) -> int:
    """The code that limits are to be read from: that of the new order where a cancel-replace failed on the order limit."""
    if code not in CANCEL_REPLACE_FAILURES:
        return code
    try:
        refusal = _read_cancel_replace_error(body).data.new_order_response
    except BadAnswerError:
        return code
    return TOO_MANY_ORDERS if refusal is not None and refusal.code == TOO_MANY_ORDERS else code


def decode_nothing(body: bytes) -> None:
    """An answer that says nothing but yes, such as `{}`."""
    _read_acknowledgement(body)


def decode_server_time(body: bytes) -> int:
    """The exchange's clock, milliseconds UTC."""
    return _read_time(body).server_time


def decode_exchange_info(body: bytes) -> ExchangeInfo:
    """Trading rules of every symbol in the answer."""
    info = _read_exchange_info(body)
    told = (rate_limit(each.rate_limit_type, each.interval, each.interval_num, each.limit) for each in info.rate_limits)
    return ExchangeInfo({symbol.symbol: _rules(symbol) for symbol in info.symbols}, tuple(limit for limit in told if limit is not None))


def _rules(symbol: _Symbol) -> SymbolRules:
    try:
        status = SymbolStatus(symbol.status)
    except ValueError:
        status = SymbolStatus.UNKNOWN
    unbound = SymbolRules(
        symbol=symbol.symbol,
        base_asset=symbol.base_asset,
        quote_asset=symbol.quote_asset,
        status=status,
        tick_size=ZERO,
        min_price=ZERO,
        max_price=ZERO,
        step_size=ZERO,
        min_quantity=ZERO,
        max_quantity=ZERO,
        base_precision=symbol.base_asset_precision,
        quote_precision=symbol.quote_asset_precision,
    )
    return apply_filters(unbound, symbol.filters)


def decode_account(body: bytes) -> AccountInfo:
    """Balances that hold something, the right to trade, and the commission rates."""
    answer = _read_account(body)
    return AccountInfo(
        balances=held(answer.balances),
        can_trade=answer.can_trade,
        maker_rate=Decimal(answer.commission_rates.maker),
        taker_rate=Decimal(answer.commission_rates.taker),
        update_time_ms=answer.update_time,
        uid=answer.uid,
    )


def decode_placed_order(body: bytes) -> OrderReport:
    """The FULL answer to a new order, with its fills.

    The fills must add up to the executed quantity: booking from an answer that contradicts itself would falsify the book.
    """
    answer = _read_placed_order(body)
    report = _report(answer, answer.client_order_id, answer.transact_time, _placement_fills(answer))
    if total(fill.quantity for fill in report.fills) != report.executed_quantity:
        raise BadAnswerError("new_order: the fills do not add up to executedQty - at `$.fills`")
    return report


def _placement_fills(order: _PlacedOrder) -> tuple[Fill, ...]:
    """Fills in the answer to a placement happened at once, so they took liquidity; the exchange does not repeat what is the order's."""
    return tuple(
        Fill(
            symbol=order.symbol,
            trade_id=row.trade_id,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            side=order.side,
            price=Decimal(row.price),
            quantity=Decimal(row.qty),
            # The answer leaves the value out; like every quote amount it has eight decimals, the rest is cut off.
            quote_quantity=floor_to_step(times(Decimal(row.price), Decimal(row.qty)), _QUOTE_QUANTUM),
            commission=Decimal(row.commission),
            commission_asset=row.commission_asset,
            time_ms=order.transact_time,
            is_maker=False,
        )
        for row in order.fills
    )


def decode_canceled_order(body: bytes) -> OrderReport:
    """The answer to a cancellation; `client_order_id` is the order's own, not the id of the cancel request."""
    answer = _read_canceled_order(body)
    return _report(answer, answer.orig_client_order_id, answer.transact_time)


def decode_queried_order(body: bytes) -> OrderReport:
    """An order as the exchange has it, without fills."""
    answer = _read_order(body)
    return _report(answer, answer.client_order_id, answer.update_time)


def decode_open_orders(body: bytes) -> tuple[OrderReport, ...]:
    """All open orders in the answer."""
    return tuple(_report(row, row.client_order_id, row.update_time) for row in _read_open_orders(body))


def _report(order: _Order, client_order_id: str, time_ms: int, fills: tuple[Fill, ...] = ()) -> OrderReport:
    return OrderReport(
        symbol=order.symbol,
        order_id=order.order_id,
        client_order_id=client_order_id,
        side=order.side,
        type=order.type,
        status=order.status,
        price=Decimal(order.price),
        original_quantity=Decimal(order.orig_qty),
        executed_quantity=Decimal(order.executed_qty),
        cumulative_quote_quantity=Decimal(order.cummulative_quote_qty),
        time_ms=time_ms,
        fills=fills,
    )


def decode_trades(body: bytes) -> tuple[Fill, ...]:
    """Our trades, ascending by trade id; the client order id is empty, because the exchange does not send it here."""
    rows = _read_trades(body)
    return tuple(_trade(row) for row in sorted(rows, key=lambda row: row.id))


def _trade(row: _Trade) -> Fill:
    return Fill(
        symbol=row.symbol,
        trade_id=row.id,
        order_id=row.order_id,
        client_order_id="",
        side=Side.BUY if row.is_buyer else Side.SELL,
        price=Decimal(row.price),
        quantity=Decimal(row.qty),
        quote_quantity=Decimal(row.quote_qty),
        commission=Decimal(row.commission),
        commission_asset=row.commission_asset,
        time_ms=row.time,
        is_maker=row.is_maker,
    )
