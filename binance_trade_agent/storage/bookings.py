"""Bookings: what is written, inside one transaction, when a fill, a deposit or an order event reaches the book.

Fills belong to an order of ours by (symbol, exchange order id), so a trade that was booked before its order was known to be ours
counts for that order as soon as it is.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from binance_trade_agent.domain.errors import BookError, BookMismatchError
from binance_trade_agent.domain.ledger import Account, LedgerTransaction, post_fill, post_write_down
from binance_trade_agent.domain.money import money, plain, total
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderEvent, OrderReport, next_state
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.ports.book import Settled
from binance_trade_agent.storage.history import is_same_trade
from binance_trade_agent.storage.rows import event_to_row, fill_from_row, fill_to_row, order_from_row, position_from_row, position_to_row


@dataclass(frozen=True, slots=True)
class OrderNews:
    """An event of an order with everything that came with it."""

    client_order_id: str
    event: OrderEvent
    time_ms: int
    detail: str
    report: OrderReport | None
    fills: Sequence[Fill]


def settle(connection: sqlite3.Connection, news: OrderNews, rules: SymbolRules) -> Settled:
    """Move the order along the state table from where the book has it, and book the fills that are new.

    Raises IllegalTransitionError, BookError for an order that is not in the book, and BookMismatchError for a report or fill of
    another order or one that contradicts what is booked.
    """
    order = _stored_order(connection, news.client_order_id)
    state = next_state(order.state, news.event)
    fills = _own_fills(order, news)
    order_id = _exchange_order_id(order, news.report, fills)
    connection.execute(_INSERT_EVENT, event_to_row(order, news.event, state, news.time_ms, news.detail, news.report))
    new_fills = _book_fills(connection, fills, rules)
    executed = order.executed_quantity if order_id is None else _executed(connection, order.intent.symbol, order_id)
    moved = replace(order, state=state, order_id=order_id, executed_quantity=executed, updated_ms=news.time_ms)
    connection.execute(
        "UPDATE orders SET state = ?, order_id = ?, executed_quantity = ?, updated_ms = ? WHERE client_order_id = ?",
        (state.value, order_id, plain(executed), news.time_ms, news.client_order_id),
    )
    return Settled(moved, new_fills)


def book_foreign_fills(connection: sqlite3.Connection, fills: Sequence[Fill], rules: SymbolRules) -> tuple[Fill, ...]:
    """Book trades found on the account; those of an order of ours that came late are credited to it. Returns the new ones."""
    owners = {fill.order_id: _owner(connection, fill.symbol, fill.order_id) for fill in fills}
    named = [replace(fill, client_order_id=owners[fill.order_id] or fill.client_order_id) for fill in fills]
    new_fills = _book_fills(connection, named, rules)
    for order_id, owner in owners.items():
        if owner is not None:
            executed = _executed(connection, rules.symbol, order_id)
            connection.execute("UPDATE orders SET executed_quantity = ? WHERE client_order_id = ?", (plain(executed), owner))
    return new_fills


def write_down(connection: sqlite3.Connection, symbol: str, quantity: Decimal, time_ms: int) -> Position:
    """Take `quantity` from the position in `symbol`; BookMismatchError when there is not so much. Returns what it is then."""
    row = connection.execute("SELECT * FROM positions WHERE symbol = ?", (symbol,)).fetchone()
    held = None if row is None else position_from_row(row)
    if held is None or not 0 < quantity <= held.quantity:
        there = plain(held.quantity) if held else "nothing"
        raise BookMismatchError(f"{plain(quantity)} of {symbol} cannot be written down: {there} is held")
    position = held.written_down(quantity, time_ms)
    if not post(connection, post_write_down(symbol, held.base_asset, quantity, time_ms)):
        raise BookMismatchError(f"the position in {symbol} was written down at {time_ms} already")
    connection.execute(_UPSERT_POSITION, position_to_row(position))
    return position


def post(connection: sqlite3.Connection, transaction: LedgerTransaction) -> bool:
    """Write a ledger transaction and the sums that follow from it; False, with nothing written, when its reference is booked already."""
    cursor = connection.execute(
        "INSERT INTO ledger_transactions (kind, reference, time_ms) VALUES (?, ?, ?) ON CONFLICT (kind, reference) DO NOTHING",
        (transaction.kind.value, transaction.reference, transaction.time_ms),
    )
    if cursor.rowcount == 0:
        return False
    number = cursor.lastrowid
    for posting in transaction.postings:
        connection.execute(
            "INSERT INTO ledger_postings (transaction_id, account, asset, amount) VALUES (?, ?, ?, ?)",
            (number, posting.account.value, posting.asset, plain(posting.amount)),
        )
        if posting.account is Account.WALLET:
            _add_to_wallet(connection, posting.asset, posting.amount)
        elif posting.account is Account.COMMISSION:
            _add_to_commissions(connection, posting.asset, posting.amount)
    return True


def _stored_order(connection: sqlite3.Connection, client_order_id: str) -> JournaledOrder:
    row = connection.execute("SELECT * FROM orders WHERE client_order_id = ?", (client_order_id,)).fetchone()
    if row is None:
        raise BookError(f"order {client_order_id} is not in the book")
    return order_from_row(row)


def _own_fills(order: JournaledOrder, news: OrderNews) -> list[Fill]:
    """The fills of the report and those beside it, under the order's own id; the exchange sends none with trades."""
    reported = news.report.fills if news.report else ()
    intent = order.intent
    own = []
    for fill in (*reported, *news.fills):
        if fill.symbol != intent.symbol or fill.side is not intent.side or fill.client_order_id not in {"", intent.client_order_id}:
            raise BookMismatchError(f"trade {fill.trade_id} of {fill.symbol} is no part of order {intent.client_order_id}")
        own.append(replace(fill, client_order_id=intent.client_order_id))
    return own


