"""What should protect a position: prices and quantities that the exchange's filters take, all of it, and nothing that is held twice."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.order import JournaledOrder, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.protection import Guard, ProtectionPlan, guards_of
from binance_trade_agent.domain.risk import Refused, RiskRule
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.risk_management_agent.limits import RiskLimits
from binance_trade_agent.risk_management_agent.protection import MOST_GUARDS, protection_plan

STEP = Decimal("0.001")


def rules(**changes):
    values = {
        "symbol": "BTCUSDT",
        "base_asset": "BTC",
        "quote_asset": "USDT",
        "status": SymbolStatus.TRADING,
        "tick_size": Decimal("0.01"),
        "min_price": Decimal("0.01"),
        "max_price": Decimal(1_000_000),
        "step_size": STEP,
        "min_quantity": STEP,
        "max_quantity": Decimal(9_000),
        "min_notional": Decimal(5),
        **changes,
    }
    return SymbolRules(**values)


def position(quantity, average="100"):
    held = Decimal(quantity)
    return Position("BTCUSDT", "BTC", "USDT", quantity=held, cost=held * Decimal(average))


def plan(held="1", peak="100", symbol_rules=None, **limits):
    given_limits = RiskLimits(
        **{name: Decimal(value) for name, value in {"stop_loss_pct": "0.05", "take_profit_pct": "0.1", **limits}.items()}
    )
    return protection_plan(given_limits, symbol_rules or rules(), position(held), Decimal(peak))


def test_the_stop_is_the_higher_of_stop_loss_and_trailing_stop():
    assert plan(trailing_stop_pct="0.1").stop_price == Decimal(95)
    assert plan(trailing_stop_pct="0.1", peak="107").stop_price == Decimal("96.3")
    assert plan(trailing_stop_pct="0.1", stop_loss_pct="0").stop_price == Decimal(90)
    assert (plan().trails, plan(trailing_stop_pct="0.1").trails) == (False, True)


def test_a_take_profit_that_the_trailing_stop_has_passed_is_left_out():
    assert plan(trailing_stop_pct="0.01", peak="120").profit_price is None
    assert plan(trailing_stop_pct="0.01", peak="109").profit_price == Decimal(110)


def test_with_an_offset_a_stop_is_offered_that_much_below():
    found = plan(stop_offset_pct="0.015")
    assert (found.stop_price, found.limit_price) == (Decimal(95), Decimal("93.57"))
    assert plan().limit_price is None


def test_prices_that_leave_nothing_or_are_worth_too_little_are_refused():
    refused = plan(stop_loss_pct="0.9999", symbol_rules=rules(tick_size=Decimal(1)))
    assert isinstance(refused, Refused)
    assert refused.rule is RiskRule.UNPROTECTED
    refused = plan(held="0.052", stop_offset_pct="0.05")
    assert isinstance(refused, Refused)
    assert refused.rule is RiskRule.FILTERS  # 4.94 at the stop, less than 5 at the price that it is offered at


@given(
    held=st.integers(1, 400_000).map(lambda steps: steps * STEP),
    largest=st.integers(100, 60_000).map(lambda steps: steps * STEP),
    most_value=st.one_of(st.just(Decimal(0)), st.integers(50, 100_000).map(Decimal)),
    stops=st.integers(0, 14),
)
def test_guards_hold_all_that_one_may_sell_and_none_more_than_one_order_may_hold(held, largest, most_value, stops):
    symbol_rules = rules(market_max_quantity=largest, max_notional=most_value, max_stop_orders=stops)
    found = plan(held=held, symbol_rules=symbol_rules)
    if isinstance(found, Refused):
        assert held * Decimal(95) < 5 or largest * 95 < 5
        return
    assert sum(found.quantities) + found.bare == held
    assert len(found.quantities) <= (min(MOST_GUARDS, max(stops - 1, 1)) if stops else MOST_GUARDS)
    for quantity in found.quantities:
        symbol_rules.check(quantity, found.stop_price, market=True)
        symbol_rules.check(quantity, found.profit_price, market=False)
    assert max(found.quantities) - min(found.quantities) <= STEP
    if found.bare:
        assert max(found.quantities) == min(found.quantities)  # every guard is as large as it may be


def order(name, kind, *, state=OrderState.NEW, list_id=None, price=None, stop=None, executed="0"):
    intent = OrderIntent(
        client_order_id=name,
        symbol="BTCUSDT",
        side=Side.SELL,
        type=kind,
        quantity=Decimal(1),
        reference_price=Decimal(100),
        purpose=Purpose.EXIT,
        created_ms=0,
        correlation_id=name,
        reason="a test",
        price=None if price is None else Decimal(price),
        stop_price=None if stop is None else Decimal(stop),
        list_id=list_id,
    )
    return JournaledOrder(intent, state, 0, 1, Decimal(executed), 0)


PROFIT = order("p", OrderType.LIMIT_MAKER, list_id="l", price="110")
STOP = order("s", OrderType.STOP_LOSS, list_id="l", stop="95")
ALONE = order("a", OrderType.STOP_LOSS, stop="96")


def test_only_what_stands_whole_and_untouched_is_a_guard():
    exit_order = order("m", OrderType.MARKET)
    assert guards_of([PROFIT, STOP, ALONE, exit_order]) == (Guard(ALONE.intent), Guard(STOP.intent, PROFIT.intent))
    assert guards_of([STOP]) == guards_of([PROFIT]) == ()
    assert guards_of([order("a", OrderType.STOP_LOSS, stop="96", state=OrderState.UNKNOWN)]) == ()
    assert guards_of([order("a", OrderType.STOP_LOSS, stop="96", executed="0.1")]) == ()


def test_a_guard_is_changed_when_the_plan_is_another_and_moved_when_only_its_stop_is_behind():
    pair, alone, step = Guard(STOP.intent, PROFIT.intent), Guard(ALONE.intent), Decimal("0.01")
    still = ProtectionPlan("BTCUSDT", (Decimal(1),), Decimal(95), profit_price=Decimal(110))
    assert pair.meets(still, step)
    assert not alone.meets(still, step)
    assert not pair.may_be_moved_to(still)
    trailing = ProtectionPlan("BTCUSDT", (Decimal(1),), Decimal("95.5"), profit_price=Decimal(110), trails=True)
    assert pair.meets(trailing, step)  # less than a step behind
    assert alone.meets(trailing, step)  # higher already
    far = ProtectionPlan("BTCUSDT", (Decimal(1),), Decimal(99), profit_price=Decimal(110), trails=True)
    assert not pair.meets(far, step)
    assert pair.may_be_moved_to(far)
    assert alone.may_be_moved_to(far)
    other = ProtectionPlan("BTCUSDT", (Decimal(1),), Decimal(99), profit_price=Decimal(111), trails=True)
    assert not pair.may_be_moved_to(other)
