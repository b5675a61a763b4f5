"""The simulated exchange's own memory in SQLite: accounts, balances, orders, trades, and where market time stands.

Every engine operation is one transaction, written before the answer is given, so killing the process loses nothing that was answered
(WAL with synchronous=NORMAL: what is committed outlives the process; only a power cut may cost the last moments). All amounts are TEXT
in plain decimal notation, so that a checker can read the tables with SQL alone:

    accounts  one row an account; keys and secrets are not kept, only a SHA-256 fingerprint of the API key
    deposits  what each account was given; deposits + trades = balances
    balances  free and locked
    orders    every order ever accepted, in its latest state
    trades    each account's side of every trade
    prevented_matches  what accounts were about to trade with themselves
    amendments         quantities that were changed in place
    order_lists        every order list ever accepted, in its latest state
    counters  the last number of every kind that was given away, by symbol
    taken     what was eaten of the current quote's ladder
    meta      small values for the wiring, and walked_ms, last_time_ms
"""

import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path

from msgspec import Struct
from msgspec.structs import astuple

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.errors import BookError, BookFullError
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.history import StoredState
from binance_trade_agent.simulation.engine.liquidity import TakenLiquidity
from binance_trade_agent.simulation.engine.list_records import OrderList
from binance_trade_agent.simulation.engine.numbering import Counters
from binance_trade_agent.simulation.engine.records import Amendment, ExchangeOrder, ExchangeTrade, PreventedMatch
from binance_trade_agent.simulation.history.archive import StoreArchive
from binance_trade_agent.simulation.history.rows import (
    LIST_COLUMNS,
    OPEN_ORDER,
    ORDER_COLUMNS,
    columns,
    list_from,
    list_row,
    record_from,
    row_of,
    text,
)
from binance_trade_agent.simulation.history.schema import bring_up_to_date

BUSY_TIMEOUT_S = 5.0

_PUT_MOVEMENT = "INSERT INTO deposits VALUES (?, ?, ?, ?, ?)"
_SET_META = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_PUT_BALANCE = "INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?)"


def _put(table: str, kind: type[Struct], verb: str = "INSERT") -> str:
    return f"{verb} INTO {table} ({columns(kind)}) VALUES ({', '.join('?' * len(kind.__struct_fields__))})"


_PUT_ORDER = _put("orders", ExchangeOrder, "INSERT OR REPLACE")
_PUT_TRADE = _put("trades", ExchangeTrade)
_PUT_PREVENTED = _put("prevented_matches", PreventedMatch)
_PUT_COUNTERS = f"INSERT OR REPLACE INTO counters VALUES (?, {', '.join('?' * len(Counters.__struct_fields__))})"  # noqa: S608 - constants
_COUNTERS = f"SELECT symbol, {columns(Counters)} FROM counters"  # noqa: S608 - constants
_LAST_TRADE = "SELECT price, time_ms FROM trades WHERE symbol = ? ORDER BY trade_id DESC LIMIT 1"
_PUT_AMENDMENT = _put("amendments", Amendment)
_PUT_LIST = _put("order_lists", OrderList, "INSERT OR REPLACE")
_OPEN_LISTS = f"SELECT {LIST_COLUMNS} FROM order_lists WHERE order_status = 'EXECUTING' ORDER BY order_list_id"  # noqa: S608 - constants
_LIST_ORDERS = f"SELECT {ORDER_COLUMNS} FROM orders WHERE symbol = ? AND order_id BETWEEN ? AND ?"  # noqa: S608 - constants


class MetaTable:
    """Small values of the wiring (such as seed, origin_ms, a market description), each set in a transaction of its own."""

    def __init__(self, store: "ExchangeStore") -> None:
        self._store = store

    def get(self, key: str) -> str | None:
        """The value of `key`, None when it was never set."""
        return self._store.read_meta(key)

    def set(self, key: str, value: str) -> None:
        """Durable when it returns; raises BookError."""
        self._store.write_meta({key: value})


