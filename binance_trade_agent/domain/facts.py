"""Facts that stations report to the Observer port: metrics, logs, traces and checkers are all made from these and cannot disagree."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from binance_trade_agent.domain import limit_facts
from binance_trade_agent.domain.decision import Stage, TradeDecision
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.domain.market_sources import CacheKind, CandleSource, FallbackReason, StreamedKind
from binance_trade_agent.domain.notice_facts import NoticeFact
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderIntent
from binance_trade_agent.domain.outcome import Outcome
from binance_trade_agent.domain.portfolio import PortfolioSnapshot
from binance_trade_agent.domain.risk import ModeChange, Refused
from binance_trade_agent.domain.risk_facts import RiskFact
from binance_trade_agent.domain.service_facts import ServiceFact
from binance_trade_agent.domain.stream_facts import StreamFact
from binance_trade_agent.domain.symbol_facts import SymbolFact


class RequestDone(msgspec.Struct, frozen=True, gc=False):
    """One request to the exchange ended. `error_code` is Binance's code or an error class name, None on success."""

    endpoint: str
    duration_ms: float
    status: int | None
    error_code: str | None


@dataclass(frozen=True, slots=True)
class PoolChanged:
    """The connection pool's counts some moments after something happened in it: those of one lane, and the idle ones of both.

    `limit` is how many connections the lane may have; in_use / limit is how full it is.
    """

    lane: Lane
    limit: int
    in_use: int
    waiting: int
    idle: int


class PoolAcquired(msgspec.Struct, frozen=True, gc=False):
    """A request got its connection after `wait_ms`; `reused` tells an idle connection from a new one."""

    lane: Lane
    wait_ms: float
    reused: bool


@dataclass(frozen=True, slots=True)
class PoolTimedOut:
    """A request gave up waiting for a connection after `wait_ms`."""

    lane: Lane
    wait_ms: float


class WeightUsed(msgspec.Struct, frozen=True, gc=False):
    """The exchange said how much request weight this address has used in the minute (X-MBX-USED-WEIGHT-1M)."""

    used: int


@dataclass(frozen=True, slots=True)
class ClockSynced:
    """The offset of the exchange's clock from ours, and how far that can be off.

    `drift_ppm` is how fast the offset grew since the last look, in millionths; None when that look was too near, or there was none.
    """

    offset_ms: int
    round_trip_ms: float
    error_bound_ms: float = 0.0
    drift_ppm: float | None = None


@dataclass(frozen=True, slots=True)
class ClockJumped:
    """Our own clock was set, forward by `jump_ms` or back when that is below 0, since the exchange's was last looked at."""

    jump_ms: int


@dataclass(frozen=True, slots=True)
class StageDone:
    """A stage that a pass does for all its symbols together ended; of the others the decisions tell, one for each symbol."""

    stage: Stage
    duration_ms: float


@dataclass(frozen=True, slots=True)
class PassFinished:
    """A pass over all symbols ended; `number` counts from 1 since the start.

    `stage_ms` is what the pass spent in each stage, all symbols together: they follow one another, and little lies between them.
    `stage_between_ms` is when each stage was first begun and last left, from the start of the pass: signal and risk alternate.
    """

    number: int
    correlation_id: str
    started_ms: int
    duration_ms: float
    decisions: tuple[TradeDecision, ...]
    stage_ms: Mapping[Stage, float] = field(default_factory=dict)
    stage_between_ms: Mapping[Stage, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PassFailed:
    """A pass ended early with an error; what it had sent is in the journal, and the next slot is taken."""

    error: str


@dataclass(frozen=True, slots=True)
class PassOverrun:
    """A pass took longer than its interval; `missed` slots were skipped, none is stacked."""

    missed: int


@dataclass(frozen=True, slots=True)
class RiskRefused:
    """Risk refused an order for `symbol`."""

    symbol: str
    refused: Refused


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """The trading mode of the account or a symbol changed."""

    change: ModeChange


@dataclass(frozen=True, slots=True)
class OrderSent:
    """An order was sent, at `exchange_ms` by the exchange's time and `sent_ms` of the monotonic clock; its answer is not known yet."""

    intent: OrderIntent
    exchange_ms: int
    sent_ms: float


@dataclass(frozen=True, slots=True)
class OrderAnswered:
    """One attempt to place an order ended with `outcome` after `duration_ms`."""

    intent: OrderIntent
    outcome: Outcome
    duration_ms: float


@dataclass(frozen=True, slots=True)
class OrderSettled:
    """The reconciler moved an order that was open or unknown to where the exchange has it."""

    order: JournaledOrder


class FillBooked(msgspec.Struct, frozen=True, gc=False):
    """A fill was written to the ledger at `booked_ms` of the monotonic clock; `realized` is the profit in quote that it closed."""

    fill: Fill
    realized: Decimal
    booked_ms: float


@dataclass(frozen=True, slots=True)
class ExternalBooked:
    """A deposit (positive) or withdrawal (negative) of `asset` was written to the ledger."""

    asset: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PositionWrittenDown:
    """`quantity` (base) of a position, worth `value` (quote) as last marked, is not on the account any more; no trade took it."""

    symbol: str
    quantity: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True)
