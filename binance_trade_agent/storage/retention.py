"""What the book forgets: decisions that led to no order, once they are old; orders, fills, postings and modes are kept for good."""

import sqlite3
from dataclasses import dataclass

from binance_trade_agent.domain.decision import Verdict

STEP = 200
"""Decisions that are looked at in one transaction: a millisecond or so, which is all that an order's write may have to wait."""

_FORGOTTEN = (Verdict.HELD.value, Verdict.REFUSED.value)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How far a step came: the last decision that it looked at, how many it deleted, and whether there may be more that are old."""

    last_id: int
    deleted: int
    is_more: bool


def forget_decisions(connection: sqlite3.Connection, after_id: int, before_ms: int) -> Forgotten:
    """Delete, of the STEP decisions after `after_id`, those made before `before_ms` (market time) that held or were refused.

    It stops at the first that is younger. The newest of all stays, so that no id is ever used again.
    """
    rows = connection.execute(
        "SELECT id, time_ms FROM decisions WHERE id > ? AND id < (SELECT max(id) FROM decisions) ORDER BY id LIMIT ?", (after_id, STEP)
    ).fetchall()
    last_id, is_more = after_id, len(rows) == STEP
    for number, time_ms in rows:
        if time_ms >= before_ms:
            is_more = False
            break
        last_id = number
    if last_id == after_id:
        return Forgotten(after_id, 0, is_more=False)
    deleted = connection.execute(
        "DELETE FROM decisions WHERE id > ? AND id <= ? AND verdict IN (?, ?)", (after_id, last_id, *_FORGOTTEN)
    ).rowcount
    return Forgotten(last_id, deleted, is_more)
