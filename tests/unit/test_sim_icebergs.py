"""Icebergs: what others see of them, and whose turn it is when the visible part is gone."""

from engine_world import ANN, BEN, SYMBOL, D, World, levels, prices, quote

from binance_trade_agent.domain.order import ExchangeStatus
from binance_trade_agent.simulation.engine.terms import OrderType


def shown(world: World) -> tuple:
    return world.engine.visible_ladder(SYMBOL, 10).asks


def test_others_see_the_visible_part_only_and_all_of_it_is_locked():
    world = World(quote(1))
    world.place(ANN, "SELL", "10", "101", iceberg_quantity=D(3))
    assert shown(world) == levels("101x3")
    assert world.balance(ANN, "BTC") == (990, 10)


def test_the_next_part_stands_behind_those_who_came_meanwhile():
    world = World(quote(1))
    ice = world.place(ANN, "SELL", "10", "101", iceberg_quantity=D(3)).order.order_id
    plain = world.place(ANN, "SELL", "4", "101").order.order_id
    world.place(BEN, "BUY", "3")
    assert shown(world) == levels("101x7")  # the iceberg shows three again, behind the four
    world.place(BEN, "BUY", "4")
    assert (world.order(ANN, ice).executed_quantity, world.order(ANN, plain).executed_quantity) == (3, 4)
    world.place(BEN, "BUY", "6.5")
    assert world.order(ANN, ice).executed_quantity == D("9.5")
    assert shown(world) == levels("101x0.5")
    world.place(BEN, "BUY", "0.5")
    assert world.order(ANN, ice).status is ExchangeStatus.FILLED
    assert shown(world) == ()


def test_one_large_taker_takes_part_after_part_in_turn():
    world = World(quote(1))
    first = world.place(ANN, "SELL", "5", "101", iceberg_quantity=D(2)).order.order_id
    second = world.place(ANN, "SELL", "3", "101", iceberg_quantity=D(1)).order.order_id
    world.place(ANN, "SELL", "9", "102")
    placed = world.place(BEN, "BUY", "9")
    assert prices(placed) == [("101", each) for each in ("2", "1", "2", "1", "1", "1")] + [("102", "1")]
    makers = [trade.order_id for trade in world.archive.all_trades(ANN)]
    assert makers == [first, second, first, second, first, second, 3]


def test_the_market_meets_the_parts_in_turn_too():
    world = World(quote(1), quote(20, bids="103x4"))
    ice = world.place(ANN, "SELL", "6", "101", iceberg_quantity=D(2)).order.order_id
    plain = world.place(ANN, "SELL", "1", "101").order.order_id
    world.engine.advance(20)
    assert (world.order(ANN, ice).executed_quantity, world.order(ANN, plain).executed_quantity) == (3, 1)


def test_what_a_taker_does_not_get_rests_as_an_iceberg_and_a_part_is_never_more_than_what_is_left():
    world = World(quote(1, asks="101x2"))
    placed = world.place(ANN, "BUY", "5", "101", iceberg_quantity=D(4))
    assert prices(placed) == [("101", "2")]
    assert world.engine.visible_ladder(SYMBOL, 10).bids == levels("101x3")


def test_a_conditional_iceberg_hides_as_well_once_it_works():
    world = World(quote(1), quote(20, price="95"))
    world.place(ANN, "SELL", "10", "101", type=OrderType.STOP_LOSS_LIMIT, stop_price=D(95), iceberg_quantity=D(3))
    assert shown(world) == ()
    world.engine.advance(20)
    assert world.engine.visible_ladder(SYMBOL, 20).asks == levels("101x3")
