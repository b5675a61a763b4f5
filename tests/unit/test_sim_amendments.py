"""Amendments: an order gets smaller, keeps its turn, and lets go of what it no longer needs (faqs/order_amend_keep_priority.md)."""

import pytest
from engine_world import ANN, BEN, SYMBOL, D, World, levels, quote, refusal

from binance_trade_agent.domain.order import ExchangeStatus
from binance_trade_agent.simulation.engine.history import Span
from binance_trade_agent.simulation.engine.terms import OrderType


def amend(world: World, order_id: int | None, quantity: str, **more):
    asked = {"client_order_id": None, "quantity": D(quantity), "now_ms": 11} | more
    return world.engine.amend(ANN, SYMBOL, order_id=order_id, **asked)[:2]


def test_the_order_keeps_its_turn_and_unlocks_what_it_does_not_need():
    world = World(quote(1))
    world.place(BEN, "SELL", "1", "100")
    order_id = world.place(ANN, "SELL", "5.5", "100").order.order_id
    behind = world.place(BEN, "SELL", "4", "100").order.order_id
    order, amendment = amend(world, order_id, "5")
    assert (order.original_quantity, order.status, amendment.original_quantity, amendment.new_quantity) == (
        5,
        ExchangeStatus.NEW,
        D("5.5"),
        5,
    )
    assert world.balance(ANN, "BTC") == (995, 5)
    assert world.engine.visible_ladder(SYMBOL, 11).asks == levels("100x10")
    world.place(ANN, "BUY", "1", at=12)
    taker = world.place(BEN, "BUY", "4.5", at=12)
    assert taker.order.executed_quantity == D("4.5")
    assert (world.order(ANN, order_id).executed_quantity, world.order(BEN, behind).executed_quantity) == (D("4.5"), 0)
    assert world.told(order_id)[:2] == [("NEW", "NEW"), ("REPLACED", "NEW")]


def test_it_is_known_by_a_new_name_or_keeps_the_one_it_has():
    world = World(quote(1))
    order_id = world.place(ANN, "SELL", "5", "100", client_order_id="first").order.order_id
    order, amendment = amend(world, order_id, "4")
    assert (amendment.original_client_order_id, amendment.new_client_order_id) == ("first", order.client_order_id)
    assert order.client_order_id != "first"
    assert world.engine.find_order(ANN, SYMBOL, None, "first") is None
    order, _ = amend(world, order_id, "3", new_client_order_id="second")
    order, _ = amend(world, None, "2", client_order_id="second", new_client_order_id="second")
    assert order.client_order_id == "second"
    assert [each.new_quantity for each in world.archive.amendments(ANN, SYMBOL, order_id, Span(10))] == [4, 3, 2]
    world.place(ANN, "SELL", "5", "100", client_order_id="other")
    with refusal(-2010, "Duplicate order sent."):
        amend(world, order_id, "1", new_client_order_id="other")
    assert world.engine.find_order(ANN, SYMBOL, None, "second").original_quantity == 2


@pytest.mark.parametrize(
    ("quantity", "code", "text"),
    [
        ("5", -2038, "would change no state"),
        ("6", -2038, "quantity increase"),
        ("2", -2038, "not above what was executed"),
        ("4.0001", -1013, "LOT_SIZE"),
        ("0", -2038, "not above what was executed"),
    ],
)
def test_what_cannot_be_changes_nothing(quantity, code, text):
    world = World(quote(1))
    order_id = world.place(ANN, "SELL", "5", "100").order.order_id
    world.place(BEN, "BUY", "2")
    before = world.order(ANN, order_id)
    with refusal(code, text):
        amend(world, order_id, quantity)
    assert world.order(ANN, order_id) == before


def test_an_order_may_be_amended_ten_times():
    world = World(quote(1))
    order_id = world.place(ANN, "SELL", "50", "100").order.order_id
    for number in range(10):
        amend(world, order_id, str(49 - number))
    with refusal(-2038, "MAX_NUM_ORDER_AMENDS"):
        amend(world, order_id, "1")


def test_an_iceberg_shows_less_only_when_less_is_left():
    world = World(quote(1))
    order_id = world.place(ANN, "SELL", "10", "100", iceberg_quantity=D(3)).order.order_id
    amend(world, order_id, "5")
    assert world.engine.visible_ladder(SYMBOL, 11).asks == levels("100x3")
    amend(world, order_id, "2")
    assert world.engine.visible_ladder(SYMBOL, 11).asks == levels("100x2")


def test_an_order_that_waits_for_the_price_can_be_made_smaller_as_well():
    world = World(quote(1), quote(20, price="120", asks="120x9"))
    order_id = world.place(ANN, "BUY", "5", type=OrderType.STOP_LOSS, stop_price=D(110)).order.order_id
    amend(world, order_id, "3")
    assert world.balance(ANN, "USDT") == (100_000 - 330, 330)
    world.engine.advance(20)
    assert world.order(ANN, order_id).executed_quantity == 3


def test_nobody_amends_an_order_that_is_not_theirs_or_not_open():
    world = World(quote(1))
    order_id = world.place(BEN, "SELL", "5", "100").order.order_id
    with refusal(-2011, "Unknown order sent."):
        amend(world, order_id, "4")
