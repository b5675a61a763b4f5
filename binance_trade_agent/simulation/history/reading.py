"""Reading an exported history back, line by line, with what a check needs of each."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.simulation.history.export import FORMAT

MOST_LINE_BYTES = 64 * 1024


class _Line(msgspec.Struct, frozen=True, tag_field="record"):
    """A line; fields that are not named here are passed over."""


class HistoryLine(_Line, frozen=True, tag="history"):
    """The first line."""

    format: int
    time_ms: int


class SymbolLine(_Line, frozen=True, tag="symbol"):
    """What a symbol trades."""

    symbol: str
    base_asset: str
    quote_asset: str


class AccountLine(_Line, frozen=True, tag="account"):
    """An account; its other lines follow."""

    account_id: int
    key_sha256: str


class MovementLine(_Line, frozen=True, tag="movement"):
    """What an account was given, or had to give when it is negative."""

    account_id: int
    asset: str
    amount: Decimal
    time_ms: int


class OrderLine(_Line, frozen=True, tag="order"):
    """An order as it is now."""

    symbol: str
    order_id: int
    account_id: int
    client_order_id: str
    side: str
    type: str
    status: str
    price: Decimal
    original_quantity: Decimal
    executed_quantity: Decimal
    cumulative_quote_quantity: Decimal
    locked_amount: Decimal


class TradeLine(_Line, frozen=True, tag="trade"):
    """One account's side of a trade."""

    symbol: str
    trade_id: int
    order_id: int
    account_id: int
    side: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str
    time_ms: int
    is_maker: bool


class BalanceLine(_Line, frozen=True, tag="balance"):
    """What an account holds now of one asset."""

    account_id: int
    asset: str
    free: Decimal
    locked: Decimal


class PreventedLine(_Line, frozen=True, tag="prevented_match"):
    """A match that self-trade prevention stopped; with mode TRANSFER its quantity changed hands all the same."""

    symbol: str
    prevented_match_id: int
    taker_order_id: int
    taker_account_id: int
    maker_order_id: int
    maker_account_id: int
    mode: str
    price: Decimal
    quantity: Decimal


class AmendmentLine(_Line, frozen=True, tag="amendment"):
    """A change of an order's quantity."""

    symbol: str
    order_id: int


class OrderListLine(_Line, frozen=True, tag="order_list"):
    """An order list as it is now; its orders are there by themselves."""

    order_list_id: int
    account_id: int


class EndLine(_Line, frozen=True, tag="end"):
    """The last line; a file without it is not complete."""

    lines: int


Line = (
    HistoryLine
    | SymbolLine
    | AccountLine
    | MovementLine
    | OrderLine
    | TradeLine
    | BalanceLine
    | PreventedLine
    | AmendmentLine
    | OrderListLine
    | EndLine
)


@dataclass(slots=True)
class ReadHistory:
    """Everything that a history holds, in its order."""

    time_ms: int = 0
    symbols: dict[str, SymbolLine] = field(default_factory=dict)
    accounts: list[AccountLine] = field(default_factory=list)
    movements: list[MovementLine] = field(default_factory=list)
    orders: list[OrderLine] = field(default_factory=list)
    trades: list[TradeLine] = field(default_factory=list)
    balances: list[BalanceLine] = field(default_factory=list)
    prevented: list[PreventedLine] = field(default_factory=list)

    def put(self, line: AccountLine | MovementLine | OrderLine | TradeLine | BalanceLine | PreventedLine) -> None:
        """Keep a line among those of its kind."""
        match line:
            case AccountLine():
                self.accounts.append(line)
            case MovementLine():
                self.movements.append(line)
            case OrderLine():
                self.orders.append(line)
            case TradeLine():
                self.trades.append(line)
            case BalanceLine():
                self.balances.append(line)
            case PreventedLine():
                self.prevented.append(line)


def read_history(lines: Iterable[bytes]) -> ReadHistory:
    """The history of `lines`. Raises BookError, which names the line, for what is no history or not a complete one."""
    history, decoder = ReadHistory(), msgspec.json.Decoder(Line)
    number, is_over = 0, False
    for number, text in enumerate(lines, 1):
        if is_over or len(text) > MOST_LINE_BYTES:
            raise BookError(f"line {number} of the history comes after its end, or is longer than {MOST_LINE_BYTES} bytes")
        try:
            line: Line = decoder.decode(text)
        except msgspec.MsgspecError as error:
            raise BookError(f"line {number} of the history cannot be read: {error}") from None
        if (number == 1) is not isinstance(line, HistoryLine):
            raise BookError(f"line {number} of the history is out of place: a history begins with one line of record history")
        is_over = _take(history, line, number)
    if not is_over:
        raise BookError(f"the history breaks off after line {number}: no line of record end follows")
    return history


def _take(history: ReadHistory, line: Line, number: int) -> bool:
    """Put a line where it belongs; True for the last one."""
    match line:
        case HistoryLine():
            if line.format != FORMAT:
                raise BookError(f"the history is of format {line.format}; this program reads {FORMAT}")
            history.time_ms = line.time_ms
        case SymbolLine():
            history.symbols[line.symbol] = line
        case AmendmentLine() | OrderListLine():
            pass  # the orders show what became of them
        case EndLine():
            if line.lines != number:
                raise BookError(f"the history has {counted(number, 'line')} and says that it has {line.lines}")
            return True
        case _:
            history.put(line)
    return False
