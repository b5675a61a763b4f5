"""Overview: on one look, whether the daemon is well, what it trades, where time goes, and what will break next."""

from dashboarding.layout import dashboard
from dashboarding.panels import CALM, MODES, SHARE_OF_A_LIMIT, ZERO_IS_GOOD, Json, Steps, bars, graph, stat, yes_no
from dashboarding.queries import INSTANCE, metric, per_minute, process, quantile, quantiles, rate, share_of_pass

_BELOW_IS_BAD: Steps = ((None, "red"), (0.5, "orange"), (0.95, "green"))
_LOSS: Steps = ((None, "red"), (0, "green"))
_FALL: Steps = ((None, "green"), (0.05, "orange"), (0.1, "red"))
_LATE: Steps = ((None, "green"), (2, "orange"), (3, "red"))
_ROOM: Steps = ((None, "red"), (0.05, "orange"), (0.15, "green"))
_OLD: Steps = ((None, "green"), (1.5, "orange"), (2, "red"))
_OFF: Steps = ((None, "green"), (0.5, "orange"), (1, "red"))

_errors = f"sum({rate(metric('request_errors_total'))}) / sum({rate(metric('request_duration_seconds_count'))})"
_backup_age = f"(time() - {metric('backup_newest_timestamp_seconds')}) / ({metric('backup_interval_seconds')} > 0)"

