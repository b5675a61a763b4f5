"""Facts of risk beside its refusals: what it approved, and how near the account is to each of its limits."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from binance_trade_agent.domain.order import OrderIntent
from binance_trade_agent.domain.risk import EntryLock


class LimitName(StrEnum):
    """The limits whose use is measured; also the values of the `limit` label of metrics."""

    POSITION = "position"
    """The largest position, as a share of equity."""
    EXPOSURE = "exposure"
    """All positions and what is reserved for orders, as a share of equity."""
    DAILY_DRAWDOWN = "daily_drawdown"
    TOTAL_DRAWDOWN = "total_drawdown"
    ORDER_RATE = "order_rate"
    """Orders within the last minute."""
    LOSS_STREAK = "loss_streak"
    """Closing orders at a loss in a row."""


@dataclass(frozen=True, slots=True)
class LimitUse:
    """How much of one limit is used: `used` and `most` in the unit of the limit."""

    name: LimitName
    used: float
    most: float

    @property
    def share(self) -> float:
        """1 when the limit is reached; 0 where there is no such limit."""
        return self.used / self.most if self.most > 0 else 0.0


@dataclass(frozen=True, slots=True)
class RiskMeasured:
    """How near the account was to its limits when a pass began."""

    uses: tuple[LimitUse, ...]
    resting: tuple[EntryLock, ...] = ()
    """What entries rested then, of which symbol and until when."""


@dataclass(frozen=True, slots=True)
class EntriesLocked:
    """A closing order went badly enough that entries rest for a while."""

    lock: EntryLock


class RiskApproved(msgspec.Struct, frozen=True, gc=False):
    """Risk approved an order, on a price that the exchange told at `market_ms` (exchange time)."""

    intent: OrderIntent
    market_ms: int


RiskFact = RiskMeasured | RiskApproved | EntriesLocked
