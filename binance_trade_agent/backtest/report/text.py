"""The report as tables for the terminal."""

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from binance_trade_agent.backtest.report.report import Report
from binance_trade_agent.backtest.report.symbol_result import Result
from binance_trade_agent.backtest.report.words import amount, figure_rows, percent, verdict_lines
from binance_trade_agent.domain.counts import counted, named
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.utc_text import utc_minute

GAPS_SHOWN = 20
FIGURE_COLUMNS = 4

_HEADINGS = (
    *("symbol", "orders", "fills", "trades", "won", "bought", "sold", "fees"),
    *("realised", "unrealised", "profit", "drawdown", "missing"),
)


def print_report(report: Report, console: Console) -> None:
    """Print the tables."""
    lines = [*_summary(report), *_gap_lines(report), *verdict_lines(report)]
    console.print(Group(_results_table(report), _figures_table(report), *map(Text, lines)))


def _results_table(report: Report) -> RenderableType:
    record = report.record
    title = (
        f"{utc_minute(record.first_ms)} to {utc_minute(record.last_ms)} UTC, strategy {record.strategy}, amounts in {record.quote_asset}"
    )
    table = Table(title=Text(title, style="table.title"))  # as Text, so that brackets in the name of a file are not taken for markup
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading == "symbol" else "right", no_wrap=True)
    for symbol in report.symbols:
        table.add_row(*_cells(symbol.result))
    table.add_section()
    table.add_row(*_cells(report.all), style="bold")
    return table


def _cells(result: Result) -> list[str]:
    amounts = (result.bought, result.sold, result.fees, result.realized, result.unrealized, result.profit)
    return [
        result.name,
        *(str(count) for count in (result.orders, result.fills, result.trades.trades)),
        percent(result.trades.win_rate, 1),
        *(amount(value) for value in amounts),
        f"{result.max_drawdown:.6g}",
        str(result.missing_candles),
    ]


def _figures_table(report: Report) -> RenderableType:
    """The figures in columns that are read downwards."""
    rows = figure_rows(report)
    height = -(-len(rows) // FIGURE_COLUMNS)
    table = Table(show_header=False)
    for _ in range(FIGURE_COLUMNS):
        table.add_column(style="dim", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    for line in range(height):
        table.add_row(*(text for row in rows[line::height] for text in row))
    return table


def _summary(report: Report) -> list[str]:
    record = report.record
    asset = record.quote_asset
    lines = [
        f"Put in {amount(record.initial_value)} {asset}, now {amount(record.equity)} {asset}: profit {amount(report.profit)} {asset} "
        f"({percent(report.figures.total_return, 3)}), largest drawdown {percent(report.figures.max_drawdown, 3)}."
    ]
    for fee_asset, paid in sorted(report.all.fees_elsewhere.items()):
        lines.append(f"Fees of {plain(paid)} {fee_asset} are not in these figures.")
    if record.refusals:
        counted = sorted(record.refusals.items(), key=lambda pair: (-pair[1], pair[0]))
        lines.append("Refused by risk: " + ", ".join(f"{rule} {count}" for rule, count in counted) + ".")
    lines += [f"{'The account' if scope == '*' else scope} ended {mode}." for scope, mode in record.modes.items() if mode != "ACTIVE"]
    return lines


def _gap_lines(report: Report) -> list[str]:
    gaps = report.gaps
    if not gaps:
        return ["The candles have no gaps."]
    missing = sum(gap[1] for _, gap in gaps)
    lacking = f"{counted(len(gaps), 'gap')}, {counted(missing, 'candle is', 'candles are')} missing"
    lines = [f"The candles have {lacking}; nothing was invented for {named(missing, 'it', 'them')}:"]
    lines += [f"  {symbol}: {count} after {utc_minute(after)}" for symbol, (after, count) in gaps[:GAPS_SHOWN]]
    return lines if len(gaps) <= GAPS_SHOWN else [*lines, f"  and {len(gaps) - GAPS_SHOWN} more"]
