"""What the engine records as rows of the exchange's store, and back: every field is a column of the same name."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeVar

from msgspec import Struct, convert
from msgspec.json import decode, encode
from msgspec.structs import astuple

from binance_trade_agent.simulation.engine.list_records import OrderList
from binance_trade_agent.simulation.engine.records import Amendment, ExchangeOrder, ExchangeTrade, PreventedMatch

Row = tuple[Any, ...]
S = TypeVar("S", bound=Struct)

OPEN_ORDER = "status IN ('NEW', 'PARTIALLY_FILLED', 'PENDING_NEW')"


def columns(kind: type[Struct]) -> str:
    """The columns of a record's table, in the order of its rows."""
    return ", ".join(kind.__struct_fields__)


ORDER_COLUMNS = columns(ExchangeOrder)
TRADE_COLUMNS = columns(ExchangeTrade)
PREVENTED_COLUMNS = columns(PreventedMatch)
AMENDMENT_COLUMNS = columns(Amendment)


LIST_COLUMNS = columns(OrderList)
_LIST_FIELDS = OrderList.__struct_fields__


def text(value: Decimal) -> str:
    """A decimal in plain notation."""
    return format(value, "f")


def row_of(record: Struct) -> Row:
    """The record's values as SQLite keeps them: decimals are text, enums their words, true and false 1 and 0."""
    return tuple(text(value) if isinstance(value, Decimal) else value for value in astuple(record))


def list_row(order_list: OrderList) -> Row:
    """The values of an order list as SQLite keeps them: its orders are JSON."""
    return tuple(
        encode(value).decode() if name == "orders" else value for name, value in zip(_LIST_FIELDS, astuple(order_list), strict=True)
    )


def list_from(row: Iterable[Any]) -> OrderList:
    """The order list of a row that has all of its columns."""
    values = dict(zip(_LIST_FIELDS, row, strict=True))
    return convert(values | {"orders": decode(values["orders"])}, OrderList, strict=False)


def record_from(kind: type[S], row: Iterable[Any]) -> S:
    """The record of a row that has all of its columns."""
    return convert(dict(zip(kind.__struct_fields__, row, strict=True)), kind, strict=False)
