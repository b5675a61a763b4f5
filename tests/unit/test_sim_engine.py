"""The matching engine: who trades with whom, at what price, and what it does to balances."""

import pytest
from engine_world import ANN, BEN, BOOK, RULES, SYMBOL, D, World, levels, prices, quote, refusal

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.errors import BookMismatchError
from binance_trade_agent.domain.order import ExchangeStatus, Side, TimeInForce
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.simulation.engine.accounts import Accounts
from binance_trade_agent.simulation.engine.amounts import commission
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.listing import MOST_OPEN_ORDERS
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.terms import CancelRestriction, ExpiryReason, OrderType


def test_a_market_buy_walks_the_ladder_and_pays_its_fee_in_base():
    world = World(BOOK)
    placed = world.place(ANN, "BUY", "2")
    assert prices(placed) == [("101", "1"), ("102", "1")]
    assert placed.order.status is ExchangeStatus.FILLED
    assert placed.order.cumulative_quote_quantity == D(203)
    assert world.balance(ANN, "USDT") == (D(100_000 - 203), 0)
    assert world.balance(ANN, "BTC") == (D(1_000) + D(2) - D("0.004"), 0)
    assert {trade.commission_asset for trade in placed.trades} == {"BTC"}


def test_a_market_sell_pays_its_fee_in_quote():
    world = World(BOOK)
    placed = world.place(ANN, "SELL", "1.5")
    assert prices(placed) == [("99", "1"), ("98", "0.5")]
    received = D(99) + D(49)
    assert world.balance(ANN, "USDT")[0] == D(100_000) + received - received * D("0.002")
    assert [trade.commission for trade in placed.trades] == [D("0.198"), D("0.098")]


def test_what_the_ladder_lacks_expires():
    world = World(BOOK)
    placed = world.place(ANN, "BUY", "5")
    assert placed.order.executed_quantity == 3
    assert placed.order.status is ExchangeStatus.EXPIRED
    assert placed.order.expiry_reason is ExpiryReason.INSUFFICIENT_LIQUIDITY
    assert world.balance(ANN, "USDT")[1] == 0


def test_a_market_order_in_a_gap_expires_with_nothing_executed():
    world = World(quote(1))
    placed = world.place(ANN, "BUY", "1")
    assert (placed.order.status, placed.order.executed_quantity, placed.trades) == (ExchangeStatus.EXPIRED, 0, ())


def test_the_same_quote_is_not_eaten_twice_but_the_next_one_is_fresh():
    world = World(BOOK, quote(20, asks="101x1 102x2", bids="99x1"))
    world.place(ANN, "BUY", "1", at=10)
    assert prices(world.place(BEN, "BUY", "1", at=11)) == [("102", "1")]
    assert world.engine.visible_ladder(SYMBOL, 11).asks == levels("102x1")
    assert prices(world.place(BEN, "BUY", "1", at=20)) == [("101", "1")]


def test_ladder_liquidity_is_only_taken_in_whole_steps():
    world = World(quote(1, asks="101x0.0015 102x1"))
    assert prices(world.place(ANN, "BUY", "0.05")) == [("101", "0.001"), ("102", "0.049")]


def test_quote_quantity_buys_whole_steps_and_never_costs_more():
    world = World(BOOK)
    request = NewOrder(SYMBOL, Side.BUY, OrderType.MARKET, quote_quantity=D("150.55"))
    placed = world.engine.place(ANN, request, 10)
    assert prices(placed) == [("101", "1"), ("102", "0.485")]
    assert placed.order.status is ExchangeStatus.FILLED
    assert placed.order.original_quantity == placed.order.executed_quantity == D("1.485")
    assert placed.order.cumulative_quote_quantity == D("150.47")


def test_quote_quantity_sells_what_brings_it_in():
    world = World(BOOK)
    placed = world.engine.place(ANN, NewOrder(SYMBOL, Side.SELL, OrderType.MARKET, quote_quantity=D("49.5")), 10)
    assert prices(placed) == [("99", "0.5")]


