"""Purchases that the fast path refuses for a whole day at once: the review of each of them says the same, at every price of the day."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_trade_agent.backtest.fast.days import Days
from binance_trade_agent.backtest.fast.hopeless_entries import HopelessEntries
from binance_trade_agent.backtest.fast.tracks import Track
from binance_trade_agent.domain.candle_intervals import DAY_MS
from binance_trade_agent.domain.risk import Refused, RiskRule
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent
from tests.risk_desk import NOW, position_of, review, rules_of, snapshot_of, view_of, window_of

SYMBOL, OTHER = "BTCUSDT", "ETHUSDT"
BY_MONEY = {RiskRule.TRADE_SIZE, RiskRule.POSITION_LIMIT, RiskRule.EXPOSURE_LIMIT, RiskRule.CASH}

shares = st.sampled_from([Decimal(text) for text in ("0.004", "0.02", "0.05", "0.3", "1")])
cents = st.decimals(Decimal("1"), Decimal("2000"), places=2)


@dataclass(frozen=True)
class Account:
    """What there is: `held` of the symbol, so much of another one, and cash."""

    cash: Decimal
    held: Decimal
    other: Decimal


limits = st.builds(
    RiskLimits,
    max_single_trade_size=shares,
    max_position_per_symbol=shares,
    max_total_exposure=shares,
    cash_reserve=st.sampled_from([Decimal(0), Decimal("0.005"), Decimal("0.5")]),
    taker_rate=st.sampled_from([Decimal(0), Decimal("0.001")]),
    stop_loss_pct=st.just(Decimal(0)),
    take_profit_pct=st.just(Decimal(0)),
    volatility_threshold=st.just(Decimal(0)),
    max_daily_drawdown=st.just(Decimal(1)),
    max_total_drawdown=st.just(Decimal(1)),
)


def track_of(prices: list[Decimal], times_ms: list[int]) -> Track:
    """A symbol that its strategy buys in each of these passes, of a calm market."""
    window, count = window_of([100.0 + 0.1 * (at % 2) for at in range(40)]), len(prices)
    units = np.array([int(price * 100) for price in prices])
    closed, says = np.arange(40 - count + 1, 41), np.ones(count, np.int8)
    return Track(SYMBOL, np.array(times_ms), 2, Decimal("0.01"), units, units / 100, closed, says, window, 40)


def said_by_review(rules: RiskLimits, account: Account, price: Decimal, other_price: Decimal) -> RiskRule | None:
    agent = RiskManagementAgent(rules, next_order_id=lambda: "id")
    positions = [position_of(account.held, account.held), position_of(account.other, account.other, OTHER)]
    view = view_of(account.cash, [each for each in positions if each.quantity], {SYMBOL: price, OTHER: other_price})
    agent.begin_pass(view)
    decision = review(agent, snapshot=snapshot_of(str(price)), view=view)
    return decision.rule if isinstance(decision, Refused) else None


@settings(max_examples=500)
@given(
    rules=limits,
    cash=st.decimals(Decimal(0), Decimal(20_000), places=2),
    filled=st.decimals(Decimal("0.97"), Decimal(1), places=4),
    opened=st.tuples(cents, cents),
    moves=st.tuples(*[st.decimals(Decimal("1"), Decimal("1.1"), places=3)] * 2),
    at=st.tuples(*[st.decimals(0, 1, places=3)] * 2),
)
def test_what_a_whole_day_refuses_the_review_refuses_at_every_price_of_the_day(
    rules: RiskLimits,
    cash: Decimal,
    filled: Decimal,
    opened: tuple[Decimal, Decimal],
    moves: tuple[Decimal, Decimal],
    at: tuple[Decimal, Decimal],
) -> None:
    # Nearly as much is held of both symbols as may be, so that little more fits or nothing does.
    full = rules.max_position_per_symbol * cash * filled
    account = Account(cash, *(round(full / price, 3) for price in opened))
    low, high = opened, [round(price * move, 2) for price, move in zip(opened, moves, strict=True)]
    price, other_price = (round(one + (other - one) * share, 2) for one, other, share in zip(low, high, at, strict=True))
    least, most = (float(account.held * one + account.other * other) for one, other in (low, high))
    entries = HopelessEntries(track_of([price], [NOW]), rules, rules_of())
    rule = entries.rule_within((float(low[0]), float(high[0])), float(account.held), (least, most, float(cash)))
    assert rule is None or (rule in BY_MONEY and rule is said_by_review(rules, account, price, other_price))


def test_a_day_in_which_nothing_more_fits_into_the_position_is_refused_as_a_whole() -> None:
    rules = RiskLimits(max_single_trade_size=Decimal("0.01"), max_position_per_symbol=Decimal("0.01"), volatility_threshold=Decimal(0))
    entries = HopelessEntries(track_of([Decimal(100)], [NOW]), rules, rules_of())
    assert entries.rule_within((99.0, 102.0), 1.0, (99.0, 102.0, 9_900.0)) is RiskRule.POSITION_LIMIT
    # Half of its price further down there is room again, so nothing is certain of such a day.
    assert entries.rule_within((50.0, 102.0), 1.0, (50.0, 102.0, 9_900.0)) is None


def test_days_know_their_passes_and_prices() -> None:
    start = NOW - NOW % DAY_MS + DAY_MS - 600_000
    prices = [Decimal(text) for text in ("3", "5", "4", "7", "6")]
    track = track_of(prices, [start + at * 300_000 for at in range(5)])
    days = Days(track.times_ms, {SYMBOL: track})
    assert [days.first_from(number) for number in range(6)] == [0, 2, 2, 5, 5, 5]
    assert [days.of(number) for number in range(5)] == [0, 0, 1, 1, 1]
    assert (days.prices(SYMBOL, 0), days.prices(SYMBOL, 1)) == ((3.0, 5.0), (4.0, 7.0))
