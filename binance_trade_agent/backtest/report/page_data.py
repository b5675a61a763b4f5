"""What the page of a report draws, thinned to what a screen can show by rules that the page states."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from binance_trade_agent.backtest.closed_trades import ClosedTrade
from binance_trade_agent.backtest.report.growth import Floats, Growth
from binance_trade_agent.backtest.report.report import Report
from binance_trade_agent.backtest.report.symbol_result import Result, SymbolTrading
from binance_trade_agent.backtest.report.words import amount, figure_rows, length, number, percent, verdict_lines
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.order import Fill, Side
from binance_trade_agent.domain.utc_text import utc_minute

MOST_POINTS = 2_000
"""Columns of the equity chart."""

MOST_BARS = 20_000
"""Bars of all charts together."""

BARS_A_CHART = (100, 2_000)
"""The fewest that a chart gets room for, and the most that it needs."""

MOST_MARKS = 2_000
"""Orders marked on one chart, the newest."""

MOST_TRADES = 40
"""Closed trades in the list: half of them the best, half the worst."""


def page_data(report: Report) -> dict[str, Any]:
    """All of it as plain values for JSON."""
    record = report.record
    charted = _charted(report.symbols)
    room = min(max(MOST_BARS // max(len(charted), 1), BARS_A_CHART[0]), BARS_A_CHART[1])
    return {
        "strategy": record.strategy,
        "from": utc_minute(record.first_ms),
        "to": utc_minute(record.last_ms),
        "asset": record.quote_asset,
        "path": record.path,
        "initial": amount(record.initial_value),
        "equity": amount(record.equity),
        "profit": amount(report.profit),
        "holds": report.holds,
        "verdict": verdict_lines(report),
        "figures": figure_rows(report),
        "curve": _curve(report.growth, report.exposed),
        "months": [[year, month, share] for year, month, share in report.growth.monthly_returns()],
        "symbols": [_symbol(report, symbol) for symbol in report.symbols],
        "all": _cells(report, report.all, ""),
        "charts": [_chart(symbol, room, record.interval_ms) for symbol in charted],
        "uncharted": len(report.symbols) - len(charted),
        "trades": [_trade(trade, report.reason(trade)) for trade in _extremes(report.trades)],
        "closed": len(report.trades),
        "refusals": sorted(record.refusals.items(), key=lambda pair: (-pair[1], pair[0])),
        "modes": [[scope, mode] for scope, mode in record.modes.items() if mode != "ACTIVE"],
        "gaps": [[symbol, utc_minute(after), missing] for symbol, (after, missing) in report.gaps],
        "elsewhere": [[asset, plain(paid)] for asset, paid in sorted(report.all.fees_elsewhere.items())],
        "settings": list(record.settings.items()),
        "digest": record.digest,
    }


def _curve(growth: Growth, exposed: Floats) -> dict[str, list[float]]:
    """The curve in at most MOST_POINTS columns of equally many points: last, least and greatest equity, deepest drawdown, mean exposure."""
    count = len(growth.times_ms)
    if not count:
        return {name: [] for name in ("t", "last", "low", "high", "drawdown", "exposure")}
    size = -(-count // MOST_POINTS)
    firsts = np.arange(0, count, size)
    lasts = np.minimum(firsts + size, count) - 1
    return {
        "t": growth.times_ms[lasts].tolist(),
        "last": _short(growth.values[lasts]),
        "low": _short(np.minimum.reduceat(growth.values, firsts)),
        "high": _short(np.maximum.reduceat(growth.values, firsts)),
        "drawdown": _short(np.maximum.reduceat(growth.drawdowns(), firsts), 4),
        "exposure": _short(np.add.reduceat(exposed, firsts) / (lasts - firsts + 1), 4),
    }


def _short(column: Floats, digits: int = 7) -> list[float]:
    """Values with no more digits than a picture can show."""
    return [float(f"{value:.{digits}g}") for value in column.tolist()]


def _charted(symbols: Sequence[SymbolTrading]) -> list[SymbolTrading]:
    """Those that get a chart: all of them, or as many as there is room for, those with most fills first; in their own order."""
    most = MOST_BARS // BARS_A_CHART[0]
    chosen = sorted(symbols, key=lambda symbol: -symbol.result.fills)[:most]
    names = {symbol.result.name for symbol in chosen if len(symbol.history.bars)}
    return [symbol for symbol in symbols if symbol.result.name in names]


def _chart(symbol: SymbolTrading, room: int, interval_ms: int) -> dict[str, Any]:
    """Bars by their number of candles since the first, and a mark for each order that traded: time, mean price, side, and what it was."""
    bars = symbol.history.bars
    shown = bars.merged(room)
    first_ms = int(bars.opens_ms[0])
    return {
        "name": symbol.result.name,
        "first": first_ms,
        "interval": interval_ms,
        "merged": -(-len(bars) // room) if len(bars) > room else 1,
        "at": ((shown.opens_ms - first_ms) // interval_ms).tolist(),
        "open": _short(shown.opens),
        "high": _short(shown.highs),
        "low": _short(shown.lows),
        "close": _short(shown.closes),
        "marks": _marks(symbol),
    }


def _marks(symbol: SymbolTrading) -> list[list[Any]]:
    profits = {trade.client_order_id: trade for trade in symbol.trades}
    by_order: dict[str, list[Fill]] = {}
    for fill in symbol.history.fills:
        by_order.setdefault(fill.client_order_id, []).append(fill)
    marks = []
    for name, fills in list(by_order.items())[-MOST_MARKS:]:
        quantity = sum(fill.quantity for fill in fills)
        price = float(sum(fill.quote_quantity for fill in fills) / quantity)
        trade = profits.get(name)
        gained = "" if trade is None else f", {amount(trade.profit)} ({percent(trade.share)})"
        side = fills[-1].side
        # A level that was reached has its name before a colon; figures of indicators are too much for a mark.
        level, colon, _ = symbol.history.reasons.get(name, "").partition(": ")
        text = f"{side} {plain(Decimal(quantity))} at {price:.7g}{gained}{f', {level}' if colon else ''}"
        marks.append([fills[-1].time_ms, float(f"{price:.7g}"), 1 if side is Side.BUY else -1, text])
    return marks


def _symbol(report: Report, symbol: SymbolTrading) -> list[str]:
    bars = symbol.history.bars
    market = float(bars.closes[-1] / bars.opens[0] - 1) if len(bars) else None
    return _cells(report, symbol.result, percent(market))


def _cells(report: Report, result: Result, market: str) -> list[str]:
    share = float(result.profit / report.record.initial_value)
    return [
        result.name,
        amount(result.profit),
        percent(share),
        market,
        f"{result.trades.trades:,}",
        percent(result.trades.win_rate, 1),
        number(result.trades.profit_factor),
        percent(result.trades.mean_share, 3),
        length(result.trades.mean_held_ms),
        f"{result.max_drawdown:.6g}",
        amount(result.fees),
        amount(result.bought + result.sold),
        amount(result.unrealized),
        f"{result.candles:,}",
        f"{result.missing_candles:,}",
    ]


def _extremes(trades: Sequence[ClosedTrade]) -> list[ClosedTrade]:
    """All trades when they are few, else the best and the worst, from the best down."""
    ranked = sorted(trades, key=lambda trade: trade.profit, reverse=True)
    half = MOST_TRADES // 2
    return ranked if len(ranked) <= MOST_TRADES else [*ranked[:half], *ranked[-half:]]


def _trade(trade: ClosedTrade, reason: str) -> list[str]:
    return [
        trade.symbol,
        utc_minute(trade.opened_ms),
        utc_minute(trade.closed_ms),
        length(trade.closed_ms - trade.opened_ms),
        plain(trade.quantity),
        amount(trade.cost),
        amount(trade.profit),
        percent(trade.share),
        reason,
    ]