def test_quote_quantity_on_an_empty_book_or_below_one_step_is_refused():
    request = NewOrder(SYMBOL, Side.BUY, OrderType.MARKET, quote_quantity=D(50))
    with refusal(-2010, "liquidity is less than symbol minimum"):
        World(quote(1)).engine.place(ANN, request, 10)
    with refusal(-1013, "LOT_SIZE"):
        World(quote(1, asks="90000x1")).engine.place(ANN, request, 10)


def test_a_limit_buy_takes_up_to_its_price_and_rests_with_its_quote_locked():
    world = World(BOOK)
    placed = world.place(ANN, "BUY", "3", "101.50")
    assert prices(placed) == [("101", "1")]
    assert placed.order.status is ExchangeStatus.PARTIALLY_FILLED
    assert world.balance(ANN, "USDT") == (D(100_000) - 101 - 203, D(203))


def test_time_in_force_ioc_and_fok():
    world = World(BOOK)
    ioc = world.place(ANN, "BUY", "3", "101", time_in_force=TimeInForce.IOC)
    assert (ioc.order.executed_quantity, ioc.order.status) == (1, ExchangeStatus.EXPIRED)
    assert ioc.order.expiry_reason is ExpiryReason.UNFILLED_IOC
    killed = world.place(ANN, "BUY", "3", "102", time_in_force=TimeInForce.FOK)
    assert (killed.order.executed_quantity, killed.order.status, killed.trades) == (0, ExchangeStatus.EXPIRED, ())
    assert killed.order.expiry_reason is ExpiryReason.UNFILLED_FOK
    filled = world.place(ANN, "BUY", "2", "102", time_in_force=TimeInForce.FOK)
    assert filled.order.status is ExchangeStatus.FILLED
    assert world.balance(ANN, "USDT")[1] == 0


def test_limit_maker_rests_or_is_refused():
    world = World(BOOK)
    with refusal(-2010, "immediately match and take"):
        world.place(ANN, "BUY", "1", "101", type=OrderType.LIMIT_MAKER)
    resting = world.place(ANN, "BUY", "1", "100.99", type=OrderType.LIMIT_MAKER)
    assert resting.order.status is ExchangeStatus.NEW
    assert world.engine.visible_ladder(SYMBOL, 10).bids[0] == (D("100.99"), D(1))


def test_a_quote_that_reaches_a_resting_order_fills_it_at_its_own_price_and_the_quotes_time():
    world = World(BOOK, quote(30, bids="96x1", asks="97x0.4 97.5x5"), quote(40, bids="96x1", asks="99.5x5"))
    order = world.place(ANN, "BUY", "1", "97").order
    world.engine.advance(100)
    assert world.order(ANN, order.order_id).status is ExchangeStatus.PARTIALLY_FILLED
    (trade,) = world.archive.all_trades(ANN)
    assert (trade.price, trade.quantity, trade.time_ms, trade.is_maker) == (97, D("0.4"), 30, True)
    assert trade.commission == D("0.0004")
    assert world.balance(ANN, "USDT") == (D(100_000 - 97), D("58.2"))
    assert world.first_fills == [(ANN, True, 30)]


def test_resting_orders_share_a_quotes_liquidity_by_price_then_time():
    world = World(BOOK, quote(30, bids="90x1", asks="95x2.5"))
    first = world.place(ANN, "BUY", "1", "97", at=10).order
    second = world.place(BEN, "BUY", "1", "98", at=11).order
    third = world.place(BEN, "BUY", "1", "97", at=12).order
    world.engine.advance(30)
    executed = [world.order(order.account_id, order.order_id).executed_quantity for order in (second, first, third)]
    assert executed == [1, 1, D("0.5")]


