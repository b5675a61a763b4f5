"""The report as tables for people and as JSON for machines."""

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from binance_trade_agent.backtest.report import Report, drawdown_share
from binance_trade_agent.backtest.results import Result
from binance_trade_agent.domain.money import plain

GAPS_SHOWN = 20


def print_report(report: Report, console: Console) -> None:
    """Print the tables."""
    console.print(_tables(report))


def _tables(report: Report) -> RenderableType:
    return Group(_results_table(report), *(Text(line) for line in [*_summary(report), *_gap_lines(report), *_proof_lines(report)]))


def _results_table(report: Report) -> Table:
    asset = report.snapshot.quote_asset
    table = Table(title=f"{_when(report.first_ms)} to {_when(report.last_ms)} UTC, strategy {report.strategy}, amounts in {asset}")
    for heading in (
        "symbol",
        "orders",
        "fills",
        "bought",
        "sold",
        "fees",
        "realised",
        "unrealised",
        "profit",
        "drawdown",
        "candles",
        "missing",
    ):
        table.add_column(heading, justify="left" if heading == "symbol" else "right", no_wrap=True)
    for result in report.results:
        table.add_row(*_cells(result))
    table.add_section()
    table.add_row(*_cells(report.all), style="bold")
    return table


def _cells(result: Result) -> list[str]:
    amounts = (result.bought, result.sold, result.fees, result.realized, result.unrealized, result.profit, result.max_drawdown)
    return [
        result.name,
        str(result.orders),
        str(result.fills),
        *(_amount(amount) for amount in amounts),
        str(result.candles),
        str(result.missing_candles),
    ]


def _summary(report: Report) -> list[str]:
    snapshot = report.snapshot
    asset, initial = snapshot.quote_asset, snapshot.initial_value
    share = snapshot.profit / initial if initial else Decimal(0)
    lines = [
        f"Put in {_amount(initial)} {asset}, now {_amount(snapshot.equity)} {asset}: profit {_amount(snapshot.profit)} {asset} "
        f"({_percent(share)}), largest drawdown {_percent(drawdown_share(report))} of what was put in."
    ]
    for fee_asset, amount in sorted(report.all.fees_elsewhere.items()):
        lines.append(f"Fees of {plain(amount)} {fee_asset} are not in these figures.")
    return lines


def _gap_lines(report: Report) -> list[str]:
    gaps = [(symbol, after, missing) for symbol, found in report.gaps.items() for after, missing in found]
    if not gaps:
        return ["The candles have no gaps."]
    total = sum(missing for _, _, missing in gaps)
    lines = [f"The candles have {len(gaps)} gaps, {total} candles are missing; nothing was invented for them:"]
    lines += [f"  {symbol}: {missing} after {_when(after)}" for symbol, after, missing in gaps[:GAPS_SHOWN]]
    return lines if len(gaps) <= GAPS_SHOWN else [*lines, f"  and {len(gaps) - GAPS_SHOWN} more"]


def _proof_lines(report: Report) -> list[str]:
    proof = report.proof
    compared = f"{proof.balances} balances, {proof.orders} orders and {proof.fills} trades"
    if proof.holds:
        return [f"The book equals the exchange's own accounts exactly: {compared} compared, no difference."]
    return [f"THE BOOK AND THE EXCHANGE DIFFER ({compared} compared):", *(f"  {difference}" for difference in proof.differences)]


def report_json(report: Report) -> str:
    """The report as one JSON object; amounts are strings of digits, times ms UTC."""
    return orjson.dumps(
        {
            "first_ms": report.first_ms,
            "last_ms": report.last_ms,
            "interval_ms": report.interval_ms,
            "strategy": report.strategy,
            "quote_asset": report.snapshot.quote_asset,
            "initial_value": plain(report.snapshot.initial_value),
            "equity": plain(report.snapshot.equity),
            "profit": plain(report.snapshot.profit),
            "symbols": [_result_json(result) for result in report.results],
            "all": _result_json(report.all),
            "gaps": {symbol: [list(gap) for gap in found] for symbol, found in report.gaps.items()},
            "proof": {
                "holds": report.proof.holds,
                "balances": report.proof.balances,
                "orders": report.proof.orders,
                "trades": report.proof.fills,
                "differences": list(report.proof.differences),
            },
        },
        option=orjson.OPT_INDENT_2,
    ).decode()


def _result_json(result: Result) -> dict[str, Any]:
    values: dict[str, Any] = {field.name: getattr(result, field.name) for field in fields(result)}
    values["fees_elsewhere"] = {asset: plain(amount) for asset, amount in result.fees_elsewhere.items()}
    return {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def _amount(value: Decimal) -> str:
    """At most eight decimals, and no more digits than people read."""
    rounded = value.quantize(Decimal("1e-8"))
    return f"{value:,.2f}" if abs(value) >= 1000 else plain(rounded if abs(value) < 1 else value.quantize(Decimal("1e-6")))


def _percent(share: Decimal) -> str:
    return f"{share * 100:.3f} %"


def _when(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
