"""The state to go on from after a start, read in one transaction."""

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.domain.money import money
from binance_trade_agent.domain.order import OrderState
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, Uncounted
from binance_trade_agent.ports.book import BookState
from binance_trade_agent.storage.faults import sound_rows
from binance_trade_agent.storage.risk_memory import read_risk_state
from binance_trade_agent.storage.rows import mode_from_row, order_from_row, position_from_row
from binance_trade_agent.storage.uncounted_fills import read_uncounted

_SEEN_PREFIX = "trades_seen:"
_OPEN_STATES = tuple(state.value for state in OrderState if not state.is_terminal)


def read_epoch(connection: sqlite3.Connection) -> str | None:
    """The name of the account in client order ids; None before the first load."""
    return _meta(connection, "epoch")


def read_state(connection: sqlite3.Connection) -> BookState:
    """Everything that BookState holds.

    Raises BookError when the book has no epoch yet, BookDamagedError where its rows are not such as are ever written.
    """
    with sound_rows():
        return _state(connection)


def _state(connection: sqlite3.Connection) -> BookState:
    epoch = read_epoch(connection)
    if epoch is None:
        raise BookError("the book has no epoch yet; it was never loaded")
    initial_value = _meta(connection, "initial_value")
    opened_ms = _meta(connection, "opened_ms")
    positions = [position_from_row(row) for row in connection.execute("SELECT * FROM positions ORDER BY symbol")]
    modes = connection.execute("SELECT * FROM mode_changes WHERE id IN (SELECT max(id) FROM mode_changes GROUP BY scope) ORDER BY id")
    changes = [mode_from_row(row) for row in modes]
    orders = [row for state in _OPEN_STATES for row in connection.execute("SELECT * FROM orders WHERE state = ?", (state,))]
    return BookState(
        epoch=epoch,
        next_order_number=1 + _count(connection, "SELECT coalesce(max(number), 0) FROM orders"),
        balances=_amounts(connection, "SELECT asset, amount FROM wallet_balances ORDER BY asset"),
        commissions=_amounts(connection, "SELECT asset, amount FROM commissions ORDER BY asset"),
        positions={position.symbol: position for position in positions},
        open_orders=tuple(order_from_row(row) for row in sorted(orders, key=lambda row: int(row["sequence"]))),
        last_trade_ids=_last_trade_ids(connection, [position.symbol for position in positions]),
        modes={change.scope: change for change in changes},
        risk_state=read_risk_state(connection),
        initial_value=None if initial_value is None else money(initial_value),
        orders=_count(connection, "SELECT count(*) FROM orders"),
        # None is ever deleted, so the newest row has their number.
        fills=_count(connection, "SELECT coalesce(max(id), 0) FROM fills"),
        opened_ms=None if opened_ms is None else int(opened_ms),
        trades_seen=_trades_seen(connection),
        uncounted=Uncounted(read_uncounted(connection), _loosened_ms(connection)),
    )


def write_trades_seen(connection: sqlite3.Connection, symbol: str, trade_id: int) -> None:
    """Remember how far the trade list of `symbol` was gone through."""
    connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (_SEEN_PREFIX + symbol, str(trade_id)))


def _loosened_ms(connection: sqlite3.Connection) -> int:
    rows = connection.execute("SELECT * FROM mode_changes WHERE scope = ? ORDER BY id DESC", (ACCOUNT_SCOPE,))
    return next((change.time_ms for change, before in pairwise(map(mode_from_row, rows)) if change.loosens(before.mode)), 0)


def _last_trade_ids(connection: sqlite3.Connection, symbols: Sequence[str]) -> dict[str, int]:
    """One look into the index for each symbol that was ever traded, whatever the number of fills."""
    query = "SELECT max(trade_id) FROM fills WHERE symbol = ?"
    newest = {symbol: connection.execute(query, (symbol,)).fetchone()[0] for symbol in symbols}
    return {symbol: trade_id for symbol, trade_id in newest.items() if trade_id is not None}


def _trades_seen(connection: sqlite3.Connection) -> dict[str, int]:
    rows = connection.execute("SELECT key, value FROM meta WHERE substr(key, 1, ?) = ? ORDER BY key", (len(_SEEN_PREFIX), _SEEN_PREFIX))
    return {key.removeprefix(_SEEN_PREFIX): int(value) for key, value in rows}


def _meta(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _amounts(connection: sqlite3.Connection, query: str) -> dict[str, Decimal]:
    return {name: money(amount) for name, amount in connection.execute(query)}


def _count(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
