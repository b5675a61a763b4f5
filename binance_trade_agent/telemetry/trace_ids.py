"""TraceIds: which trace a pass and which span an order has, reckoned from what log and book know them by."""

from collections.abc import MutableMapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

_TRACE_BYTES = 16
_SPAN_BYTES = 8
_MOST_KEPT = 64
"""Those of the running pass are asked for again and again: by its orders, and by each of its lines."""


class TraceIds:
    """Ids of one book: a fill that comes after a restart finds the trace of the pass that wanted it.

    `book` is the epoch of the book, which no other has; set it once the book is open. It is a processor of structlog as well: a line
    with a correlation id gets the id of its trace.
    """

    def __init__(self, book: str = "") -> None:
        self.book = book
        self._number = lru_cache(_MOST_KEPT)(_number)

    def trace(self, correlation_id: str) -> int:
        """The trace of a pass."""
        return self._number(f"{self.book}/{correlation_id}", _TRACE_BYTES)

    def root(self, correlation_id: str) -> int:
        """The span of the pass itself."""
        return self._number(f"{self.book}/{correlation_id}", _SPAN_BYTES)

    def order(self, client_order_id: str) -> int:
        """The span of an order; its id has the epoch in it."""
        return self._number(client_order_id, _SPAN_BYTES)

    def __call__(self, _: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Add `trace_id` to a line of the log that has a correlation id."""
        correlation_id = line.get("correlation_id")
        if isinstance(correlation_id, str) and self.book:
            line["trace_id"] = f"{self.trace(correlation_id):032x}"
        return line


def _number(text: str, size: int) -> int:
    """Never 0, which stands for no id."""
    return int.from_bytes(blake2b(text.encode(), digest_size=size).digest()) or 1
