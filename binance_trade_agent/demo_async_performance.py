"""Sequence against concurrency, measured live on the embedded exchange: `python -m binance_trade_agent.demo_async_performance`.

Every figure printed is measured in this run, except the limit, which is arithmetic: one simulated round trip for a pass whose requests
all leave together, and one round trip per symbol for a pass that takes symbols one after the other.
"""

import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from decimal import Decimal

import click
import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.decision import TradeDecision
from binance_trade_agent.domain.errors import AgentError, MoneyError, ServiceError
from binance_trade_agent.domain.money import money, plain
from binance_trade_agent.domain.portfolio import PortfolioSnapshot
from binance_trade_agent.settings import load_settings
from binance_trade_agent.wiring import open_components

BASES = (
    "BTC ETH BNB SOL XRP ADA DOGE TRX AVAX DOT LINK LTC BCH XLM ATOM UNI ETC FIL NEAR APT ARB OP INJ SUI SEI TIA AAVE MKR ALGO VET "
    "ICP HBAR GRT SAND MANA AXS EGLD THETA FTM XTZ EOS FLOW CHZ CRV LDO SNX COMP DASH ZEC RUNE"
)
SIZES = (5, 50)
PLAIN_WIDTH = 130


@dataclass(frozen=True, slots=True)
class Measured:
    """Wall time of one way of running a pass over `symbols` symbols, milliseconds; `limit_ms` is the round trips it cannot do without."""

    symbols: int
    way: str
    median_ms: float
    fastest_ms: float
    slowest_ms: float
    per_symbol_ms: float
    limit_ms: float
    verdicts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Demonstration:
    """Everything one run of the demo measured."""

    latency_ms: float
    runs: int
    measured: tuple[Measured, ...]
    portfolio: PortfolioSnapshot


Pass = Callable[[], Awaitable[list[TradeDecision]]]


async def demonstrate(latency_ms: float, runs: int, quantity: Decimal) -> Demonstration:
    """Measure both ways for every size; the book is the one of the largest size."""
    measured: list[Measured] = []
    portfolio = None
    for size in SIZES:
        rows, portfolio = await _measure_size(size, latency_ms, runs, quantity)
        measured += rows
    assert portfolio is not None  # noqa: S101 - SIZES is not empty
    return Demonstration(latency_ms, runs, tuple(measured), portfolio)


async def _measure_size(size: int, latency_ms: float, runs: int, quantity: Decimal) -> tuple[list[Measured], PortfolioSnapshot]:
    symbols = [f"{base}USDT" for base in BASES.split()[:size]]
    with tempfile.TemporaryDirectory(prefix="trade-agent-demo-") as folder:
        settings = load_settings(
            trading_mode="demo",
            demo_mode=True,  # whatever mode the daemon beside us is set to
            quote_asset="USDT",
            trading_symbols=",".join(symbols),
            data_dir=folder,
            demo_speed=1,
            demo_latency_ms=latency_ms,
            candles_dir="",
            market_data="rest",  # each pass asks for its prices, or the pool would not be measured
            cache_price_ttl_seconds=0,
            portfolio_initial_value="1000000",
        )
        async with open_components(settings) as components:
            orchestrator = AsyncTradingOrchestrator(components)
            await orchestrator.start()
            requests = [{"symbol": symbol, "quantity": quantity} for symbol in symbols]
            await orchestrator.run_pass()  # candle history is fetched once, before anything is measured

            async def one_after_the_other() -> list[TradeDecision]:
                return [await orchestrator.execute_trading_workflow(symbol, quantity) for symbol in symbols]

            async def all_at_once() -> list[TradeDecision]:
                return await orchestrator.execute_multi_symbol_workflow(requests)

            rows = [
                await _measure("sequential", one_after_the_other, size, runs, latency_ms * size),
                await _measure("concurrent", all_at_once, size, runs, latency_ms),
            ]
            return rows, await orchestrator.get_portfolio_snapshot()


