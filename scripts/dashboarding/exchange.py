"""Exchange: limits, errors, clock, streams and sessions: how the exchange and the way to it are."""

from dashboarding.layout import dashboard
from dashboarding.panels import CALM, FEW_ARE_BEARABLE, SHARE_OF_A_LIMIT, ZERO_IS_GOOD, Json, graph, stat
from dashboarding.queries import metric, of_symbols, per_minute, quantiles, rate

_failing = (
    f"sum by (endpoint) ({rate(metric('request_errors_total'))}) / sum by (endpoint) ({rate(metric('request_duration_seconds_count'))})"
)

ROWS: dict[str, list[Json]] = {
    "Limits": [
        graph(
            "Request weight",
            "What the exchange counts for this address in the minute, how much it allows, and what of that is kept for orders.",
            "none",
            [(metric(f"request_weight_{name}"), name) for name in ("used", "limit", "reserve")],
        ),
        graph(
            "Weight used",
            "Share of the limit; the governor holds market data back before it is reached.",
            "percentunit",
            [(f"{metric('request_weight_used')} / {metric('request_weight_limit')}", "used")],
            SHARE_OF_A_LIMIT,
            minimum=0,
            maximum=1,
        ),
        graph(
            "Waiting for the limits",
            "Requests that wait for room in the exchange's limits, and those not sent for want of it, per minute.",
            "none",
            [
                (metric("limit_waiting_requests"), "waiting: {{priority}}"),
                *per_minute("limit_refusals_total", "priority", "not sent: {{priority}}"),
            ],
        ),
        graph(
            "Wait for room",
            "How long requests waited that found no room in the limits, by priority.",
            "s",
            quantiles("limit_wait_seconds", "priority"),
        ),
        stat(
            "Silence",
            "Seconds for which the exchange wants no request at all; 0 or nothing: it may be asked.",
            "s",
            f"clamp_min({metric('silence_until_timestamp_seconds')} - time(), 0)",
            ZERO_IS_GOOD,
            height=8,
        ),
        graph(
            "Silences",
            "Silences that the exchange asked for since the start: bans, requests, orders.",
            "none",
            [(metric("silences_total"), "{{kind}}")],
            FEW_ARE_BEARABLE,
            width=12,
        ),
    ],
    "Errors": [
        graph(
            "Errors per minute by code",
            "Requests that failed, by Binance's code or our error class; docs/errors.md explains them.",
            "none",
            per_minute("request_errors_total", "code"),
        ),
        graph(
            "Failing requests by endpoint",
            "Share of the requests to each endpoint that fail.",
            "percentunit",
            [(_failing, "{{endpoint}}")],
            ((None, "green"), (0.02, "orange"), (0.2, "red")),
            minimum=0,
        ),
        graph(
            "Circuits",
            "Whether a group of endpoints is asked: 0 yes, 1 by one request at a time, 2 not now; and rests given in an hour.",
            "none",
            [(metric("circuit_state"), "{{group}}"), (f"3600 * {rate(metric('circuit_openings_total'))}", "opened: {{group}}")],
            ZERO_IS_GOOD,
        ),
    ],
    "Clock": [
        graph(
            "Clock",
            "The exchange's clock less ours, how far that could be off when it was measured, and the round trip of the last look.",
            "s",
            [
                (metric("clock_offset_seconds"), "offset"),
                (metric("clock_error_bound_seconds"), "error at most"),
                (metric("clock_round_trip_seconds"), "round trip"),
            ],
            ((None, "red"), (-1, "green"), (1, "red")),
        ),
        graph(
            "Drift",
            "How fast our clock falls behind the exchange's, by the last two looks, in millionths.",
            "ppm",
            [(metric("clock_drift_ppm"), "drift")],
        ),
        graph(
            "Clock set",
            "Times that this machine's clock was set since the start.",
            "none",
            [(metric("clock_jumps_total"), "jumps")],
            FEW_ARE_BEARABLE,
        ),
    ],
    "Market streams": [
        graph(
            "Streams",
            "Streams that are wanted, and those that are live; the difference is read by REST.",
            "none",
            [(metric(f"streams_{name}"), name) for name in ("wanted", "live")],
        ),
        graph(
            "Symbols by stream",
            "Symbols whose prices and candles are taken from streams, and those whose streams are live.",
            "none",
            [(metric("streamed_symbols"), "followed"), (metric("streamed_symbols_live"), "live")],
        ),
        graph(
            "Age of the newest message",
            "How long ago anything came on any stream connection.",
            "s",
            [(metric("stream_newest_age_seconds"), "age")],
            ((None, "green"), (5, "orange"), (30, "red")),
        ),
        graph("Events per minute", "Events that came, by kind of stream.", "none", per_minute("stream_messages_total", "kind")),
        graph(
            "Event latency",
            "Time from an event at the exchange to its receipt, by the exchange's clock.",
            "s",
            quantiles("stream_latency_seconds"),
        ),
        graph(
            "Connections",
            "Stream connections that are up, and how many came up per minute.",
            "none",
            [(metric("stream_connections"), "up"), *per_minute("stream_connects_total", legend="came up")],
        ),
        graph(
            "Interruptions per hour",
            "Connections that ended or did not come up, those replaced in time, and streams that may have missed events.",
            "none",
            [
                (f"3600 * sum by (reason) ({rate(metric('stream_interruptions_total'))})", "{{reason}}"),
                (f"3600 * sum by (reason) ({rate(metric('stream_rotations_total'))})", "replaced: {{reason}}"),
                (f"3600 * {rate(metric('stream_rotation_gaps_total'))}", "gaps"),
            ],
        ),
        graph(
            "Stream faults per minute",
            "Messages not understood, not asked for, or failed in their listener; streams that fell silent or were refused.",
            "none",
            [
                *per_minute("stream_faults_total", "reason"),
                *per_minute("stream_silences_total", legend="silent"),
                *per_minute("stream_refusals_total", legend="refused"),
            ],
            FEW_ARE_BEARABLE,
        ),
        graph(
            "Local order books",
            "Books that follow depth streams, those of them in sync, and per minute those made anew and the snapshots asked for.",
            "none",
            [
                (metric("order_books_kept"), "kept"),
                (metric("order_books_in_sync"), "in sync"),
                *per_minute("order_book_losses_total", "reason", "lost: {{reason}}"),
                *per_minute("order_book_snapshots_total", legend="snapshots"),
            ],
        ),
        graph(
            "Time until a book is in sync",
            "How long a local order book takes until it is the exchange's.",
            "s",
            quantiles("order_book_sync_seconds"),
        ),
    ],
    "Candles": [
        graph(
            "Candles per minute",
            "Closed candles that were taken in, by who brought them.",
            "none",
            per_minute("candles_taken_total", "source"),
        ),
        graph(
            "Fallbacks per minute",
            "Symbols for which REST was asked because their stream did not bring what was needed, by reason.",
            "none",
            [(f"60 * sum by (kind, reason) ({rate(metric('market_data_fallbacks_total'))})", "{{kind}}: {{reason}}")],
        ),
        graph(
            "Symbols traded",
            "Symbols that are chosen or named, those that are not chosen any more and only sold until nothing of them is held, and those "
            "that are held and not listed any more (stranded).",
            "none",
            [(metric("symbols"), "{{standing}}")],
        ),
        graph(
            "Choices of symbols",
            "Times that symbols were chosen anew since the daemon started; one that failed left the choice before it in force.",
            "none",
            [(metric("symbol_refreshes_total"), "{{result}}")],
        ),
        graph("Candles held", "Closed candles in memory, of all symbols.", "none", [(metric("candles_held"), "candles")]),
        graph(
            "Candles missing",
            "Candles that the exchange did not have, and the holes that they leave, by symbol, since the daemon started.",
            "none",
            [(of_symbols("candles_missing_total"), "{{symbol}}"), (of_symbols("candle_gaps_total"), "holes: {{symbol}}")],
            FEW_ARE_BEARABLE,
        ),
    ],
    "Account events": [
        graph(
            "Sessions",
            "Sessions of the WebSocket API that are live: user_data brings account events, orders carries orders when they go there.",
            "none",
            [(metric("websocket_api_up"), "{{session}}")],
            ((None, "red"), (1, "green")),
            minimum=0,
        ),
        graph(
            "Silence of the sessions",
            "How long ago anything came on a session, pings included.",
            "s",
            [(metric("websocket_api_silence_seconds"), "{{session}}")],
            ((None, "green"), (30, "orange"), (65, "red")),
        ),
        graph(
            "Events per minute",
            "What the exchange told of the account, by kind; repeated are second copies, unknown and unreadable were not used.",
            "none",
            per_minute("account_events_total", "kind"),
        ),
        graph(
            "Interruptions per hour",
            "Sessions that were lost, attempts that failed, and times that events may have been missed.",
            "none",
            [
                (f"3600 * sum by (session) ({rate(metric('websocket_api_interruptions_total'))})", "lost: {{session}}"),
                (f"3600 * sum by (session) ({rate(metric('websocket_api_failures_total'))})", "failed: {{session}}"),
                (f"3600 * {rate(metric('account_event_gaps_total'))}", "gaps"),
            ],
            FEW_ARE_BEARABLE,
            width=16,
        ),
        stat(
            "Version",
            "What is running.",
            "none",
            metric("build_info"),
            CALM,
            legend="{{version}}, Python {{python}}",
            shows="name",
            height=8,
        ),
    ],
}


def text() -> str:
    """The dashboard as JSON text."""
    return dashboard("Exchange", "Limits, errors, clock, streams and sessions: how the exchange and the way to it are.", ROWS)
