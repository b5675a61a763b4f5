"""Held symbols: what a book that may be in use has a position or an open order in, read before anything else of it is opened."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from binance_trade_agent.domain.money import money
from binance_trade_agent.domain.order import OrderState
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.storage.faults import book_error, sound_rows
from binance_trade_agent.storage.migrations import refuse_unknown, schema_version
from binance_trade_agent.storage.sqlite_file import open_reader


@dataclass(frozen=True, slots=True)
class Held:
    """What a book holds: `quantities` by symbol, in base units and without zeros, and the symbols with an order that has not ended."""

    quantities: Mapping[str, Decimal] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()

    def symbols(self, rules: Mapping[str, SymbolRules]) -> frozenset[str]:
        """Those with something that could be sold, or with an order; what has no `rules` counts whatever there is of it."""
        dust = {symbol for symbol, quantity in self.quantities.items() if symbol in rules and rules[symbol].is_too_little_to_sell(quantity)}
        return self.waiting.union(self.quantities.keys() - dust)


def held_in(path: Path) -> Held:
    """What the book at `path` holds; nothing where there is no book yet.

    Raises BookError for a file that cannot be read or is no book, BookDamagedError where its rows are not such as are ever written.
    """
    if not path.is_file():
        return Held()
    try:
        with sound_rows(), closing(open_reader(str(path))) as connection:
            connection.execute("BEGIN")  # both questions see one moment of the book
            refuse_unknown(connection, str(path))
            return _held(connection) if schema_version(connection) else Held()
    except sqlite3.Error as error:
        raise book_error(error, f"reading {path}") from error


def _held(connection: sqlite3.Connection) -> Held:
    """Read the same in every version of the schema."""
    quantities = {row["symbol"]: money(row["quantity"]) for row in connection.execute("SELECT symbol, quantity FROM positions")}
    waiting: set[str] = set()
    for state in OrderState:
        if not state.is_terminal:
            waiting.update(row["symbol"] for row in connection.execute("SELECT symbol FROM orders WHERE state = ?", (state.value,)))
    return Held({symbol: quantity for symbol, quantity in quantities.items() if quantity}, frozenset(waiting))