ROWS: dict[str, list[Json]] = {
    "Is it well?": [
        stat(
            "Daemon",
            "Whether Prometheus reaches the daemon.",
            "none",
            f'up{{job="trade-agent",{INSTANCE}}}',
            ZERO_IS_GOOD,
            mappings=yes_no("up", "down"),
        ),
        stat(
            "Ready",
            "Whether every check of /readyz holds: book compared, clock known, passes made, positions protected.",
            "none",
            metric("ready", 'check="all"'),
            ZERO_IS_GOOD,
            mappings=yes_no("ready", "not ready"),
        ),
        stat(
            "Mode",
            "Trading mode of the whole account; after a breaker it stays until somebody resumes.",
            "none",
            metric("trading_mode", 'scope="*"'),
            CALM,
            mappings=MODES,
        ),
        stat(
            "Last pass",
            "How many intervals ago the last pass ended. More than two is late.",
            "none",
            f"(time() - {metric('last_pass_timestamp_seconds')}) / {metric('pass_interval_seconds')}",
            _LATE,
            decimals=1,
        ),
        stat(
            "Alerts",
            "Alerts that fire just now; docs/runbook.md says what each means.",
            "none",
            'count(ALERTS{alertstate="firing"}) or vector(0)',
            ZERO_IS_GOOD,
        ),
        stat(
            "Unknown orders",
            "Orders whose fate is not known. More than a minute above 0 deserves a look.",
            "none",
            metric("orders_unknown"),
            ZERO_IS_GOOD,
        ),
    ],
    "What does it trade?": [
        stat("Equity", "Cash and positions at their marks, in the quote asset.", "locale", metric("equity"), CALM),
        stat(
            "Profit",
            "Equity less what was put in, in the quote asset.",
            "locale",
            f"{metric('equity')} - {metric('initial_value')}",
            _LOSS,
        ),
        stat(
            "Drawdown",
            "Fall of equity from its highest since trading was last armed; money put in or taken out is no part of it.",
            "percentunit",
            metric("drawdown_ratio"),
            _FALL,
        ),
        stat("Positions", "Symbols that something is held of.", "none", f"count({metric('position_quantity')} > 0) or vector(0)", CALM),
        stat(
            "Open orders",
            "Orders of the book that are not settled, those that protect positions included.",
            "none",
            metric("orders_open"),
            CALM,
        ),
        stat(
            "Fills per minute",
            "Trades that were booked.",
            "none",
            per_minute("fills_total")[0][0],
            CALM,
        ),
        graph(
            "Equity, cash and exposure",
            "The book in the quote asset.",
            "locale",
            [(metric(name), name) for name in ("equity", "cash", "exposure")],
        ),
        graph("Decisions per minute", "What passes decided, by verdict.", "none", per_minute("decisions_total", "verdict")),
        bars(
            "Use of the limits",
            "How much of each limit of risk is used; at 100 % the rule refuses entries, or stops them for the account.",
            "percentunit",
            [(metric("risk_limit_used_ratio"), "{{limit}}")],
            SHARE_OF_A_LIMIT,
            minimum=0,
            maximum=1,
        ),
    ],
    "Where does time go?": [
        stat(
            "Costliest stage",
            "The stage that takes most of a pass just now, and its share.",
            "percentunit",
            f"topk(1, {share_of_pass()})",
            CALM,
            legend="{{stage}}",
            height=8,
        ),
        graph(
            "Share of a pass by stage",
            "The stages follow one another; what is missing to 100 % lies between them.",
            "percentunit",
            [(share_of_pass(), "{{stage}}")],
            stacked=True,
            minimum=0,
            maximum=1,
            width=10,
        ),
        graph("Pass", "Time of a pass over all symbols.", "s", quantiles("pass_duration_seconds"), width=10),
    ],
    "What breaks next?": [
        stat(
            "Request weight",
            "Share of the exchange's limit for this address that is used.",
            "percentunit",
            f"{metric('request_weight_used')} / {metric('request_weight_limit')}",
            SHARE_OF_A_LIMIT,
        ),
        stat(
            "Failing requests",
            "Share of the requests to the exchange that fail.",
            "percentunit",
            _errors,
            ((None, "green"), (0.02, "orange"), (0.2, "red")),
        ),
        stat(
            "Live streams",
            "Share of the symbols that are followed by stream whose streams are live; REST is asked for the others.",
            "percentunit",
            f"{metric('streamed_symbols_live')} / ({metric('streamed_symbols')} > 0)",
            _BELOW_IS_BAD,
        ),
        stat("Clock", "How far this machine's clock is off the exchange's.", "s", f"abs({metric('clock_offset_seconds')})", _OFF),
        stat(
            "Loop lag",
            "How late the event loop runs its timers, 99th percentile.",
            "s",
            quantile(0.99, "loop_lag_seconds"),
            ((None, "green"), (0.1, "orange"), (0.25, "red")),
        ),
        stat(
            "Book differences",
            "What the last comparison of the book with the exchange found.",
            "none",
            metric("reconciliation_last_differences"),
            ZERO_IS_GOOD,
        ),
        stat(
            "Room on the disk",
            "Share of the book's disk that is free.",
            "percentunit",
            f"{metric('disk_free_bytes')} / {metric('disk_size_bytes')}",
            _ROOM,
        ),
        stat("Age of the backup", "In intervals of the schedule; more than two is late.", "none", _backup_age, _OLD, decimals=1),
        stat(
            "Open files",
            "Share of the files that the process may open.",
            "percentunit",
            f"{process('open_fds')} / {process('max_fds')}",
            SHARE_OF_A_LIMIT,
        ),
        stat("Memory", "Resident memory of the daemon.", "bytes", process("resident_memory_bytes"), CALM),
        stat(
            "Waiting requests",
            "Requests that wait for a connection or for room in the exchange's limits.",
            "none",
            f"sum({metric('pool_waiting_requests')}) + (sum({metric('limit_waiting_requests')}) or vector(0))",
            ((None, "green"), (10, "orange"), (100, "red")),
        ),
        stat("Version", "What is running.", "none", metric("build_info"), CALM, legend="{{version}}, Python {{python}}", shows="name"),
    ],
}


def text() -> str:
    """The dashboard as JSON text."""
    return dashboard("Overview", "On one look: whether it is well, what it trades, where time goes, what breaks next.", ROWS)
