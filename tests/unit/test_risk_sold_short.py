"""A position below zero, left by somebody who sold by hand what this book never bought, makes no room in any limit."""

from decimal import Decimal

from binance_trade_agent.domain.market import Candle, CandleWindow, MarketSnapshot
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import Approved, Refused, RiskDecision, RiskRule
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent

NOW_MS = 1_700_000_000_000
STEP_MS = 60_000
PRICE = Decimal(100)
LIMITS = RiskLimits(
    max_total_exposure=Decimal("0.5"), max_position_per_symbol=Decimal("0.4"), max_single_trade_size=Decimal("0.4"), cooldown_ms=0
)


def rules_of(base: str) -> SymbolRules:
    cent, thousandth = Decimal("0.01"), Decimal("0.001")
    most = Decimal(1_000_000)
    return SymbolRules(f"{base}USDT", base, "USDT", SymbolStatus.TRADING, cent, cent, most, thousandth, thousandth, most)


def review(base: str, **held: str) -> RiskDecision:
    """A buy of `base` with 10,000 of equity, of which `held` (base units by asset, at PRICE) is in positions."""
    symbol = f"{base}USDT"
    positions = {f"{asset}USDT": Position(f"{asset}USDT", asset, "USDT", Decimal(quantity)) for asset, quantity in held.items()}
    cash = 10_000 - sum(position.quantity * PRICE for position in positions.values())
    view = PortfolioView(NOW_MS, "USDT", cash, positions, dict.fromkeys(positions, PRICE))
    start_ms = NOW_MS - 30 * STEP_MS
    candles = [
        Candle(start_ms + index * STEP_MS, 100.0, 100.0, 100.0, 100.0, 1.0, start_ms + (index + 1) * STEP_MS - 1) for index in range(30)
    ]
    snapshot = MarketSnapshot(symbol, NOW_MS, PRICE, CandleWindow(symbol, STEP_MS, candles))
    agent = RiskManagementAgent(LIMITS, next_order_id=lambda: "id")
    return agent.review(Signal(symbol, NOW_MS, "test", Action.BUY, 1.0, "why"), snapshot, rules_of(base), view, correlation_id="c")


def test_what_others_sold_leaves_no_more_room_than_nothing_held():
    room = review("BBB", CCC="30")
    beside_a_sale = review("BBB", CCC="30", AAA="-100")
    assert isinstance(room, Approved)
    assert isinstance(beside_a_sale, Approved)
    assert beside_a_sale.intent.quantity == room.intent.quantity < 20


def test_a_symbol_that_was_sold_short_is_not_bought_until_it_is_made_up_for():
    refused = review("AAA", AAA="-0.002")
    assert isinstance(refused, Refused)
    assert refused.rule is RiskRule.POSITION_LIMIT
    assert "0.002 AAA" in refused.reason
    assert isinstance(review("AAA", AAA="-0.0009"), Approved)  # less than a step is dust
