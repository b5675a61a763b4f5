"""Audit: everything that is derived in the book, recomputed from what is append-only, and compared.

It reads the whole book once, row by row; memory grows with the number of assets, symbols and orders only.
"""

import sqlite3
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.counts import counted, named
from binance_trade_agent.domain.errors import MoneyError
from binance_trade_agent.domain.ledger import WRITE_DOWN
from binance_trade_agent.domain.money import ZERO, money, plain, total
from binance_trade_agent.domain.order import TRANSITIONS, OrderEvent, OrderState
from binance_trade_agent.domain.position import Position
from binance_trade_agent.storage.rows import fill_from_row, position_from_row


def differences(connection: sqlite3.Connection) -> tuple[str, ...]:
    """One sentence for each difference, none when the book is sound."""
    checks = (_file, _transactions, _sums, _fills_and_ledger, _positions, _executed_quantities, _order_states)
    return tuple(finding for check in checks for finding in _found_by(check, connection))


def _found_by(check: Callable[[sqlite3.Connection], Iterator[str]], connection: sqlite3.Connection) -> Iterator[str]:
    try:
        yield from check(connection)
    except (MoneyError, ValueError) as error:
        yield f"a value in the book is not one that was ever written there: {error}"


def _file(connection: sqlite3.Connection) -> Iterator[str]:
    for (finding,) in connection.execute("PRAGMA quick_check"):
        if finding != "ok":
            yield f"the file is damaged: {finding}"
    for row in connection.execute("PRAGMA foreign_key_check"):
        yield f"row {row[1]} of {row[0]} refers to a row of {row[2]} that does not exist"


def _transactions(connection: sqlite3.Connection) -> Iterator[str]:
    """Each ledger transaction sums to zero in each asset; one is held in memory at a time."""
    legs: dict[str, Decimal] = defaultdict(Decimal)
    current: sqlite3.Row | None = None
    query = """
        SELECT t.id, t.kind, t.reference, p.asset, p.amount FROM ledger_transactions t
        LEFT JOIN ledger_postings p ON p.transaction_id = t.id ORDER BY t.id
    """
    for row in connection.execute(query):
        if current is not None and row["id"] != current["id"]:
            yield from _crooked(current, legs)
            legs.clear()
        current = row
        if row["asset"] is None:
            yield f"ledger transaction {row['kind']} {row['reference']} has no postings"
        else:
            legs[row["asset"]] = total((legs[row["asset"]], money(row["amount"])))
    if current is not None:
        yield from _crooked(current, legs)


def _crooked(transaction: sqlite3.Row, legs: Mapping[str, Decimal]) -> Iterator[str]:
    for asset, amount in legs.items():
        if amount != 0:
            yield f"ledger transaction {transaction['kind']} {transaction['reference']} is off by {plain(amount)} {asset}"


def _sums(connection: sqlite3.Connection) -> Iterator[str]:
    posted: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for account, asset, amount in connection.execute("SELECT account, asset, amount FROM ledger_postings"):
        posted[account, asset] = total((posted[account, asset], money(amount)))
    wallets = connection.execute("SELECT asset, amount FROM wallet_balances").fetchall()
    yield from _compared("wallet", wallets, {asset: amount for (account, asset), amount in posted.items() if account == "wallet"})
    paid = connection.execute("SELECT asset, amount FROM commissions").fetchall()
    yield from _compared("commission", paid, {asset: amount for (account, asset), amount in posted.items() if account == "commission"})


def _compared(what: str, kept_rows: list[sqlite3.Row], posted: Mapping[str, Decimal]) -> Iterator[str]:
    kept = {asset: money(amount) for asset, amount in kept_rows}
    for asset in sorted(kept.keys() | posted.keys()):
        ours, theirs = kept.get(asset, ZERO), posted.get(asset, ZERO)
        if ours != theirs:
            yield f"{what} of {asset} is kept as {plain(ours)}, but its postings sum to {plain(theirs)}"


def _fills_and_ledger(connection: sqlite3.Connection) -> Iterator[str]:
    unposted = """
        SELECT symbol, trade_id FROM fills WHERE NOT EXISTS
            (SELECT 1 FROM ledger_transactions WHERE kind = 'fill' AND reference = fills.symbol || ':' || fills.trade_id)
    """
    for symbol, trade_id in connection.execute(unposted):
        yield f"trade {trade_id} of {symbol} is not in the ledger"
    posted = _number(connection, "SELECT count(*) FROM ledger_transactions WHERE kind = 'fill'")
    fills = _number(connection, "SELECT count(*) FROM fills")
    if posted > fills:
        yield f"the ledger has {counted(posted, 'trade')}, but there {named(fills, 'is', 'are')} only {counted(fills, 'fill')}"


