"""Reliability: unknown orders, the book against the exchange, circuits, the database and its backups, and what a process uses up."""

from dashboarding.layout import dashboard
from dashboarding.panels import CALM, FEW_ARE_BEARABLE, SHARE_OF_A_LIMIT, ZERO_IS_GOOD, Json, bars, graph, stat, yes_no
from dashboarding.queries import metric, per_minute, process, quantiles, rate

_LATE = ((None, "green"), (1.5, "orange"), (2, "red"))

ROWS: dict[str, list[Json]] = {
    "Orders of unknown fate": [
        stat("Unknown orders", "Orders whose fate is not known.", "none", metric("orders_unknown"), ZERO_IS_GOOD, height=8),
        stat(
            "Age of the oldest",
            "How long ago the oldest of them was decided, in market time.",
            "s",
            metric("orders_unknown_age_seconds"),
            ((None, "green"), (60, "orange"), (180, "red")),
            height=8,
        ),
        graph(
            "Unknown orders over time",
            "How many, and how old the oldest is in minutes.",
            "none",
            [(metric("orders_unknown"), "orders"), (f"{metric('orders_unknown_age_seconds')} / 60", "age in minutes")],
            ZERO_IS_GOOD,
        ),
        graph(
            "Settled per minute",
            "Open or unknown orders that the reconciler settled, by state.",
            "none",
            per_minute("orders_settled_total", "state"),
        ),
    ],
    "Book and exchange": [
        stat(
            "Differences",
            "What the last comparison of the book with the exchange found.",
            "none",
            metric("reconciliation_last_differences"),
            ZERO_IS_GOOD,
            height=8,
        ),
        stat(
            "Without protection",
            "Positions without the stop-loss and take-profit on the exchange that PROTECTION=exchange wants.",
            "none",
            metric("positions_unprotected"),
            ZERO_IS_GOOD,
            height=8,
        ),
        graph(
            "Comparisons per minute",
            "Comparisons of the book with the exchange, and differences that they found.",
            "none",
            [
                *per_minute("reconciliations_total", legend="comparisons"),
                *per_minute("reconciliation_differences_total", legend="differences"),
            ],
        ),
        graph(
            "Time of a comparison",
            "How long a comparison of the book with the exchange takes.",
            "s",
            quantiles("reconciliation_duration_seconds"),
        ),
        graph(
            "Entries from outside",
            "Deposits and withdrawals that were booked, and positions that became smaller without a trade, since the start.",
            "none",
            [(metric("external_entries_total"), "{{asset}}"), (metric("position_write_downs_total"), "written down: {{symbol}}")],
        ),
        graph(
            "Gaps in account events",
            "Times that account events may have been missed since the start; what they told is asked by REST.",
            "none",
            [(metric("account_event_gaps_total"), "gaps")],
        ),
    ],
    "Passes": [
        bars(
            "Readiness",
            "Each check of /readyz: 1 when it holds.",
            "none",
            [(metric("ready"), "{{check}}")],
            ((None, "red"), (1, "green")),
            minimum=0,
            maximum=1,
            mappings=yes_no("holds", "does not hold"),
        ),
        graph(
            "Passes per minute",
            "Passes that ended well, and that ended early with an error.",
            "none",
            [*per_minute("passes_total", legend="well"), *per_minute("passes_failed_total", legend="failed")],
        ),
        graph(
            "Circuits",
            "Whether a group of endpoints is asked: 0 yes, 1 by one request at a time, 2 not now.",
            "none",
            [(metric("circuit_state"), "{{group}}")],
            ZERO_IS_GOOD,
            minimum=0,
            maximum=2,
        ),
    ],
    "Database": [
        graph(
            "Operations",
            "Time of operations on the book's file, by kind.",
            "s",
            quantiles("database_duration_seconds", "operation"),
            ((None, "green"), (0.25, "orange"), (1, "red")),
        ),
        graph(
            "Failures",
            "Operations that failed, by kind, since the start.",
            "none",
            [(metric("database_failures_total"), "{{operation}}")],
            ZERO_IS_GOOD,
        ),
        graph("Book", "Size of the book's file and its log of changes.", "bytes", [(metric("book_bytes"), "book")]),
        graph(
            "Room on the disk",
            "What is free on the book's disk, and its size.",
            "bytes",
            [(metric("disk_free_bytes"), "free"), (metric("disk_size_bytes"), "size")],
        ),
        stat(
            "Age of the backup",
            "Of the newest scheduled backup, in intervals of the schedule; nothing while none is wanted.",
            "none",
            f"(time() - {metric('backup_newest_timestamp_seconds')}) / ({metric('backup_interval_seconds')} > 0)",
            _LATE,
            height=8,
        ),
        graph("Backups", "Scheduled backups since the start, by result.", "none", [(metric("backups_total"), "{{result}}")], width=6),
        graph(
            "Time of a backup",
            "How long a scheduled backup takes, its checks included.",
            "s",
            quantiles("backup_duration_seconds"),
            width=6,
        ),
    ],
    "Process": [
        graph("Memory", "Resident memory of the daemon.", "bytes", [(process("resident_memory_bytes"), "resident")]),
        graph(
            "Memory, slope",
            "How fast resident memory grows, as bytes in an hour, over the last half hour.",
            "bytes",
            [(f"3600 * deriv({process('resident_memory_bytes')}[30m])", "an hour")],
        ),
        graph(
            "Open files",
            "Share of the files that the process may open.",
            "percentunit",
            [(f"{process('open_fds')} / {process('max_fds')}", "files")],
            SHARE_OF_A_LIMIT,
            minimum=0,
        ),
        graph(
            "Tasks and threads",
            "Tasks of the event loop that are not done, and threads.",
            "none",
            [(metric("event_loop_tasks"), "tasks"), (metric("process_threads"), "threads")],
        ),
        stat("Up for", "Time since the process started.", "s", f"time() - {process('start_time_seconds')}", CALM, height=8),
        stat(
            "Figures not counted",
            "Facts that could not be turned into metrics; other than 0 is a defect worth a report.",
            "none",
            metric("observer_failures_total"),
            ZERO_IS_GOOD,
            height=8,
        ),
        graph(
            "Failures per minute",
            "Database operations and measured functions that failed.",
            "none",
            [
                (f"60 * sum({rate(metric('database_failures_total'))})", "database"),
                (f"60 * sum({rate(metric('function_failures_total'))})", "functions"),
            ],
            FEW_ARE_BEARABLE,
        ),
        graph(
            "Messages",
            "Lines of messages to whoever runs the daemon since the start, by service and result.",
            "none",
            [(metric("notices_total"), "{{service}} {{result}}")],
        ),
        graph(
            "Spans of traces, and log lines",
            "Spans since the start, by result, and writes of log lines that were lost: nobody took them in time.",
            "none",
            [(metric("spans_total"), "spans {{result}}"), (metric("log_writes_lost_total"), "log lines lost")],
        ),
    ],
}


def text() -> str:
    """The dashboard as JSON text."""
    return dashboard(
        "Reliability", "Unknown orders, the book against the exchange, circuits, database and backups, and what the process uses up.", ROWS
    )
