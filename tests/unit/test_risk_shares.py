"""Shares: a strategy may mean a part of a full entry, or of what is held; risk sizes by it, and takes it once a candle."""

from decimal import Decimal

import pytest

from binance_trade_agent.domain.market import Candle, CandleWindow, MarketSnapshot
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import Approved, Refused, RiskRule
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent

NOW = 1_700_000_000_000
STEP_MS = 300_000
RULES = SymbolRules(
    symbol="BTCUSDT",
    base_asset="BTC",
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


def agent_of(**limits):
    ids = iter(f"id-{number}" for number in range(1, 1000))
    return RiskManagementAgent(RiskLimits(**limits), next_order_id=lambda: next(ids))


def snapshot_of(time_ms=NOW):
    """Calm candles, the newest of which has just closed at NOW."""
    starts = range(NOW - 40 * STEP_MS, NOW, STEP_MS)
    candles = [Candle(start, 100.0, 100.0, 100.0, 100.0 + start % 2, 1.0, start + STEP_MS - 1) for start in starts]
    return MarketSnapshot("BTCUSDT", time_ms, Decimal(100), CandleWindow("BTCUSDT", STEP_MS, candles))


def position_of(quantity, cost, updated_ms=0):
    return Position("BTCUSDT", "BTC", "USDT", Decimal(quantity), Decimal(cost), updated_ms=updated_ms)


def view_of(cash="10000", positions=()):
    held = {position.symbol: position for position in positions}
    return PortfolioView(NOW, "USDT", Decimal(cash), held, dict.fromkeys(held, Decimal(100)))


def signal_of(action, fraction):
    return Signal("BTCUSDT", NOW, "test", action, 0.8, "the strategy's reason", fraction=fraction)


def review(agent, signal, snapshot=None, view=None, quantity=None):
    return agent.review(signal, snapshot or snapshot_of(), RULES, view or view_of(), correlation_id="c", quantity=quantity)


@pytest.mark.parametrize(("fraction", "expected"), [(1.0, "5.000"), (0.5, "2.500"), (0.1, "0.500"), (1 / 3, "1.666")])
def test_a_share_of_a_full_entry_is_bought(fraction, expected):
    decision = review(agent_of(), signal_of(Action.BUY, fraction))
    assert isinstance(decision, Approved)
    assert decision.intent.quantity == Decimal(expected)


def test_a_share_takes_no_more_than_the_other_limits_leave():
    view = view_of(cash="9050", positions=[position_of("9.5", "950")])
    decision = review(agent_of(), signal_of(Action.BUY, 0.5), view=view)
    assert isinstance(decision, Approved)
    assert decision.intent.quantity == Decimal("0.5"), "a tenth of 10000 may be held, and 950 are"


def test_a_share_too_small_to_be_sold_again_is_refused_with_its_figures():
    decision = review(agent_of(), signal_of(Action.BUY, 0.005))
    assert isinstance(decision, Refused)
    assert decision.rule is RiskRule.TRADE_SIZE
    assert "one trade may be 5 % of equity 10000, and 0.5 % of that is meant" in decision.reason


@pytest.mark.parametrize(
    ("held", "fraction", "expected"), [("4", 1.0, "4"), ("4", 0.25, "1"), ("4", 2 / 3, "2.666"), ("0.1", 0.5, "0.1"), ("4", 0.999, "4")]
)
def test_a_share_of_what_is_held_is_sold_and_no_unsellable_rest_is_left(held, fraction, expected):
    view = view_of(positions=[position_of(held, Decimal(held) * 100)])
    decision = review(agent_of(), signal_of(Action.SELL, fraction), view=view)
    assert isinstance(decision, Approved)
    assert decision.intent.quantity == Decimal(expected)


def test_a_protective_exit_sells_everything_whatever_share_is_meant():
    view = view_of(positions=[position_of("4", "480")])
    decision = review(agent_of(), signal_of(Action.SELL, 0.25), view=view)
    assert isinstance(decision, Approved)
    assert decision.intent.quantity == 4
    assert "stop-loss" in decision.intent.reason


def test_the_users_quantity_counts_and_not_the_share():
    decision = review(agent_of(), signal_of(Action.BUY, 0.1), quantity=Decimal(3))
    assert isinstance(decision, Approved)
    assert decision.intent.quantity == 3


@pytest.mark.parametrize("action", [Action.BUY, Action.SELL])
def test_a_share_is_traded_once_a_candle_also_after_a_restart(action):
    held = [position_of("4", "400", updated_ms=NOW + 5)]
    agent, later = agent_of(cooldown_ms=0), snapshot_of(time_ms=NOW + 60_000)
    first = review(agent, signal_of(action, 0.25), view=view_of(positions=[position_of("4", "400")]))
    assert isinstance(first, Approved)
    agent.release(first.intent.client_order_id)
    agent.begin_pass(view_of(positions=held))
    for asked in (agent, agent_of(cooldown_ms=0)):
        again = review(asked, signal_of(action, 0.25), later, view_of(positions=held))
        assert isinstance(again, Refused)
        assert again.rule is RiskRule.COOLDOWN
        assert "once a candle" in again.reason
        assert isinstance(review(asked, signal_of(action, 1.0), later, view_of(positions=held)), Approved), "all of it is not rationed so"


def test_the_next_candle_may_trade_a_share_again():
    view = view_of(positions=[position_of("4", "400", updated_ms=NOW - STEP_MS)])
    assert isinstance(review(agent_of(cooldown_ms=0), signal_of(Action.SELL, 0.25), view=view), Approved)
