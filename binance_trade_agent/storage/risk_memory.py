"""Risk memory: how the book keeps what risk must remember over a restart."""

import sqlite3

from binance_trade_agent.domain.money import money, plain
from binance_trade_agent.domain.risk import MOST_CLOSED_ORDERS, ClosedOrder, EntryLock, RiskRule, RiskState
from binance_trade_agent.storage.uncounted_fills import write_counted


def read_risk_state(connection: sqlite3.Connection) -> RiskState | None:
    """What was last saved, without locks that had ended by the newest equity point; None when nothing was."""
    row = connection.execute("SELECT * FROM risk_state").fetchone()
    if row is None:
        return None
    return RiskState(
        peak_equity=money(row["peak_equity"]),
        day=row["day"],
        day_start_equity=money(row["day_start_equity"]),
        loss_streak=row["loss_streak"],
        entries_paused_until_ms=row["entries_paused_until_ms"],
        armed_ms=row["armed_ms"],
        peak_prices={symbol: money(price) for symbol, price in connection.execute("SELECT symbol, price FROM peak_prices ORDER BY symbol")},
        closed=_closed(connection),
        locks=_locks(connection),
    )


def save_risk_state(connection: sqlite3.Connection, state: RiskState) -> None:
    """Keep `state`; of closing orders and locks only what is not there yet is written."""
    connection.execute(
        "INSERT OR REPLACE INTO risk_state (id, peak_equity, day, day_start_equity, loss_streak, entries_paused_until_ms, armed_ms) "
        "VALUES (1, ?, ?, ?, ?, ?, ?)",
        (
            plain(state.peak_equity),
            state.day,
            plain(state.day_start_equity),
            state.loss_streak,
            state.entries_paused_until_ms,
            state.armed_ms,
        ),
    )
    connection.execute("DELETE FROM peak_prices")
    peaks = [(symbol, plain(price)) for symbol, price in state.peak_prices.items()]
    connection.executemany("INSERT INTO peak_prices (symbol, price) VALUES (?, ?)", peaks)
    (known,) = connection.execute("SELECT coalesce(max(number), 0) FROM closed_orders").fetchone()
    closed = [
        (each.number, each.time_ms, each.symbol, plain(each.realized), plain(each.cost), int(each.by_stop))
        for each in state.closed
        if each.number > known
    ]
    connection.executemany("INSERT INTO closed_orders (number, time_ms, symbol, realized, cost, by_stop) VALUES (?, ?, ?, ?, ?, ?)", closed)
    write_counted(connection, state)
    locks = [(lock.rule.value, lock.scope, lock.since_ms, lock.until_ms, lock.reason) for lock in state.locks]
    connection.executemany("INSERT OR IGNORE INTO entry_locks (rule, scope, since_ms, until_ms, reason) VALUES (?, ?, ?, ?, ?)", locks)


def lock_from_row(row: sqlite3.Row) -> EntryLock:
    """A lock as the book keeps it."""
    return EntryLock(RiskRule(row["rule"]), row["scope"], row["since_ms"], row["until_ms"], row["reason"])


def _closed(connection: sqlite3.Connection) -> tuple[ClosedOrder, ...]:
    rows = connection.execute("SELECT * FROM closed_orders ORDER BY number DESC LIMIT ?", (MOST_CLOSED_ORDERS,)).fetchall()
    return tuple(
        ClosedOrder(row["number"], row["time_ms"], row["symbol"], money(row["realized"]), money(row["cost"]), bool(row["by_stop"]))
        for row in reversed(rows)
    )


def _locks(connection: sqlite3.Connection) -> tuple[EntryLock, ...]:
    """Of each rule and scope the one that lasts longest, as the newest always does."""
    query = """
        SELECT * FROM entry_locks WHERE id IN (SELECT max(id) FROM entry_locks GROUP BY rule, scope)
        AND until_ms > (SELECT coalesce(max(time_ms), 0) FROM equity_points) ORDER BY id
    """
    return tuple(lock_from_row(row) for row in connection.execute(query))
