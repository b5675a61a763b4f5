"""Open orders at a stop: what stays on the exchange is what the settings say, and the next start meets every answer to a cancellation."""

import asyncio
from decimal import Decimal

import pytest
from msgspec.structs import replace
from virtual_pilot import Pilot, approved, fly

from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.domain.order import OrderState, OrderType, TimeInForce
from binance_trade_agent.domain.risk import Approved
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.virtual_loop import run_virtual

CANCEL = "DELETE /api/v3/order"
LOST = [FaultKind.LOSE_REQUEST, FaultKind.LOSE_ANSWER, FaultKind.ANSWER_5XX_EXECUTED, FaultKind.ANSWER_5XX_NOT_EXECUTED]
PROTECTED = {"protection": "exchange", "risk_default_stop_loss_pct": "0.5", "risk_default_take_profit_pct": "0.5"}


async def place_resting(pilot, price=None, state=OrderState.NEW):
    """A limit order to buy, so low that it stands where no price is given."""
    market = approved(pilot.components)
    price = price or (await pilot.components.client.get_latest_price("AAAUSDT") * Decimal("0.9")).quantize(Decimal("0.01"))
    intent = replace(market.intent, type=OrderType.LIMIT, price=price, time_in_force=TimeInForce.GTC)
    execution = await pilot.components.execution.execute(Approved(intent, market.reservation))
    assert execution.settled.order.state is state
    return intent.client_order_id


def open_there(pilot):
    return [order.client_order_id for order in pilot.exchange_orders if order.status.value in {"NEW", "PARTIALLY_FILLED"}]


async def stopped(pilot, before):
    """Run the daemon, and stop it once `before` has been done in the middle of its work."""
    daemon = Daemon(daemon_parts(pilot.components, metrics=lambda: b""))

    async def during():
        try:
            await pilot.warm_up()
            await before()
        finally:
            daemon.request_stop("a test")

    side = asyncio.ensure_future(during())
    code = await daemon.run()
    await side
    assert code is ExitCode.OK


def lives(open_agent, first, second=None, **settings):
    """One daemon after the other with the same book and exchange; `first` acts while the first runs, `second` once the next has started."""

    async def main():
        async with open_agent(in_memory=False, http_port=0, **settings) as components:
            pilot = Pilot(components)
            await stopped(pilot, lambda: first(pilot))
            left = open_there(pilot)
        async with open_agent(in_memory=False, http_port=0, **settings) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            if second is not None:
                await second(pilot, left)

    run_virtual(main())


@pytest.mark.parametrize(("choice", "stays"), [("keep-protection", False), ("keep-all", True), ("cancel-all", False)])
def test_an_entry_that_stands_is_left_as_the_setting_says(open_agent, choice, stays):
    names = []

    async def first(pilot):
        names.append(await place_resting(pilot))

    async def second(pilot, left):
        assert left == (names if stays else [])
        assert (await pilot.components.store.find_order(names[0])).state is (OrderState.NEW if stays else OrderState.CANCELED)
        assert ("ASK_CANCEL" in await pilot.events()) is not stays

    lives(open_agent, first, second, strategy="Holding", open_orders_at_stop=choice)


@pytest.mark.parametrize(("choice", "stays"), [("keep-protection", True), ("keep-all", True), ("cancel-all", False)])
def test_protection_is_left_as_the_setting_says(open_agent, choice, stays):
    async def first(pilot):
        await pilot.next_candle()
        await pilot.next_candle()

    async def second(pilot, left):
        assert len(left) == (2 if stays else 0)
        assert len(open_there(pilot)) == 2, "the next start has it in its place again"
        pilot.check_agreement()

    lives(open_agent, first, second, strategy="Buying", open_orders_at_stop=choice, **PROTECTED)


@pytest.mark.parametrize("kind", LOST)
def test_a_cancellation_without_an_answer_is_asked_for_again_by_the_next_start(open_agent, kind):
    names = []

    async def first(pilot):
        names.append(await place_resting(pilot))
        faults = pilot.components.venue.connection.transport.faults
        faults.append(Fault(kind, CANCEL))
        faults.append(Fault(FaultKind.ANSWER_5XX_NOT_EXECUTED, "GET /api/v3/order", times=None))

    async def second(pilot, _left):
        order = await pilot.components.store.find_order(names[0])
        assert order.state is OrderState.CANCELED
        assert open_there(pilot) == []
        pilot.check_agreement()

    lives(open_agent, first, second, strategy="Holding")


def test_an_order_that_has_traded_when_its_cancellation_arrives_is_booked_as_it_is(open_agent):
    async def flight(pilot):
        pilot.break_order(FaultKind.LOSE_ANSWER)
        name = await place_resting(pilot, await pilot.components.client.get_latest_price("AAAUSDT") + 1, OrderState.UNKNOWN)
        result = await pilot.orchestrator.cancel_open_orders(lambda _: True, "a test")
        assert (result.ended, result.still_open) == ((name,), ())
        assert (await pilot.components.store.find_order(name)).state is OrderState.FILLED
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Holding")


def test_what_is_not_ours_is_not_touched(open_agent):
    async def flight(pilot):
        await pilot.passes(1)
        price = await pilot.components.client.get_latest_price("AAAUSDT") - 10
        await pilot.components.client.create_order("AAAUSDT", "BUY", "LIMIT", "1", price=str(price), time_in_force="GTC")
        result = await pilot.orchestrator.cancel_open_orders(lambda _: True, "a test")
        assert (result.ended, result.still_open) == ((), ())
        assert len(open_there(pilot)) == 1

    fly(open_agent, flight, strategy="Holding")