def test_accounts_trade_with_each_other_before_the_ladder_at_the_same_price():
    world = World(BOOK)
    maker = world.place(BEN, "SELL", "0.6", "101").order
    placed = world.place(ANN, "BUY", "1")
    assert prices(placed) == [("101", "0.6"), ("101", "0.4")]
    assert world.order(BEN, maker.order_id).status is ExchangeStatus.FILLED
    ours, theirs = placed.trades[0], world.archive.all_trades(BEN)[0]
    assert (ours.trade_id, theirs.trade_id) == (1, 1)
    assert (theirs.is_maker, theirs.commission) == (True, D("0.0606"))
    assert world.balance(BEN, "BTC") == (D("999.4"), 0)


def test_a_better_ladder_price_goes_before_a_resting_order():
    world = World(BOOK)
    world.place(BEN, "SELL", "1", "101.50")
    assert prices(world.place(ANN, "BUY", "2")) == [("101", "1"), ("101.5", "1")]


def test_own_resting_orders_are_expired_instead_of_traded_with():
    world = World(BOOK)
    own = world.place(ANN, "SELL", "1", "101").order
    placed = world.place(ANN, "BUY", "2")
    assert prices(placed) == [("101", "1"), ("102", "1")]
    prevented = world.order(ANN, own.order_id)
    assert (prevented.status, prevented.prevented_quantity) == (ExchangeStatus.EXPIRED_IN_MATCH, 1)
    assert world.balance(ANN, "BTC")[1] == 0


def test_funds_must_cover_the_whole_order():
    world = World(BOOK, usdt="150", btc="1")
    for arguments in [("BUY", "2"), ("BUY", "2", "90"), ("SELL", "1.001"), ("SELL", "1.001", "200")]:
        with refusal(-2010, "insufficient balance"):
            world.place(ANN, *arguments)
    assert world.balance(ANN, "USDT") == (D(150), 0)
    assert world.archive.all_orders(ANN) == []


def test_locked_money_cannot_be_spent_again_until_it_is_cancelled():
    world = World(BOOK, usdt="100", btc="0")
    order = world.place(ANN, "BUY", "1", "90").order
    with refusal(-2010, "insufficient balance"):
        world.place(ANN, "BUY", "1", "20")
    canceled = world.engine.cancel(ANN, SYMBOL, order_id=order.order_id, client_order_id=None, now_ms=12)
    assert canceled.status is ExchangeStatus.CANCELED
    assert world.balance(ANN, "USDT") == (D(100), 0)
    world.place(ANN, "BUY", "1", "20")


def test_a_client_order_id_is_unique_among_open_orders_only():
    world = World(BOOK)
    world.place(ANN, "BUY", "1", "90", client_order_id="mine")
    with refusal(-2010, "Duplicate order sent"):
        world.place(ANN, "BUY", "1", "91", client_order_id="mine")
    world.place(BEN, "BUY", "1", "90", client_order_id="mine")
    for _ in range(2):
        assert world.place(ANN, "BUY", "0.1", client_order_id="twice").order.status is ExchangeStatus.FILLED
    assert world.engine.find_order(ANN, SYMBOL, None, "twice").order_id == 4


def test_cancel_finds_only_open_orders_of_the_account():
    world = World(BOOK)
    order = world.place(ANN, "BUY", "1", "90", client_order_id="mine").order

    def cancel(account_id=ANN, order_id=None, client_order_id=None, **more):
        return world.engine.cancel(account_id, SYMBOL, order_id=order_id, client_order_id=client_order_id, now_ms=12, **more)

    with refusal(-2011, "Unknown order"):
        cancel(BEN, order_id=order.order_id)
    with refusal(-2011, "Unknown order"):
        cancel(client_order_id="other")
    with refusal(-2039):
        cancel(order_id=order.order_id, client_order_id="other")
    with refusal(-2011, "restrictions"):
        cancel(order_id=order.order_id, restriction=CancelRestriction.ONLY_PARTIALLY_FILLED)
    assert cancel(client_order_id="mine", restriction=CancelRestriction.ONLY_NEW).status is ExchangeStatus.CANCELED
    with refusal(-2011, "Unknown order"):
        cancel(client_order_id="mine")