class ExchangeStore:
    """One SQLite file; `:memory:` for an exchange that is forgotten. Used by one caller at a time. Raises BookError."""

    def __init__(self, path: Path | str = ":memory:") -> None:
        try:
            # The event loop may live in another thread than the one that built the exchange; there is still only one caller at a time.
            self._db = sqlite3.connect(str(path), timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise BookError(f"the simulated exchange's store cannot be opened: {error}") from error
        weakref.finalize(self, self._db.close)  # for who forgets an exchange in memory without closing it
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise
        self.meta = MetaTable(self)
        self.archive = StoreArchive(self._db)
        self._last_time_ms = int(self.read_meta("last_time_ms") or 0)

    def _prepare(self) -> None:
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            bring_up_to_date(self._db)
        except sqlite3.Error as error:
            raise BookError(f"the simulated exchange's store cannot be opened: {error}") from error

    @property
    def last_time_ms(self) -> int:
        """The latest market time that anything was committed at; market time must not start before it again."""
        return self._last_time_ms

    def checkpoint(self, now_ms: int) -> None:
        """Remember that market time has reached `now_ms`, so that it does not go back after a restart."""
        if now_ms > self._last_time_ms:
            self.write_meta({"last_time_ms": str(now_ms)})
            self._last_time_ms = now_ms

    def read_meta(self, key: str) -> str | None:
        """A value of the meta table."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def write_meta(self, values: Mapping[str, str]) -> None:
        """Several values in one transaction."""
        with self._transaction():
            self._db.executemany(_SET_META, values.items())

    def open_account(self, account_id: int, key_fingerprint: str, balances: Iterable[Balance], time_ms: int) -> None:
        """A new account with what it was given."""
        given = [(account_id, balance.asset, text(balance.free)) for balance in balances]
        with self._transaction():
            self._db.execute("INSERT INTO accounts VALUES (?, ?, ?)", (account_id, key_fingerprint, time_ms))
            self._db.executemany(_PUT_MOVEMENT, [(*row, time_ms, True) for row in given])
            self._db.executemany(_PUT_BALANCE, [(*row, "0") for row in given])

    def commit(self, changes: ChangeSet, walked_ms: int) -> None:
        """Write one engine operation; all of it is durable when this returns, nothing of it when it raises BookError."""
        last_time_ms = max(walked_ms, self._last_time_ms)
        with self._transaction():
            self._db.executemany(
                _PUT_BALANCE, [(account_id, asset, text(b.free), text(b.locked)) for (account_id, asset), b in changes.balances.items()]
            )
            self._db.executemany(_PUT_ORDER, map(row_of, changes.orders.values()))
            self._db.executemany(_PUT_TRADE, map(row_of, changes.trades))
            self._db.executemany(_PUT_PREVENTED, map(row_of, changes.prevented))
            self._db.executemany(_PUT_AMENDMENT, map(row_of, changes.amendments))
            moved = [(each.account_id, each.asset, text(each.amount), each.time_ms, False) for each in changes.movements]
            self._db.executemany(_PUT_MOVEMENT, moved)
            self._db.executemany(_PUT_LIST, map(list_row, changes.lists.values()))
            self._db.executemany(_PUT_COUNTERS, [(symbol, *astuple(counted)) for symbol, counted in changes.counters.items()])
            for symbol, taken in changes.taken.items():
                self._put_taken(symbol, taken)
            self._db.executemany(_SET_META, [("walked_ms", str(walked_ms)), ("last_time_ms", str(last_time_ms))])
        self._last_time_ms = last_time_ms

    def start_again(self) -> None:
        """Forget every order and trade, and let every account hold what it was given first; order ids begin again at 1."""
        with self._transaction():
            for table in ("orders", "order_lists", "trades", "prevented_matches", "amendments", "balances"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - constants
            self._db.execute("DELETE FROM deposits WHERE NOT is_first")
            self._db.execute("INSERT INTO balances SELECT account_id, asset, amount, '0' FROM deposits")
            self._db.execute("UPDATE counters SET order_id = 0")

    def _put_taken(self, symbol: str, taken: TakenLiquidity) -> None:
        self._db.execute("DELETE FROM taken WHERE symbol = ?", (symbol,))
        rows = [(symbol, taken.quote_time_ms, side.value, text(price), text(quantity)) for (side, price), quantity in taken.taken.items()]
        self._db.executemany("INSERT INTO taken VALUES (?, ?, ?, ?, ?)", rows)

    def load(self) -> StoredState:
        """Read everything back after a start."""
        read = self._db.execute
        balances: dict[int, list[Balance]] = {}
        for account_id, asset, free, locked in read("SELECT account_id, asset, free, locked FROM balances"):
            balances.setdefault(account_id, []).append(Balance(asset, Decimal(free), Decimal(locked)))
        accounts = dict(read("SELECT key_fingerprint, account_id FROM accounts").fetchall())
        taken: dict[str, TakenLiquidity] = {}
        for symbol, quote_time_ms, side, price, quantity in read("SELECT symbol, quote_time_ms, side, price, quantity FROM taken"):
            taken.setdefault(symbol, TakenLiquidity(quote_time_ms)).take(Side(side), Decimal(price), Decimal(quantity))
        open_orders = read(f"SELECT {ORDER_COLUMNS} FROM orders WHERE {OPEN_ORDER} ORDER BY symbol, queue_number, order_id")  # noqa: S608 - constants
        return StoredState(
            accounts=accounts,
            balances={account_id: tuple(balances.get(account_id, ())) for account_id in accounts.values()},
            open_orders=tuple(record_from(ExchangeOrder, row) for row in open_orders),
            open_lists=tuple((order_list, self._orders_of(order_list)) for order_list in map(list_from, read(_OPEN_LISTS).fetchall())),
            last_list_id=read("SELECT COALESCE(MAX(order_list_id), -1) FROM order_lists").fetchone()[0],
            counters={symbol: Counters(*counted) for symbol, *counted in read(_COUNTERS)},
            last_trades={
                symbol: (Decimal(price), time_ms)
                for (symbol,) in read("SELECT symbol FROM counters").fetchall()
                for price, time_ms in read(_LAST_TRADE, (symbol,)).fetchall()
            },
            taken=taken,
            walked_ms=int(self.read_meta("walked_ms") or 0),
        )

    def _orders_of(self, order_list: OrderList) -> tuple[ExchangeOrder, ...]:
        first, last = order_list.orders[0].order_id, order_list.orders[-1].order_id
        rows = self._db.execute(_LIST_ORDERS, (order_list.symbol, first, last)).fetchall()
        return tuple(record_from(ExchangeOrder, row) for row in rows)

    def close(self) -> None:
        """Close the file; further calls raise BookError."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            kind = BookFullError if error.sqlite_errorcode == sqlite3.SQLITE_FULL else BookError
            raise kind(f"the simulated exchange's store cannot be written: {error}") from error

    def _roll_back(self) -> None:
        # A disk that is full or gone may have rolled back by itself, or refuse even this; the caller's error says what matters.
        with suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
