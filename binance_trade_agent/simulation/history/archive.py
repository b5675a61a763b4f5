"""Questions about past orders and trades, answered from the store, so that the engine keeps only open orders in memory."""

import sqlite3
from dataclasses import dataclass

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade
from binance_trade_agent.simulation.history.rows import ORDER_COLUMNS, TRADE_COLUMNS, Row, order_from, trade_from


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a history is asked for (rest-api.md, "General API Information").

    With `from_id` or `start_ms` the oldest `limit` items from there on, else the newest `limit`; none after `end_ms`.
    """

    limit: int
    from_id: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None

    @property
    def oldest_first(self) -> bool:
        """True when the limit cuts the newest items off rather than the oldest."""
        return self.from_id is not None or self.start_ms is not None


class Archive:
    """Reads of the orders and trades tables. Raises BookError."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def order(self, account_id: int, symbol: str, order_id: int) -> ExchangeOrder | None:
        """The account's order with this id."""
        where = "account_id = ? AND symbol = ? AND order_id = ?"
        rows = self._read(f"SELECT {ORDER_COLUMNS} FROM orders WHERE {where}", (account_id, symbol, order_id))  # noqa: S608 - constants
        return order_from(rows[0]) if rows else None

    def newest_order(self, account_id: int, symbol: str, client_order_id: str) -> ExchangeOrder | None:
        """The account's newest order with this client id (an id may be used again once its order is closed)."""
        where = "account_id = ? AND symbol = ? AND client_order_id = ? ORDER BY order_id DESC LIMIT 1"
        rows = self._read(f"SELECT {ORDER_COLUMNS} FROM orders WHERE {where}", (account_id, symbol, client_order_id))  # noqa: S608 - constants
        return order_from(rows[0]) if rows else None

    def orders(self, account_id: int, symbol: str, span: Span) -> list[ExchangeOrder]:
        """The account's orders on a symbol, ascending by id."""
        query = f"SELECT {ORDER_COLUMNS} FROM orders"  # noqa: S608 - constants
        return [order_from(row) for row in self._span(query, "order_id", [("account_id", account_id), ("symbol", symbol)], span)]

    def trades(self, account_id: int, symbol: str, span: Span, order_id: int | None = None) -> list[ExchangeTrade]:
        """The account's trades on a symbol, or of one order, ascending by trade id."""
        wanted: list[tuple[str, int | str]] = [("account_id", account_id), ("symbol", symbol)]
        if order_id is not None:
            wanted.append(("order_id", order_id))
        query = f"SELECT {TRADE_COLUMNS} FROM trades"  # noqa: S608 - constants
        return [trade_from(row) for row in self._span(query, "trade_id", wanted, span)]

    def all_orders(self, account_id: int) -> list[ExchangeOrder]:
        """Every order of the account, by symbol and id."""
        query = f"SELECT {ORDER_COLUMNS} FROM orders WHERE account_id = ? ORDER BY symbol, order_id"  # noqa: S608 - constants
        return [order_from(row) for row in self._read(query, (account_id,))]

    def all_trades(self, account_id: int) -> list[ExchangeTrade]:
        """Every trade of the account, by symbol and id."""
        query = f"SELECT {TRADE_COLUMNS} FROM trades WHERE account_id = ? ORDER BY symbol, trade_id, order_id"  # noqa: S608 - constants
        return [trade_from(row) for row in self._read(query, (account_id,))]

    def _span(self, query: str, id_column: str, wanted: list[tuple[str, int | str]], span: Span) -> list[Row]:
        conditions = [f"{column} = ?" for column, _ in wanted]
        values: list[int | str] = [value for _, value in wanted]
        for condition, value in ((f"{id_column} >= ?", span.from_id), ("time_ms >= ?", span.start_ms), ("time_ms <= ?", span.end_ms)):
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
