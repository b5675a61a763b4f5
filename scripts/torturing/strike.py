"""Strike: what can be done to the processes, whom it hits, and what may come of it."""

from enum import StrEnum


class Strike(StrEnum):
    """What is done; the first part of a name is whom it hits."""

    DAEMON_AT_ANY_TIME = "daemon killed at any time, starting or trading"
    DAEMON_WITH_INTENT = "daemon killed when an intent is committed and not yet that it leaves"
    DAEMON_WHILE_SENDING = "daemon killed when it is committed that an order leaves"
    DAEMON_BEFORE_AN_ANSWER = "daemon killed when the exchange has carried out an order and keeps the answer back"
    DAEMON_RECONCILING = "daemon killed with orders open, and killed again while it looks for them at its start"
    DAEMON_STOPPING = "daemon asked to stop with an order under way, and killed while it stops"
    DAEMON_BACKING_UP = "daemon killed, and with it a backup that was being written"
    DAEMON_MIGRATING = "daemon killed while it brings an old book to the present schema"
    DAEMON_PROTECTING = "daemon killed while a position's OCO is under way"
    DAEMON_MOVING_A_STOP = "daemon killed while a stop on the exchange is replaced by a higher one"
    DAEMON_AFTER_FREEZE = "daemon frozen, woken and killed"
    DAEMON_BEFORE_A_LATE_EXCHANGE = "exchange frozen, daemon killed with orders on their way, exchange woken"
    DAEMON_WITHOUT_LINE = "connections cut at once, half of them after the order was carried out, then daemon killed"
    DAEMON_WITH_HALF_A_REQUEST = "line cut inside an order's request, then daemon killed"
    DAEMON_WITH_HALF_AN_ANSWER = "line cut inside the answer to an order, then daemon killed"
    DAEMON_WITHOUT_WRITES = "disk that refuses the daemon's writes, then takes them again, then daemon killed"
    DAEMON_ON_A_FULL_DISK = "file system full until the daemon ends, then room again"
    DAEMON_WITHOUT_LOG = "reader of the daemon's log killed, then daemon killed"
    EXCHANGE_AT_ANY_TIME = "exchange killed under the daemon"
    EXCHANGE_AFTER_FREEZE = "exchange frozen, then killed with what it had not read"
    BOTH = "both killed when it is committed that an order leaves"

    @property
    def has_moment(self) -> bool:
        """Whether a certain moment is waited for, which may be missed."""
        return self not in _AT_ANY_MOMENT


_AT_ANY_MOMENT = frozenset(
    {
        Strike.DAEMON_AT_ANY_TIME,
        Strike.DAEMON_AFTER_FREEZE,
        Strike.DAEMON_WITHOUT_LINE,
        Strike.EXCHANGE_AT_ANY_TIME,
        Strike.EXCHANGE_AFTER_FREEZE,
    }
)

LEAVES_BEHIND: dict[Strike, frozenset[str]] = {
    Strike.DAEMON_WITH_INTENT: frozenset({"INTENDED, not placed"}),
    Strike.DAEMON_WHILE_SENDING: frozenset({"SENT, placed", "SENT, not placed"}),
    Strike.DAEMON_BEFORE_AN_ANSWER: frozenset({"SENT, placed"}),
    Strike.DAEMON_BEFORE_A_LATE_EXCHANGE: frozenset({"SENT, placed", "SENT, not placed"}),
    Strike.BOTH: frozenset({"SENT, placed", "SENT, not placed", "UNKNOWN, placed", "UNKNOWN, not placed"}),
}
"""What the dead daemon's book holds when the moment was met; the other moments are seen by who strikes."""

ENDS_BY_ITSELF: dict[Strike, frozenset[int]] = {
    Strike.DAEMON_WITHOUT_WRITES: frozenset({5}),
    Strike.DAEMON_ON_A_FULL_DISK: frozenset({11}),
    Strike.EXCHANGE_AT_ANY_TIME: frozenset({6}),
    Strike.EXCHANGE_AFTER_FREEZE: frozenset({6}),
    Strike.BOTH: frozenset({6}),
}
"""Exit codes (docs/runbook.md) that a strike may lead to: the book cannot be written, the disk is full, the exchange cannot be reached."""
