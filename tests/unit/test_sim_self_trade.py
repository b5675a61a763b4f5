"""Self-trade prevention: every mode does what the examples of faqs/stp_faq.md show, and is told and kept."""

import pytest
from engine_world import ANN, BEN, SYMBOL, D, World, quote

from binance_trade_agent.domain.order import ExchangeStatus, TimeInForce
from binance_trade_agent.simulation.engine.account_terms import AccountTerms
from binance_trade_agent.simulation.engine.history import Span
from binance_trade_agent.simulation.engine.terms import ExpiryReason, SelfTradePrevention

NONE, MAKER, TAKER, BOTH, DECREMENT, TRANSFER = (
    SelfTradePrevention.NONE,
    SelfTradePrevention.EXPIRE_MAKER,
    SelfTradePrevention.EXPIRE_TAKER,
    SelfTradePrevention.EXPIRE_BOTH,
    SelfTradePrevention.DECREMENT,
    SelfTradePrevention.TRANSFER,
)
GONE = ExchangeStatus.EXPIRED_IN_MATCH


@pytest.fixture
def world() -> World:
    return World(quote(1))


@pytest.fixture
def cheap() -> World:
    """A world in which the price is 2."""
    return World(quote(1, price="2"))


def bid(world: World, quantity: str, price: str, mode: SelfTradePrevention = NONE, account_id: int = ANN) -> int:
    return world.place(account_id, "BUY", quantity, price, self_trade_prevention=mode).order.order_id


def ask(world: World, quantity: str, price: str | None, mode: SelfTradePrevention, account_id: int = ANN, **more):
    return world.place(account_id, "SELL", quantity, price, self_trade_prevention=mode, **more)


def state(world: World, order_id: int, account_id: int = ANN) -> tuple:
    order = world.order(account_id, order_id)
    return order.status, order.executed_quantity, order.prevented_quantity


def test_a_without_prevention_an_account_trades_with_itself(world):
    maker = bid(world, "1", "100")
    placed = ask(world, "1", "100", NONE)
    assert (placed.order.status, len(placed.trades), placed.prevented_matches) == (ExchangeStatus.FILLED, 1, ())
    assert state(world, maker) == (ExchangeStatus.FILLED, 1, 0)
    assert world.balance(ANN, "USDT") == (100_000 - D("0.2"), 0)
    assert world.balance(ANN, "BTC") == (1_000 - D("0.001"), 0)


def test_b_expire_maker_takes_every_maker_away_and_the_taker_rests(world):
    makers = [bid(world, "1.2", "120"), bid(world, "1.3", "110"), bid(world, "8.1", "100")]
    placed = ask(world, "3", "100", MAKER)
    assert [state(world, maker) for maker in makers] == [(GONE, 0, D("1.2")), (GONE, 0, D("1.3")), (GONE, 0, D("8.1"))]
    assert (placed.order.status, placed.order.remaining_quantity) == (ExchangeStatus.NEW, 3)
    assert [(m.maker_order_id, m.price, m.taker_prevented_quantity, m.maker_prevented_quantity) for m in placed.prevented_matches] == [
        (makers[0], 120, None, D("1.2")),
        (makers[1], 110, None, D("1.3")),
        (makers[2], 100, None, D("8.1")),
    ]
    assert world.balance(ANN, "USDT") == (100_000, 0)
    assert world.balance(ANN, "BTC") == (997, 3)
    assert world.told(makers[0])[-1] == ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")


def test_c_expire_taker_leaves_the_makers_alone(world):
    maker = bid(world, "1.2", "120")
    placed = ask(world, "3", "100", TAKER)
    assert state(world, maker) == (ExchangeStatus.NEW, 0, 0)
    assert (placed.order.status, placed.order.prevented_quantity, placed.order.prevented_match_id) == (GONE, 3, 1)
    assert world.told(placed.order.order_id) == [("NEW", "NEW"), ("TRADE_PREVENTION", "EXPIRED_IN_MATCH")]
    assert world.balance(ANN, "BTC") == (1_000, 0)
    assert world.engine.open_orders(ANN) == [world.order(ANN, maker)]


def test_c_what_stood_before_the_own_order_is_traded_first(world):
    bid(world, "1", "125", account_id=BEN)
    bid(world, "1.2", "120")
    placed = ask(world, "3", "100", TAKER)
    assert (placed.order.status, placed.order.executed_quantity, placed.order.prevented_quantity) == (GONE, 1, 2)


def test_d_expire_both(world):
    maker = bid(world, "1", "100")
    placed = ask(world, "3", "100", BOTH)
    assert state(world, maker) == (GONE, 0, 1)
    assert (placed.order.status, placed.order.prevented_quantity) == (GONE, 3)
    (match,) = placed.prevented_matches
    assert (match.quantity, match.taker_prevented_quantity, match.maker_prevented_quantity, match.mode) == (1, 3, 1, BOTH)


def test_e_the_takers_mode_decides(world):
    maker = bid(world, "1", "100", MAKER)
    assert ask(world, "1", "100", TAKER).order.status is GONE
    assert state(world, maker) == (ExchangeStatus.NEW, 0, 0)


