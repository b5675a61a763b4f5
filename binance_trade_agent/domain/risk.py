"""Risk: trading modes, limits, and the decision that lets an order pass or names the rule that stops it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

import msgspec

from binance_trade_agent.domain.money import ratio
from binance_trade_agent.domain.order import Fill, OrderIntent


class TradingMode(StrEnum):
    """What may be sent. Kept for the account and for each symbol; the stricter of the two holds."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"

    @property
    def severity(self) -> int:
        """0 for ACTIVE, 1 for REDUCING, 2 for HALTED."""
        return _SEVERITY[self]


_SEVERITY = MappingProxyType({mode: place for place, mode in enumerate(TradingMode)})

ACCOUNT_SCOPE = "*"


@dataclass(frozen=True, slots=True)
class ModeChange:
    """A change of mode as the journal keeps it; `scope` is a symbol, or `*` for the whole account."""

    time_ms: int
    scope: str
    mode: TradingMode
    rule: str
    reason: str

    @property
    def is_resume(self) -> bool:
        """True when somebody let trading go on."""
        return self.mode is TradingMode.ACTIVE and not self.comes_by_itself

    @property
    def comes_by_itself(self) -> bool:
        """True when nobody decided it: a new day, or a start that found the book sound, where it lets trading go on."""
        return self.rule in {RiskRule.DAILY_DRAWDOWN, RiskRule.BOOK_FAILED}

    def loosens(self, before: TradingMode) -> bool:
        """True when somebody lets trade or sell what stood at `before`."""
        return self.mode.severity < before.severity and not self.comes_by_itself


class RiskRule(StrEnum):
    """The rules that can refuse an order; also the values of the `rule` label of metrics."""

    HOLD = "hold"
    HALTED = "halted"
    REDUCING = "reducing"
    NOT_CHOSEN = "not_chosen"
    UNSETTLED_ORDER = "unsettled_order"
    STALE_DATA = "stale_data"
    NO_RULES = "no_rules"
    SYMBOL_STATUS = "symbol_status"
    LOW_CONFIDENCE = "low_confidence"
    VOLATILITY = "volatility"
    UNPROTECTED = "unprotected"
    COOLDOWN = "cooldown"
    ORDER_RATE = "order_rate"
    LOSS_STREAK = "loss_streak"
    STOP_GUARD = "stop_guard"
    LOW_PROFIT = "low_profit"
    DRAWDOWN_LOCK = "drawdown_lock"
    NO_POSITION = "no_position"
    POSITION_LIMIT = "position_limit"
    EXPOSURE_LIMIT = "exposure_limit"
    CORRELATION = "correlation"
    SIZING = "sizing"
    TRADE_SIZE = "trade_size"
    CASH = "cash"
    FILTERS = "filters"
    DAILY_DRAWDOWN = "daily_drawdown"
    TOTAL_DRAWDOWN = "total_drawdown"
    EMERGENCY_STOP = "emergency_stop"
    OPERATOR = "operator"
    FLATTEN = "flatten"
    BOOK_FAILED = "book_failed"
    EXCHANGE_RESET = "exchange_reset"
    BOOK_DAMAGED = "book_damaged"
    ANOTHER_DAEMON = "another_daemon"


RESTING_RULES = (RiskRule.COOLDOWN, RiskRule.LOSS_STREAK, RiskRule.STOP_GUARD, RiskRule.LOW_PROFIT, RiskRule.DRAWDOWN_LOCK)
"""The rules by which entries rest for a while and go on by themselves; values of the `rule` label of the metric that counts them."""


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """Exposure held back for an order until its fate is known; `quote_amount` is 0 for exits."""

    client_order_id: str
    symbol: str
    quote_amount: Decimal


class Approved(msgspec.Struct, frozen=True, gc=False):
    """Risk lets the intent pass and has reserved its exposure."""

    intent: OrderIntent
    reservation: Reservation


@dataclass(frozen=True, slots=True)
class Refused:
    """Risk refuses; `rule` names the rule and `reason` is one sentence with the figures."""

    rule: RiskRule
    reason: str


RiskDecision = Approved | Refused


class SizingMethod(StrEnum):
    """How large an entry is meant to be; limits may make it smaller."""

    FRACTION = "fraction"
    """A share of equity."""
    FIXED = "fixed"
    """An amount of the accounting asset."""
    VOLATILITY = "volatility"
    """So much that a move of one average true range costs a share of equity."""
    KELLY = "kelly"
    """What the results of closing orders speak for, by Kelly's formula."""


class ClosedOrder(msgspec.Struct, frozen=True, gc=False):
    """A selling order that has ended, with what it realised. `number` counts them from 1; amounts in the accounting asset.

    `cost` is what had been paid for what it sold, the commission of selling included; `by_stop` tells a stop-loss or trailing stop.
    """

    number: int
    time_ms: int
    symbol: str
    realized: Decimal
    cost: Decimal
    by_stop: bool = False

    @property
    def gain(self) -> Decimal:
        """What it realised as a share of its cost."""
        return ratio(self.realized, self.cost)


MOST_CLOSED_ORDERS = 500
"""Closing orders that risk remembers, the newest."""


@dataclass(frozen=True, slots=True)
class EntryLock:
    """Entries of a symbol, or of all (`*`), rest until a time (ms UTC), by the named rule."""

    rule: RiskRule
    scope: str
    since_ms: int
    until_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class CountedFills:
    """How far a RiskState has counted what is booked: the first `booked` fills, but for those of the orders named in `closing`.

    These have sold something and had not ended: they count when they do.
    """

    booked: int
    closing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UncountedFill:
    """A booked fill that the kept RiskState has not counted: its process ended in between. `realized` is what it closed, in quote.

    `intent` is that of its order; None when it was of none of ours.
    """

    fill: Fill
    realized: Decimal
    intent: OrderIntent | None


@dataclass(frozen=True, slots=True)
class Uncounted:
    """What is in the book and maybe not in the kept RiskState: booked fills, oldest first, and when somebody last loosened a stop.

    `loosened_ms` (market time, 0 for never) is when the account was last let trade or sell by somebody.
    """

    fills: tuple[UncountedFill, ...] = ()
    loosened_ms: int = 0


class RiskState(msgspec.Struct, frozen=True, gc=False):
    """What risk must remember over a restart. Amounts in the accounting asset, times in ms UTC.

    `peak_equity` is the highest equity since trading was last armed, `day_start_equity` the equity at the first pass of `day`
    (days since 1970-01-01 UTC); `loss_streak` counts closing trades at a loss in a row, and `entries_paused_until_ms` is when
    entries may go on after a streak; `peak_prices` is the highest price of each held symbol since it was bought (trailing stop).
    `armed_ms` is when drawdowns were last counted anew: a resume that was journaled later has still to be taken into account.
    `closed` are the newest closing orders, oldest first; `locks` those that had not ended when they were last looked at.
    `counted` goes with a state that is handed over to be kept; it is None otherwise.
    """

    peak_equity: Decimal
    day: int
    day_start_equity: Decimal
    loss_streak: int = 0
    entries_paused_until_ms: int = 0
    peak_prices: Mapping[str, Decimal] = msgspec.field(default_factory=dict)
    armed_ms: int = 0
    closed: tuple[ClosedOrder, ...] = ()
    locks: tuple[EntryLock, ...] = ()
    counted: CountedFills | None = None
