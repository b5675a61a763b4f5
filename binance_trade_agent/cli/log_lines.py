"""Log lines that speak of one pass or order, picked out of a log of JSON lines, however long it is."""

import json
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import datetime

MOST_LINES = 10_000
"""Lines that are kept of one id; there are some dozens at most."""

LONGEST_LINE = 1_000_000
_NAMING = ("correlation_id", "client_order_id", "order")
"""Fields that hold ids."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line: when it was written (ms UTC, the machine's time, 0 when it does not say), and all its fields."""

    written_ms: int
    fields: dict[str, object]


def lines_about(ids: Set[str], lines: Iterable[str]) -> Iterator[LogLine]:
    """Those of `lines` that name one of `ids`; what is no JSON object, such as a line of another program, is passed over."""
    kept = 0
    for line in lines:
        # Cheap first: a log of gigabytes has few lines with any of the ids in them.
        if len(line) > LONGEST_LINE or not any(each in line for each in ids):
            continue
        fields = _fields(line)
        if fields is not None and any(fields.get(name) in ids for name in _NAMING):
            yield LogLine(_written_ms(fields), fields)
            kept += 1
            if kept == MOST_LINES:
                return


def _fields(line: str) -> dict[str, object] | None:
    """The object in a line; what stands before it (as `docker compose logs` puts the service's name there) is left out."""
    try:
        found = json.loads(line[max(0, line.find("{")) :])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _written_ms(fields: dict[str, object]) -> int:
    try:
        return round(datetime.fromisoformat(str(fields["timestamp"])).timestamp() * 1000)
    except (KeyError, ValueError):
        return 0
