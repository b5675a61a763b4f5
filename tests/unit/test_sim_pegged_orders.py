"""Pegged orders: the price of the book that they enter it with, when, and what they do not follow."""

from engine_world import ANN, BEN, BOOK, SYMBOL, D, World, levels, prices, quote, refusal

from binance_trade_agent.domain.order import ExchangeStatus, TimeInForce
from binance_trade_agent.simulation.engine.terms import ExpiryReason, OrderType, PegOffsetType, PegPriceType

PRIMARY, MARKET = PegPriceType.PRIMARY_PEG, PegPriceType.MARKET_PEG


def peg(price_type: PegPriceType, offset: int | None = None) -> dict:
    return {"peg_price_type": price_type} | (
        {} if offset is None else {"peg_offset_type": PegOffsetType.PRICE_LEVEL, "peg_offset_value": offset}
    )


def test_a_primary_peg_joins_the_best_price_of_its_own_side():
    world = World(BOOK)
    order = world.place(ANN, "BUY", "1", type=OrderType.LIMIT, **peg(PRIMARY)).order
    assert (order.price, order.pegged_price, order.status) == (0, 99, ExchangeStatus.NEW)
    assert world.balance(ANN, "USDT") == (100_000 - 99, 99)
    assert world.engine.visible_ladder(SYMBOL, 10).bids == levels("99x2 98x2")


def test_a_market_peg_takes_the_best_price_of_the_other_side_and_only_that():
    world = World(BOOK)
    placed = world.place(ANN, "BUY", "3", type=OrderType.LIMIT, time_in_force=TimeInForce.IOC, **peg(MARKET))
    assert prices(placed) == [("101", "1")]
    assert (placed.order.status, placed.order.expiry_reason) == (ExchangeStatus.EXPIRED, ExpiryReason.UNFILLED_IOC)
    assert world.balance(ANN, "USDT") == (100_000 - 101, 0)


def test_an_offset_counts_levels_deeper_into_the_book_where_accounts_stand_too():
    world = World(BOOK)
    world.place(BEN, "BUY", "1", "98.5")
    assert world.place(ANN, "BUY", "1", type=OrderType.LIMIT, **peg(PRIMARY, 1)).order.pegged_price == D("98.5")
    assert world.place(ANN, "BUY", "1", type=OrderType.LIMIT_MAKER, **peg(PRIMARY, 2)).order.pegged_price == 98
    with refusal(-2010, "Order book liquidity is too low for this pegged order."):
        world.place(ANN, "BUY", "1", type=OrderType.LIMIT, **peg(PRIMARY, 3))


def test_filters_bind_the_price_that_was_found():
    world = World(BOOK)
    with refusal(-1013, "NOTIONAL"):
        world.place(ANN, "BUY", "0.05", type=OrderType.LIMIT, **peg(PRIMARY))
    assert world.engine.open_orders(ANN) == []


def test_it_stays_where_it_came_in_when_the_book_moves():
    world = World(BOOK, quote(20, bids="90x1", asks="92x1", price="91"))
    order_id = world.place(ANN, "SELL", "1", type=OrderType.LIMIT, **peg(PRIMARY)).order.order_id
    world.engine.advance(20)
    assert world.order(ANN, order_id).pegged_price == 101
    assert world.engine.visible_ladder(SYMBOL, 20).asks == levels("92x1 101x1")


def test_a_conditional_peg_takes_the_price_of_the_moment_in_which_it_is_set_off():
    world = World(BOOK, quote(20, bids="89x1", asks="91x1", price="90"))
    placed = world.place(ANN, "SELL", "1", type=OrderType.STOP_LOSS_LIMIT, stop_price=D(95), **peg(MARKET)).order
    assert (placed.pegged_price, placed.locked_amount) == (None, 1)
    world.engine.advance(20)
    order = world.order(ANN, placed.order_id)
    assert (order.pegged_price, order.status) == (89, ExchangeStatus.FILLED)


def test_a_conditional_peg_that_finds_no_price_then_is_rejected():
    world = World(BOOK, quote(20, price="90"))
    order_id = world.place(ANN, "BUY", "1", type=OrderType.TAKE_PROFIT_LIMIT, stop_price=D(95), **peg(MARKET)).order.order_id
    assert world.balance(ANN, "USDT")[1] == 95
    world.engine.advance(20)
    order = world.order(ANN, order_id)
    assert (order.status, order.expiry_reason) == (ExchangeStatus.EXPIRED, ExpiryReason.REJECTED)
    assert world.balance(ANN, "USDT") == (100_000, 0)