def test_cancel_all_leaves_other_accounts_alone():
    world = World(BOOK)
    world.place(ANN, "BUY", "1", "90")
    world.place(ANN, "SELL", "1", "190")
    world.place(BEN, "BUY", "1", "90")
    assert len(world.engine.cancel_all(ANN, SYMBOL, 12)) == 2
    assert [order.account_id for order in world.engine.open_orders(BEN)] == [BEN]
    assert world.engine.resting_symbols() == (SYMBOL,)
    with refusal(-2011):
        world.engine.cancel_all(ANN, SYMBOL, 12)


@pytest.mark.parametrize(
    ("arguments", "failure"),
    [
        (("BUY", "1", "100.001"), "PRICE_FILTER"),
        (("BUY", "1", "1000000.01"), "PRICE_FILTER"),
        (("BUY", "1.0001", "100"), "LOT_SIZE"),
        (("BUY", "1001", "100"), "LOT_SIZE"),
        (("BUY", "0"), "LOT_SIZE"),
        (("BUY", "51"), "MARKET_LOT_SIZE"),
        (("BUY", "0.001"), "NOTIONAL"),
        (("BUY", "0.001", "100"), "NOTIONAL"),
        (("SELL", "1000", "100"), "NOTIONAL"),
    ],
)
def test_filters(arguments, failure):
    with refusal(-1013, f"Filter failure: {failure}$"):
        World(BOOK).place(ANN, *arguments)


def test_a_symbol_that_does_not_trade_takes_no_orders_but_cancels():
    closed = SymbolRules(**{name: getattr(RULES, name) for name in RULES.__slots__} | {"status": SymbolStatus.CANCEL_ONLY})
    with refusal(-1013, "Market is closed"):
        World(BOOK, rules=closed).place(ANN, "BUY", "1", "90")


def test_open_orders_on_a_symbol_are_bounded():
    world = World(BOOK)
    for _ in range(MOST_OPEN_ORDERS):
        world.place(ANN, "BUY", "0.1", "50")
    with refusal(-1013, "MAX_NUM_ORDERS"):
        world.place(ANN, "BUY", "0.1", "50")
    world.place(BEN, "BUY", "0.1", "50")


def test_time_never_goes_back():
    world = World(BOOK)
    assert world.engine.advance(50) == 50
    assert world.engine.advance(20) == 50
    assert world.place(ANN, "BUY", "1", "90", at=30).order.time_ms == 50


def test_ids_made_up_by_the_exchange_follow_the_seed():
    first, second = (World(BOOK).place(ANN, "BUY", "1", "90").order.client_order_id for _ in range(2))
    assert first == second
    assert len(first) == 22


def test_commission_is_rounded_half_up_as_in_the_documents_example():
    assert commission(D("17491.25"), D("0.0000023")) == D("0.04022988")


def test_no_balance_can_become_negative():
    accounts = Accounts(ChangeSet())
    accounts.restore(ANN, [Balance("BTC", D(1), D(0))])
    with pytest.raises(BookMismatchError):
        accounts.pay(ANN, "BTC", D("1.00000001"))


def test_values_finer_than_eight_decimals_are_rounded_down_in_trades_and_up_in_locks():
    fine = SymbolRules(**{name: getattr(RULES, name) for name in RULES.__slots__} | {"tick_size": D("1e-8"), "min_notional": D(0)})
    world = World(quote(1, asks="0.33333333x0.001", price="0.33333333"), rules=fine)
    placed = world.place(ANN, "BUY", "0.002", "0.33333333")
    assert placed.trades[0].quote_quantity == D("0.00033333")
    assert world.balance(ANN, "USDT") == (D(100_000) - D("0.00033333") - D("0.00033334"), D("0.00033334"))
    world.engine.cancel_all(ANN, SYMBOL, 11)
    assert world.balance(ANN, "USDT") == (D(100_000) - D("0.00033333"), 0)
