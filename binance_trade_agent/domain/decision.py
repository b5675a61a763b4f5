"""TradeDecision: what one pass decided for one symbol, what came of it, and how long each stage took."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from binance_trade_agent.domain.order import Fill
from binance_trade_agent.domain.outcome import Outcome, Rejected
from binance_trade_agent.domain.risk import Approved, Refused, RiskDecision
from binance_trade_agent.domain.signal import Signal


class Stage(StrEnum):
    """The stages of a pass, in the order data passes them; also the values of the `stage` label of metrics."""

    SETTLE = "settle"
    """Orders whose fate was open are looked for."""
    MARKET = "market"
    SIGNAL = "signal"
    RISK = "risk"
    EXECUTION = "execution"
    PROTECTION = "protection"
    """Stop-loss and take-profit on the exchange are looked after."""
    BOOK = "book"


class Verdict(StrEnum):
    """One word for what happened, for tables and metrics."""

    HELD = "held"
    REFUSED = "refused"
    FILLED = "filled"
    PLACED = "placed"
    REJECTED = "rejected"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TradeDecision:
    """One symbol's way through one pass.

    `execution_duration_ms` is the wall time of the whole way; `stage_duration_ms` that of each stage, and `stage_end_ms` when each stage
    that was this symbol's alone ended, from the start of the pass. `error` is set, and `verdict` is FAILED, when a stage could not do its
    work: an error is never recorded as success.
    """

    symbol: str
    correlation_id: str
    time_ms: int
    verdict: Verdict
    execution_duration_ms: float
    stage_duration_ms: Mapping[Stage, float] = field(default_factory=dict)
    price: Decimal | None = None
    signal: Signal | None = None
    risk: RiskDecision | None = None
    outcome: Outcome | None = None
    fills: tuple[Fill, ...] = ()
    error: str | None = None
    stage_end_ms: Mapping[Stage, float] = field(default_factory=dict)

    @property
    def explanation(self) -> str:
        """One sentence for people: why this symbol was traded or not."""
        if self.error is not None:
            return self.error
        if isinstance(self.risk, Approved):
            reason = self.risk.intent.reason  # a protective exit has its own, whatever the signal says
        elif isinstance(self.risk, Refused) and self.risk.reason:
            reason = self.risk.reason
        else:
            reason = self.signal.reason if self.signal else ""
        said = f"{self.verdict} with code {self.outcome.code}" if isinstance(self.outcome, Rejected) else str(self.verdict)
        return f"{said}: {reason}" if reason else said