def _exchange_order_id(order: JournaledOrder, report: OrderReport | None, fills: Iterable[Fill]) -> int | None:
    known = {fill.order_id for fill in fills}
    if report is not None:
        known.add(report.order_id)
    if order.order_id is not None:
        known.add(order.order_id)
    if len(known) > 1:
        raise BookMismatchError(f"order {order.intent.client_order_id} has more than one number on the exchange: {sorted(known)}")
    return known.pop() if known else None


def _book_fills(connection: sqlite3.Connection, fills: Iterable[Fill], rules: SymbolRules) -> tuple[Fill, ...]:
    new_fills = []
    position: Position | None = None
    for fill in sorted(fills, key=lambda each: each.trade_id):
        if fill.symbol != rules.symbol:
            raise BookMismatchError(f"trade {fill.trade_id} of {fill.symbol} cannot be booked by the rules of {rules.symbol}")
        if not _insert_fill(connection, fill):
            continue
        if not post(connection, post_fill(fill, rules.base_asset, rules.quote_asset)):
            raise BookMismatchError(f"the ledger has trade {fill.trade_id} of {fill.symbol}, but the fills do not")
        position = (position or _stored_position(connection, rules)).apply(fill)
        new_fills.append(fill)
    if position is not None:
        connection.execute(_UPSERT_POSITION, position_to_row(position))
    return tuple(new_fills)


def _insert_fill(connection: sqlite3.Connection, fill: Fill) -> bool:
    if connection.execute(_INSERT_FILL, fill_to_row(fill)).rowcount == 1:
        return True
    row = connection.execute("SELECT * FROM fills WHERE symbol = ? AND trade_id = ?", (fill.symbol, fill.trade_id)).fetchone()
    if not is_same_trade(fill_from_row(row), fill):
        raise BookMismatchError(
            f"trade {fill.trade_id} of {fill.symbol} is booked with other figures; this book is of another account, "
            "or the exchange was reset (the testnet is, about monthly): start a new book"
        )
    return False


def _stored_position(connection: sqlite3.Connection, rules: SymbolRules) -> Position:
    row = connection.execute("SELECT * FROM positions WHERE symbol = ?", (rules.symbol,)).fetchone()
    return Position(rules.symbol, rules.base_asset, rules.quote_asset) if row is None else position_from_row(row)


def _owner(connection: sqlite3.Connection, symbol: str, order_id: int) -> str | None:
    row = connection.execute("SELECT client_order_id FROM orders WHERE symbol = ? AND order_id = ?", (symbol, order_id)).fetchone()
    return None if row is None else str(row[0])


def _executed(connection: sqlite3.Connection, symbol: str, order_id: int) -> Decimal:
    rows = connection.execute("SELECT quantity FROM fills WHERE symbol = ? AND order_id = ?", (symbol, order_id))
    return total(money(row[0]) for row in rows)


def _add_to_wallet(connection: sqlite3.Connection, asset: str, amount: Decimal) -> None:
    row = connection.execute("SELECT amount FROM wallet_balances WHERE asset = ?", (asset,)).fetchone()
    balance = amount if row is None else total((money(row[0]), amount))
    connection.execute("INSERT OR REPLACE INTO wallet_balances (asset, amount) VALUES (?, ?)", (asset, plain(balance)))


def _add_to_commissions(connection: sqlite3.Connection, asset: str, amount: Decimal) -> None:
    row = connection.execute("SELECT amount FROM commissions WHERE asset = ?", (asset,)).fetchone()
    paid = amount if row is None else total((money(row[0]), amount))
    connection.execute("INSERT OR REPLACE INTO commissions (asset, amount) VALUES (?, ?)", (asset, plain(paid)))


_INSERT_EVENT = """
    INSERT INTO order_events (client_order_id, event, from_state, to_state, time_ms, detail,
        exchange_status, exchange_order_id, reported_quantity, reported_quote)
    VALUES (:client_order_id, :event, :from_state, :to_state, :time_ms, :detail,
        :exchange_status, :exchange_order_id, :reported_quantity, :reported_quote)
"""
# A conflict on the trade is expected; any other broken rule of the table is an error and must not be passed over.
_INSERT_FILL = """
    INSERT INTO fills (symbol, trade_id, order_id, client_order_id, side, price, quantity, quote_quantity,
        commission, commission_asset, time_ms, is_maker)
    VALUES (:symbol, :trade_id, :order_id, :client_order_id, :side, :price, :quantity, :quote_quantity,
        :commission, :commission_asset, :time_ms, :is_maker)
    ON CONFLICT (symbol, trade_id) DO NOTHING
"""
_UPSERT_POSITION = """
    INSERT INTO positions (symbol, base_asset, quote_asset, quantity, cost, realized, opened_ms, updated_ms)
    VALUES (:symbol, :base_asset, :quote_asset, :quantity, :cost, :realized, :opened_ms, :updated_ms)
    ON CONFLICT (symbol) DO UPDATE SET quantity = excluded.quantity, cost = excluded.cost, realized = excluded.realized,
        opened_ms = excluded.opened_ms, updated_ms = excluded.updated_ms
"""
