"""Vitals: what the daemon knows of its own state, and the answers to "are you alive?" and "are you ready?"."""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.facts import PassFinished, Reconciled
from binance_trade_agent.domain.spans import lasting
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.service.account_watch import AccountStream
from binance_trade_agent.service.backups import Backups

MISSED_BEFORE_STALE = 3
"""After this many intervals without the thing that each interval should bring, it counts as stale."""

RECENT_ACTIONS = 20
"""How many decisions that came to an order, or failed, are kept for the status page."""

_NO_ACTION = frozenset({Verdict.HELD, Verdict.REFUSED})


@dataclass(frozen=True, slots=True)
class Check:
    """One named question with its answer; `detail` is a phrase for people."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """Several checks; it is good when every one is."""

    checks: Mapping[str, Check]

    @property
    def ok(self) -> bool:
        """True when all checks are."""
        return all(check.ok for check in self.checks.values())


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often things should happen: market time in ms, the pass deadline in real seconds."""

    interval_ms: int
    pass_deadline_s: float
    reconcile_interval_ms: int
    clock_sync_interval_ms: int


class Vitals:
    """Written by the daemon as things happen, read by the HTTP face.

    `clock_error_ms` tells how far the exchange's time as we reckon it can be off; no order is sent while that is above `most_ms`.
    """

    def __init__(self, clock: Clock, rhythm: Rhythm, *, clock_error_ms: Callable[[], float] | None = None, most_ms: int = 0) -> None:
        self._clock = clock
        self._clock_error_ms = clock_error_ms
        self._most_clock_error_ms = most_ms
        self._rhythm = rhythm
        self.started_ms = clock.now_ms()
        self._beat_ms = self.started_ms
        self._beat_monotonic_ms = clock.monotonic_ms()
        self._synced_ms: int | None = None
        self._reconciled_ms: int | None = None
        self.reconciled: Reconciled | None = None
        self.last_pass: PassFinished | None = None
        self.last_error: str | None = None
        self.passes_finished = 0
        self.passes_failed = 0
        self.stopping: str | None = None
        self.account_stream: AccountStream | None = None
        self.market_data: Callable[[], str] | None = None
        self.unprotected: Callable[[], tuple[str, ...]] | None = None
        self.backups: Backups | None = None
        self.recent_actions: deque[TradeDecision] = deque(maxlen=RECENT_ACTIONS)

    def clock_synced(self) -> None:
        """The offset of the exchange's clock was measured just now."""
        self._synced_ms = self._clock.now_ms()

    def book_reconciled(self, reconciled: Reconciled) -> None:
        """The book was compared with the exchange just now."""
        self.reconciled = reconciled
        self._reconciled_ms = self._clock.now_ms()

    def pass_finished(self, finished: PassFinished) -> None:
        """A pass came to its end."""
        self._beat()
        self.passes_finished += 1
        self.last_pass = finished
        self.last_error = None
        self.recent_actions.extend(decision for decision in finished.decisions if decision.verdict not in _NO_ACTION)

    def pass_failed(self, error: str) -> None:
        """A pass ended with an error; the schedule is alive all the same."""
        self._beat()
        self.passes_failed += 1
        self.last_error = error

    def health(self) -> Report:
        """Alive: passes keep ending, well or badly. Whether the exchange answers is a matter of readiness and of alerts.

        Stale only when both clocks say so: more than three intervals of market time, and more than three pass deadlines in
        real time, for a scaled clock makes one small and a slow pass the other.
        """
        market_age_ms = self._clock.now_ms() - self._beat_ms
        real_age_ms = self._clock.monotonic_ms() - self._beat_monotonic_ms
        rhythm = self._rhythm
        stale = (
            market_age_ms > MISSED_BEFORE_STALE * rhythm.interval_ms and real_age_ms > MISSED_BEFORE_STALE * rhythm.pass_deadline_s * 1000
        )
        since = "the last pass" if self.passes_finished + self.passes_failed else "the start"
        return Report({"passes": Check(not stale, f"{market_age_ms // 1000} s of market time since {since} ended")})

    def readiness(self) -> Report:
        """Ready: the book was reconciled, the clock is synchronised, the first pass is not overdue, and nobody asked to stop.

        Account events are shown where there are any, and keep nobody from being ready: without them orders are settled at each pass.
        So are where market data comes from (without streams it is asked for by REST) and how backups stand. A position without the
        protection that the settings ask for is not ready.
        """
        return Report(
            {
                "reconciled": self._fresh(self._reconciled_ms, self._rhythm.reconcile_interval_ms),
                "clock_synced": self._clock_check(),
                "first_pass": self._first_pass(),
                "not_stopping": Check(self.stopping is None, self.stopping or "running"),
                **self._market_data(),
                **self._protection(),
                **self._account_events(),
                **self._backup(),
            }
        )

    def _first_pass(self) -> Check:
        """With an interval of a minute the first pass is due up to a minute after a start that went well."""
        counted = f"{self.passes_finished} finished, {self.passes_failed} failed"
        if self.passes_finished or self.passes_failed:
            return Check(self.passes_finished > 0, counted)
        allowed_ms = self._rhythm.interval_ms + round(self._rhythm.pass_deadline_s * 1_000)
        return Check(self._clock.now_ms() - self.started_ms <= allowed_ms, f"{counted}; the first one comes with the next slot")

    def _market_data(self) -> Mapping[str, Check]:
        return {} if self.market_data is None else {"market_data": Check(True, self.market_data())}

    def _protection(self) -> Mapping[str, Check]:
        if self.unprotected is None:
            return {}
        symbols = self.unprotected()
        return {"protection": Check(not symbols, f"without: {', '.join(symbols)}" if symbols else "every position has it")}

    def _backup(self) -> Mapping[str, Check]:
        return {} if self.backups is None else {"backup": Check(True, self.backups.standing)}

    def _account_events(self) -> Mapping[str, Check]:
        if self.account_stream is None:
            return {}
        return {"account_events": Check(True, "live" if self.account_stream.is_live else "down; orders are settled at each pass")}

    def _clock_check(self) -> Check:
        """Measured not long ago, and known well enough for orders to be sent."""
        fresh = self._fresh(self._synced_ms, self._rhythm.clock_sync_interval_ms)
        if self._clock_error_ms is None or self._synced_ms is None:
            return fresh
        error_ms, most_ms = self._clock_error_ms(), self._most_clock_error_ms
        known = f"known to {error_ms:.0f} ms" if math.isfinite(error_ms) else "not known any more"
        return Check(fresh.ok and error_ms <= most_ms, f"{fresh.detail}, {known}; orders need {most_ms} ms")

    def _beat(self) -> None:
        self._beat_ms = self._clock.now_ms()
        self._beat_monotonic_ms = self._clock.monotonic_ms()

    def _fresh(self, at_ms: int | None, interval_ms: int) -> Check:
        if at_ms is None:
            return Check(False, "not yet")
        age_ms = self._clock.now_ms() - at_ms
        return Check(age_ms <= MISSED_BEFORE_STALE * interval_ms, f"{lasting(age_ms // 1000 * 1000)} of market time ago")
