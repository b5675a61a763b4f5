"""BookFile: the book as anybody can read it, by plain SQL and without the daemon's code, for checks from outside."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

_TABLES = ("orders", "order_events", "fills", "ledger_transactions", "ledger_postings", "wallet_balances", "positions", "mode_changes")

WRITE_DOWN = "write-down:"


@dataclass(frozen=True, slots=True)
class BookOrder:
    """An order as the book has it."""

    client_order_id: str
    symbol: str
    side: str
    purpose: str
    quantity: Decimal
    state: str
    order_id: int | None
    executed: Decimal
    send_deadline_ms: int


@dataclass(frozen=True, slots=True)
class BookTrade:
    """A trade as the book has it; what a trade is must be equal to what the exchange has."""

    symbol: str
    trade_id: int
    order_id: int
    side: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    commission: Decimal
    commission_asset: str


class Held(NamedTuple):
    """A position as the book has it: how much of the base asset, what it cost, and what was earned by what is sold."""

    quantity: Decimal
    cost: Decimal
    realized: Decimal


class BookFile:
    """Reads what is committed in the file `path`; before there is a book, it is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def order(self, client_order_id: str) -> BookOrder | None:
        """The order under this id."""
        return next(iter(self._orders("WHERE client_order_id = ?", client_order_id)), None)

    def orders(self) -> list[BookOrder]:
        """Every order, oldest first."""
        return list(self._orders("ORDER BY sequence"))

    def _orders(self, condition: str, *values: object) -> Iterator[BookOrder]:
        columns = "client_order_id, symbol, side, purpose, quantity, state, order_id, executed_quantity, send_deadline_ms"
        for name, symbol, side, purpose, quantity, state, order_id, executed, deadline_ms in self._rows(
            f"SELECT {columns} FROM orders {condition}",  # noqa: S608 - the conditions stand above
            *values,
        ):
            yield BookOrder(name, symbol, side, purpose, Decimal(quantity), state, order_id, Decimal(executed), deadline_ms)

    def events(self) -> list[tuple[str, str, str, str]]:
        """Client order id, event, state before and state after, in the order of booking."""
        return self._rows("SELECT client_order_id, event, from_state, to_state FROM order_events ORDER BY id")

    def has_taken_back_since(self, client_order_id: str) -> bool:
        """Whether, after this order was sent, another one turned up that had counted as never placed."""
        sent = "SELECT min(id) FROM order_events WHERE client_order_id = ?"
        query = f"SELECT 1 FROM order_events WHERE from_state = 'NEVER_PLACED' AND id > ({sent}) LIMIT 1"  # noqa: S608 - it stands above
        return bool(self._rows(query, client_order_id))

    def trades(self) -> list[BookTrade]:
        """Every trade, in the order of booking."""
        columns = "symbol, trade_id, order_id, side, price, quantity, quote_quantity, commission, commission_asset"
        rows = self._rows(f"SELECT {columns} FROM fills ORDER BY id")  # noqa: S608 - the columns stand above
        return [BookTrade(*row[:4], *map(Decimal, row[4:8]), row[8]) for row in rows]

    def executed(self, symbol: str, order_id: int) -> Decimal:
        """What is booked of an order's trades, in base."""
        rows = self._rows("SELECT quantity FROM fills WHERE symbol = ? AND order_id = ?", symbol, order_id)
        return sum((Decimal(quantity) for (quantity,) in rows), Decimal(0))

    def wallet(self) -> dict[str, Decimal]:
        """What is kept as the account's balances, without zeros."""
        return {asset: Decimal(amount) for asset, amount in self._rows("SELECT asset, amount FROM wallet_balances") if Decimal(amount)}

    def postings(self) -> list[tuple[int, str, str, str, str, Decimal]]:
        """Transaction, its kind and reference, account, asset and amount."""
        rows = self._rows(
            "SELECT t.id, t.kind, t.reference, p.account, p.asset, p.amount FROM ledger_postings p "
            "JOIN ledger_transactions t ON t.id = p.transaction_id ORDER BY p.id"
        )
        return [(*row[:5], Decimal(row[5])) for row in rows]

    def positions(self) -> dict[str, Decimal]:
        """What is kept as held, in base by symbol."""
        return {symbol: held.quantity for symbol, held in self.holdings().items()}

    def holdings(self) -> dict[str, Held]:
        """The same with what it cost and earned."""
        return {symbol: Held(*map(Decimal, held)) for symbol, *held in self._rows("SELECT symbol, quantity, cost, realized FROM positions")}

    def write_downs(self) -> list[tuple[str, Decimal]]:
        """Symbol and base quantity of each entry by which a position became smaller without a trade."""
        return [
            (reference.removeprefix(WRITE_DOWN).rpartition(":")[0], amount)
            for _, kind, reference, account, _, amount in self.postings()
            if kind == "external" and reference.startswith(WRITE_DOWN) and account == "market"
        ]

    def modes(self) -> dict[str, str]:
        """The last mode of the account (`*`) and of each symbol."""
        return dict(self._rows("SELECT scope, mode FROM mode_changes ORDER BY id"))

    def alarms(self) -> list[tuple[str, str]]:
        """Symbols that were halted because of an order that was not what the book had it for, and why."""
        return self._rows("SELECT scope, reason FROM mode_changes WHERE rule = 'unsettled_order' AND mode = 'HALTED' ORDER BY id")

    def opened_ms(self) -> int | None:
        """When the book was opened; None before."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'opened_ms'")
        return int(rows[0][0]) if rows else None

    def has_seen_trades(self) -> bool:
        """Whether a comparison has gone through a trade list that was not empty."""
        return any(int(str(value)) >= 0 for (value,) in self._rows("SELECT value FROM meta WHERE key LIKE 'trades_seen:%'"))

    def epoch(self) -> str | None:
        """What its order ids have between the prefix and the number; None before it was opened for the first time."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'epoch'")
        return str(rows[0][0]) if rows else None

    def external(self) -> dict[str, Decimal]:
        """What is booked as deposits and withdrawals since the opening, by asset, without zeros."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for _, kind, reference, account, asset, amount in self.postings():
            if kind == "external" and account == "wallet" and not reference.startswith("opening:"):
                sums[asset] += amount
        return {asset: amount for asset, amount in sums.items() if amount}

    def dump(self) -> Iterator[str]:
        """Every row of what must come out the same when a run is repeated."""
        for table in _TABLES:
            for row in self._rows(f"SELECT * FROM {table}"):  # noqa: S608 - the tables stand above
                yield f"{table} {row!r}"

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        if self._connection is None and self._path.exists():
            self._connection = sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        if self._connection is None:
            return []
        with suppress(sqlite3.OperationalError):  # there is a file, and no book in it yet
            return self._connection.execute(query, values).fetchall()
        return []