class BookMarked:
    """Equity was marked at the end of a pass."""

    snapshot: PortfolioSnapshot


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The book was compared with the exchange; `differences` counts what had to be mended or reported."""

    orders_settled: int
    fills_found: int
    differences: tuple[str, ...]
    duration_ms: float


@dataclass(frozen=True, slots=True)
class PositionsProtected:
    """Protection on the exchange was looked after: how many positions need none or have it, and the symbols that stand without."""

    covered: int
    unprotected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CandleGapFound:
    """The exchange has no candles where there should be some: `missing` ones of `interval` after `after_open_time_ms`."""

    symbol: str
    after_open_time_ms: int
    missing: int
    interval: str


@dataclass(frozen=True, slots=True)
class ApiSessionChanged:
    """A session of the WebSocket API went live or was lost. `session` is `user_data` or `orders`; `reason` is why it was lost."""

    session: str
    is_live: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ApiSessionFailed:
    """A session of the WebSocket API could not be opened; it is tried again."""

    session: str
    error: str


@dataclass(frozen=True, slots=True)
class ApiSessionHeard:
    """How long ago anything came on a live session of the WebSocket API, pings included."""

    session: str
    silence_ms: float


@dataclass(frozen=True, slots=True)
class AccountEventCame:
    """The exchange told something of our account by itself.

    `kind` is Binance's name of the event, or `unknown`, `unreadable`, or `repeated` for the second copy of one.
    """

    kind: str


@dataclass(frozen=True, slots=True)
class AccountEventsMissed:
    """Account events may have been missed; what they would have told is asked by REST."""

    reason: str


class CandlesTaken(msgspec.Struct, frozen=True, gc=False):
    """Closed candles joined what is held of a symbol."""

    source: CandleSource
    count: int


@dataclass(frozen=True, slots=True)
class MarketDataFellBack:
    """REST was asked for so many symbols whose stream should have brought what was needed."""

    kind: StreamedKind
    reason: FallbackReason
    symbols: int


@dataclass(frozen=True, slots=True)
class MarketDataMeasured:
    """What the market data agent holds after a pass has fetched: symbols that it takes from streams, those live now, and candles."""

    followed: int
    live: int
    candles: int


@dataclass(frozen=True, slots=True)
class CacheRead:
    """The cache of market data was asked for some entries of one kind: so many were there and young enough, so many were not."""

    kind: CacheKind
    hits: int
    misses: int


@dataclass(frozen=True, slots=True)
class CacheFailed:
    """A call to the cache server failed with this class of error; it is left alone for `pause_s`, and the exchange is asked instead."""

    operation: str
    error: str
    pause_s: float


@dataclass(frozen=True, slots=True)
class CacheRecovered:
    """The cache server answers again."""


class DatabaseDone(msgspec.Struct, frozen=True, gc=False):
    """One database operation ended; `operation` is a name from a bounded set such as `write` or `read`."""

    operation: str
    duration_ms: float
    failed: bool


@dataclass(frozen=True, slots=True)
class LoopLagged:
    """How late the event loop ran a timer."""

    lag_ms: float


class FunctionDone(msgspec.Struct, frozen=True, gc=False):
    """A function under `async_time_function` ended."""

    name: str
    duration_ms: float
    failed: bool


Fact = (
    RequestDone
    | PoolChanged
    | PoolAcquired
    | PoolTimedOut
    | WeightUsed
    | limit_facts.OrdersCounted
    | limit_facts.RateLimitsKnown
    | limit_facts.RequestsWaiting
    | limit_facts.RequestHeldBack
    | limit_facts.SilenceAsked
    | limit_facts.CircuitChanged
    | ClockSynced
    | ClockJumped
    | StageDone
    | PassFinished
    | PassFailed
    | PassOverrun
    | RiskRefused
    | ModeChanged
    | OrderSent
    | OrderAnswered
    | OrderSettled
    | FillBooked
    | ExternalBooked
    | PositionWrittenDown
    | BookMarked
    | Reconciled
    | PositionsProtected
    | CandleGapFound
    | ApiSessionChanged
    | ApiSessionFailed
    | ApiSessionHeard
    | AccountEventCame
    | AccountEventsMissed
    | CandlesTaken
    | MarketDataFellBack
    | MarketDataMeasured
    | CacheRead
    | CacheFailed
    | CacheRecovered
    | DatabaseDone
    | LoopLagged
    | FunctionDone
    | NoticeFact
    | RiskFact
    | ServiceFact
    | StreamFact
    | SymbolFact
)