def _positions(connection: sqlite3.Connection) -> Iterator[str]:
    kept = {row["symbol"]: position_from_row(row) for row in connection.execute("SELECT * FROM positions")}
    recomputed = {symbol: Position(symbol, each.base_asset, each.quote_asset) for symbol, each in kept.items()}
    write_downs = deque(write_downs_in(connection))
    for number, row in enumerate(connection.execute("SELECT * FROM fills ORDER BY id")):
        fill = fill_from_row(row)
        while write_downs and write_downs[0].fills_before <= number:
            yield from _without(recomputed, write_downs.popleft())
        if fill.symbol in recomputed:
            recomputed[fill.symbol] = recomputed[fill.symbol].apply(fill)
    for each in write_downs:
        yield from _without(recomputed, each)
    for symbol, position in kept.items():
        if position != recomputed[symbol]:
            yield f"position {symbol} is kept as {_words(position)}, but its fills make {_words(recomputed[symbol])}"
    for (symbol,) in connection.execute("SELECT DISTINCT symbol FROM fills WHERE symbol NOT IN (SELECT symbol FROM positions)"):
        yield f"there are fills of {symbol}, but no position"


@dataclass(frozen=True, slots=True)
class WriteDown:
    """An entry by which a position became smaller, and how many fills were booked before it."""

    fills_before: int
    symbol: str
    quantity: Decimal
    time_ms: int


def write_downs_in(connection: sqlite3.Connection) -> Iterator[WriteDown]:
    """Every entry by which a position became smaller, oldest first."""
    query = """
        WITH counted AS (SELECT *, sum(kind = 'fill') OVER (ORDER BY id) AS fills_before FROM ledger_transactions)
        SELECT t.reference, t.time_ms, p.amount, t.fills_before
        FROM counted t JOIN ledger_postings p ON p.transaction_id = t.id AND p.account = 'market'
        WHERE t.kind = 'external' AND substr(t.reference, 1, ?) = ? ORDER BY t.id
    """
    for row in connection.execute(query, (len(WRITE_DOWN), WRITE_DOWN)):
        symbol = row["reference"].removeprefix(WRITE_DOWN).rpartition(":")[0]
        yield WriteDown(row["fills_before"], symbol, money(row["amount"]), row["time_ms"])


def _without(positions: dict[str, Position], each: WriteDown) -> Iterator[str]:
    held = positions.get(each.symbol)
    if held is None or not 0 < each.quantity <= held.quantity:
        until_then = plain(held.quantity) if held else "nothing"
        yield f"{plain(each.quantity)} of {each.symbol} was written down, and its fills make {until_then} until then"
    else:
        positions[each.symbol] = held.written_down(each.quantity, each.time_ms)


def _words(position: Position) -> str:
    return f"{plain(position.quantity)} at a cost of {plain(position.cost)} with {plain(position.realized)} realised"


def _executed_quantities(connection: sqlite3.Connection) -> Iterator[str]:
    filled: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for symbol, order_id, quantity in connection.execute("SELECT symbol, order_id, quantity FROM fills"):
        filled[symbol, order_id] = total((filled[symbol, order_id], money(quantity)))
    for name, symbol, order_id, quantity in connection.execute("SELECT client_order_id, symbol, order_id, executed_quantity FROM orders"):
        theirs = filled.get((symbol, order_id), ZERO)
        if money(quantity) != theirs:
            yield f"order {name} is kept with {quantity} executed, but its fills sum to {plain(theirs)}"


def _order_states(connection: sqlite3.Connection) -> Iterator[str]:
    """The events of each order lead, step by step along the state table, to the state it is kept in."""
    reached: dict[str, str] = defaultdict(lambda: OrderState.INTENDED.value)
    for name, event, before, after in connection.execute(
        "SELECT client_order_id, event, from_state, to_state FROM order_events ORDER BY id"
    ):
        if before != reached[name] or TRANSITIONS.get((OrderState(before), OrderEvent(event))) != after:
            yield f"order {name} was in {reached[name]}, and its journal has {event} lead from {before} to {after}"
        reached[name] = after
    for name, state in connection.execute("SELECT client_order_id, state FROM orders"):
        if state != reached[name]:
            yield f"order {name} is kept in {state}, but its events lead to {reached[name]}"


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
