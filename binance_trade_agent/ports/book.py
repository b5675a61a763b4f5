"""Book: the durable record of intents, order states, fills, ledger, modes and equity. One writer; what is awaited is committed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from binance_trade_agent.domain.decision import TradeDecision
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderEvent, OrderIntent, OrderReport
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import ModeChange, Reservation, RiskState, Uncounted
from binance_trade_agent.domain.symbol_rules import SymbolRules

MOST_NEVER_PLACED = 50
"""More are not asked for again at once."""


@dataclass(frozen=True, slots=True)
class BookState:
    """Everything that is needed to go on after a start, read in one go.

    `balances` are the ledger's wallet sums per asset, `commissions` what was paid per asset, `last_trade_ids` the newest booked
    trade id per symbol. `epoch` names the account in client order ids; `next_order_number` continues its counter. `opened_ms` is
    when the initial value was put in. `trades_seen` is, per symbol, the trade id up to which the exchange's trade list was gone through.
    `uncounted` is what `risk_state` may not have counted.
    """

    epoch: str
    next_order_number: int
    balances: Mapping[str, Decimal]
    commissions: Mapping[str, Decimal]
    positions: Mapping[str, Position]
    open_orders: tuple[JournaledOrder, ...]
    last_trade_ids: Mapping[str, int]
    modes: Mapping[str, ModeChange]
    risk_state: RiskState | None
    initial_value: Decimal | None
    orders: int
    fills: int
    opened_ms: int | None = None
    trades_seen: Mapping[str, int] = field(default_factory=dict)
    uncounted: Uncounted = field(default_factory=Uncounted)


@dataclass(frozen=True, slots=True)
class Settled:
    """What a recorded order event changed: the order as it now stands, and the fills that were new."""

    order: JournaledOrder
    new_fills: tuple[Fill, ...]


class OrderJournal(Protocol):
    """What execution and reconciliation need: intents and what became of them. Every call is durable when it returns (BookError else)."""

    async def record_intent(self, intent: OrderIntent, reservation: Reservation, send_deadline_ms: int) -> None:
        """Write the intent in state INTENDED together with its reservation."""
        ...

    async def record_event(
        self,
        client_order_id: str,
        event: OrderEvent,
        *,
        time_ms: int,
        detail: str = "",
        report: OrderReport | None = None,
        fills: Sequence[Fill] = (),
    ) -> Settled:
        """Move the order along the state table and book the fills that are new, all in one transaction.

        `fills` are booked once by (symbol, trade id). An event that leaves the state as it is (a second ACCEPT) is fine where the
        table holds it; a pair that the table lacks raises IllegalTransitionError and writes nothing.
        """
        ...

    async def record_mode(self, change: ModeChange) -> None:
        """Write a change of trading mode."""
        ...

    async def record_external(self, asset: str, amount: Decimal, reference: str, time_ms: int) -> None:
        """Book a deposit or withdrawal; a `reference` that is already booked changes nothing."""
        ...

    async def record_write_down(self, symbol: str, quantity: Decimal, time_ms: int) -> None:
        """Take `quantity` (base) from the position in `symbol`, with its share of the cost: it left the account without a trade."""
        ...

    def shortfalls(self) -> Mapping[str, Decimal]:
        """How much of each position is not on the account by the ledger, by symbol; symbols of one base asset give in their order."""
        ...

    async def record_foreign_fills(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """Book trades of the account that belong to no order of ours (traded by hand); returns those that were new."""
        ...

    async def record_trades_seen(self, symbol: str, trade_id: int) -> None:
        """Remember that every trade of `symbol` up to `trade_id` was looked at; -1 when it has none yet."""
        ...

    async def find_order(self, client_order_id: str) -> JournaledOrder | None:
        """The order by id in whatever state, ended ones too; None when the book never had it."""
        ...

    async def never_placed(self, since_ms: int) -> tuple[JournaledOrder, ...]:
        """Orders that count as never placed, and have since `since_ms` or later; the newest MOST_NEVER_PLACED, oldest first."""
        ...

    async def unbooked(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """Those of `fills` (of one symbol) that are not booked, in the order given."""
        ...

    async def contradicted(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """Those of `fills` (of one symbol) whose trade ids are booked as other trades."""
        ...

    async def order_of_trade(self, symbol: str, trade_id: int) -> JournaledOrder | None:
        """The order of ours that a booked trade was of; None when it was nobody's of ours, or is not booked."""
        ...

    def open_orders(self) -> tuple[JournaledOrder, ...]:
        """Orders whose state is not terminal, oldest first."""
        ...

    def order(self, client_order_id: str) -> JournaledOrder | None:
        """An open order by id, else None."""
        ...

    def last_trade_id(self, symbol: str) -> int | None:
        """The newest booked trade id of `symbol`."""
        ...

    def trades_seen(self, symbol: str) -> int | None:
        """The trade id up to which the exchange's trade list of `symbol` was gone through; None when it never was.

        Not the newest booked one: an order's own answer books trades before the list was looked at, and older ones may still be missing.
        """
        ...

    @property
    def modes(self) -> Mapping[str, ModeChange]:
        """The last change of mode of the account (`*`) and of each symbol that has had one."""
        ...

    def balance(self, asset: str) -> Decimal:
        """The ledger's wallet sum of `asset`."""
        ...

    @property
    def balances(self) -> Mapping[str, Decimal]:
        """The ledger's wallet sums of every asset it has seen."""
        ...


