"""The record of a backtest by the fast path, from its result and the candles that it ran over."""

from collections import Counter

from binance_trade_agent.backtest.fast.histories import Histories
from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.backtest.fast.result import BacktestResult
from binance_trade_agent.backtest.report.bars import bars_of_columns
from binance_trade_agent.backtest.report.report import RunRecord
from binance_trade_agent.backtest.report.settings_used import settings_used
from binance_trade_agent.backtest.report.symbol_result import SymbolHistory, reasons_by_symbol
from binance_trade_agent.domain.money import ZERO, total
from binance_trade_agent.domain.order import Fill
from binance_trade_agent.wiring.recorded_settings import settings_for_candles

FAST_PATH = "the fast path"


def fast_record(plan: BacktestPlan, histories: Histories, result: BacktestResult) -> RunRecord:
    """The record of `result`, which came of `plan` over `histories`. What is held is valued at the last close of its symbol."""
    first_ms = result.first_ms - result.first_ms % result.interval_ms
    orders = Counter(order.intent.symbol for order in result.orders)
    reasons = reasons_by_symbol(result.orders, result.symbols)
    fills: dict[str, list[Fill]] = {symbol: [] for symbol in result.symbols}
    for fill in result.fills:
        fills[fill.symbol].append(fill)
    played = {symbol: histories.columns[symbol].between(first_ms, result.last_ms - result.interval_ms + 1) for symbol in result.symbols}
    closes = {symbol: int(each.closes[-1]) * each.price_unit for symbol, each in played.items() if len(each)}
    held = (position.value(closes[symbol]) for symbol, position in result.positions.items() if symbol in closes)
    return RunRecord(
        first_ms=first_ms,
        last_ms=result.last_ms,
        interval_ms=result.interval_ms,
        strategy=result.strategy,
        quote_asset=result.quote_asset,
        initial_value=result.initial_value,
        equity=total((result.balances.get(result.quote_asset, ZERO), *held)),
        path=FAST_PATH,
        histories=[
            SymbolHistory(
                result.rules[symbol],
                fills[symbol],
                bars_of_columns(played[symbol]),
                closes.get(symbol, ZERO),
                orders[symbol],
                result.gaps[symbol],
                reasons[symbol],
            )
            for symbol in result.symbols
        ],
        settings=settings_used(
            settings_for_candles(plan.settings, histories.recorded()),
            result.initial_value,
            spread_bps=plan.spread_bps,
            depth_share=plan.depth_share,
        ),
        modes={scope: change.mode.value for scope, change in result.modes.items()},
        refusals={rule.value: times for rule, times in result.refusals.items()},
        digest=result.digest,
    )