async def _measure(way: str, run_pass: Pass, size: int, runs: int, limit_ms: float) -> Measured:
    times: list[float] = []
    verdicts: Counter[str] = Counter()
    for _ in range(runs):
        started = time.perf_counter()
        decisions = await run_pass()
        times.append((time.perf_counter() - started) * 1000)
        failed = next((decision.error for decision in decisions if decision.error), None)
        if failed is not None:
            raise ServiceError(f"a pass failed, so its time says nothing: {failed}")
        verdicts.update(str(decision.verdict) for decision in decisions)
    median = statistics.median(times)
    return Measured(size, way, median, min(times), max(times), median / size, limit_ms, dict(verdicts))


def _print(result: Demonstration, console: Console) -> None:
    table = Table(title=f"Passes on the embedded exchange, {result.latency_ms:g} ms simulated round trip, median of {result.runs} runs")
    for heading in (
        "symbols",
        "way",
        "median ms",
        "fastest",
        "slowest",
        "ms a symbol",
        "limit ms",
        "times the limit",
        "speed-up",
        "decisions",
    ):
        table.add_column(heading, justify="left" if heading in {"way", "decisions"} else "right")
    base = {row.symbols: row.median_ms for row in result.measured if row.way == "sequential"}
    for row in result.measured:
        decisions = ", ".join(f"{count} {verdict}" for verdict, count in sorted(row.verdicts.items()))
        over = f"{row.median_ms / row.limit_ms:.2f}" if row.limit_ms else "-"
        cells = [f"{value:.2f}" for value in (row.median_ms, row.fastest_ms, row.slowest_ms, row.per_symbol_ms, row.limit_ms)]
        table.add_row(str(row.symbols), row.way, *cells, over, f"{base[row.symbols] / row.median_ms:.1f}x", decisions)
    console.print(table)
    _print_portfolio(result.portfolio, console)


def _print_portfolio(snapshot: PortfolioSnapshot, console: Console) -> None:
    asset = snapshot.quote_asset
    console.print(
        f"Portfolio: equity {snapshot.equity:,.2f} {asset}, cash {snapshot.cash:,.2f} {asset}, profit {snapshot.profit:+,.2f} {asset}, "
        f"{counted(sum(bool(position.quantity) for position in snapshot.positions), 'position')}, {counted(snapshot.fills, 'fill')}"
    )


def _json(result: Demonstration) -> str:
    portfolio = result.portfolio
    return orjson.dumps(
        {
            "latency_ms": result.latency_ms,
            "runs": result.runs,
            "measured": [asdict(row) for row in result.measured],
            "portfolio": {
                "quote_asset": portfolio.quote_asset,
                "equity": plain(portfolio.equity),
                "cash": plain(portfolio.cash),
                "profit": plain(portfolio.profit),
                "fills": portfolio.fills,
            },
        },
        option=orjson.OPT_INDENT_2,
    ).decode()


def _quantity(_context: click.Context, _parameter: click.Parameter, text: str) -> Decimal:
    try:
        quantity = money(text)
    except MoneyError as error:
        raise click.BadParameter(str(error)) from None
    if quantity <= 0:
        raise click.BadParameter(f"{text} is not above 0")
    return quantity


@click.command()
@click.option(
    "--latency-ms", type=click.FloatRange(0, 5_000), default=50.0, show_default=True, help="Simulated round trip of the exchange."
)
@click.option("--runs", type=click.IntRange(1, 1_000), default=5, show_default=True, help="Runs of each kind; the median is shown.")
@click.option("--quantity", callback=_quantity, default="0.01", show_default=True, help="Base quantity of each order.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(latency_ms: float, runs: int, quantity: Decimal, as_json: bool) -> None:
    """Run the same passes one symbol after the other and all at once, and print what they took."""
    try:
        result = uvloop.run(demonstrate(latency_ms, runs, quantity))
    except AgentError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(int(error.exit_code))
    if as_json:
        click.echo(_json(result))
    else:
        console = Console()
        _print(result, console if console.is_terminal else Console(width=PLAIN_WIDTH))


if __name__ == "__main__":
    main()