class BookStore(Protocol):
    """The database behind PortfolioManager, in SQLite; every write is one transaction."""

    async def load(self) -> BookState:
        """Read the state to go on from."""
        ...

    async def insert_intent(self, intent: OrderIntent, reservation: Reservation, send_deadline_ms: int) -> None:
        """Durable before it returns (synchronous=FULL)."""
        ...

    async def settle(
        self,
        client_order_id: str,
        event: OrderEvent,
        time_ms: int,
        detail: str,
        report: OrderReport | None,
        fills: Sequence[Fill],
        rules: SymbolRules,
    ) -> Settled:
        """State event, fills, ledger postings and position in one durable transaction."""
        ...

    async def book_foreign_fills(self, fills: Sequence[Fill], rules: SymbolRules) -> tuple[Fill, ...]:
        """Fills without an order of ours, with postings and position, in one durable transaction."""
        ...

    async def book_external(self, asset: str, amount: Decimal, reference: str, time_ms: int) -> bool:
        """False when the reference was already booked."""
        ...

    async def write_down(self, symbol: str, quantity: Decimal, time_ms: int) -> Position:
        """Position and ledger entry in one durable transaction; returns the position as it is then."""
        ...

    async def insert_mode(self, change: ModeChange) -> None:
        """Durable before it returns."""
        ...

    async def set_trades_seen(self, symbol: str, trade_id: int) -> None:
        """Remember how far the trade list was gone through (synchronous=NORMAL: what is lost is looked at once more)."""
        ...

    async def find_order(self, client_order_id: str) -> JournaledOrder | None:
        """The order by id in whatever state; None when the book never had it."""
        ...

    async def never_placed(self, since_ms: int) -> tuple[JournaledOrder, ...]:
        """Orders that count as never placed, and have since `since_ms` or later; the newest MOST_NEVER_PLACED, oldest first."""
        ...

    async def unbooked(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """Those of `fills` (of one symbol) that are not booked, in the order given."""
        ...

    async def contradicted(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """Those of `fills` (of one symbol) whose trade ids are booked as other trades."""
        ...

    async def order_of_trade(self, symbol: str, trade_id: int) -> JournaledOrder | None:
        """The order of ours that a booked trade was of; None when it was nobody's of ours, or is not booked."""
        ...

    async def set_initial_value(self, value: Decimal, time_ms: int) -> None:
        """Remember what was put in and when, once."""
        ...

    async def save_risk_state(self, risk_state: RiskState) -> None:
        """Risk memory between passes, when it changed without one; durable before it returns."""
        ...

    async def record_pass(self, decisions: Sequence[TradeDecision], point: EquityPoint, risk_state: RiskState) -> None:
        """Decisions, equity point and risk memory of one pass, in one transaction (synchronous=NORMAL: it can be recomputed)."""
        ...

    async def equity_history(self, limit: int) -> tuple[EquityPoint, ...]:
        """The newest `limit` points, oldest first."""
        ...
