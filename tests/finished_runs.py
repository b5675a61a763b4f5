"""Runs over candles that were made up: records as a run leaves them, with trades that were really booked."""

from decimal import Decimal

import numpy as np

from binance_trade_agent.backtest.closed_trades import flat
from binance_trade_agent.backtest.proof import Proof
from binance_trade_agent.backtest.report.bars import Bars
from binance_trade_agent.backtest.report.report import RunRecord
from binance_trade_agent.backtest.report.symbol_result import SymbolHistory
from binance_trade_agent.domain.money import times, total
from binance_trade_agent.domain.order import Fill, Side
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus

START_MS = 1_735_689_600_000  # 2025-01-01
STEP = Decimal("0.001")


def rules_of(symbol: str) -> SymbolRules:
    tick = Decimal("0.01")
    return SymbolRules(
        symbol, symbol[:-4], "USDT", SymbolStatus.TRADING, tick, tick, Decimal(10**6), STEP, STEP, Decimal(10**6), min_notional=Decimal(5)
    )


def random_bars(seed: int, count: int, *, interval_ms: int = 60_000, start_ms: int = START_MS) -> Bars:
    rng = np.random.default_rng(seed)
    closes = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.002, count))), 2)
    opens = np.concatenate(([100.0], closes[:-1]))
    opens_ms = start_ms + np.arange(count, dtype=np.int64) * interval_ms
    highs, lows = np.maximum(opens, closes) + 0.05, np.minimum(opens, closes) - 0.05
    return Bars(opens_ms, opens_ms + interval_ms - 1, opens, highs, lows, closes)


def traded(symbol: str, bars: Bars, every: int, *, quantity: str = "3") -> SymbolHistory:
    """Bought at the end of one candle and sold `every` candles later, again and again; the last purchase may be held to the end."""
    fills, rules, size = [], rules_of(symbol), Decimal(quantity)
    reasons = {}
    for number, place in enumerate(range(every, len(bars), every), 1):
        side = Side.BUY if number % 2 else Side.SELL
        price = Decimal(repr(float(bars.closes[place])))
        amount = times(price, size)
        name, time_ms = f"bta-a1-{symbol}-{number}", int(bars.ends_ms[place])
        reasons[name] = "it is time" if side is Side.BUY else "take-profit: it is enough"
        fills.append(Fill(symbol, number, number, name, side, price, size, amount, amount / 1000, "USDT", time_ms, False))
    return SymbolHistory(rules, fills, bars, Decimal(repr(float(bars.closes[-1]))), len(fills), reasons=reasons)


def record_of(*histories: SymbolHistory, initial: str = "1000", strategy: str = "rsi", **more: object) -> RunRecord:
    """The record of a run that did all this, with a book that agrees."""
    worth = Decimal(initial)
    for history in histories:
        position = flat(history.rules)
        for fill in history.fills:
            position = position.apply(fill)
        worth = total((worth, position.realized, position.unrealized(history.last_close)))
    values: dict[str, object] = {
        "first_ms": min(int(history.bars.opens_ms[0]) for history in histories),
        "last_ms": max(int(history.bars.ends_ms[-1]) for history in histories),
        "interval_ms": int(histories[0].bars.ends_ms[0] - histories[0].bars.opens_ms[0] + 1),
        "strategy": strategy,
        "quote_asset": "USDT",
        "initial_value": Decimal(initial),
        "equity": worth,
        "path": "a test",
        "histories": histories,
        "settings": {"STRATEGY_NAME": strategy},
        "proof": Proof(1, len(histories), 2, ()),
        **more,
    }
    return RunRecord(**values)  # type: ignore[arg-type]  # values by name, some of them given by a test
