"""ConnectionMetrics: turns the facts about requests, the pool, the exchange's limits, its clock and API sessions into metrics."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from binance_trade_agent.binance.limits.circuits import CircuitGroup
from binance_trade_agent.binance.limits.waiting_lines import Priority
from binance_trade_agent.domain import facts, limit_facts
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.metric_children import MetricChildren

_SILENCES = ("ban", "requests", "orders")
_CIRCUIT_FIGURES = {limit_facts.CircuitState.CLOSED: 0, limit_facts.CircuitState.HALF_OPEN: 1, limit_facts.CircuitState.OPEN: 2}


class ConnectionMetrics:
    """A part of MetricsObserver."""

    def __init__(self, children: MetricChildren) -> None:
        self._counter, self._gauge, self._histogram = children.counter, children.gauge, children.histogram
        # What each request changes, looked up beforehand.
        self._request_durations, self._pool_waits = children.histograms(names.REQUEST_DURATION), children.histograms(names.POOL_ACQUIRE)
        self._pool_limits, self._pool_uses = children.gauges(names.POOL_LIMIT), children.gauges(names.POOL_IN_USE)
        self._pool_queues, self._pool_idle = children.gauges(names.POOL_WAITING), self._gauge(names.POOL_IDLE)
        self._pool_reused, self._pool_opened = self._counter(names.POOL_REUSED), self._counter(names.POOL_OPENED)
        self._used_weight, self._order_counts = self._gauge(names.WEIGHT_USED), children.gauges(names.ORDERS_COUNTED)
        # Begun at zero, as an increase from nothing to one is none for Prometheus.
        for lane in Lane:
            self._counter(names.POOL_TIMEOUTS, lane)
        for priority in Priority:
            self._counter(names.LIMIT_REFUSALS, priority.label)
            self._gauge(names.LIMIT_WAITING, priority.label)
            self._histogram(names.LIMIT_WAIT, priority.label)
        for group in CircuitGroup:
            self._gauge(names.CIRCUIT_STATE, group)
            self._counter(names.CIRCUIT_OPENINGS, group)
        for kind in _SILENCES:
            self._counter(names.SILENCES, kind)

    def handlers(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with each kind of fact."""
        return {
            facts.PoolChanged: self._pool_changed,
            facts.PoolAcquired: self._pool_acquired,
            facts.PoolTimedOut: self._pool_timed_out,
            limit_facts.OrdersCounted: self._orders_counted,
            limit_facts.RateLimitsKnown: self._rate_limits_known,
            limit_facts.RequestsWaiting: self._requests_waiting,
            limit_facts.RequestHeldBack: self._request_held_back,
            limit_facts.SilenceAsked: self._silence_asked,
            limit_facts.CircuitChanged: self._circuit_changed,
            facts.ClockSynced: self._clock_synced,
            facts.ClockJumped: self._clock_jumped,
            facts.ApiSessionChanged: self._api_session_changed,
            facts.ApiSessionFailed: self._api_session_failed,
            facts.ApiSessionHeard: self._api_session_heard,
            facts.AccountEventCame: self._account_event_came,
            facts.AccountEventsMissed: self._account_events_missed,
        }

    def of_many(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with all facts of a kind."""
        return {facts.RequestDone: self._requests_done, facts.WeightUsed: self._weights_used}

    def _requests_done(self, done: Sequence[facts.RequestDone]) -> None:
        durations_s = defaultdict[str, list[float]](list)
        for fact in done:
            durations_s[fact.endpoint].append(fact.duration_ms / 1000)
            if fact.error_code is not None:
                self._counter(names.REQUEST_ERRORS, fact.endpoint, fact.error_code).inc()
        for endpoint, all_s in durations_s.items():
            self._request_durations(endpoint).observe_all(all_s)

    def _pool_changed(self, fact: facts.PoolChanged) -> None:
        self._pool_limits(fact.lane).set(fact.limit)
        self._pool_uses(fact.lane).set(fact.in_use)
        self._pool_idle.set(fact.idle)
        self._pool_queues(fact.lane).set(fact.waiting)

    def _pool_acquired(self, fact: facts.PoolAcquired) -> None:
        self._pool_waits(fact.lane).observe(fact.wait_ms / 1000)
        (self._pool_reused if fact.reused else self._pool_opened).inc()

    def _pool_timed_out(self, fact: facts.PoolTimedOut) -> None:
        self._pool_waits(fact.lane).observe(fact.wait_ms / 1000)
        self._counter(names.POOL_TIMEOUTS, fact.lane).inc()

    def _weights_used(self, told: Sequence[facts.WeightUsed]) -> None:
        self._used_weight.set(told[-1].used)

    def _orders_counted(self, fact: limit_facts.OrdersCounted) -> None:
        self._order_counts(fact.window).set(fact.count)

    def _rate_limits_known(self, fact: limit_facts.RateLimitsKnown) -> None:
        self._gauge(names.WEIGHT_LIMIT).set(fact.weight)
        self._gauge(names.WEIGHT_RESERVE).set(fact.reserve)

    def _requests_waiting(self, fact: limit_facts.RequestsWaiting) -> None:
        self._gauge(names.LIMIT_WAITING, fact.priority).set(fact.waiting)

    def _request_held_back(self, fact: limit_facts.RequestHeldBack) -> None:
        self._histogram(names.LIMIT_WAIT, fact.priority).observe(fact.wait_ms / 1000)
        if not fact.admitted:
            self._counter(names.LIMIT_REFUSALS, fact.priority).inc()

    def _silence_asked(self, fact: limit_facts.SilenceAsked) -> None:
        ban, requests, orders = _SILENCES
        self._counter(names.SILENCES, orders if fact.orders_only else ban if fact.is_ban else requests).inc()
        if not fact.orders_only:
            self._gauge(names.SILENCE_UNTIL).set(fact.until_ms / 1000)

    def _circuit_changed(self, fact: limit_facts.CircuitChanged) -> None:
        self._gauge(names.CIRCUIT_STATE, fact.group).set(_CIRCUIT_FIGURES[fact.state])
        if fact.state is limit_facts.CircuitState.OPEN:
            self._counter(names.CIRCUIT_OPENINGS, fact.group).inc()

    def _clock_synced(self, fact: facts.ClockSynced) -> None:
        self._gauge(names.CLOCK_OFFSET).set(fact.offset_ms / 1000)
        self._gauge(names.CLOCK_ROUND_TRIP).set(fact.round_trip_ms / 1000)
        self._gauge(names.CLOCK_ERROR).set(fact.error_bound_ms / 1000)
        if fact.drift_ppm is not None:
            self._gauge(names.CLOCK_DRIFT).set(fact.drift_ppm)

    def _clock_jumped(self, _: facts.ClockJumped) -> None:
        self._counter(names.CLOCK_JUMPS).inc()

    def _api_session_changed(self, fact: facts.ApiSessionChanged) -> None:
        self._gauge(names.API_SESSION_UP, fact.session).set(fact.is_live)
        if not fact.is_live:
            self._counter(names.API_SESSION_INTERRUPTIONS, fact.session).inc()

    def _api_session_failed(self, fact: facts.ApiSessionFailed) -> None:
        self._gauge(names.API_SESSION_UP, fact.session)  # wanted, and shown as down when it never was up
        self._counter(names.API_SESSION_FAILURES, fact.session).inc()

    def _api_session_heard(self, fact: facts.ApiSessionHeard) -> None:
        self._gauge(names.API_SESSION_SILENCE, fact.session).set(fact.silence_ms / 1000)

    def _account_event_came(self, fact: facts.AccountEventCame) -> None:
        self._counter(names.ACCOUNT_EVENTS, fact.kind).inc()

    def _account_events_missed(self, _: facts.AccountEventsMissed) -> None:
        self._counter(names.ACCOUNT_GAPS).inc()
