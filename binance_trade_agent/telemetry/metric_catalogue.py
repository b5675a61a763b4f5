"""The catalogue of metrics: name, kind, unit, labels and meaning of each; docs/metrics.md is written from it."""

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "trade_agent_"

# Seconds. Requests and stages lie between a fraction of a millisecond (embedded exchange) and the request timeout.
FAST_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Database operations and loop lag begin far lower.
TINY_BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
# Whole passes and reconciliations.
SLOW_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class MetricKind(StrEnum):
    """Prometheus metric types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `name` is without the prefix, `most_children` bounds how many label values it may have."""

    name: str
    kind: MetricKind
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    most_children: int = 100

    @property
    def full_name(self) -> str:
        """The name as Prometheus sees it."""
        return PREFIX + self.name


MOST_SYMBOLS = 600


def _counter(name: str, meaning: str, *labels: str, unit: str = "", most_children: int = 100) -> Metric:
    return Metric(name, MetricKind.COUNTER, unit, meaning, labels, most_children=most_children)


def _gauge(name: str, meaning: str, *labels: str, unit: str = "", most_children: int = 100) -> Metric:
    return Metric(name, MetricKind.GAUGE, unit, meaning, labels, most_children=most_children)


def _duration(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Metric:
    return Metric(name, MetricKind.HISTOGRAM, "seconds", meaning, labels, buckets)


REQUEST_DURATION = _duration(
    "request_duration_seconds", "Time of a request to the exchange, failed ones included.", FAST_BUCKETS, "endpoint"
)
REQUEST_ERRORS = _counter(
    "request_errors_total", "Requests that failed, by Binance's code or our error class.", "endpoint", "code", most_children=300
)
POOL_LIMIT = _gauge("pool_limit_connections", "Connections that a lane may have.", "lane")
POOL_IN_USE = _gauge("pool_in_use_connections", "Connections that carry a request, by lane.", "lane")
POOL_IDLE = _gauge("pool_idle_connections", "Connections that are kept open without work.")
POOL_WAITING = _gauge("pool_waiting_requests", "Requests that wait for a connection, by lane.", "lane")
POOL_ACQUIRE = _duration("pool_acquire_duration_seconds", "Wait of a request for its connection, by lane.", TINY_BUCKETS, "lane")
POOL_OPENED = _counter("pool_connections_opened_total", "Connections that were opened.")
POOL_REUSED = _counter("pool_connections_reused_total", "Requests that found an idle connection.")
POOL_TIMEOUTS = _counter("pool_timeouts_total", "Requests that gave up waiting for a connection, by lane.", "lane")
WEIGHT_USED = _gauge("request_weight_used", "Request weight that the exchange counts for this address in the minute.")
WEIGHT_LIMIT = _gauge("request_weight_limit", "Request weight that the exchange allows an address in the minute.")
WEIGHT_RESERVE = _gauge("request_weight_reserve", "Part of that limit which market data leaves to orders, cancels and the account.")
ORDERS_COUNTED = _gauge("orders_counted", "Unfilled orders that the exchange counts for the account, by window.", "window")
LIMIT_WAITING = _gauge("limit_waiting_requests", "Requests that wait for room in the exchange's rate limits, by priority.", "priority")
LIMIT_WAIT = _duration("limit_wait_seconds", "Wait of a request that found no room at once, by priority.", SLOW_BUCKETS, "priority")
LIMIT_REFUSALS = _counter(
    "limit_refusals_total", "Requests that were not sent, because no room would come in their time, by priority.", "priority"
)
SILENCES = _counter("silences_total", "Silences that the exchange asked for: ban, requests, orders.", "kind")
SILENCE_UNTIL = _gauge("silence_until_timestamp_seconds", "Until when the exchange wants no request at all; 0: it never asked.")
CIRCUIT_STATE = _gauge("circuit_state", "Whether a group of endpoints is asked: 0 yes, 1 by one request at a time, 2 not now.", "group")
CIRCUIT_OPENINGS = _counter("circuit_openings_total", "Times that a group of endpoints was given a rest.", "group")
CLOCK_OFFSET = _gauge("clock_offset_seconds", "The exchange's clock less ours.", unit="seconds")
CLOCK_ROUND_TRIP = _gauge("clock_round_trip_seconds", "Round trip of the last look at the exchange's clock.", unit="seconds")
CLOCK_ERROR = _gauge("clock_error_bound_seconds", "How far that offset could be off when it was measured.", unit="seconds")
CLOCK_DRIFT = _gauge("clock_drift_ppm", "How fast our clock falls behind the exchange's, by the last two looks.", unit="millionths")
CLOCK_JUMPS = _counter("clock_jumps_total", "Times that our own clock was set while the daemon ran.")

PASSES = _counter("passes_total", "Passes of the pipeline that ended.")
PASSES_FAILED = _counter("passes_failed_total", "Passes that ended early with an error.")
PASS_DURATION = _duration("pass_duration_seconds", "Time of a pass over all symbols.", SLOW_BUCKETS)
PASS_OVERRUNS = _counter("pass_overruns_total", "Passes that took longer than their interval.")
PASS_SLOTS_MISSED = _counter("pass_slots_missed_total", "Slots that were skipped because a pass was still running.")
STAGE_DURATION = _duration("stage_duration_seconds", "Time of one stage of a pass.", FAST_BUCKETS, "stage")
DECISIONS = _counter("decisions_total", "What passes decided, by verdict.", "verdict")
RISK_REFUSALS = _counter("risk_refusals_total", "Orders that risk refused, by rule.", "rule")
MODE = _gauge("trading_mode", "0 active, 1 reducing, 2 halted; scope * is the account.", "scope", most_children=MOST_SYMBOLS)

ORDERS_SENT = _counter("orders_sent_total", "Orders that were sent.")
ORDERS = _counter("orders_total", "Attempts to place an order, by outcome: accepted, rejected, not_sent, unknown.", "outcome")
ORDER_REJECTIONS = _counter("order_rejections_total", "Orders that the exchange rejected, by its code.", "code")
ORDER_DURATION = _duration("order_duration_seconds", "Time from sending an order to its answer.", FAST_BUCKETS)
ORDERS_SETTLED = _counter("orders_settled_total", "Open or unknown orders that the reconciler settled, by state.", "state")
ORDERS_UNKNOWN = _gauge("orders_unknown", "Orders since the start whose fate is not known yet.")
ORDERS_OPEN = _gauge("orders_open", "Orders in the book that are not settled.")
POSITIONS_UNPROTECTED = _gauge(
    "positions_unprotected", "Positions without the stop-loss and take-profit on the exchange that PROTECTION=exchange wants."
)
FILLS = _counter("fills_total", "Fills that were booked, by side.", "side")
WRITE_DOWNS = _counter("position_write_downs_total", "Times that a position became smaller without a trade, by symbol.", "symbol")
EXTERNAL_ENTRIES = _counter("external_entries_total", "Deposits and withdrawals that were booked, by asset.", "asset")
FEES = _counter("fees_total", "Commissions that were booked, by asset, in that asset.", "asset")

EQUITY = _gauge("equity", "Cash and positions at their marks.", unit="quote asset")
CASH = _gauge("cash", "Cash.", unit="quote asset")
EXPOSURE = _gauge("exposure", "Value of all positions.", unit="quote asset")
INITIAL_VALUE = _gauge("initial_value", "What was put in.", unit="quote asset")
REALIZED = _gauge("realized_profit", "Profit of closed trades, fees included.", unit="quote asset")
UNREALIZED = _gauge("unrealized_profit", "Profit of open positions at their marks.", unit="quote asset")
DRAWDOWN = _gauge("drawdown_ratio", "Fall of equity from its highest since the start of the process or the initial value.", unit="ratio")
POSITION_QUANTITY = _gauge("position_quantity", "What is held of a symbol.", "symbol", unit="base asset", most_children=MOST_SYMBOLS)
POSITION_VALUE = _gauge("position_value", "Value of what is held of a symbol.", "symbol", unit="quote asset", most_children=MOST_SYMBOLS)
POSITION_UNREALIZED = _gauge(
    "position_unrealized_profit", "Profit of an open position at its mark.", "symbol", unit="quote asset", most_children=MOST_SYMBOLS
)

API_SESSION_UP = _gauge(
    "websocket_api_up", "1 while a session of the WebSocket API is live, 0 while it is wanted and not; user_data brings events.", "session"
)
API_SESSION_INTERRUPTIONS = _counter("websocket_api_interruptions_total", "Live sessions of the WebSocket API that were lost.", "session")
API_SESSION_FAILURES = _counter("websocket_api_failures_total", "Attempts to open a session of the WebSocket API that failed.", "session")
API_SESSION_SILENCE = _gauge(
    "websocket_api_silence_seconds", "How long ago anything came on a session, pings included.", "session", unit="seconds"
)
ACCOUNT_EVENTS = _counter(
    "account_events_total", "Account events by kind; repeated are second copies, unknown and unreadable were not used.", "kind"
)
ACCOUNT_GAPS = _counter("account_event_gaps_total", "Times that account events may have been missed, the begin included.")

RECONCILIATIONS = _counter("reconciliations_total", "Comparisons of the book with the exchange.")
RECONCILIATION_DURATION = _duration("reconciliation_duration_seconds", "Time of a comparison.", SLOW_BUCKETS)
RECONCILIATION_DIFFERENCES = _counter("reconciliation_differences_total", "Differences that comparisons found.")
RECONCILIATION_LAST_DIFFERENCES = _gauge("reconciliation_last_differences", "Differences that the last comparison found.")
CANDLE_GAPS = _counter("candle_gaps_total", "Holes that were found in candles.", "symbol", most_children=MOST_SYMBOLS)
CANDLES_MISSING = _counter("candles_missing_total", "Candles that were missing in those holes.", "symbol", most_children=MOST_SYMBOLS)
CANDLES_TAKEN = _counter("candles_taken_total", "Closed candles that were taken in, by source: stream or rest.", "source")
FALLBACKS = _counter(
    "market_data_fallbacks_total", "Symbols for which REST was asked because their stream did not bring what was needed.", "kind", "reason"
)
STREAMED_SYMBOLS = _gauge("streamed_symbols", "Symbols whose prices and candles are taken from streams.")
LIVE_SYMBOLS = _gauge("streamed_symbols_live", "Those of them whose streams were live when a pass last fetched.")
CANDLES_HELD = _gauge("candles_held", "Closed candles that are held in memory, of all symbols.")
CACHE_HITS = _counter("cache_hits_total", "Prices, books and candle windows that the cache had.", "kind")
CACHE_MISSES = _counter("cache_misses_total", "Those that it did not have, or only too old, so that the exchange was asked.", "kind")
CACHE_FAILURES = _counter(
    "cache_failures_total", "Calls to the cache server that failed; it is left alone for a while after each.", "operation"
)
CACHE_USABLE = _gauge("cache_usable", "0 while a failed cache server is left alone, else 1.")
STREAM_MESSAGES = _counter("stream_messages_total", "Events of market streams that came, by kind of stream.", "kind")
STREAM_FAULTS = _counter(
    "stream_faults_total",
    "Stream messages that could not be understood (unreadable), that nobody asked for (passed_over), or whose listener failed (listener).",
    "reason",
)
STREAM_CONNECTIONS = _gauge("stream_connections", "Connections of market streams that are up.")
STREAM_CONNECTS = _counter("stream_connects_total", "Connections of market streams that came up with all their streams confirmed.")
STREAM_INTERRUPTIONS = _counter(
    "stream_interruptions_total", "Connections of market streams that ended or did not come up, by reason.", "reason"
)
STREAM_ROTATIONS = _counter("stream_rotations_total", "Connections of market streams that were replaced in time, by reason.", "reason")
STREAM_ROTATION_GAPS = _counter("stream_rotation_gaps_total", "Streams that may have missed events in a replacement.")
STREAM_REFUSALS = _counter("stream_refusals_total", "Streams that the exchange refused to subscribe.")
STREAM_SILENCES = _counter("stream_silences_total", "Streams that should bring something every second or two and fell silent.")
STREAMS_WANTED = _gauge("streams_wanted", "Streams that are wanted.")
STREAMS_LIVE = _gauge("streams_live", "Streams that are confirmed, not silent, and whose gaps were told.")
STREAM_NEWEST_AGE = _gauge("stream_newest_age_seconds", "How long ago anything came on any stream connection.", unit="seconds")
STREAM_LATENCY = _duration("stream_latency_seconds", "Time from an event at the exchange to its receipt, of one event in 64.", FAST_BUCKETS)
ORDER_BOOKS_KEPT = _gauge("order_books_kept", "Local order books that follow depth streams.")
ORDER_BOOKS_IN_SYNC = _gauge("order_books_in_sync", "Those that are the exchange's.")
ORDER_BOOK_LOSSES = _counter("order_book_losses_total", "Local order books that had to be made anew, by reason.", "reason")
ORDER_BOOK_SNAPSHOTS = _counter("order_book_snapshots_total", "Snapshots asked for until a local order book was in sync.")
ORDER_BOOK_SYNC = _duration("order_book_sync_seconds", "Time until a local order book was in sync.", SLOW_BUCKETS)
DATABASE_DURATION = _duration("database_duration_seconds", "Time of a database operation.", TINY_BUCKETS, "operation")
DATABASE_FAILURES = _counter("database_failures_total", "Database operations that failed.", "operation")
BACKUPS = _counter("backups_total", "Scheduled backups of the book that ended, by result: made or failed.", "result")
BACKUP_DURATION = _duration("backup_duration_seconds", "Time of a scheduled backup, its checks included.", SLOW_BUCKETS)
BACKUP_NEWEST = _gauge("backup_newest_timestamp_seconds", "When the newest scheduled backup was made; 0: there is none.", unit="seconds")
BACKUP_INTERVAL = _gauge("backup_interval_seconds", "Time between scheduled backups; 0: there are none.", unit="seconds")
LOOP_LAG = _duration("loop_lag_seconds", "How late the event loop ran a timer.", TINY_BUCKETS)
FUNCTION_DURATION = _duration("function_duration_seconds", "Time of a function under async_time_function.", FAST_BUCKETS, "function")
FUNCTION_FAILURES = _counter("function_failures_total", "Calls of such a function that ended in an exception.", "function")
OBSERVER_FAILURES = _counter("observer_failures_total", "Facts that could not be turned into metrics; never other than 0 without a defect.")
BUILD_INFO = _gauge("build_info", "Always 1; the labels say what is running.", "version", "python")

CATALOGUE: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))


def metrics_page() -> str:
    """docs/metrics.md."""
    rows = "\n".join(_row(metric) for metric in CATALOGUE)
    return f"{_INTRODUCTION}\n| Name | Kind | Unit | Labels | Meaning |\n|---|---|---|---|---|\n{rows}\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.full_name}` | {metric.kind} | {metric.unit} | {labels} | {metric.meaning} |"


_INTRODUCTION = """\
# Metrics

Written by `scripts/metrics_docs` from `binance_trade_agent/telemetry/metric_catalogue.py`; change it there.

The daemon serves these at `/metrics` in the Prometheus text format, together with the usual `process_*` figures (CPU, memory, open
files). The number of label values of each metric is bounded; what comes after is counted under `other`. Amounts are shown as
floating point numbers here and only here: the book itself keeps exact decimals.
"""
