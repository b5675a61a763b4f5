"""Questions about past orders and trades, answered from the store, so that the engine keeps only open orders in memory."""

import sqlite3
from decimal import Decimal

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.simulation.engine.history import Span
from binance_trade_agent.simulation.engine.list_records import OrderList
from binance_trade_agent.simulation.engine.records import Amendment, ExchangeOrder, ExchangeTrade, PreventedMatch
from binance_trade_agent.simulation.engine.reports import Movement
from binance_trade_agent.simulation.history.rows import (
    AMENDMENT_COLUMNS,
    LIST_COLUMNS,
    ORDER_COLUMNS,
    PREVENTED_COLUMNS,
    TRADE_COLUMNS,
    Row,
    list_from,
    record_from,
)

_LISTS = f"SELECT {LIST_COLUMNS} FROM order_lists"  # noqa: S608 - constants


class StoreArchive:
    """Reads of the orders and trades tables. Raises BookError."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def order(self, account_id: int, symbol: str, order_id: int) -> ExchangeOrder | None:
        """The account's order with this id."""
        where = "account_id = ? AND symbol = ? AND order_id = ?"
        rows = self._read(f"SELECT {ORDER_COLUMNS} FROM orders WHERE {where}", (account_id, symbol, order_id))  # noqa: S608 - constants
        return record_from(ExchangeOrder, rows[0]) if rows else None

    def newest_order(self, account_id: int, symbol: str, client_order_id: str) -> ExchangeOrder | None:
        """The account's newest order with this client id (an id may be used again once its order is closed)."""
        where = "account_id = ? AND symbol = ? AND client_order_id = ? ORDER BY order_id DESC LIMIT 1"
        rows = self._read(f"SELECT {ORDER_COLUMNS} FROM orders WHERE {where}", (account_id, symbol, client_order_id))  # noqa: S608 - constants
        return record_from(ExchangeOrder, rows[0]) if rows else None

    def orders(self, account_id: int, symbol: str, span: Span) -> list[ExchangeOrder]:
        """The account's orders on a symbol, ascending by id."""
        query = f"SELECT {ORDER_COLUMNS} FROM orders"  # noqa: S608 - constants
        found = self._span(query, "order_id", ["account_id = ?", "symbol = ?"], [account_id, symbol], span)
        return [record_from(ExchangeOrder, row) for row in found]

    def trades(self, account_id: int, symbol: str, span: Span, order_id: int | None = None) -> list[ExchangeTrade]:
        """The account's trades on a symbol, or of one order, ascending by trade id."""
        conditions, values = ["account_id = ?", "symbol = ?"], list[int | str]((account_id, symbol))
        if order_id is not None:
            conditions.append("order_id = ?")
            values.append(order_id)
        query = f"SELECT {TRADE_COLUMNS} FROM trades"  # noqa: S608 - constants
        return [record_from(ExchangeTrade, row) for row in self._span(query, "trade_id", conditions, values, span)]

    def prevented_matches(
        self, account_id: int, symbol: str, span: Span, *, match_id: int | None = None, order_id: int | None = None
    ) -> list[PreventedMatch]:
        """Matches on a symbol that self-trade prevention stopped, of one number or one order, ascending by number; `span` by number."""
        conditions, values = ["symbol = ?", "? IN (taker_account_id, maker_account_id)"], list[int | str]((symbol, account_id))
        if match_id is not None:
            conditions.append("prevented_match_id = ?")
            values.append(match_id)
        if order_id is not None:
            conditions.append("? IN (taker_order_id, maker_order_id)")
            values.append(order_id)
        query = f"SELECT {PREVENTED_COLUMNS} FROM prevented_matches"  # noqa: S608 - constants
        return [record_from(PreventedMatch, row) for row in self._span(query, "prevented_match_id", conditions, values, span)]

    def amendments(self, account_id: int, symbol: str, order_id: int, span: Span) -> list[Amendment]:
        """The amendments of one order, ascending by execution id; `span` by execution id."""
        conditions, values = ["account_id = ?", "symbol = ?", "order_id = ?"], list[int | str]((account_id, symbol, order_id))
        query = f"SELECT {AMENDMENT_COLUMNS} FROM amendments"  # noqa: S608 - constants
        return [record_from(Amendment, row) for row in self._span(query, "execution_id", conditions, values, span)]

    def movements(self, account_id: int) -> list[Movement]:
        """What the account was given and what was put into it or taken out since, oldest first."""
        query = "SELECT account_id, asset, amount, time_ms FROM deposits WHERE account_id = ? ORDER BY rowid"
        return [Movement(who, asset, Decimal(amount), time_ms) for who, asset, amount, time_ms in self._read(query, (account_id,))]

    def order_list(self, account_id: int, order_list_id: int) -> OrderList | None:
        """The account's order list with this id."""
        rows = self._read(f"{_LISTS} WHERE account_id = ? AND order_list_id = ?", (account_id, order_list_id))
        return list_from(rows[0]) if rows else None

    def newest_list(self, account_id: int, client_order_id: str) -> OrderList | None:
        """The account's newest order list with this client id."""
        where = "account_id = ? AND client_order_id = ? ORDER BY order_list_id DESC LIMIT 1"
        rows = self._read(f"{_LISTS} WHERE {where}", (account_id, client_order_id))
        return list_from(rows[0]) if rows else None

    def order_lists(self, account_id: int, span: Span) -> list[OrderList]:
        """The account's order lists, ascending by id; `span` by when their status changed last."""
        return [list_from(row) for row in self._span(_LISTS, "order_list_id", ["account_id = ?"], [account_id], span, "updated_ms")]

    def all_orders(self, account_id: int) -> list[ExchangeOrder]:
        """Every order of the account, by symbol and id."""
        query = f"SELECT {ORDER_COLUMNS} FROM orders WHERE account_id = ? ORDER BY symbol, order_id"  # noqa: S608 - constants
        return [record_from(ExchangeOrder, row) for row in self._read(query, (account_id,))]

    def all_trades(self, account_id: int) -> list[ExchangeTrade]:
        """Every trade of the account, by symbol and id."""
        query = f"SELECT {TRADE_COLUMNS} FROM trades WHERE account_id = ? ORDER BY symbol, trade_id, order_id"  # noqa: S608 - constants
        return [record_from(ExchangeTrade, row) for row in self._read(query, (account_id,))]

    def _span(
        self, query: str, id_column: str, conditions: list[str], values: list[int | str], span: Span, time_column: str = "time_ms"
    ) -> list[Row]:
        bounds = ((f"{id_column} >= ?", span.from_id), (f"{time_column} >= ?", span.start_ms), (f"{time_column} <= ?", span.end_ms))
        for condition, value in bounds:
            if value is not None:
                conditions.append(condition)
                values.append(value)
        direction = "ASC" if span.oldest_first else "DESC"
        rows = self._read(f"{query} WHERE {' AND '.join(conditions)} ORDER BY {id_column} {direction} LIMIT ?", (*values, span.limit))
        return rows if span.oldest_first else rows[::-1]

    def _read(self, query: str, values: tuple[int | str, ...]) -> list[Row]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise BookError(f"the simulated exchange's store cannot be read: {error}") from error
