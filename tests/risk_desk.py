"""What reviews by risk are made of: one symbol's rules, candles, prices and signals, an account, and the review itself."""

from dataclasses import replace
from decimal import Decimal

from binance_trade_agent.domain.market import Candle, CandleWindow, MarketSnapshot
from binance_trade_agent.domain.order import JournaledOrder, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import Refused
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus

NOW = 1_700_000_000_000
STEP_MS = 300_000


def rules_of(symbol="BTCUSDT", **changes):
    base = SymbolRules(
        symbol=symbol,
        base_asset=symbol.removesuffix("USDT"),
        quote_asset="USDT",
        status=SymbolStatus.TRADING,
        tick_size=Decimal("0.01"),
        min_price=Decimal("0.01"),
        max_price=Decimal(1_000_000),
        step_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(9000),
        min_notional=Decimal(5),
    )
    return replace(base, **changes)


def window_of(closes, symbol="BTCUSDT", end_ms=NOW):
    start = end_ms - len(closes) * STEP_MS
    candles = [
        Candle(start + index * STEP_MS, close, close, close, close, 1.0, start + (index + 1) * STEP_MS - 1)
        for index, close in enumerate(closes)
    ]
    return CandleWindow(symbol, STEP_MS, candles)


def snapshot_of(price="100", symbol="BTCUSDT", time_ms=NOW, closes=None):
    calm = [100.0 + 0.1 * (index % 2) for index in range(40)]
    return MarketSnapshot(symbol, time_ms, Decimal(price), window_of(calm if closes is None else closes, symbol))


def signal_of(action=Action.BUY, symbol="BTCUSDT", confidence=0.8):
    return Signal(symbol, NOW, "test", action, confidence, "the strategy's reason")


def position_of(quantity, cost, symbol="BTCUSDT", updated_ms=0):
    return Position(symbol, symbol.removesuffix("USDT"), "USDT", Decimal(quantity), Decimal(cost), updated_ms=updated_ms)


def view_of(cash="10000", positions=(), marks=None, open_orders=(), time_ms=NOW):
    held = {position.symbol: position for position in positions}
    prices = {symbol: Decimal(100) for symbol in held} | {symbol: Decimal(mark) for symbol, mark in (marks or {}).items()}
    return PortfolioView(time_ms, "USDT", Decimal(cash), held, prices, tuple(open_orders))


def journaled(order_id="old-1", symbol="BTCUSDT", side=Side.BUY, quantity="2", executed="0", state=OrderState.UNKNOWN):
    purpose = Purpose.ENTRY if side is Side.BUY else Purpose.EXIT
    intent = OrderIntent(order_id, symbol, side, OrderType.MARKET, Decimal(quantity), Decimal(100), purpose, NOW, "c", "r")
    return JournaledOrder(intent, state, NOW, None, Decimal(executed), NOW)


DEFAULT = object()


def review(agent, signal=None, snapshot=None, view=None, rules=DEFAULT, quantity=None):
    snapshot = snapshot or snapshot_of()
    return agent.review(
        signal or signal_of(symbol=snapshot.symbol),
        snapshot,
        rules_of(snapshot.symbol) if rules is DEFAULT else rules,
        view or view_of(),
        correlation_id="corr",
        quantity=None if quantity is None else Decimal(quantity),
    )


def refused_by(decision):
    assert isinstance(decision, Refused), decision
    assert decision.reason
    return decision.rule
