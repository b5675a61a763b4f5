"""MetricsObserver: turns facts into Prometheus metrics, as the catalogue names them."""

import platform
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from binance_trade_agent.binance.limits.waiting_lines import Priority
from binance_trade_agent.domain import facts, limit_facts
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.domain.order import OrderState
from binance_trade_agent.domain.outcome import Accepted, NotSent, Outcome, Rejected, Unknown
from binance_trade_agent.domain.portfolio import PortfolioSnapshot
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.metric_children import Counters, Gauges, Histograms
from binance_trade_agent.telemetry.stream_metrics import StreamMetrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_UNKNOWN_ORDERS = 10_000

_CIRCUIT_FIGURES = {limit_facts.CircuitState.CLOSED: 0, limit_facts.CircuitState.HALF_OPEN: 1, limit_facts.CircuitState.OPEN: 2}
_OUTCOME_LABELS: Mapping[type[Outcome], str] = {Accepted: "accepted", Rejected: "rejected", NotSent: "not_sent", Unknown: "unknown"}


class MetricsObserver:
    """Observer that keeps all metrics in one registry, which is its own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None, *, version: str = "unknown") -> None:
        self.registry = registry or CollectorRegistry()
        self._counters = {
            metric.name: Counters(metric, self.registry) for metric in names.CATALOGUE if metric.kind is names.MetricKind.COUNTER
        }
        self._gauges = {metric.name: Gauges(metric, self.registry) for metric in names.CATALOGUE if metric.kind is names.MetricKind.GAUGE}
        self._histograms = {
            metric.name: Histograms(metric, self.registry) for metric in names.CATALOGUE if metric.kind is names.MetricKind.HISTOGRAM
        }
        ProcessCollector(registry=self.registry)
        self._gauge(names.BUILD_INFO, version, platform.python_version()).set(1)
        self._gauge(names.MODE, ACCOUNT_SCOPE).set(0)
        self._gauge(names.CACHE_USABLE).set(1)
        for label in _OUTCOME_LABELS.values():
            self._counter(names.ORDERS, label)
        for lane in Lane:
            self._counter(names.POOL_TIMEOUTS, lane)
        for priority in Priority:  # begun at zero, as an increase from nothing to one is none for Prometheus
            self._counter(names.LIMIT_REFUSALS, priority.label)
        self._failures = self._counter(names.OBSERVER_FAILURES)
        self._unknown_orders: set[str] = set()
        self._held: frozenset[str] = frozenset()
        self._peak_equity = 0.0
        self._handlers = self._table()

    def observe(self, fact: facts.Fact) -> None:
        """Count one fact; a defect in here is itself counted, and never reaches the station that reports."""
        try:
            self._handlers[type(fact)](fact)
        except Exception:  # the Observer port promises never to raise: trading must not end because a figure cannot be shown
            self._failures.inc()

    def render(self) -> bytes:
        """All metrics in the text format of CONTENT_TYPE, less the creation times, which would double their number."""
        lines = generate_latest(self.registry).splitlines(keepends=True)
        return b"".join(line for line in lines if not _is_creation_time(line))

    def _table(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        return {
            facts.RequestDone: self._request_done,
            facts.PoolChanged: self._pool_changed,
            facts.PoolAcquired: self._pool_acquired,
            facts.PoolTimedOut: self._pool_timed_out,
            facts.WeightUsed: self._weight_used,
            limit_facts.OrdersCounted: self._orders_counted,
            limit_facts.RateLimitsKnown: self._rate_limits_known,
            limit_facts.RequestsWaiting: self._requests_waiting,
            limit_facts.RequestHeldBack: self._request_held_back,
            limit_facts.SilenceAsked: self._silence_asked,
            limit_facts.CircuitChanged: self._circuit_changed,
            facts.ClockSynced: self._clock_synced,
            facts.ClockJumped: self._clock_jumped,
            facts.StageDone: self._stage_done,
            facts.PassFinished: self._pass_finished,
            facts.PassFailed: self._pass_failed,
            facts.PassOverrun: self._pass_overrun,
            facts.RiskRefused: self._risk_refused,
            facts.ModeChanged: self._mode_changed,
            facts.OrderSent: self._order_sent,
            facts.OrderAnswered: self._order_answered,
            facts.OrderSettled: self._order_settled,
            facts.FillBooked: self._fill_booked,
            facts.ExternalBooked: self._external_booked,
            facts.PositionWrittenDown: self._position_written_down,
            facts.BookMarked: self._book_marked,
            facts.Reconciled: self._reconciled,
            facts.PositionsProtected: self._positions_protected,
            facts.CandleGapFound: self._candle_gap_found,
            facts.ApiSessionChanged: self._api_session_changed,
            facts.ApiSessionFailed: self._api_session_failed,
            facts.ApiSessionHeard: self._api_session_heard,
            facts.AccountEventCame: self._account_event_came,
            facts.AccountEventsMissed: self._account_events_missed,
            facts.CandlesTaken: self._candles_taken,
            facts.MarketDataFellBack: self._market_data_fell_back,
            facts.MarketDataMeasured: self._market_data_measured,
            facts.CacheRead: self._cache_read,
            facts.CacheFailed: self._cache_failed,
            facts.CacheRecovered: self._cache_recovered,
            **StreamMetrics(self._counter, self._gauge, self._histogram).handlers(),
            facts.DatabaseDone: self._database_done,
            facts.BackupsPlanned: self._backups_planned,
            facts.BackupDone: self._backup_done,
            facts.LoopLagged: self._loop_lagged,
            facts.FunctionDone: self._function_done,
        }

    def _counter(self, metric: names.Metric, *labels: str) -> Counter:
        return self._counters[metric.name].child(*labels)

    def _gauge(self, metric: names.Metric, *labels: str) -> Gauge:
        return self._gauges[metric.name].child(*labels)

    def _histogram(self, metric: names.Metric, *labels: str) -> Histogram:
        return self._histograms[metric.name].child(*labels)

    def _request_done(self, fact: facts.RequestDone) -> None:
        self._histogram(names.REQUEST_DURATION, fact.endpoint).observe(fact.duration_ms / 1000)
        if fact.error_code is not None:
            self._counter(names.REQUEST_ERRORS, fact.endpoint, fact.error_code).inc()

    def _pool_changed(self, fact: facts.PoolChanged) -> None:
        self._gauge(names.POOL_LIMIT, fact.lane).set(fact.limit)
        self._gauge(names.POOL_IN_USE, fact.lane).set(fact.in_use)
        self._gauge(names.POOL_IDLE).set(fact.idle)
        self._gauge(names.POOL_WAITING, fact.lane).set(fact.waiting)

    def _pool_acquired(self, fact: facts.PoolAcquired) -> None:
        self._histogram(names.POOL_ACQUIRE, fact.lane).observe(fact.wait_ms / 1000)
        self._counter(names.POOL_REUSED if fact.reused else names.POOL_OPENED).inc()

    def _pool_timed_out(self, fact: facts.PoolTimedOut) -> None:
        self._histogram(names.POOL_ACQUIRE, fact.lane).observe(fact.wait_ms / 1000)
        self._counter(names.POOL_TIMEOUTS, fact.lane).inc()

    def _weight_used(self, fact: facts.WeightUsed) -> None:
        self._gauge(names.WEIGHT_USED).set(fact.used)

    def _orders_counted(self, fact: limit_facts.OrdersCounted) -> None:
        self._gauge(names.ORDERS_COUNTED, fact.window).set(fact.count)

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
        self._counter(names.SILENCES, "orders" if fact.orders_only else "ban" if fact.is_ban else "requests").inc()
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

    def _stage_done(self, fact: facts.StageDone) -> None:
        self._histogram(names.STAGE_DURATION, fact.stage).observe(fact.duration_ms / 1000)

    def _pass_finished(self, fact: facts.PassFinished) -> None:
        self._counter(names.PASSES).inc()
        self._histogram(names.PASS_DURATION).observe(fact.duration_ms / 1000)
        for decision in fact.decisions:
            self._counter(names.DECISIONS, decision.verdict).inc()

    def _pass_failed(self, _: facts.PassFailed) -> None:
        self._counter(names.PASSES_FAILED).inc()

    def _pass_overrun(self, fact: facts.PassOverrun) -> None:
        self._counter(names.PASS_OVERRUNS).inc()
        self._counter(names.PASS_SLOTS_MISSED).inc(fact.missed)

    def _risk_refused(self, fact: facts.RiskRefused) -> None:
        self._counter(names.RISK_REFUSALS, fact.refused.rule).inc()

    def _mode_changed(self, fact: facts.ModeChanged) -> None:
        self._gauge(names.MODE, fact.change.scope).set(fact.change.mode.severity)

    def _order_sent(self, _: facts.OrderSent) -> None:
        self._counter(names.ORDERS_SENT).inc()

    def _order_answered(self, fact: facts.OrderAnswered) -> None:
        self._counter(names.ORDERS, _OUTCOME_LABELS[type(fact.outcome)]).inc()
        self._histogram(names.ORDER_DURATION).observe(fact.duration_ms / 1000)
        if isinstance(fact.outcome, Rejected):
            self._counter(names.ORDER_REJECTIONS, str(fact.outcome.code)).inc()
        self._track_unknown(fact.intent.client_order_id, isinstance(fact.outcome, Unknown))

    def _order_settled(self, fact: facts.OrderSettled) -> None:
        self._counter(names.ORDERS_SETTLED, fact.order.state).inc()
        self._track_unknown(fact.order.intent.client_order_id, fact.order.state is OrderState.UNKNOWN)

    def _track_unknown(self, client_order_id: str, is_unknown: bool) -> None:
        if not is_unknown:
            self._unknown_orders.discard(client_order_id)
        elif len(self._unknown_orders) < MAX_UNKNOWN_ORDERS:
            self._unknown_orders.add(client_order_id)
        self._gauge(names.ORDERS_UNKNOWN).set(len(self._unknown_orders))

    def _fill_booked(self, fact: facts.FillBooked) -> None:
        self._counter(names.FILLS, fact.fill.side).inc()
        # A rebate is a negative commission; a counter cannot take it, and the ledger has it exactly.
        if fact.fill.commission > 0:
            self._counter(names.FEES, fact.fill.commission_asset).inc(float(fact.fill.commission))

    def _external_booked(self, fact: facts.ExternalBooked) -> None:
        self._counter(names.EXTERNAL_ENTRIES, fact.asset).inc()

    def _position_written_down(self, fact: facts.PositionWrittenDown) -> None:
        self._counter(names.WRITE_DOWNS, fact.symbol).inc()

    def _book_marked(self, fact: facts.BookMarked) -> None:
        snapshot = fact.snapshot
        for metric, amount in (
            (names.EQUITY, snapshot.equity),
            (names.CASH, snapshot.cash),
            (names.EXPOSURE, snapshot.equity - snapshot.cash),
            (names.INITIAL_VALUE, snapshot.initial_value),
            (names.REALIZED, snapshot.realized),
            (names.UNREALIZED, snapshot.unrealized),
        ):
            self._gauge(metric).set(float(amount))
        self._gauge(names.ORDERS_OPEN).set(snapshot.open_orders)
        self._mark_drawdown(snapshot)
        self._mark_positions(snapshot)

    def _mark_drawdown(self, snapshot: PortfolioSnapshot) -> None:
        self._peak_equity = max(self._peak_equity, float(snapshot.equity), float(snapshot.initial_value))
        if self._peak_equity > 0:
            self._gauge(names.DRAWDOWN).set(1 - float(snapshot.equity) / self._peak_equity)

    def _mark_positions(self, snapshot: PortfolioSnapshot) -> None:
        for position in snapshot.positions:
            self._gauge(names.POSITION_QUANTITY, position.symbol).set(float(position.quantity))
            self._gauge(names.POSITION_VALUE, position.symbol).set(float(position.value))
            self._gauge(names.POSITION_UNREALIZED, position.symbol).set(float(position.unrealized))
        held = frozenset(position.symbol for position in snapshot.positions)
        for symbol in self._held - held:
            for metric in (names.POSITION_QUANTITY, names.POSITION_VALUE, names.POSITION_UNREALIZED):
                self._gauge(metric, symbol).set(0)
        self._held = held

    def _positions_protected(self, fact: facts.PositionsProtected) -> None:
        self._gauge(names.POSITIONS_UNPROTECTED).set(len(fact.unprotected))

    def _reconciled(self, fact: facts.Reconciled) -> None:
        self._counter(names.RECONCILIATIONS).inc()
        self._histogram(names.RECONCILIATION_DURATION).observe(fact.duration_ms / 1000)
        self._counter(names.RECONCILIATION_DIFFERENCES).inc(len(fact.differences))
        self._gauge(names.RECONCILIATION_LAST_DIFFERENCES).set(len(fact.differences))

    def _candle_gap_found(self, fact: facts.CandleGapFound) -> None:
        self._counter(names.CANDLE_GAPS, fact.symbol).inc()
        self._counter(names.CANDLES_MISSING, fact.symbol).inc(fact.missing)

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

    def _candles_taken(self, fact: facts.CandlesTaken) -> None:
        self._counter(names.CANDLES_TAKEN, fact.source).inc(fact.count)

    def _market_data_fell_back(self, fact: facts.MarketDataFellBack) -> None:
        self._counter(names.FALLBACKS, fact.kind, fact.reason).inc(fact.symbols)

    def _market_data_measured(self, fact: facts.MarketDataMeasured) -> None:
        self._gauge(names.STREAMED_SYMBOLS).set(fact.followed)
        self._gauge(names.LIVE_SYMBOLS).set(fact.live)
        self._gauge(names.CANDLES_HELD).set(fact.candles)

    def _cache_read(self, fact: facts.CacheRead) -> None:
        self._counter(names.CACHE_HITS, fact.kind).inc(fact.hits)
        self._counter(names.CACHE_MISSES, fact.kind).inc(fact.misses)

    def _cache_failed(self, fact: facts.CacheFailed) -> None:
        self._counter(names.CACHE_FAILURES, fact.operation).inc()
        self._gauge(names.CACHE_USABLE).set(0)

    def _cache_recovered(self, _: facts.CacheRecovered) -> None:
        self._gauge(names.CACHE_USABLE).set(1)

    def _database_done(self, fact: facts.DatabaseDone) -> None:
        self._histogram(names.DATABASE_DURATION, fact.operation).observe(fact.duration_ms / 1000)
        self._counter(names.DATABASE_FAILURES, fact.operation).inc(fact.failed)

    def _backups_planned(self, fact: facts.BackupsPlanned) -> None:
        self._gauge(names.BACKUP_INTERVAL).set(fact.interval_s)
        self._gauge(names.BACKUP_NEWEST).set(fact.newest_s or 0)
        for result in ("made", "failed"):
            self._counter(names.BACKUPS, result)

    def _backup_done(self, fact: facts.BackupDone) -> None:
        self._counter(names.BACKUPS, "failed" if fact.error else "made").inc()
        self._histogram(names.BACKUP_DURATION).observe(fact.duration_ms / 1000)
        if not fact.error:
            self._gauge(names.BACKUP_NEWEST).set(fact.ended_s)

    def _loop_lagged(self, fact: facts.LoopLagged) -> None:
        self._histogram(names.LOOP_LAG).observe(fact.lag_ms / 1000)

    def _function_done(self, fact: facts.FunctionDone) -> None:
        self._histogram(names.FUNCTION_DURATION, fact.name).observe(fact.duration_ms / 1000)
        if fact.failed:
            self._counter(names.FUNCTION_FAILURES, fact.name).inc()


def _is_creation_time(line: bytes) -> bool:
    name = line.split(b" ", 3)[2] if line.startswith(b"# ") else line
    return b"_created" in name.split(b"{", 1)[0].split(b" ", 1)[0]
