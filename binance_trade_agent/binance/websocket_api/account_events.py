"""The events of a user data stream, decoded into Structs with exact Decimals. Source: user-data-stream.md.

Times are milliseconds UTC. Every event has an `identity`: two copies of one event that came over two connections have the same one.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import field

from binance_trade_agent.binance.answers.shape import Answer, Decoder
from binance_trade_agent.domain.errors import BadAnswerError
from binance_trade_agent.domain.order import ExchangeStatus, Side

Identity = tuple[object, ...]


class ExecutionReport(Answer, frozen=True):
    """`executionReport`: something happened to an order ("Order Update").

    Quantities are in base, amounts in quote. Fields with a default are conditional ("Conditional Fields in Execution Report").
    `client_order_id` is that of the request which caused the event; for a cancellation `original_client_order_id` names the order.
    """

    event_time_ms: int = field(name="E")
    symbol: str = field(name="s")
    client_order_id: str = field(name="c")
    side: Side = field(name="S")
    type: str = field(name="o")
    time_in_force: str = field(name="f")
    quantity: Decimal = field(name="q")
    price: Decimal = field(name="p")
    stop_price: Decimal = field(name="P")
    iceberg_quantity: Decimal = field(name="F")
    order_list_id: int = field(name="g")
    original_client_order_id: str = field(name="C")
    execution_type: str = field(name="x")
    status: ExchangeStatus = field(name="X")
    reject_reason: str = field(name="r")
    order_id: int = field(name="i")
    last_quantity: Decimal = field(name="l")
    executed_quantity: Decimal = field(name="z")
    last_price: Decimal = field(name="L")
    commission: Decimal = field(name="n")
    commission_asset: str | None = field(name="N")
    time_ms: int = field(name="T")
    trade_id: int = field(name="t")
    execution_id: int = field(name="I")
    is_on_book: bool = field(name="w")
    is_maker: bool = field(name="m")
    created_ms: int = field(name="O")
    executed_quote_quantity: Decimal = field(name="Z")
    last_quote_quantity: Decimal = field(name="Y")
    quote_order_quantity: Decimal = field(name="Q")
    working_time_ms: int | None = field(name="W", default=None)
    self_trade_prevention: str | None = field(name="V", default=None)
    trailing_delta: int | None = field(name="d", default=None)
    trailing_time_ms: int | None = field(name="D", default=None)
    strategy_id: int | None = field(name="j", default=None)
    strategy_type: int | None = field(name="J", default=None)
    prevented_match_id: int | None = field(name="v", default=None)
    prevented_quantity: Decimal | None = field(name="A", default=None)
    last_prevented_quantity: Decimal | None = field(name="B", default=None)
    trade_group_id: int | None = field(name="u", default=None)
    counter_order_id: int | None = field(name="U", default=None)
    counter_symbol: str | None = field(name="Cs", default=None)
    prevented_execution_quantity: Decimal | None = field(name="pl", default=None)
    prevented_execution_price: Decimal | None = field(name="pL", default=None)
    prevented_execution_quote_quantity: Decimal | None = field(name="pY", default=None)
    match_type: str | None = field(name="b", default=None)
    allocation_id: int | None = field(name="a", default=None)
    working_floor: str | None = field(name="k", default=None)
    used_sor: bool | None = field(name="uS", default=None)
    peg_price_type: str | None = field(name="gP", default=None)
    peg_offset_type: str | None = field(name="gOT", default=None)
    peg_offset_value: int | None = field(name="gOV", default=None)
    pegged_price: Decimal | None = field(name="gp", default=None)
    expiry_reason: str | None = field(name="eR", default=None)

    @property
    def identity(self) -> Identity:
        """The execution id names the event within its symbol."""
        return "executionReport", self.symbol, self.execution_id, self.execution_type


class AssetBalance(Answer, frozen=True):
    """What the account holds of one asset; `locked` is tied up in orders or elsewhere."""

    asset: str = field(name="a")
    free: Decimal = field(name="f")
    locked: Decimal = field(name="l")


class AccountPosition(Answer, frozen=True):
    """`outboundAccountPosition`: the balances that an event may have changed ("Account Update")."""

    event_time_ms: int = field(name="E")
    updated_ms: int = field(name="u")
    balances: tuple[AssetBalance, ...] = field(name="B")

    @property
    def identity(self) -> Identity:
        """One moment can hold several updates, told apart by what they say."""
        return "outboundAccountPosition", self.updated_ms, *((row.asset, row.free, row.locked) for row in self.balances)


class BalanceUpdate(Answer, frozen=True):
    """`balanceUpdate`: a deposit, a withdrawal or a transfer; negative when something left."""

    event_time_ms: int = field(name="E")
    asset: str = field(name="a")
    delta: Decimal = field(name="d")
    cleared_ms: int = field(name="T")

    @property
    def identity(self) -> Identity:
        """What came or went, and when."""
        return "balanceUpdate", self.asset, self.delta, self.cleared_ms


class ListedOrder(Answer, frozen=True):
    """One order of an order list."""

    symbol: str = field(name="s")
    order_id: int = field(name="i")
    client_order_id: str = field(name="c")


class ListStatus(Answer, frozen=True):
    """`listStatus`: something happened to an order list; its orders have execution reports of their own."""

    event_time_ms: int = field(name="E")
    symbol: str = field(name="s")
    order_list_id: int = field(name="g")
    contingency_type: str = field(name="c")
    list_status: str = field(name="l")
    list_order_status: str = field(name="L")
    reject_reason: str = field(name="r")
    list_client_order_id: str = field(name="C")
    time_ms: int = field(name="T")
    orders: tuple[ListedOrder, ...] = field(name="O")

    @property
    def identity(self) -> Identity:
        """The list and the state it reached."""
        return "listStatus", self.symbol, self.order_list_id, self.list_status, self.list_order_status, self.time_ms


class StreamTerminated(Answer, frozen=True):
    """`eventStreamTerminated`: this subscription has ended and brings no more events."""

    event_time_ms: int = field(name="E")

    @property
    def identity(self) -> Identity:
        """Of a subscription, not of the account: each connection has its own end."""
        return "eventStreamTerminated", self.event_time_ms


class LockUpdate(Answer, frozen=True):
    """`externalLockUpdate`: an outside system (margin collateral, say) locked a part of the wallet, or released it when negative."""

    event_time_ms: int = field(name="E")
    asset: str = field(name="a")
    delta: Decimal = field(name="d")
    time_ms: int = field(name="T")

    @property
    def identity(self) -> Identity:
        """What was locked, and when."""
        return "externalLockUpdate", self.asset, self.delta, self.time_ms


AccountEvent = ExecutionReport | AccountPosition | BalanceUpdate | ListStatus | StreamTerminated | LockUpdate


class _Kind(Answer, frozen=True):
    kind: str = field(name="e")


_SHAPES: Mapping[str, type[AccountEvent]] = {
    "executionReport": ExecutionReport,
    "outboundAccountPosition": AccountPosition,
    "balanceUpdate": BalanceUpdate,
    "listStatus": ListStatus,
    "eventStreamTerminated": StreamTerminated,
    "externalLockUpdate": LockUpdate,
}
_read_kind = Decoder("event", _Kind)
_DECODERS = {kind: Decoder(kind, shape) for kind, shape in _SHAPES.items()}


def kind_of(payload: bytes) -> str:
    """The kind of an event, such as `executionReport`; raises BadAnswerError when it names none."""
    return _read_kind(payload).kind


def decode_account_event(payload: bytes) -> AccountEvent | None:
    """The event in `payload`, None for a kind that is not known; raises BadAnswerError for one that cannot be read."""
    kind = kind_of(payload)
    decode = _DECODERS.get(kind)
    if decode is None:
        return None
    event = decode(payload)
    if isinstance(event, ExecutionReport) and event.execution_type == "TRADE" and event.trade_id >= 0 and event.commission_asset is None:
        raise BadAnswerError("executionReport: a trade without the asset of its commission - at `$.N`")
    return event
