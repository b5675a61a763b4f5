"""RateWindow: how much of one limit is used in the exchange's present window, never less than the exchange itself can count.

What the exchange last reported is the ground. On top of it comes whatever that report cannot hold yet: requests in flight, answers
that carried no report, and requests whose answer never came. Windows follow the exchange's clock, which we know up to an error:
a window is only taken for over when it is over for certain, and what was answered around its end counts in the next one as well.
While that clock is not known, a window is as long as it is and begins anywhere; what came in one then counts in the next, too, because
the two together hold any window that the exchange can mean.
"""

import math

from binance_trade_agent.binance.limits.rate_limit import RateLimit

ASSUMED_AT_MOST = 30
"""One part in so many of a limit is never held to be used by others before it is told: enough to ask once, and for orders and cancels."""


class RateWindow:
    """The count of one limit.

    Times are the exchange's (ms UTC) after `align`, and those of any clock that never jumps after `unalign`. `seq` is a number that
    grows with every request that leaves and every report that is taken, so that it tells which was first.
    """

    __slots__ = (
        "_answered",
        "_answered_seq",
        "_guard_ms",
        "_in_flight",
        "_lost",
        "_lost_before",
        "_mine",
        "_report_seq",
        "_reported",
        "_tail",
        "_tail_from_ms",
        "_turned_seq",
        "assumed",
        "limit",
        "opened_ms",
        "turns_at_ms",
        "used",
    )

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self.opened_ms = self.turns_at_ms = self._tail_from_ms = 0.0
        self._guard_ms: int | None = None
        self._reported = 0
        self._report_seq = 0
        self._answered = 0
        self._answered_seq = 0
        self._tail = 0
        self._lost = 0
        self._lost_before = 0
        self._mine = 0
        self._in_flight = 0
        self._turned_seq = 0
        self.used = 0
        """What may have been counted by now, or will be when what is in flight arrives."""
        self.assumed = 0
        """What others may have used of this window, as they did of the one before, until a report tells."""

    def align(self, server_ms: int, guard_ms: int, seq: int) -> None:
        """Follow the exchange's clock, which reads `server_ms`; within `guard_ms` of a window's end the side is not certain."""
        was_aligned, self._guard_ms = self._guard_ms is not None, guard_ms
        if was_aligned:
            self.turn(server_ms, seq)
        # Else nothing says when the window began that was counted in until now: it is the present one.
        self._frame(server_ms)

    def unalign(self, now_ms: float) -> None:
        """Follow another clock, which reads `now_ms`, until the exchange's is known."""
        self._guard_ms = None
        self._frame(now_ms)

    def turn(self, now_ms: float, seq: int) -> None:
        """Begin the next window when the present one is over for certain. To be asked outside of `opened_ms` to `turns_at_ms`."""
        if now_ms >= self.turns_at_ms:
            self.assumed = self._used_by_others()
            if now_ms >= self.turns_at_ms + self.limit.interval_ms:  # a whole window has passed since: nothing reaches over it
                self._tail = self._lost = self.assumed = 0
            self._reported = self._mine = 0
            self._answered, self._answered_seq, self._tail = self._tail, seq, 0
            self._lost_before, self._lost = self._lost, 0
            self._turned_seq = seq
            self.used = self._answered + self._lost_before + self._in_flight
        self._frame(now_ms)

    def _used_by_others(self) -> int:
        """What the reports of this window hold beyond what was sent from here; nothing where there was none."""
        if self._report_seq <= self._turned_seq:
            return 0
        assumable = self.limit.most - self.limit.most // ASSUMED_AT_MOST
        return min(max(self._reported - self._mine, 0), assumable)

    def _frame(self, now_ms: float) -> None:
        interval, guard = self.limit.interval_ms, self._guard_ms
        if guard is None:
            self.opened_ms, self.turns_at_ms, self._tail_from_ms = now_ms, now_ms + interval, -math.inf
        else:
            end = ((now_ms - guard) // interval + 1) * interval
            self.opened_ms, self.turns_at_ms, self._tail_from_ms = end - interval, end + guard, end - guard

    def take(self, amount: int) -> None:
        """Count a request that is about to leave."""
        self._in_flight += amount
        self._mine += amount
        self.used += amount

    def give_back(self, amount: int) -> None:
        """A request that was counted did not leave."""
        self._in_flight -= amount
        self._mine -= amount
        self.used -= amount

    def lose(self, amount: int) -> None:
        """No answer came: it may have been counted, or may be counted yet, in this window or the next."""
        self._in_flight -= amount
        self._lost += amount

    def settle(self, amount: int, report: int | None, sent_seq: int, seq: int, now_ms: float) -> bool:
        """Count a request that was answered, with the use that the answer reported; True when `seq` was used up for the report.

        A report is taken for the latest when its request left after the one before was read; else the higher one holds, because
        answers overtake each other. One that left in the window before says nothing certain of this one.
        """
        self._in_flight -= amount
        if now_ms >= self._tail_from_ms:
            self._tail += amount
        if report is None or sent_seq <= self._turned_seq:
            self._answered += amount
            self._answered_seq = seq - 1
            return False
        if sent_seq > self._answered_seq:  # else some of them may have been counted after this report was made
            self._answered = 0
        if sent_seq > self._report_seq:
            self._reported = report
        else:
            self._reported = max(self._reported, report)
        self._report_seq = seq
        self.assumed = 0
        self.used = self._reported + self._answered + self._lost + self._lost_before + self._in_flight
        return True
