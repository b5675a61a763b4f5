"""The book's database in the event loop's own thread, for virtual time, where a working thread would look like an idle loop."""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from binance_trade_agent.domain.errors import BookError, BookMismatchError
from binance_trade_agent.storage.faults import told
from binance_trade_agent.storage.timing import Timing
from binance_trade_agent.storage.transactions import Failed, Work, read_consistently, write_together

T = TypeVar("T")


class InlineDatabase:
    """One SQLite connection behind the async methods of SqlDatabase; nothing here ever waits for the loop."""

    def __init__(self, connection: sqlite3.Connection, timing: Timing) -> None:
        self._connection = connection
        self._timing = timing

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool) -> T:
        """See SqlDatabase.write."""
        return cast(T, self._carry_out("write", partial(self._write, work, durable)))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """See SqlDatabase.read."""
        return cast(T, self._carry_out("read", partial(self._read, work)))

    def close(self) -> None:
        """Close the file; later calls raise BookError."""
        self._connection.close()

    def _carry_out(self, operation: str, action: Callable[[], Any]) -> Any:
        started_ms = self._timing.start()
        failed = False
        try:
            return action()
        except Exception as error:
            seen = told(error, "reading the book" if operation == "read" else "writing the book")
            failed = isinstance(seen, BookError) and not isinstance(seen, BookMismatchError)
            if seen is error:
                raise
            raise seen from error
        finally:
            self._timing.done(operation, started_ms, failed=failed)

    def _write(self, work: Work, durable: bool) -> Any:
        (result,) = write_together(self._connection, [work], durable=durable)
        if isinstance(result, Failed):
            raise result.error
        return result.value

    def _read(self, work: Work) -> Any:
        self._connection.execute("PRAGMA query_only = ON")
        try:
            return read_consistently(self._connection, work)
        finally:
            self._connection.execute("PRAGMA query_only = OFF")
