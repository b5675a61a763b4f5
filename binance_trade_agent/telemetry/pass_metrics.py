"""PassMetrics: turns the facts about passes, their stages, decisions and what risk said into metrics."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from binance_trade_agent.domain import facts, risk_facts, service_facts
from binance_trade_agent.domain.decision import Stage
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, RESTING_RULES
from binance_trade_agent.domain.risk_facts import LimitName
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.metric_children import MetricChildren

_OF_EACH_SYMBOL = (Stage.SIGNAL, Stage.RISK, Stage.EXECUTION)


class PassMetrics:
    """A part of MetricsObserver."""

    def __init__(self, children: MetricChildren) -> None:
        self._counter, self._gauge, self._histogram = children.counter, children.gauge, children.histogram
        self._gauge(names.MODE, ACCOUNT_SCOPE).set(0)
        # What each pass changes, looked up beforehand.
        self._stage_durations = children.histograms(names.STAGE_DURATION)
        self._pass_stage_durations = children.histograms(names.PASS_STAGE_DURATION)
        self._decisions = children.counters(names.DECISIONS)
        self._limits, self._uses = children.gauges(names.RISK_LIMIT), children.gauges(names.RISK_USED)
        self._passes, self._pass_duration = self._counter(names.PASSES), self._histogram(names.PASS_DURATION)

    def handlers(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with each kind of fact."""
        return {
            service_facts.PassBegun: self._pass_begun,
            service_facts.PassesScheduled: self._passes_scheduled,
            facts.StageDone: self._stage_done,
            facts.PassFailed: self._pass_failed,
            facts.PassOverrun: self._pass_overrun,
            facts.RiskRefused: self._risk_refused,
            risk_facts.EntriesLocked: self._entries_locked,
            facts.ModeChanged: self._mode_changed,
        }

    def of_many(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with all facts of a kind."""
        return {facts.PassFinished: self._passes_finished, risk_facts.RiskMeasured: self._risk_measured}

    def _pass_begun(self, _: service_facts.PassBegun) -> None:
        """A pass is counted when it has ended."""

    def _passes_scheduled(self, fact: service_facts.PassesScheduled) -> None:
        self._gauge(names.PASS_INTERVAL).set(fact.interval_s)

    def _stage_done(self, fact: facts.StageDone) -> None:
        self._stage_durations(fact.stage).observe(fact.duration_ms / 1000)

    def _passes_finished(self, finished: Sequence[facts.PassFinished]) -> None:
        self._passes.inc(len(finished))
        self._pass_duration.observe_all([fact.duration_ms / 1000 for fact in finished])
        spent_s = defaultdict[Stage, list[float]](list)
        for fact in finished:
            for stage, spent_ms in fact.stage_ms.items():
                spent_s[stage].append(spent_ms / 1000)
        for stage, all_s in spent_s.items():
            self._pass_stage_durations(stage).observe_all(all_s)
        decisions = [decision for fact in finished for decision in fact.decisions]
        for stage in _OF_EACH_SYMBOL:
            spent = [decision.stage_duration_ms.get(stage) for decision in decisions]
            self._stage_durations(stage).observe_all([spent_ms / 1000 for spent_ms in spent if spent_ms is not None])
        for verdict, count in Counter([decision.verdict for decision in decisions]).items():
            self._decisions(verdict).inc(count)

    def _pass_failed(self, _: facts.PassFailed) -> None:
        self._counter(names.PASSES_FAILED).inc()

    def _pass_overrun(self, fact: facts.PassOverrun) -> None:
        self._counter(names.PASS_OVERRUNS).inc()
        self._counter(names.PASS_SLOTS_MISSED).inc(fact.missed)

    def _risk_refused(self, fact: facts.RiskRefused) -> None:
        self._counter(names.RISK_REFUSALS, fact.refused.rule).inc()

    def _risk_measured(self, measured: Sequence[risk_facts.RiskMeasured]) -> None:
        """The last is what is shown."""
        fact = measured[-1]
        for use in fact.uses:
            self._limits(use.name).set(use.most)
            self._uses(use.name).set(use.share)
            if use.name is LimitName.TOTAL_DRAWDOWN:
                self._gauge(names.DRAWDOWN).set(use.used)

        resting = Counter(lock.rule for lock in fact.resting)
        for rule in RESTING_RULES:
            self._gauge(names.RISK_RESTING, rule).set(resting[rule])

    def _entries_locked(self, _: risk_facts.EntriesLocked) -> None:
        """Locks are counted when a pass begins, while they hold."""

    def _mode_changed(self, fact: facts.ModeChanged) -> None:
        self._gauge(names.MODE, fact.change.scope).set(fact.change.mode.severity)
