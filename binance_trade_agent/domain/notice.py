"""Notice: one line that is worth a message to whoever runs the daemon."""

from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    """What a notice is about; also the values of NOTIFY_EVENTS."""

    FILLS = "fills"
    """Orders that traded."""
    MODES = "modes"
    """Trading was halted, reduced or resumed, by a breaker, an operator or a failing book; or entries were locked for a while."""
    ERRORS = "errors"
    """What went wrong: failed passes, orders refused or without an answer, bans, differences, a book that cannot be written."""
    TRANSFERS = "transfers"
    """Deposits and withdrawals that were found."""
    SUMMARY = "summary"
    """Once a day: equity, profit, fills, fees, positions."""
    SERVICE = "service"
    """The daemon began to trade, or stopped; other symbols are traded than before."""


@dataclass(frozen=True, slots=True)
class Notice:
    """`topic` tells repeated notices of the same thing from new ones; empty for those that never count as repeated."""

    kind: NoticeKind
    text: str
    topic: str = ""