def test_f_a_market_order_that_loses_its_maker_finds_nobody_else(world):
    maker = bid(world, "1", "100")
    placed = ask(world, "1", None, MAKER)
    assert state(world, maker) == (GONE, 0, 1)
    assert (placed.order.status, placed.order.expiry_reason) == (ExchangeStatus.EXPIRED, ExpiryReason.INSUFFICIENT_LIQUIDITY)


def test_g_decrement_takes_the_smaller_quantity_from_both(cheap):
    maker = bid(cheap, "6", "2")
    placed = ask(cheap, "2.5", "2", DECREMENT)
    assert state(cheap, maker) == (ExchangeStatus.NEW, 0, D("2.5"))
    assert (placed.order.status, placed.order.prevented_quantity) == (GONE, D("2.5"))
    assert cheap.balance(ANN, "USDT") == (100_000 - 7, 7)
    bid(cheap, "4", "2", account_id=BEN)
    placed = ask(cheap, "5", "2", DECREMENT)
    assert state(cheap, maker) == (GONE, 0, 6)
    assert (placed.order.status, placed.order.executed_quantity, placed.order.prevented_quantity) == (
        ExchangeStatus.FILLED,
        D("1.5"),
        D("3.5"),
    )
    assert cheap.order(ANN, maker).prevented_match_id == 2


def test_h_transfer_moves_what_was_prevented_between_accounts_of_a_group():
    world = World(quote(1, price="0.2"))
    for account_id in (ANN, BEN):
        world.engine.rulebook.terms.put(account_id, AccountTerms(trade_group=1))
    maker = bid(world, "60", "0.2", TRANSFER)
    placed = ask(world, "30", "0.2", TRANSFER, account_id=BEN)
    (match,) = placed.prevented_matches
    assert (match.mode, match.trade_group_id) == (TRANSFER, 1)
    assert (placed.order.status, placed.order.prevented_quantity, placed.trades) == (GONE, 30, ())
    assert state(world, maker) == (ExchangeStatus.NEW, 0, 30)
    assert world.balance(ANN, "BTC") == (1_030, 0)
    assert world.balance(ANN, "USDT") == (100_000 - 12, 6)
    assert world.balance(BEN, "BTC") == (970, 0)
    assert world.balance(BEN, "USDT") == (100_006, 0)


@pytest.mark.parametrize("mode", [NONE, MAKER, TAKER, BOTH, DECREMENT])
def test_transfer_needs_both_and_is_decrement_otherwise(cheap, mode):
    for account_id in (ANN, BEN):
        cheap.engine.rulebook.terms.put(account_id, AccountTerms(trade_group=1))
    bid(cheap, "6", "2", mode)
    placed = ask(cheap, "3", "2", TRANSFER, account_id=BEN)
    assert placed.prevented_matches[0].mode is DECREMENT
    assert cheap.balance(BEN, "USDT") == (100_000, 0)


def test_transfer_within_one_account_moves_nothing(cheap):
    bid(cheap, "6", "2", TRANSFER)
    ask(cheap, "3", "2", TRANSFER)
    assert cheap.balance(ANN, "BTC") == (1_000, 0)
    assert cheap.balance(ANN, "USDT") == (100_000 - 6, 6)


def test_accounts_of_different_groups_trade(cheap):
    cheap.engine.rulebook.terms.put(ANN, AccountTerms(trade_group=1))
    cheap.engine.rulebook.terms.put(BEN, AccountTerms(trade_group=2))
    bid(cheap, "3", "2")
    assert ask(cheap, "3", "2", BOTH, account_id=BEN).order.status is ExchangeStatus.FILLED


def test_a_part_that_was_prevented_does_not_fill_a_fill_or_kill(world):
    maker = bid(world, "1", "100")
    bid(world, "1", "99", account_id=BEN)
    placed = ask(world, "2", "99", DECREMENT, time_in_force=TimeInForce.FOK)
    assert (placed.order.status, placed.order.expiry_reason) == (ExchangeStatus.EXPIRED, ExpiryReason.UNFILLED_FOK)
    assert state(world, maker) == (ExchangeStatus.NEW, 0, 0)


def test_a_hidden_part_is_lost_with_the_visible_one(world):
    ice = world.place(ANN, "BUY", "6", "100", iceberg_quantity=D(2), self_trade_prevention=NONE).order.order_id
    placed = ask(world, "7", "100", DECREMENT)
    assert state(world, ice) == (GONE, 0, 6)
    assert (placed.order.status, placed.order.remaining_quantity, len(placed.prevented_matches)) == (ExchangeStatus.NEW, 1, 1)


def test_prevented_matches_are_kept_for_both_sides(world):
    for account_id in (ANN, BEN):
        world.engine.rulebook.terms.put(account_id, AccountTerms(trade_group=1))
    maker = bid(world, "1", "100")
    taker = ask(world, "3", "100", BOTH, account_id=BEN).order.order_id
    kept = world.archive.prevented_matches
    (match,) = kept(ANN, SYMBOL, Span(10), order_id=maker)
    assert (match.taker_order_id, match.maker_order_id) == (taker, maker)
    assert kept(BEN, SYMBOL, Span(10), match_id=1) == [match]
