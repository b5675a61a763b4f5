"""Performance: where the time of a pass goes, by stage, endpoint, pool, cache, database and event loop."""

from dashboarding.layout import dashboard
from dashboarding.panels import CALM, ZERO_IS_GOOD, Json, Steps, bars, graph, heatmap, stat
from dashboarding.queries import buckets, metric, per_minute, process, quantile, quantiles, rate, seconds_per_pass, share_of_pass

_SLOW: Steps = ((None, "green"), (1, "orange"), (5, "red"))
_hits, _misses = (f"sum by (kind) ({rate(metric(f'cache_{name}_total'))})" for name in ("hits", "misses"))

ROWS: dict[str, list[Json]] = {
    "Bottleneck": [
        stat(
            "Costliest stage",
            "The stage that takes most of a pass just now, and its share.",
            "percentunit",
            f"topk(1, {share_of_pass()})",
            CALM,
            legend="{{stage}}",
            width=6,
        ),
        stat(
            "Costliest endpoint",
            "The endpoint that most seconds of requests go to for every pass; `binance-trade-agent bottlenecks` says more.",
            "s",
            f"topk(1, {seconds_per_pass()})",
            CALM,
            legend="{{endpoint}}",
            width=6,
        ),
        stat("Pass", "Time of a pass, 99th percentile.", "s", quantile(0.99, "pass_duration_seconds"), _SLOW, width=6),
        stat(
            "Interval used",
            "Share of its interval that a pass takes, 99th percentile; above 100 % slots are missed.",
            "percentunit",
            f"{quantile(0.99, 'pass_duration_seconds')} / scalar({metric('pass_interval_seconds')})",
            ((None, "green"), (0.5, "orange"), (1, "red")),
            width=6,
        ),
        graph(
            "Share of a pass by stage",
            "The stages follow one another; what is missing to 100 % lies between them.",
            "percentunit",
            [(share_of_pass(), "{{stage}}")],
            stacked=True,
            minimum=0,
            maximum=1,
        ),
        bars(
            "Requests per pass by endpoint",
            "Seconds of requests for every pass, the ten costliest; requests that go side by side count together.",
            "s",
            [(f"topk(10, {seconds_per_pass()})", "{{endpoint}}")],
        ),
        graph(
            "Slots missed",
            "Slots that were skipped because a pass was still running, and passes that took too long, in an hour.",
            "none",
            [
                (f"3600 * {rate(metric('pass_slots_missed_total'))}", "slots missed"),
                (f"3600 * {rate(metric('pass_overruns_total'))}", "overruns"),
            ],
            ZERO_IS_GOOD,
        ),
    ],
    "Latency": [
        heatmap("Passes", "How long passes take over all symbols.", buckets("pass_duration_seconds")),
        heatmap("Requests", "How long requests to the exchange take, all endpoints together.", buckets("request_duration_seconds")),
        graph(
            "Stages of a pass",
            "Time that a pass spends in each stage, all symbols together.",
            "s",
            quantiles("pass_stage_duration_seconds", "stage"),
        ),
        graph(
            "Stages by symbol",
            "Time of one stage for one symbol, or for all where they are done together.",
            "s",
            quantiles("stage_duration_seconds", "stage"),
        ),
        graph(
            "Requests by endpoint",
            "Time of requests to the exchange, 99th percentile.",
            "s",
            [(quantile(0.99, "request_duration_seconds", "endpoint"), "{{endpoint}}")],
            _SLOW,
        ),
        graph(
            "Measured functions", "Time of functions under async_time_function.", "s", quantiles("function_duration_seconds", "function")
        ),
        graph(
            "Failures of measured functions per minute",
            "Calls of such functions that ended in an exception or were cancelled.",
            "none",
            per_minute("function_failures_total", "function"),
            ZERO_IS_GOOD,
        ),
        graph("Database", "Time of operations on the book's file.", "s", quantiles("database_duration_seconds", "operation")),
    ],
    "Pool": [
        graph(
            "Connections",
            "Connections at work by lane, how many the lane may have (market data leaves some to orders), and those kept idle.",
            "none",
            [
                (metric("pool_in_use_connections"), "in use: {{lane}}"),
                (metric("pool_limit_connections"), "limit: {{lane}}"),
                (metric("pool_idle_connections"), "idle"),
            ],
        ),
        graph(
            "Waiting",
            "Requests that wait for a connection, and those that gave up, per minute.",
            "none",
            [
                (metric("pool_waiting_requests"), "waiting: {{lane}}"),
                (f"60 * {rate(metric('pool_timeouts_total'))}", "gave up: {{lane}}"),
            ],
            ZERO_IS_GOOD,
        ),
        graph(
            "Wait for a connection",
            "How long a request waits until it has one, by lane.",
            "s",
            quantiles("pool_acquire_duration_seconds", "lane"),
        ),
        graph(
            "Opened and reused per minute",
            "Connections opened, and requests that found an idle one.",
            "none",
            [(f"60 * {rate(metric(f'pool_connections_{name}_total'))}", name) for name in ("opened", "reused")],
        ),
        graph(
            "Requests per minute",
            "Requests to the exchange, by endpoint.",
            "none",
            per_minute("request_duration_seconds_count", "endpoint"),
            width=16,
        ),
    ],
    "Cache": [
        graph(
            "Hits",
            "Share of the prices, books and candle windows asked for that the cache had, by kind.",
            "percentunit",
            [(f"{_hits} / ({_hits} + {_misses})", "{{kind}}")],
            minimum=0,
            maximum=1,
        ),
        graph(
            "Hits and misses per minute",
            "What the cache had, and what the exchange was asked for.",
            "none",
            [*per_minute("cache_hits_total", "kind", "hit: {{kind}}"), *per_minute("cache_misses_total", "kind", "missed: {{kind}}")],
        ),
        graph(
            "Cache server",
            "Whether the cache server may be asked (0 while it is left alone after a failure), and failures per minute by operation.",
            "none",
            [(metric("cache_usable"), "usable"), *per_minute("cache_failures_total", "operation", "failed: {{operation}}")],
        ),
    ],
    "Process": [
        graph(
            "Event loop lag",
            "How late the event loop runs its timers.",
            "s",
            quantiles("loop_lag_seconds"),
            ((None, "green"), (0.1, "orange"), (0.25, "red")),
        ),
        graph(
            "CPU",
            "Processor cores in use.",
            "none",
            [(rate(process("cpu_seconds_total")), "cores")],
            ((None, "green"), (0.8, "orange"), (1, "red")),
        ),
        graph(
            "Tasks and threads",
            "Tasks of the event loop that are not done, and threads.",
            "none",
            [(metric("event_loop_tasks"), "tasks"), (metric("process_threads"), "threads")],
        ),
    ],
}


def text() -> str:
    """The dashboard as JSON text."""
    return dashboard("Performance", "Where the time of a pass goes: stages, endpoints, pool, cache, database, event loop.", ROWS)
