"""The report as JSON for machines; docs/backtesting.md describes every field."""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import orjson

from binance_trade_agent.backtest.closed_trades import ClosedTrade
from binance_trade_agent.backtest.report.report import Report
from binance_trade_agent.backtest.report.symbol_result import Result
from binance_trade_agent.domain.money import plain

VERSION = 1
"""Raised when a field changes its meaning or goes; a field that is added raises nothing."""

MOST_TRADES = 100_000
"""The newest so many closed trades are written."""


def report_json(report: Report) -> str:
    """The report as one JSON object; amounts are strings of digits, ratios numbers or null, times ms UTC."""
    return orjson.dumps(_document(report), option=orjson.OPT_INDENT_2).decode()


def _document(report: Report) -> dict[str, Any]:
    record = report.record
    trades = report.trades
    return {
        "version": VERSION,
        "first_ms": record.first_ms,
        "last_ms": record.last_ms,
        "interval_ms": record.interval_ms,
        "strategy": record.strategy,
        "path": record.path,
        "digest": record.digest,
        "quote_asset": record.quote_asset,
        "initial_value": plain(record.initial_value),
        "equity": plain(record.equity),
        "profit": plain(report.profit),
        "figures": {**asdict(report.figures), **asdict(report.activity)},
        "monthly_returns": [[f"{year}-{month:02}", share] for year, month, share in report.growth.monthly_returns()],
        "daily_equity": _daily_equity(report),
        "symbols": [_result(symbol.result) for symbol in report.symbols],
        "all": _result(report.all),
        "trades": [_trade(trade, report.reason(trade)) for trade in trades[-MOST_TRADES:]],
        "trades_left_out": max(len(trades) - MOST_TRADES, 0),
        "refusals": dict(record.refusals),
        "modes": dict(record.modes),
        "gaps": {symbol.result.name: [list(gap) for gap in symbol.history.gaps] for symbol in report.symbols},
        "proof": _proof(report),
        "differences": list(report.differences),
        "settings": dict(record.settings),
    }


def _daily_equity(report: Report) -> list[list[float]]:
    """[time ms, equity] at the last point of each day of UTC that has one."""
    growth = report.growth
    return [[time_ms, value] for time_ms, value in zip(*(column.tolist() for column in growth.ends_of_days()), strict=True)]


def _result(result: Result) -> dict[str, Any]:
    values = {name: _plain(value) for name, value in asdict(result).items()}
    return {**values, "profit": plain(result.profit)}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, Mapping) else value


def _trade(trade: ClosedTrade, reason: str) -> dict[str, Any]:
    # An id names the book, which is another one in every run.
    values = {name: _plain(value) for name, value in asdict(trade).items() if name != "client_order_id"}
    return {**values, "profit": plain(trade.profit), "reason": reason}


def _proof(report: Report) -> dict[str, Any] | None:
    proof = report.record.proof
    if proof is None:
        return None
    return {
        "holds": proof.holds,
        "balances": proof.balances,
        "orders": proof.orders,
        "trades": proof.fills,
        "differences": list(proof.differences),
    }
