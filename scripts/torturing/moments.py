"""Moments: when to strike, found from outside, by what is committed in the book, lies in its folder or has come to the exchange."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

MOMENT_S = 8.0
"""How long a moment is waited for before the strike comes without it."""

GLANCE_S = 0.0005
_IN_STATE = "SELECT 1 FROM orders WHERE state = ? LIMIT 1"
_PAIR_IN_STATE = "SELECT 1 FROM orders WHERE state = ? AND list_id IS NOT NULL LIMIT 1"


@contextmanager
def order_in(book: Path, state: str, *, of_a_pair: bool = False) -> Iterator[Callable[[], bool]]:
    """A question to be asked again and again: whether the book has an order in `state`."""
    statement = _PAIR_IN_STATE if of_a_pair else _IN_STATE
    with closing(sqlite3.connect(f"{book.as_uri()}?mode=ro", uri=True, timeout=0, isolation_level=None)) as connection:

        def is_there() -> bool:
            with suppress(sqlite3.OperationalError):  # its writer stands still in the middle of a commit
                return connection.execute(statement, (state,)).fetchone() is not None
            return False

        yield is_there


def comes(is_there: Callable[[], bool], most_s: float = MOMENT_S) -> bool:
    """Wait until it is there; False when `most_s` have passed."""
    until = time.monotonic() + most_s
    while time.monotonic() < until:
        if is_there():
            return True
        time.sleep(GLANCE_S)
    return False


def comes_to_book(book: Path, state: str, *, of_a_pair: bool = False) -> bool:
    """Wait for an order in `state`."""
    with order_in(book, state, of_a_pair=of_a_pair) as is_there:
        return comes(is_there)
