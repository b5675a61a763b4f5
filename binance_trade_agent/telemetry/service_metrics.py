"""ServiceMetrics: turns the facts about the daemon itself, its loop, its process, its book's file and measured functions into metrics."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from binance_trade_agent.domain import facts, notice_facts, service_facts
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.metric_children import CounterChild, HistogramChild, MetricChildren

ALL_CHECKS = "all"


class ServiceMetrics:
    """A part of MetricsObserver."""

    def __init__(self, children: MetricChildren) -> None:
        self._counter, self._gauge, self._histogram = children.counter, children.gauge, children.histogram
        self._lost_log_writes = 0
        # Begun at zero, as an increase from nothing to one is none for Prometheus.
        for result in ("sent", "lost"):
            self._counter(names.SPANS, result)
        # What each pass changes, looked up beforehand.
        self._durations, self._failures = children.histograms(names.FUNCTION_DURATION), children.counters(names.FUNCTION_FAILURES)
        self._database_durations = children.histograms(names.DATABASE_DURATION)
        self._database_failures = children.counters(names.DATABASE_FAILURES)

    def handlers(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with each kind of fact."""
        return {
            service_facts.ReadinessChecked: self._readiness_checked,
            service_facts.ProcessMeasured: self._process_measured,
            service_facts.DiskMeasured: self._disk_measured,
            service_facts.BackupsPlanned: self._backups_planned,
            service_facts.BackupDone: self._backup_done,
            notice_facts.NoticesSent: self._notices_sent,
            notice_facts.NoticesDropped: self._notices_dropped,
            notice_facts.SpansSent: self._spans_sent,
            facts.LoopLagged: self._loop_lagged,
        }

    def of_many(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with all facts of a kind."""
        return {facts.DatabaseDone: self._database_done, facts.FunctionDone: self._functions_done}

    def _readiness_checked(self, fact: service_facts.ReadinessChecked) -> None:
        for check, holds in fact.checks.items():
            self._gauge(names.READY, check).set(holds)
        self._gauge(names.READY, ALL_CHECKS).set(all(fact.checks.values()))

    def _process_measured(self, fact: service_facts.ProcessMeasured) -> None:
        self._gauge(names.TASKS).set(fact.tasks)
        self._gauge(names.THREADS).set(fact.threads)
        self._counter(names.LOG_WRITES_LOST).inc(max(0, fact.lost_log_writes - self._lost_log_writes))
        self._lost_log_writes = fact.lost_log_writes

    def _disk_measured(self, fact: service_facts.DiskMeasured) -> None:
        self._gauge(names.BOOK_BYTES).set(fact.book_bytes)
        self._gauge(names.DISK_FREE).set(fact.free_bytes)
        self._gauge(names.DISK_SIZE).set(fact.size_bytes)

    def _backups_planned(self, fact: service_facts.BackupsPlanned) -> None:
        self._gauge(names.BACKUP_INTERVAL).set(fact.interval_s)
        self._gauge(names.BACKUP_NEWEST).set(fact.newest_s or 0)
        for result in ("made", "failed"):
            self._counter(names.BACKUPS, result)

    def _backup_done(self, fact: service_facts.BackupDone) -> None:
        self._counter(names.BACKUPS, "failed" if fact.error else "made").inc()
        self._histogram(names.BACKUP_DURATION).observe(fact.duration_ms / 1000)
        if not fact.error:
            self._gauge(names.BACKUP_NEWEST).set(fact.ended_s)

    def _notices_sent(self, fact: notice_facts.NoticesSent) -> None:
        self._counter(names.NOTICES, fact.service, "sent" if fact.was_sent else "failed").inc(fact.lines)

    def _notices_dropped(self, fact: notice_facts.NoticesDropped) -> None:
        self._counter(names.NOTICES, fact.service, "dropped").inc(fact.lines)

    def _spans_sent(self, fact: notice_facts.SpansSent) -> None:
        self._counter(names.SPANS, "sent").inc(fact.sent)
        self._counter(names.SPANS, "lost").inc(fact.lost)

    def _database_done(self, done: Sequence[facts.DatabaseDone]) -> None:
        ended = ((fact.operation, fact.duration_ms, fact.failed) for fact in done)
        _count(ended, self._database_durations, self._database_failures)

    def _loop_lagged(self, fact: facts.LoopLagged) -> None:
        self._histogram(names.LOOP_LAG).observe(fact.lag_ms / 1000)

    def _functions_done(self, done: Sequence[facts.FunctionDone]) -> None:
        _count(((fact.name, fact.duration_ms, fact.failed) for fact in done), self._durations, self._failures)


def _count(
    ended: Iterable[tuple[str, float, bool]], durations: Callable[[str], HistogramChild], failures: Callable[[str], CounterChild]
) -> None:
    """Count what ended, each by its name, duration in ms, and whether it failed; a name that never failed stands there with 0."""
    all_s, failed = defaultdict[str, list[float]](list), Counter[str]()
    for name, duration_ms, has_failed in ended:
        all_s[name].append(duration_ms / 1000)
        failed[name] += has_failed
    for name, each_s in all_s.items():
        durations(name).observe_all(each_s)
        failures(name).inc(failed[name])
