"""Figures in words: amounts, shares, times and lengths of time as people read them, the same in every report."""

from decimal import Decimal

from binance_trade_agent.backtest.report.report import Report
from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.spans import lasting

NONE = "-"
"""What stands for a figure that is not defined."""


def amount(value: Decimal) -> str:
    """At most eight decimals, and no more digits than people read."""
    rounded = value.quantize(Decimal("1e-8"))
    return f"{value:,.2f}" if abs(value) >= 1000 else plain(rounded if abs(value) < 1 else value.quantize(Decimal("1e-6")))


def percent(share: float | None, digits: int = 2) -> str:
    """A fraction as percent."""
    return NONE if share is None else f"{share * 100:,.{digits}f} %"


def number(value: float | None) -> str:
    """A ratio with two decimals."""
    return NONE if value is None else f"{value:,.2f}"


def length(ms: float | None) -> str:
    """A length of time."""
    return NONE if ms is None else lasting(ms)


def figure_rows(report: Report) -> list[tuple[str, str]]:
    """Name and value of every figure of the whole run, in the order in which they are read."""
    curve, activity, trades = report.figures, report.activity, report.all.trades
    asset = report.record.quote_asset
    return [
        ("return", percent(curve.total_return)),
        ("CAGR", percent(curve.cagr)),
        ("volatility, a year", percent(curve.volatility)),
        ("largest drawdown", percent(curve.max_drawdown)),
        ("longest drawdown", length(curve.longest_drawdown_ms)),
        ("Sharpe", number(curve.sharpe)),
        ("Sortino", number(curve.sortino)),
        ("Calmar", number(curve.calmar)),
        ("closed trades", f"{trades.trades:,}"),
        ("win rate", percent(trades.win_rate)),
        ("profit factor", number(trades.profit_factor)),
        ("expectancy", NONE if trades.expectancy is None else f"{amount(Decimal(trades.expectancy))} {asset}"),
        ("mean trade", percent(trades.mean_share, 3)),
        ("best trade", percent(trades.best_share)),
        ("worst trade", percent(trades.worst_share)),
        ("held on average", length(trades.mean_held_ms)),
        ("time in market", percent(activity.time_in_market)),
        ("exposure", percent(activity.exposure)),
        ("turnover", NONE if activity.turnover is None else f"{activity.turnover:,.2f} times"),
        ("fees", f"{amount(report.all.fees)} {asset}"),
    ]


def verdict_lines(report: Report) -> list[str]:
    """Whether report, book and exchange agree, and every difference."""
    lines = [f"THE REPORT AND THE BOOK DIFFER: {difference}" for difference in report.differences]
    proof = report.record.proof
    if proof is None:
        return lines
    compared = f"{counted(proof.balances, 'balance')}, {counted(proof.orders, 'order')} and {counted(proof.fills, 'trade')}"
    if proof.holds:
        return [*lines, f"The book equals the exchange's own accounts exactly: {compared} compared, no difference."]
    return [*lines, f"THE BOOK AND THE EXCHANGE DIFFER ({compared} compared):", *(f"  {each}" for each in proof.differences)]
