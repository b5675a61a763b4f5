"""An order that was accepted and is nowhere to be seen ends at last, with the trades it had, and its symbol is free again."""

import pytest
from reconciler_desk import NOW_MS, open_desk

from binance_trade_agent.domain.errors import AgentError, ExchangeRefusedError
from binance_trade_agent.domain.order import ExchangeStatus, OrderEvent, OrderState
from binance_trade_agent.reconciler.missing_orders import FORGOTTEN_APART_MS, MISSES_TO_BE_FORGOTTEN


@pytest.fixture
async def desk():
    async with open_desk() as desk:
        yield desk


async def accepted(desk, quantity=1, fills=0):
    """An order that rests, which the exchange then does not show any more."""
    name = await desk.begin(quantity=quantity)
    report = desk.exchange.place(name, quantity=quantity, fills=fills)
    event = OrderEvent.PARTIAL_FILL if fills else OrderEvent.ACCEPT
    await desk.portfolio.record_event(name, event, time_ms=NOW_MS, report=report, fills=report.fills)
    return name, report.order_id


async def look(desk, times):
    for _ in range(times):
        await desk.reconciler.settle_open_orders()
        desk.pass_time(FORGOTTEN_APART_MS)


async def test_a_forgotten_order_ends_and_its_symbol_trades_on(desk):
    name, number = await accepted(desk)
    del desk.exchange.orders[number]
    await look(desk, MISSES_TO_BE_FORGOTTEN - 1)
    assert await desk.state(name) is OrderState.NEW
    await look(desk, 1)
    assert await desk.state(name) is OrderState.EXPIRED
    assert desk.portfolio.open_orders() == ()
    assert desk.halted == {}
    await desk.check_agreement()


async def test_many_looks_within_a_minute_are_one(desk):
    name, number = await accepted(desk)
    del desk.exchange.orders[number]
    for _ in range(3 * MISSES_TO_BE_FORGOTTEN):
        await desk.reconciler.settle_open_orders()
        desk.pass_time(1_000)
    assert await desk.state(name) is OrderState.NEW


async def test_the_time_between_looks_is_the_exchanges(desk):
    name, number = await accepted(desk)
    del desk.exchange.orders[number]
    get_server_time = desk.exchange.get_server_time

    async def standing_still():
        await get_server_time()
        return NOW_MS

    desk.exchange.get_server_time = standing_still
    await look(desk, 2 * MISSES_TO_BE_FORGOTTEN)
    assert await desk.state(name) is OrderState.NEW


async def test_what_a_forgotten_order_had_traded_is_booked_with_its_end(desk):
    name, number = await accepted(desk, quantity=3, fills=1)
    desk.exchange.fill(number, 1, ExchangeStatus.PARTIALLY_FILLED)
    del desk.exchange.orders[number]
    await look(desk, MISSES_TO_BE_FORGOTTEN)
    assert await desk.state(name) is OrderState.EXPIRED
    await desk.check_agreement()


async def test_a_forgotten_order_whose_trades_are_all_of_it_was_filled(desk):
    name, number = await accepted(desk, quantity=2)
    desk.exchange.fill(number, 2, ExchangeStatus.FILLED)
    del desk.exchange.orders[number]
    await look(desk, MISSES_TO_BE_FORGOTTEN)
    assert await desk.state(name) is OrderState.FILLED
    await desk.check_agreement()


async def test_an_order_that_only_queries_do_not_show_is_not_forgotten(desk):
    name, _ = await accepted(desk)

    async def not_shown(*_args, **_more):
        return None

    desk.exchange.get_order = not_shown
    await look(desk, 2 * MISSES_TO_BE_FORGOTTEN)
    assert await desk.state(name) is OrderState.NEW


async def test_an_order_that_is_seen_again_is_not_forgotten(desk):
    name, _ = await accepted(desk)
    desk.exchange.hidden.add(name)
    await look(desk, MISSES_TO_BE_FORGOTTEN - 1)
    desk.exchange.hidden.clear()
    await look(desk, 1)
    desk.exchange.hidden.add(name)
    await look(desk, MISSES_TO_BE_FORGOTTEN - 1)
    assert await desk.state(name) is OrderState.NEW


async def test_a_forgotten_order_that_is_open_after_all_halts_its_symbol(desk):
    name, _ = await accepted(desk)
    desk.exchange.hidden.add(name)
    await look(desk, MISSES_TO_BE_FORGOTTEN)
    assert await desk.state(name) is OrderState.EXPIRED
    desk.exchange.hidden.clear()
    await desk.reconciler.reconcile()
    assert set(desk.halted) == {"AAAUSDT"}


async def test_an_order_that_the_exchange_has_archived_ended_without_a_trade(desk):
    name, _ = await accepted(desk)
    desk.exchange.refusals[name] = ExchangeRefusedError(-2026, "Order was canceled or expired with no executed qty.", 400)
    await desk.reconciler.settle_open_orders()
    assert await desk.state(name) is OrderState.EXPIRED


# -- by hand ---------------------------------------------------------------------------------------------------------------------


async def test_an_operator_settles_a_forgotten_order_at_once_and_its_trades_come_along(desk):
    name, number = await accepted(desk, quantity=3, fills=1)
    desk.exchange.fill(number, 1, ExchangeStatus.PARTIALLY_FILLED)
    del desk.exchange.orders[number]
    settled = await desk.reconciler.settle_by_hand(name, "gone from the order page")
    assert settled.state is OrderState.EXPIRED
    assert settled.executed_quantity == 2
    await desk.check_agreement()


async def test_an_order_that_the_exchange_shows_is_followed_whatever_the_operator_says(desk):
    name, _ = await accepted(desk)
    assert (await desk.reconciler.settle_by_hand(name, "I want it away")).state is OrderState.NEW


async def test_the_fence_of_an_unanswered_order_holds_against_the_operator(desk):
    name = await desk.begin()
    with pytest.raises(AgentError, match="may still reach the exchange; ask again in 41 s"):
        await desk.reconciler.settle_by_hand(name, "I am sure")
    desk.pass_time()
    assert (await desk.reconciler.settle_by_hand(name, "I am sure")).state is OrderState.NEVER_PLACED


async def test_an_order_that_the_exchange_will_not_speak_of_ends_on_the_operators_word(desk):
    name, _ = await accepted(desk)
    desk.exchange.refusals[name] = ExchangeRefusedError(-1121, "Invalid symbol.", 400)
    assert (await desk.reconciler.settle_by_hand(name, "delisted")).state is OrderState.EXPIRED


async def test_orders_that_are_not_open_cannot_be_settled(desk):
    name = await desk.trade()
    with pytest.raises(AgentError, match="has ended as FILLED"):
        await desk.reconciler.settle_by_hand(name, "again")
    with pytest.raises(AgentError, match="is not in the book"):
        await desk.reconciler.settle_by_hand("bta-e-999", "a typing error")
