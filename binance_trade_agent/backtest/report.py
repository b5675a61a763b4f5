"""Report over recorded candles: results per symbol and in all, gaps in the candles, and the proof against the exchange."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.backtest.proof import Proof, prove
from binance_trade_agent.backtest.results import Point, Result, SymbolHistory, result_of_all
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.order import Fill
from binance_trade_agent.domain.portfolio import PortfolioSnapshot
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles
from binance_trade_agent.wiring import Components


@dataclass(frozen=True, slots=True)
class Report:
    """What a run over recorded candles came to. Times are market time; `gaps` holds (open time ms before the hole, missing candles)."""

    first_ms: int
    last_ms: int
    interval_ms: int
    strategy: str
    snapshot: PortfolioSnapshot
    results: tuple[Result, ...]
    all: Result
    gaps: Mapping[str, tuple[tuple[int, int], ...]]
    proof: Proof


async def build_report(components: Components) -> Report:
    """Reckon the report of the book as it stands; raises ConfigurationError when no recorded candles are played."""
    recorded, embedded = components.venue.recorded, components.venue.embedded
    if recorded is None or embedded is None:
        raise ConfigurationError("a report over candles needs CANDLES_DIR or --candles")
    now_ms = components.clock.now_ms()
    rules = await components.market.fetch_rules(components.symbols)
    orders = await components.store.all_orders()
    counts = Counter(order.intent.symbol for order in orders)
    fills = await components.store.all_fills()
    by_symbol: dict[str, list[Fill]] = {symbol: [] for symbol in components.symbols}
    for fill in fills:
        by_symbol[fill.symbol].append(fill)
    histories = [
        SymbolHistory(rules[symbol], by_symbol[symbol], _closes(recorded, symbol, now_ms), counts[symbol], _missing(recorded, symbol))
        for symbol in components.symbols
    ]
    components.portfolio.mark({history.rules.symbol: history.closes[-1][1] for history in histories if history.closes})
    results = tuple(history.result() for history in histories)
    balances = {asset: balance.total for asset, balance in embedded.exchange.balances(embedded.api_key).items()}
    proof = prove(
        balances=components.portfolio.balances,
        orders=orders,
        fills=fills,
        exchange_balances=balances,
        exchange_orders=embedded.exchange.orders(embedded.api_key),
        exchange_trades=embedded.exchange.trades(embedded.api_key),
        audit=await components.store.verify(),
    )
    return Report(
        first_ms=recorded.first_open_ms,
        last_ms=now_ms,
        interval_ms=recorded.interval_ms,
        strategy=components.settings.strategy_path or components.settings.strategy_name,
        snapshot=components.portfolio.snapshot(now_ms),
        results=results,
        all=result_of_all(histories, results),
        gaps={symbol: recorded.gaps(symbol) for symbol in components.symbols},
        proof=proof,
    )


def _closes(recorded: RecordedCandles, symbol: str, until_ms: int) -> list[Point]:
    return [(candle.close_time_ms, candle.close) for candle in recorded.by_symbol[symbol] if candle.close_time_ms < until_ms]


def _missing(recorded: RecordedCandles, symbol: str) -> int:
    return sum(missing for _, missing in recorded.gaps(symbol))


def drawdown_share(report: Report) -> Decimal:
    """The largest drawdown of all symbols together as a fraction of what was put in."""
    initial = report.snapshot.initial_value
    return report.all.max_drawdown / initial if initial else Decimal(0)
