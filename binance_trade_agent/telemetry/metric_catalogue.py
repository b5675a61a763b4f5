"""The catalogue of metrics: name, kind, unit, labels, meaning and emitter of each; docs/metrics.md is written from it."""

from binance_trade_agent.binance.limits.circuits import CircuitGroup
from binance_trade_agent.binance.limits.waiting_lines import Priority
from binance_trade_agent.domain.decision import Stage, Verdict
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.domain.market_sources import CacheKind, CandleSource, FallbackReason, StreamedKind
from binance_trade_agent.domain.order import OrderState, Side
from binance_trade_agent.domain.risk import RESTING_RULES, RiskRule
from binance_trade_agent.domain.risk_facts import LimitName
from binance_trade_agent.domain.stream_facts import BookLoss, RotationReason, StreamEnd
from binance_trade_agent.domain.symbol_facts import RefreshResult, Standing
from binance_trade_agent.telemetry.metric import MOST_SYMBOLS, Emitter, Label, Metric, closed_label, counter, duration, gauge

# All in seconds. Each row of buckets begins below what the quickest of its kind take and ends above the time limit that ends the slowest.
REQUEST_BUCKETS = (0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""From the embedded exchange in process to REQUEST_TIMEOUT_SECONDS."""
STAGE_BUCKETS = (
    0.00002,
    0.00005,
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    15.0,
    60.0,
)
"""Asking a strategy takes microseconds, fetching candles of many symbols can take what a pass may take."""
TINY_BUCKETS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Database operations, loop lag, waits for a connection: mostly nothing, and worth knowing when it is not."""
PASS_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0, 120.0)
"""Passes and comparisons with the exchange, up to their deadlines."""
FATE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0)
"""From an order's sending until its fill is in the book: one answer, or what the reconciler needs for an unknown fate."""
MARKET_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""From a price at the exchange to the order that it led to, in market time."""

LANE = closed_label("lane", Lane)
PRIORITY = closed_label("priority", (priority.label for priority in Priority))
STAGE = closed_label("stage", Stage)
SESSION = closed_label("session", ("user_data", "orders"))
OPERATION = closed_label("operation", ("read", "write", "commit"))
ENDPOINT = Label("endpoint")
CODE = Label("code")
SYMBOL = Label("symbol", most=MOST_SYMBOLS)
SCOPE = Label("scope", most=MOST_SYMBOLS)
ASSET = Label("asset")
FUNCTION = Label("function")
LIMIT = closed_label("limit", LimitName)
OUTCOMES = ("accepted", "rejected", "not_sent", "unknown")

_E = Emitter

REQUEST_DURATION = duration(
    (_E.REST, _E.API_SESSIONS),
    "request_duration_seconds",
    "Time of a request to the exchange, failed ones included.",
    REQUEST_BUCKETS,
    ENDPOINT,
)
REQUEST_ERRORS = counter(
    (_E.REST, _E.API_SESSIONS),
    "request_errors_total",
    "Requests that failed, by Binance's code or our error class.",
    ENDPOINT,
    CODE,
    most_children=300,
)
POOL_LIMIT = gauge(_E.POOL, "pool_limit_connections", "Connections that a lane may have.", LANE)
POOL_IN_USE = gauge(_E.POOL, "pool_in_use_connections", "Connections that carry a request, by lane.", LANE)
POOL_IDLE = gauge(_E.POOL, "pool_idle_connections", "Connections that are kept open without work.")
POOL_WAITING = gauge(_E.POOL, "pool_waiting_requests", "Requests that wait for a connection, by lane.", LANE)
POOL_ACQUIRE = duration(_E.POOL, "pool_acquire_duration_seconds", "Wait of a request for its connection, by lane.", TINY_BUCKETS, LANE)
POOL_OPENED = counter(_E.POOL, "pool_connections_opened_total", "Connections that were opened.")
POOL_REUSED = counter(_E.POOL, "pool_connections_reused_total", "Requests that found an idle connection.")
POOL_TIMEOUTS = counter(_E.POOL, "pool_timeouts_total", "Requests that gave up waiting for a connection, by lane.", LANE)
WEIGHT_USED = gauge(_E.LIMITS, "request_weight_used", "Request weight that the exchange counts for this address in the minute.")
WEIGHT_LIMIT = gauge(_E.LIMITS, "request_weight_limit", "Request weight that the exchange allows an address in the minute.")
WEIGHT_RESERVE = gauge(
    _E.LIMITS, "request_weight_reserve", "Part of that limit which market data leaves to orders, cancels and the account."
)
ORDERS_COUNTED = gauge(
    _E.LIMITS, "orders_counted", "Unfilled orders that the exchange counts for the account, by window.", Label("window", most=12)
)
LIMIT_WAITING = gauge(
    _E.LIMITS, "limit_waiting_requests", "Requests that wait for room in the exchange's rate limits, by priority.", PRIORITY
)
LIMIT_WAIT = duration(_E.LIMITS, "limit_wait_seconds", "Wait of a request that found no room at once, by priority.", PASS_BUCKETS, PRIORITY)
LIMIT_REFUSALS = counter(
    _E.LIMITS, "limit_refusals_total", "Requests that were not sent, because no room would come in their time, by priority.", PRIORITY
)
SILENCES = counter(
    _E.LIMITS,
    "silences_total",
    "Silences that the exchange asked for: ban, requests, orders.",
    closed_label("kind", ("ban", "requests", "orders")),
)
SILENCE_UNTIL = gauge(
    _E.LIMITS, "silence_until_timestamp_seconds", "Until when the exchange wants no request at all; 0: it never asked.", unit="seconds"
)
CIRCUIT_STATE = gauge(
    _E.LIMITS,
    "circuit_state",
    "Whether a group of endpoints is asked: 0 yes, 1 by one request at a time, 2 not now.",
    closed_label("group", CircuitGroup),
)
CIRCUIT_OPENINGS = counter(
    _E.LIMITS, "circuit_openings_total", "Times that a group of endpoints was given a rest.", closed_label("group", CircuitGroup)
)
CLOCK_OFFSET = gauge(_E.CLOCK, "clock_offset_seconds", "The exchange's clock less ours.", unit="seconds")
CLOCK_ROUND_TRIP = gauge(_E.CLOCK, "clock_round_trip_seconds", "Round trip of the last look at the exchange's clock.", unit="seconds")
CLOCK_ERROR = gauge(_E.CLOCK, "clock_error_bound_seconds", "How far that offset could be off when it was measured.", unit="seconds")
CLOCK_DRIFT = gauge(
    _E.CLOCK, "clock_drift_ppm", "How fast our clock falls behind the exchange's, by the last two looks.", unit="millionths"
)
CLOCK_JUMPS = counter(_E.CLOCK, "clock_jumps_total", "Times that our own clock was set while the daemon ran.")

PASSES = counter(_E.PASS, "passes_total", "Passes of the pipeline that ended.")
PASSES_FAILED = counter(_E.SERVICE, "passes_failed_total", "Passes that ended early with an error.")
PASS_INTERVAL = gauge(_E.SERVICE, "pass_interval_seconds", "How often a pass begins, in real seconds.", unit="seconds")
LAST_PASS = gauge(
    _E.PASS,
    "last_pass_timestamp_seconds",
    "When a pass last ended, or else the first was planned, by this clock.",
    unit="seconds",
)
PASS_DURATION = duration(_E.PASS, "pass_duration_seconds", "Time of a pass over all symbols.", PASS_BUCKETS)
PASS_STAGE_DURATION = duration(
    _E.PASS,
    "pass_stage_duration_seconds",
    "Time that a pass spent in a stage, all symbols together; the stages follow one another, so their shares add up to the pass.",
    STAGE_BUCKETS,
    STAGE,
)
PASS_OVERRUNS = counter(_E.SERVICE, "pass_overruns_total", "Passes that took longer than their interval.")
PASS_SLOTS_MISSED = counter(_E.SERVICE, "pass_slots_missed_total", "Slots that were skipped because a pass was still running.")
STAGE_DURATION = duration(
    _E.PASS, "stage_duration_seconds", "Time of one stage for one symbol, or for all where they are done together.", STAGE_BUCKETS, STAGE
)
DECISIONS = counter(_E.PASS, "decisions_total", "What passes decided, by verdict.", closed_label("verdict", Verdict))
RISK_REFUSALS = counter(_E.RISK, "risk_refusals_total", "Orders that risk refused, by rule.", closed_label("rule", RiskRule))
RISK_APPROVALS = counter(_E.RISK, "risk_approvals_total", "Orders that risk approved.")
RISK_LIMIT = gauge(_E.RISK, "risk_limit", "What a limit of risk allows: shares of equity, orders, losses in a row.", LIMIT)
RISK_USED = gauge(
    _E.RISK, "risk_limit_used_ratio", "How much of that was used when the last pass began; 1 is all of it.", LIMIT, unit="ratio"
)
RISK_RESTING = gauge(
    _E.RISK,
    "risk_entry_locks",
    "Symbols (or the account, as one) whose entries rested when the last pass began, by the rule that lets them rest.",
    closed_label("rule", RESTING_RULES),
)
MODE = gauge((_E.MODES, _E.PORTFOLIO), "trading_mode", "0 active, 1 reducing, 2 halted; scope * is the account.", SCOPE)

ORDERS_SENT = counter(_E.DESK, "orders_sent_total", "Orders that were sent.")
MARKET_TO_ORDER = duration(
    _E.DESK,
    "market_to_order_seconds",
    "Time from a price at the exchange to the order that was decided on it leaving, in market time.",
    MARKET_BUCKETS,
)
ORDERS = counter(
    _E.DESK,
    "orders_total",
    "Attempts to place an order, by outcome: accepted, rejected, not_sent, unknown.",
    closed_label("outcome", OUTCOMES),
)
ORDER_REJECTIONS = counter(_E.DESK, "order_rejections_total", "Orders that the exchange rejected, by its code.", CODE)
ORDER_DURATION = duration(_E.DESK, "order_duration_seconds", "Time from sending an order to its answer.", REQUEST_BUCKETS)
FILL_DURATION = duration(
    _E.PORTFOLIO,
    "order_to_fill_seconds",
    "Time from sending an order to its fills being in the book; resting orders are not counted.",
    FATE_BUCKETS,
)
ORDERS_SETTLED = counter(
    _E.RECONCILER,
    "orders_settled_total",
    "Open or unknown orders that the reconciler settled, by state.",
    closed_label("state", OrderState),
)
ORDERS_UNKNOWN = gauge((_E.DESK, _E.RECONCILER, _E.PORTFOLIO), "orders_unknown", "Orders of the book whose fate is not known yet.")
ORDERS_UNKNOWN_AGE = gauge(
    _E.PORTFOLIO, "orders_unknown_age_seconds", "How long ago the oldest of them was decided, in market time.", unit="seconds"
)
ORDERS_OPEN = gauge(_E.PORTFOLIO, "orders_open", "Orders in the book that are not settled.")
POSITIONS_UNPROTECTED = gauge(
    _E.PROTECTION,
    "positions_unprotected",
    "Positions without the stop-loss and take-profit on the exchange that PROTECTION=exchange wants.",
)
FILLS = counter(_E.PORTFOLIO, "fills_total", "Fills that were booked, by side.", closed_label("side", Side))
EXTERNAL_ENTRIES = counter(_E.PORTFOLIO, "external_entries_total", "Deposits and withdrawals that were booked, by asset.", ASSET)
WRITE_DOWNS = counter(
    _E.PORTFOLIO, "position_write_downs_total", "Times that a position became smaller without a trade, by symbol.", SYMBOL
)
FEES = counter(_E.PORTFOLIO, "fees_total", "Commissions that were booked, by asset, in that asset.", ASSET)

EQUITY = gauge(_E.PORTFOLIO, "equity", "Cash and positions at their marks.", unit="quote asset")
CASH = gauge(_E.PORTFOLIO, "cash", "Cash.", unit="quote asset")
EXPOSURE = gauge(_E.PORTFOLIO, "exposure", "Value of all positions.", unit="quote asset")
INITIAL_VALUE = gauge(_E.PORTFOLIO, "initial_value", "What was put in.", unit="quote asset")
REALIZED = gauge(_E.PORTFOLIO, "realized_profit", "Profit of closed trades, fees included.", unit="quote asset")
UNREALIZED = gauge(_E.PORTFOLIO, "unrealized_profit", "Profit of open positions at their marks.", unit="quote asset")
DRAWDOWN = gauge(
    _E.RISK,
    "drawdown_ratio",
    "Fall of equity from its highest since trading was last armed; money put in or taken out is no part of it.",
    unit="ratio",
)
POSITION_QUANTITY = gauge(_E.PORTFOLIO, "position_quantity", "What is held of a symbol.", SYMBOL, unit="base asset")
POSITION_VALUE = gauge(_E.PORTFOLIO, "position_value", "Value of what is held of a symbol.", SYMBOL, unit="quote asset")
POSITION_UNREALIZED = gauge(
    _E.PORTFOLIO, "position_unrealized_profit", "Profit of an open position at its mark.", SYMBOL, unit="quote asset"
)

API_SESSION_UP = gauge(
    _E.API_SESSIONS,
    "websocket_api_up",
    "1 while a session of the WebSocket API is live, 0 while it is wanted and not; user_data brings events.",
    SESSION,
)
API_SESSION_INTERRUPTIONS = counter(
    _E.API_SESSIONS, "websocket_api_interruptions_total", "Live sessions of the WebSocket API that were lost.", SESSION
)
API_SESSION_FAILURES = counter(
    _E.API_SESSIONS, "websocket_api_failures_total", "Attempts to open a session of the WebSocket API that failed.", SESSION
)
API_SESSION_SILENCE = gauge(
    _E.API_SESSIONS, "websocket_api_silence_seconds", "How long ago anything came on a session, pings included.", SESSION, unit="seconds"
)
ACCOUNT_EVENTS = counter(
    _E.API_SESSIONS,
    "account_events_total",
    "Account events by kind; repeated are second copies, unknown and unreadable were not used.",
    Label("kind", most=20),
)
ACCOUNT_GAPS = counter(_E.API_SESSIONS, "account_event_gaps_total", "Times that account events may have been missed, the begin included.")

RECONCILIATIONS = counter(_E.RECONCILER, "reconciliations_total", "Comparisons of the book with the exchange.")
RECONCILIATION_DURATION = duration(_E.RECONCILER, "reconciliation_duration_seconds", "Time of a comparison.", PASS_BUCKETS)
RECONCILIATION_DIFFERENCES = counter(_E.RECONCILER, "reconciliation_differences_total", "Differences that comparisons found.")
RECONCILIATION_LAST_DIFFERENCES = gauge(_E.RECONCILER, "reconciliation_last_differences", "Differences that the last comparison found.")
SYMBOLS = gauge(
    _E.SYMBOLS,
    "symbols",
    "Symbols that are traded (chosen, or only sold), and those held that are not listed any more.",
    closed_label("standing", Standing),
)
SYMBOL_REFRESHES = counter(
    _E.SERVICE, "symbol_refreshes_total", "Times that symbols were chosen anew, by result.", closed_label("result", RefreshResult)
)
CANDLE_GAPS = counter(_E.MARKET_DATA, "candle_gaps_total", "Holes that were found in candles.", SYMBOL)
CANDLES_MISSING = counter(_E.MARKET_DATA, "candles_missing_total", "Candles that were missing in those holes.", SYMBOL)
CANDLES_TAKEN = counter(
    _E.MARKET_DATA,
    "candles_taken_total",
    "Closed candles that were taken in, by source: stream or rest.",
    closed_label("source", CandleSource),
)
FALLBACKS = counter(
    _E.MARKET_DATA,
    "market_data_fallbacks_total",
    "Symbols for which REST was asked because their stream did not bring what was needed.",
    closed_label("kind", StreamedKind),
    closed_label("reason", FallbackReason),
)
STREAMED_SYMBOLS = gauge(_E.MARKET_DATA, "streamed_symbols", "Symbols whose prices and candles are taken from streams.")
LIVE_SYMBOLS = gauge(_E.MARKET_DATA, "streamed_symbols_live", "Those of them whose streams were live when a pass last fetched.")
CANDLES_HELD = gauge(_E.MARKET_DATA, "candles_held", "Closed candles that are held in memory, of all symbols.")
CACHE_HITS = counter(
    _E.MARKET_DATA, "cache_hits_total", "Prices, books and candle windows that the cache had.", closed_label("kind", CacheKind)
)
CACHE_MISSES = counter(
    _E.MARKET_DATA,
    "cache_misses_total",
    "Those that it did not have, or only too old, so that the exchange was asked.",
    closed_label("kind", CacheKind),
)
CACHE_FAILURES = counter(
    _E.CACHE,
    "cache_failures_total",
    "Calls to the cache server that failed; it is left alone for a while after each.",
    Label("operation", most=10),
)
CACHE_USABLE = gauge(_E.CACHE, "cache_usable", "0 while a failed cache server is left alone, else 1.")
STREAM_MESSAGES = counter(
    _E.STREAMS, "stream_messages_total", "Events of market streams that came, by kind of stream.", Label("kind", most=30)
)
STREAM_FAULTS = counter(
    _E.STREAMS,
    "stream_faults_total",
    "Stream messages that could not be understood (unreadable), that nobody asked for (passed_over), or whose listener failed (listener).",
    closed_label("reason", ("unreadable", "passed_over", "listener")),
)
STREAM_CONNECTIONS = gauge(_E.STREAMS, "stream_connections", "Connections of market streams that are up.")
STREAM_CONNECTS = counter(
    _E.STREAMS, "stream_connects_total", "Connections of market streams that came up with all their streams confirmed."
)
STREAM_INTERRUPTIONS = counter(
    _E.STREAMS,
    "stream_interruptions_total",
    "Connections of market streams that ended or did not come up, by reason.",
    closed_label("reason", StreamEnd),
)
STREAM_ROTATIONS = counter(
    _E.STREAMS,
    "stream_rotations_total",
    "Connections of market streams that were replaced in time, by reason.",
    closed_label("reason", RotationReason),
)
STREAM_ROTATION_GAPS = counter(_E.STREAMS, "stream_rotation_gaps_total", "Streams that may have missed events in a replacement.")
STREAM_REFUSALS = counter(_E.STREAMS, "stream_refusals_total", "Streams that the exchange refused to subscribe.")
STREAM_SILENCES = counter(_E.STREAMS, "stream_silences_total", "Streams that should bring something every second or two and fell silent.")
STREAMS_WANTED = gauge(_E.STREAMS, "streams_wanted", "Streams that are wanted.")
STREAMS_LIVE = gauge(_E.STREAMS, "streams_live", "Streams that are confirmed, not silent, and whose gaps were told.")
STREAM_NEWEST_AGE = gauge(_E.STREAMS, "stream_newest_age_seconds", "How long ago anything came on any stream connection.", unit="seconds")
STREAM_LATENCY = duration(
    _E.STREAMS, "stream_latency_seconds", "Time from an event at the exchange to its receipt, of one event in 64.", REQUEST_BUCKETS
)
ORDER_BOOKS_KEPT = gauge(_E.STREAMS, "order_books_kept", "Local order books that follow depth streams.")
ORDER_BOOKS_IN_SYNC = gauge(_E.STREAMS, "order_books_in_sync", "Those that are the exchange's.")
ORDER_BOOK_LOSSES = counter(
    _E.STREAMS, "order_book_losses_total", "Local order books that had to be made anew, by reason.", closed_label("reason", BookLoss)
)
ORDER_BOOK_SNAPSHOTS = counter(_E.STREAMS, "order_book_snapshots_total", "Snapshots asked for until a local order book was in sync.")
ORDER_BOOK_SYNC = duration(_E.STREAMS, "order_book_sync_seconds", "Time until a local order book was in sync.", PASS_BUCKETS)
DATABASE_DURATION = duration(_E.BOOK_FILE, "database_duration_seconds", "Time of a database operation.", TINY_BUCKETS, OPERATION)
DATABASE_FAILURES = counter(_E.BOOK_FILE, "database_failures_total", "Database operations that failed.", OPERATION)

BOOK_BYTES = gauge(_E.SERVICE, "book_bytes", "Size of the book's file and its log of changes.", unit="bytes")
DISK_FREE = gauge(_E.SERVICE, "disk_free_bytes", "Room that is left on the disk of the book.", unit="bytes")
DISK_SIZE = gauge(_E.SERVICE, "disk_size_bytes", "Size of that disk.", unit="bytes")
BACKUPS = counter(
    _E.SERVICE,
    "backups_total",
    "Scheduled backups of the book that ended, by result: made or failed.",
    closed_label("result", ("made", "failed")),
)
BACKUP_DURATION = duration(_E.SERVICE, "backup_duration_seconds", "Time of a scheduled backup, its checks included.", PASS_BUCKETS)
BACKUP_NEWEST = gauge(
    _E.SERVICE, "backup_newest_timestamp_seconds", "When the newest scheduled backup was made; 0: there is none.", unit="seconds"
)
BACKUP_INTERVAL = gauge(_E.SERVICE, "backup_interval_seconds", "Time between scheduled backups; 0: there are none.", unit="seconds")
READY = gauge(
    _E.SERVICE, "ready", "1 for each check of /readyz that holds, else 0; all of them together are the check all.", Label("check", most=20)
)
TASKS = gauge(_E.SERVICE, "event_loop_tasks", "Tasks of the event loop that are not done.")
THREADS = gauge(_E.SERVICE, "process_threads", "Threads of the process.")
LOOP_LAG = duration(_E.SERVICE, "loop_lag_seconds", "How late the event loop ran a timer.", TINY_BUCKETS)
FUNCTION_DURATION = duration(
    _E.TELEMETRY, "function_duration_seconds", "Time of a function under async_time_function.", STAGE_BUCKETS, FUNCTION
)
FUNCTION_FAILURES = counter(_E.TELEMETRY, "function_failures_total", "Calls of such a function that ended in an exception.", FUNCTION)
NOTICES = counter(
    _E.TELEMETRY,
    "notices_total",
    "Lines of messages to whoever runs the daemon, by service and result; failed ones are tried again.",
    Label("service", most=10),
    closed_label("result", ("sent", "failed", "dropped")),
)
LOG_WRITES_LOST = counter(
    _E.SERVICE, "log_writes_lost_total", "Writes of log lines that were lost, because nobody read them or the disk was full."
)
SPANS = counter(
    _E.TELEMETRY,
    "spans_total",
    "Spans of traces, by result: sent, or lost because too many waited or nobody took them.",
    closed_label("result", ("sent", "lost")),
)
OBSERVER_FAILURES = counter(
    _E.TELEMETRY, "observer_failures_total", "Facts that could not be turned into metrics; never other than 0 without a defect."
)
BUILD_INFO = gauge(
    _E.TELEMETRY,
    "build_info",
    "Always 1; the labels say what is running.",
    Label("version", most=1),
    Label("python", most=1),
)

CATALOGUE: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
