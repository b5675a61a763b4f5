"""The record of a daemon's run over recorded candles, from its book and from the embedded exchange it traded on."""

from collections import Counter
from collections.abc import Mapping, Sequence

from binance_trade_agent.backtest.proof import Proof, prove
from binance_trade_agent.backtest.report.bars import bars_of
from binance_trade_agent.backtest.report.report import RunRecord
from binance_trade_agent.backtest.report.settings_used import settings_used
from binance_trade_agent.backtest.report.symbol_result import SymbolHistory, reasons_by_symbol
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Fill, JournaledOrder
from binance_trade_agent.wiring import Components
from binance_trade_agent.wiring.venue import Embedded

DAEMON_PATH = "the whole daemon over the embedded exchange"


async def daemon_record(components: Components, refusals: Mapping[str, int]) -> RunRecord:
    """The record of the book as it stands, with `refusals` as somebody else has counted them by rule.

    Raises ConfigurationError when no recorded candles are played.
    """
    recorded, embedded = components.venue.recorded, components.venue.embedded
    if recorded is None or embedded is None:
        raise ConfigurationError("a report over candles needs CANDLES_DIR or --candles")
    now_ms = components.clock.now_ms()
    rules = await components.market.fetch_rules(components.symbols)
    orders = await components.store.all_orders()
    counts = Counter(order.intent.symbol for order in orders)
    reasons = reasons_by_symbol(orders, components.symbols)
    fills = await components.store.all_fills()
    by_symbol: dict[str, list[Fill]] = {symbol: [] for symbol in components.symbols}
    for fill in fills:
        by_symbol[fill.symbol].append(fill)
    played = {symbol: [candle for candle in recorded.by_symbol[symbol] if candle.close_time_ms < now_ms] for symbol in components.symbols}
    closes = {symbol: candles[-1].close for symbol, candles in played.items() if candles}
    components.portfolio.mark(closes)
    snapshot = components.portfolio.snapshot(now_ms)
    return RunRecord(
        first_ms=recorded.first_open_ms,
        last_ms=now_ms,
        interval_ms=recorded.interval_ms,
        strategy=components.settings.strategy_path or components.settings.strategy_name,
        quote_asset=snapshot.quote_asset,
        initial_value=snapshot.initial_value,
        equity=snapshot.equity,
        path=DAEMON_PATH,
        histories=[
            SymbolHistory(
                rules[symbol],
                by_symbol[symbol],
                bars_of(played[symbol]),
                closes.get(symbol, ZERO),
                counts[symbol],
                recorded.gaps(symbol),
                reasons[symbol],
            )
            for symbol in components.symbols
        ],
        settings=settings_used(components.settings, snapshot.initial_value),
        modes=snapshot.modes,
        refusals=refusals,
        proof=await _proof(components, embedded, orders, fills),
    )


async def _proof(components: Components, embedded: Embedded, orders: Sequence[JournaledOrder], fills: Sequence[Fill]) -> Proof:
    return prove(
        balances=components.portfolio.balances,
        orders=orders,
        fills=fills,
        exchange_balances={asset: balance.total for asset, balance in embedded.exchange.balances(embedded.api_key).items()},
        exchange_orders=embedded.exchange.orders(embedded.api_key),
        exchange_trades=embedded.exchange.trades(embedded.api_key),
        audit=await components.store.verify(),
    )
