"""What a pass keeps while it is walked: each symbol's way over the stations, and the time that all of them spend in each stage."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from binance_trade_agent.domain.decision import Stage, TradeDecision, Verdict
from binance_trade_agent.domain.market import MarketSnapshot
from binance_trade_agent.domain.order import Fill
from binance_trade_agent.domain.outcome import Accepted, NotSent, Outcome, Rejected, Unknown
from binance_trade_agent.domain.risk import Refused, RiskDecision, RiskRule
from binance_trade_agent.domain.signal import Signal
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.trade_execution_agent import Execution


@dataclass(slots=True)
class Way:
    """One symbol's way while it is being walked; times are monotonic milliseconds, those in `stage_end_ms` since it began."""

    symbol: str
    quantity: Decimal | None
    started_ms: float
    stage_ms: dict[Stage, float] = field(default_factory=dict)
    stage_end_ms: dict[Stage, float] = field(default_factory=dict)
    snapshot: MarketSnapshot | None = None
    signal: Signal | None = None
    risk: RiskDecision | None = None
    execution: Execution | None = None
    error: str | None = None
    ended_ms: float = 0.0

    def stage_done(self, stage: Stage, started: float, ended: float) -> None:
        """A stage took from `started` to `ended`."""
        self.stage_ms[stage], self.stage_end_ms[stage] = ended - started, ended - self.started_ms

    def fail(self, error: Exception) -> None:
        """It ends here, with an error."""
        self.error = f"{type(error).__name__}: {error}"

    def decision(self, correlation_id: str, time_ms: int) -> TradeDecision:
        """What became of it."""
        return TradeDecision(
            symbol=self.symbol,
            correlation_id=correlation_id,
            time_ms=time_ms,
            verdict=self._verdict(),
            execution_duration_ms=self.ended_ms - self.started_ms,
            stage_duration_ms=self.stage_ms,
            price=self.snapshot.price if self.snapshot else None,
            signal=self.signal,
            risk=self.risk,
            outcome=self.execution.outcome if self.execution else None,
            fills=self.execution.fills if self.execution else (),
            error=self.error,
            stage_end_ms=self.stage_end_ms,
        )

    def _verdict(self) -> Verdict:
        if self.error is not None:
            return Verdict.FAILED
        if self.execution is not None:
            return _verdict_of(self.execution.outcome, self.execution.fills)
        is_hold = isinstance(self.risk, Refused) and self.risk.rule is RiskRule.HOLD
        return Verdict.HELD if is_hold else Verdict.REFUSED


class StageWatch:
    """What one pass spends in each stage, all symbols together, and between when and when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.began_ms = clock.monotonic_ms()
        self.spent_ms: dict[Stage, float] = {}
        self.between_ms: dict[Stage, tuple[float, float]] = {}

    @contextmanager
    def over(self, stage: Stage) -> Iterator[None]:
        """What is done within is of `stage`."""
        started_ms = self._clock.monotonic_ms()
        yield
        ended_ms = self._clock.monotonic_ms()
        self.spent_ms[stage] = self.spent_ms.get(stage, 0.0) + ended_ms - started_ms
        first_ms = self.between_ms[stage][0] if stage in self.between_ms else started_ms - self.began_ms
        self.between_ms[stage] = (first_ms, ended_ms - self.began_ms)


def _verdict_of(outcome: Outcome, fills: tuple[Fill, ...]) -> Verdict:
    match outcome:
        case Accepted(report):
            if fills:
                return Verdict.FILLED
            return Verdict.REJECTED if report.status.event.ends_order else Verdict.PLACED
        case Rejected():
            return Verdict.REJECTED
        case NotSent():
            return Verdict.NOT_SENT
        case Unknown():
            return Verdict.UNKNOWN
