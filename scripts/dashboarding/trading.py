"""Trading: equity, positions, decisions, orders and limits, with marks for fills and changes of mode."""

from dashboarding.layout import annotation, dashboard
from dashboarding.panels import CALM, FEW_ARE_BEARABLE, GREEN, MODES, SHARE_OF_A_LIMIT, ZERO_IS_GOOD, Json, graph, stat
from dashboarding.queries import RATE, metric, of_symbols, per_minute, quantiles

ROWS: dict[str, list[Json]] = {
    "Equity": [
        graph(
            "Equity curve",
            "Equity, and of it cash and exposure, in the quote asset; what was put in for comparison.",
            "locale",
            [(metric(name), name.replace("_", " ")) for name in ("equity", "cash", "exposure", "initial_value")],
            width=16,
        ),
        graph(
            "Profit",
            "Realised by closed trades, and unrealised at the marks, in the quote asset.",
            "locale",
            [(metric(f"{name}_profit"), name) for name in ("realized", "unrealized")],
            ((None, "red"), (0, "green")),
        ),
        graph(
            "Drawdown",
            "Fall of equity from its highest since trading was last armed; money put in or taken out is no part of it.",
            "percentunit",
            [(metric("drawdown_ratio"), "drawdown")],
            ((None, "green"), (0.05, "orange"), (0.1, "red")),
        ),
        graph(
            "Use of the limits",
            "How much of each limit of risk was used when a pass began; at 100 % the rule refuses or stops.",
            "percentunit",
            [(metric("risk_limit_used_ratio"), "{{limit}}")],
            SHARE_OF_A_LIMIT,
            minimum=0,
        ),
        graph(
            "The limits",
            "What the limits allow that are shares of equity.",
            "percentunit",
            [(metric("risk_limit", 'limit!~"order_rate|loss_streak"'), "{{limit}}")],
            minimum=0,
        ),
    ],
    "Locks": [
        graph(
            "Entries at rest",
            "Symbols, or the account as one, whose entries rested when a pass began, by the rule that lets them rest.",
            "none",
            [(metric("risk_entry_locks"), "{{rule}}")],
            minimum=0,
        ),
    ],
    "Positions": [
        graph(
            "Positions",
            "Value of what is held, by symbol, in the quote asset.",
            "locale",
            [(of_symbols("position_value"), "{{symbol}}")],
            stacked=True,
        ),
        graph(
            "Unrealised profit by symbol",
            "Profit of open positions at their marks, in the quote asset.",
            "locale",
            [(of_symbols("position_unrealized_profit"), "{{symbol}}")],
            ((None, "red"), (0, "green")),
        ),
        graph("Quantity by symbol", "What is held, in the base asset.", "locale", [(of_symbols("position_quantity"), "{{symbol}}")]),
        stat(
            "Without protection",
            "Positions without the stop-loss and take-profit on the exchange that PROTECTION=exchange wants; nothing with PROTECTION=off.",
            "none",
            metric("positions_unprotected"),
            ZERO_IS_GOOD,
            height=8,
        ),
        graph(
            "Entries from outside",
            "Deposits and withdrawals that were booked, and positions that became smaller without a trade, since the start.",
            "none",
            [(metric("external_entries_total"), "{{asset}}"), (metric("position_write_downs_total"), "written down: {{symbol}}")],
            width=10,
        ),
        graph(
            "Fees",
            "Commissions since the daemon started, by asset, in that asset.",
            "locale",
            [(metric("fees_total"), "{{asset}}")],
            width=10,
        ),
    ],
    "Decisions": [
        graph("Decisions per minute", "What passes decided, by verdict.", "none", per_minute("decisions_total", "verdict"), stacked=True),
        graph("Refusals per minute", "Orders that risk refused, by rule.", "none", per_minute("risk_refusals_total", "rule")),
        graph(
            "Modes",
            "Trading mode of the account (scope *) and of symbols that had one.",
            "none",
            [(metric("trading_mode"), "{{scope}}")],
            ((None, "green"), (1, "orange"), (2, "red")),
            mappings=MODES,
            minimum=0,
            maximum=2,
        ),
    ],
    "Orders": [
        graph(
            "Orders per minute",
            "Approved by risk, sent, and what became of the attempts.",
            "none",
            [
                *per_minute("risk_approvals_total", legend="approved"),
                *per_minute("orders_sent_total", legend="sent"),
                *per_minute("orders_total", "outcome"),
            ],
        ),
        graph(
            "Rejections per minute",
            "Orders that the exchange rejected, by its code; docs/errors.md explains them.",
            "none",
            per_minute("order_rejections_total", "code"),
            FEW_ARE_BEARABLE,
        ),
        graph("Fills per minute", "Trades that were booked, by side.", "none", per_minute("fills_total", "side")),
        graph(
            "From a price to the order",
            "Time from a price at the exchange to the order that was decided on it leaving, in market time.",
            "s",
            quantiles("market_to_order_seconds"),
        ),
        graph("From order to answer", "Time from sending an order to its answer.", "s", quantiles("order_duration_seconds")),
        graph(
            "From order to fill",
            "Time from sending an order until its fill is in the book; orders that rest are not counted.",
            "s",
            quantiles("order_to_fill_seconds"),
        ),
        stat(
            "Open orders",
            "Orders of the book that are not settled, those that protect positions included.",
            "none",
            metric("orders_open"),
            CALM,
            height=8,
        ),
        graph(
            "Orders settled later per minute",
            "Open or unknown orders that the reconciler settled, by state.",
            "none",
            per_minute("orders_settled_total", "state"),
            GREEN,
            width=10,
        ),
        graph(
            "Orders counted",
            "Unfilled orders that the exchange counts for the account, by window.",
            "none",
            [(metric("orders_counted"), "{{window}}")],
            width=10,
        ),
    ],
}

MARKS = [
    annotation("Fills", "green", f"sum by (side) (increase({metric('fills_total')}{RATE})) > 0", "fill", "{{side}}"),
    annotation("Changes of mode", "red", f"changes({metric('trading_mode')}{RATE}) > 0", "mode", "mode of {{scope}} changed"),
]


def text() -> str:
    """The dashboard as JSON text."""
    return dashboard(
        "Trading", "Equity, positions, decisions, orders and limits; fills and changes of mode are marked.", ROWS, annotations=MARKS
    )
