"""SqliteBookStore: the BookStore port over SQLite, one transaction for each write."""

import sqlite3
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

from binance_trade_agent.domain.client_order_id import client_order_id
from binance_trade_agent.domain.decision import TradeDecision
from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.domain.ledger import post_external
from binance_trade_agent.domain.money import money, plain
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderEvent, OrderIntent, OrderReport
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import ModeChange, Reservation, RiskState
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.ports.book import BookState, Settled
from binance_trade_agent.storage import audit, history
from binance_trade_agent.storage.book_state import read_epoch, read_state, write_trades_seen
from binance_trade_agent.storage.bookings import OrderNews, book_foreign_fills, post, settle, write_down
from binance_trade_agent.storage.database import SqlDatabase
from binance_trade_agent.storage.retention import Forgotten, forget_decisions
from binance_trade_agent.storage.risk_memory import save_risk_state
from binance_trade_agent.storage.rows import decision_to_row, intent_to_row, point_to_row


class SqliteBookStore:
    """The book in a SQL database.

    `new_epoch` names the account the first time that the book is loaded (lower-case letters and digits, at most 16), and must never
    give a name that an earlier book of the same account had.
    """

    def __init__(self, database: SqlDatabase, *, new_epoch: Callable[[], str]) -> None:
        self._database = database
        self._new_epoch = new_epoch

    async def load(self) -> BookState:
        """See BookStore.load; the first call on a new book gives it its epoch."""
        return await self._database.write(partial(_load, new_epoch=self._new_epoch), durable=True)

    async def bind_account(self, uid: int) -> int:
        """The exchange's number of the account that this book belongs to: `uid` from the first call on, for good."""
        return await self._database.write(partial(_bind_account, uid=uid), durable=True)

    async def insert_intent(self, intent: OrderIntent, reservation: Reservation, send_deadline_ms: int) -> None:
        """See BookStore.insert_intent; BookError when the client order id was used before."""
        await self._database.write(partial(_insert_intent, entry=(intent, reservation, send_deadline_ms)), durable=True)

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
        """See BookStore.settle; the state that counts is the one in the book, read in the same transaction.

        Raises IllegalTransitionError, and BookMismatchError when report or fills contradict the book; nothing is written then.
        """
        news = OrderNews(client_order_id, event, time_ms, detail, report, fills)
        return await self._database.write(partial(settle, news=news, rules=rules), durable=True)

    async def book_foreign_fills(self, fills: Sequence[Fill], rules: SymbolRules) -> tuple[Fill, ...]:
        """See BookStore.book_foreign_fills; a late fill of an order of ours is recognised by the exchange's order id and credited to it."""
        return await self._database.write(partial(book_foreign_fills, fills=tuple(fills), rules=rules), durable=True)

    async def book_external(self, asset: str, amount: Decimal, reference: str, time_ms: int) -> bool:
        """See BookStore.book_external."""
        return await self._database.write(partial(post, transaction=post_external(asset, amount, reference, time_ms)), durable=True)

    async def write_down(self, symbol: str, quantity: Decimal, time_ms: int) -> Position:
        """See BookStore.write_down; BookMismatchError when less is held."""
        return await self._database.write(partial(write_down, symbol=symbol, quantity=quantity, time_ms=time_ms), durable=True)

    async def insert_mode(self, change: ModeChange) -> None:
        """See BookStore.insert_mode."""
        await self._database.write(partial(_insert_mode, change=change), durable=True)

    async def set_trades_seen(self, symbol: str, trade_id: int) -> None:
        """See BookStore.set_trades_seen."""
        await self._database.write(partial(write_trades_seen, symbol=symbol, trade_id=trade_id), durable=False)

    async def find_order(self, client_order_id: str) -> JournaledOrder | None:
        """See BookStore.find_order."""
        return await self._database.read(partial(history.find_order, client_order_id=client_order_id))

    async def never_placed(self, since_ms: int) -> tuple[JournaledOrder, ...]:
        """See BookStore.never_placed."""
        return await self._database.read(partial(history.never_placed, since_ms=since_ms))

    async def asked_to_cancel(self, open_ids: Sequence[str]) -> tuple[str, ...]:
        """Those of `open_ids` (client order ids) whose cancellation was asked for, maybe by an earlier process."""
        return await self._database.read(partial(history.asked_to_cancel, open_ids=tuple(open_ids))) if open_ids else ()

    async def unbooked(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """See BookStore.unbooked."""
        return await self._database.read(partial(history.unbooked, fills=tuple(fills))) if fills else ()

    async def contradicted(self, fills: Sequence[Fill]) -> tuple[Fill, ...]:
        """See BookStore.contradicted."""
        return await self._database.read(partial(history.contradicted, fills=tuple(fills))) if fills else ()

    async def order_of_trade(self, symbol: str, trade_id: int) -> JournaledOrder | None:
        """See BookStore.order_of_trade."""
        return await self._database.read(partial(history.order_of_trade, symbol=symbol, trade_id=trade_id))

    async def set_initial_value(self, value: Decimal, time_ms: int) -> None:
        """See BookStore.set_initial_value; the first value and time stay."""
        await self._database.write(partial(_set_initial_value, value=value, time_ms=time_ms), durable=True)

    async def save_risk_state(self, risk_state: RiskState) -> None:
        """See BookStore.save_risk_state."""
        await self._database.write(partial(save_risk_state, state=risk_state), durable=True)

    async def record_pass(self, decisions: Sequence[TradeDecision], point: EquityPoint, risk_state: RiskState) -> None:
        """See BookStore.record_pass."""
        work = partial(_record_pass, decisions=tuple(decisions), point=point, risk_state=risk_state)
        await self._database.write(work, durable=False)

    async def equity_history(self, limit: int) -> tuple[EquityPoint, ...]:
        """See BookStore.equity_history."""
        return await self._database.read(partial(history.newest_points, limit=limit))

    async def equity_curve(self, since_ms: int, points: int) -> tuple[EquityPoint, ...]:
        """At most `points` equity points from `since_ms` on, evenly spread over the time that there is, oldest first."""
        return await self._database.read(partial(history.equity_curve, since_ms=since_ms, points=points))

    async def orders(self, limit: int) -> tuple[JournaledOrder, ...]:
        """The newest `limit` orders in any state, oldest first."""
        return await self._database.read(partial(history.newest_orders, limit=limit))

    async def fills(self, limit: int) -> tuple[Fill, ...]:
        """The newest `limit` fills in the order they were booked, oldest first."""
        return await self._database.read(partial(history.newest_fills, limit=limit))

    async def all_orders(self) -> tuple[JournaledOrder, ...]:
        """Every order in any state, oldest first; for reports over a whole book."""
        return await self._database.read(history.all_orders)

    async def all_fills(self) -> tuple[Fill, ...]:
        """Every fill, by symbol and trade id; for reports over a whole book."""
        return await self._database.read(history.all_fills)

    async def decisions(self, limit: int) -> tuple[history.DecisionRecord, ...]:
        """The newest `limit` decisions, oldest first."""
        return await self._database.read(partial(history.newest_decisions, limit=limit))

    async def forget_decisions(self, after_id: int, before_ms: int) -> Forgotten:
        """One step of forgetting old decisions that led to no order; see forget_decisions."""
        return await self._database.write(partial(forget_decisions, after_id=after_id, before_ms=before_ms), durable=False)

    async def positions(self) -> tuple[Position, ...]:
        """All positions, closed ones with their realised profit included, by symbol."""
        return await self._database.read(history.all_positions)

    async def verify(self) -> tuple[str, ...]:
        """Recompute everything derived from what is append-only; one sentence for each difference, none when the book is sound."""
        return await self._database.read(audit.differences)


def _load(connection: sqlite3.Connection, new_epoch: Callable[[], str]) -> BookState:
    if read_epoch(connection) is None:
        epoch = new_epoch()
        client_order_id(epoch, 1)  # refuses an epoch that ids cannot carry, before it is kept for good
        connection.execute("INSERT INTO meta (key, value) VALUES ('epoch', ?)", (epoch,))
    return read_state(connection)


def _bind_account(connection: sqlite3.Connection, uid: int) -> int:
    connection.execute("INSERT INTO meta (key, value) VALUES ('account_uid', ?) ON CONFLICT (key) DO NOTHING", (str(uid),))
    return int(connection.execute("SELECT value FROM meta WHERE key = 'account_uid'").fetchone()[0])


def _insert_intent(connection: sqlite3.Connection, entry: tuple[OrderIntent, Reservation, int]) -> None:
    epoch = read_epoch(connection)
    if epoch is None:
        raise BookError("the book has no epoch yet; load it before the first order")
    connection.execute(_INSERT_ORDER, intent_to_row(*entry, epoch))


def _insert_mode(connection: sqlite3.Connection, change: ModeChange) -> None:
    connection.execute(
        "INSERT INTO mode_changes (time_ms, scope, mode, rule, reason) VALUES (?, ?, ?, ?, ?)",
        (change.time_ms, change.scope, change.mode.value, change.rule, change.reason),
    )


def _set_initial_value(connection: sqlite3.Connection, value: Decimal, time_ms: int) -> None:
    facts = [("initial_value", plain(money(value))), ("opened_ms", str(time_ms))]
    connection.executemany("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", facts)


def _record_pass(connection: sqlite3.Connection, decisions: Sequence[TradeDecision], point: EquityPoint, risk_state: RiskState) -> None:
    connection.executemany(_INSERT_DECISION, [decision_to_row(decision) for decision in decisions])
    connection.execute(_INSERT_POINT, point_to_row(point))
    save_risk_state(connection, risk_state)


_INSERT_ORDER = """
    INSERT INTO orders (client_order_id, number, symbol, side, type, purpose, quantity, reference_price, price, time_in_force,
        created_ms, correlation_id, reason, reserved_quote, send_deadline_ms, state, executed_quantity, updated_ms, stop_price,
        list_id)
    VALUES (:client_order_id, :number, :symbol, :side, :type, :purpose, :quantity, :reference_price, :price, :time_in_force,
        :created_ms, :correlation_id, :reason, :reserved_quote, :send_deadline_ms, :state, :executed_quantity, :updated_ms,
        :stop_price, :list_id)
"""
_INSERT_DECISION = """
    INSERT INTO decisions (time_ms, symbol, correlation_id, verdict, explanation, price, strategy, action, confidence, indicators,
        refused_by, client_order_id, outcome, error, execution_duration_ms, market_ms, signal_ms, risk_ms, execution_ms, book_ms)
    VALUES (:time_ms, :symbol, :correlation_id, :verdict, :explanation, :price, :strategy, :action, :confidence, :indicators,
        :refused_by, :client_order_id, :outcome, :error, :execution_duration_ms, :market_ms, :signal_ms, :risk_ms, :execution_ms, :book_ms)
"""
_INSERT_POINT = """
    INSERT OR REPLACE INTO equity_points (time_ms, equity, cash, exposure, realized, unrealized)
    VALUES (:time_ms, :equity, :cash, :exposure, :realized, :unrealized)
"""
