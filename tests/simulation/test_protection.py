"""Protection on the exchange: every position gets its pair, exits take it away first, and no lost answer doubles or loses one."""

from decimal import Decimal

import pytest
from virtual_pilot import Pilot, fly, verdict

from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.errors import BookError, ConfigurationError, ExchangeRefusedError
from binance_trade_agent.domain.order import OrderEvent, OrderState, OrderType
from binance_trade_agent.domain.risk import RiskRule, TradingMode
from binance_trade_agent.settings import load_settings
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.virtual_loop import run_virtual

PLACE, CANCEL = "POST /api/v3/orderList/oco", "DELETE /api/v3/orderList"
WIDE = {"protection": "exchange", "risk_default_stop_loss_pct": "0.5", "risk_default_take_profit_pct": "0.5"}
LOST = [FaultKind.LOSE_ANSWER, FaultKind.ANSWER_5XX_EXECUTED]
NEVER_ARRIVED = [FaultKind.LOSE_REQUEST, FaultKind.ANSWER_5XX_NOT_EXECUTED]


def fault(pilot, kind, request, **terms):
    pilot.components.venue.connection.transport.faults.append(Fault(kind, request, **terms))


def resting(pilot):
    """The legs that the book has open for the symbol, and those that the exchange has: the same, or the test is over."""
    ours = [order for order in pilot.components.portfolio.open_orders() if order.intent.symbol == "AAAUSDT"]
    theirs = {order.client_order_id for order in pilot.exchange_orders if order.status.value in {"NEW", "PARTIALLY_FILLED"}}
    assert {order.intent.client_order_id for order in ours if order.is_resting} == theirs
    return [order.intent for order in ours]


def held(pilot):
    position = pilot.components.portfolio.view().positions.get("AAAUSDT")
    return position.quantity if position else Decimal(0)


def test_a_position_gets_one_pair_at_its_prices_and_keeps_it(open_agent):
    async def flight(pilot):
        await pilot.passes(1)
        while not resting(pilot):
            await pilot.passes(1)
        profit, stop = sorted(resting(pilot), key=lambda leg: leg.type)
        average = pilot.components.portfolio.view().positions["AAAUSDT"].average_price
        assert (profit.type, stop.type) == (OrderType.LIMIT_MAKER, OrderType.STOP_LOSS)
        assert stop.stop_price <= average / 2 < average * Decimal("1.5") <= profit.price
        assert profit.quantity == stop.quantity <= held(pilot)
        await pilot.orchestrator.reconcile()
        assert {leg.client_order_id for leg in resting(pilot)} == {profit.client_order_id, stop.client_order_id}
        assert pilot.components.protection.unprotected == ()
        pilot.check_agreement()

    fly(open_agent, flight, **WIDE)


def test_an_exit_withdraws_the_pair_and_sells_everything(open_agent):
    async def flight(pilot):
        verdicts = []
        for _ in range(6):
            verdicts.append(verdict(await pilot.passes(1)))
            assert len(resting(pilot)) in {0, 2}
        assert verdicts.count(Verdict.FILLED) >= 4
        sold = [order for order in await pilot._orders() if order.intent.list_id is not None]
        assert {order.state for order in sold} <= {OrderState.CANCELED, OrderState.NEW}
        pilot.check_agreement()

    fly(open_agent, flight, **WIDE)


def test_adding_to_a_position_replaces_its_pair_by_one_for_all_of_it(open_agent):
    async def flight(pilot):
        await pilot.passes(3)
        legs = resting(pilot)
        assert len(legs) == 2
        assert held(pilot) - legs[0].quantity < Decimal("0.01")
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying", **WIDE)


@pytest.mark.parametrize("kind", LOST)
def test_a_pair_whose_answer_is_lost_is_found_and_not_placed_again(open_agent, kind):
    async def flight(pilot):
        fault(pilot, kind, PLACE)
        await pilot.passes(1)
        assert (await pilot.states())[1:] == [OrderState.UNKNOWN] * 2
        assert pilot.components.protection.unprotected == ("AAAUSDT",)
        await pilot.orchestrator.reconcile()
        assert len(resting(pilot)) == 2
        assert len([order for order in pilot.exchange_orders if order.type.value == "STOP_LOSS"]) == 1
        assert pilot.components.protection.unprotected == ()
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying", **WIDE)


@pytest.mark.parametrize("kind", NEVER_ARRIVED)
def test_a_pair_that_never_arrived_is_proven_absent_before_another_is_placed(open_agent, kind):
    async def flight(pilot):
        fault(pilot, kind, PLACE)
        await pilot.passes(1)
        decisions = await pilot.passes(1)
        assert next(decision.risk.rule for decision in decisions if decision.symbol == "AAAUSDT") is RiskRule.UNSETTLED_ORDER
        assert resting(pilot) or pilot.components.protection.unprotected == ("AAAUSDT",)
        await pilot.passes(3)
        states = [order.state for order in await pilot._orders() if order.intent.list_id is not None]
        assert states[:2] == [OrderState.NEVER_PLACED] * 2
        assert len(resting(pilot)) == 2
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying", unknown_order_grace_seconds=10, **WIDE)


@pytest.mark.parametrize("kind", [*LOST, *NEVER_ARRIVED, FaultKind.REFUSE_CONNECT])
def test_a_cancellation_without_an_answer_sells_nothing_twice(open_agent, kind):
    async def flight(pilot):
        while not resting(pilot):
            await pilot.passes(1)
        fault(pilot, kind, CANCEL)
        for _ in range(4):
            await pilot.passes(1)
            assert held(pilot) >= 0
            assert len(resting(pilot)) in {0, 2}
            pilot.check_agreement()

    fly(open_agent, flight, **WIDE)


def test_a_pair_that_never_left_is_placed_at_the_next_look(open_agent):
    async def flight(pilot):
        fault(pilot, FaultKind.REFUSE_CONNECT, PLACE)
        await pilot.passes(1)
        assert pilot.components.protection.unprotected == ("AAAUSDT",)
        await pilot.orchestrator.reconcile()
        assert len(resting(pilot)) == 2

    fly(open_agent, flight, strategy="Buying", **WIDE)


class _Refusing:
    """Protective orders of an exchange that takes no pair."""

    async def place(self, pair, *, send_deadline_ms, last_look):
        raise ExchangeRefusedError(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", 400)


@pytest.mark.parametrize("choice", ["exchange", "exchange-or-halt"])
def test_a_position_whose_pair_is_refused_three_times_is_sold_or_its_symbol_halted(open_agent, choice):
    async def flight(pilot):
        pilot.components.protection._orders = _Refusing()
        await pilot.passes(1)
        await pilot.orchestrator.reconcile()
        assert pilot.components.risk.mode_for("AAAUSDT") is TradingMode.ACTIVE
        await pilot.orchestrator.reconcile()
        is_halted = pilot.components.risk.mode_for("AAAUSDT") is TradingMode.HALTED
        assert is_halted is (choice == "exchange-or-halt")
        bought = held(pilot)
        await pilot.passes(1)
        assert held(pilot) == bought if is_halted else held(pilot) < Decimal("0.01")
        assert verdict(await pilot.passes(1)) is Verdict.REFUSED  # and it is not bought again
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying", **{**WIDE, "protection": choice})


async def _until_a_leg_has_traded(pilot):
    """Time passes with nobody looking, until the exchange has sold by a leg."""
    for _ in range(200):
        await pilot.next_candle()
        if any(order.executed_quantity for order in pilot.exchange_orders if order.side.value == "SELL"):
            return
    raise AssertionError("the market never came to a leg")


NARROW = {**WIDE, "risk_default_stop_loss_pct": "0.001", "risk_default_take_profit_pct": "0.001"}


def test_what_a_leg_sold_while_nobody_looked_is_booked_and_the_other_leg_has_ended(open_agent):
    async def flight(pilot):
        while not resting(pilot):
            await pilot.passes(1)
        pair = [leg.client_order_id for leg in resting(pilot)]
        await _until_a_leg_has_traded(pilot)
        await pilot.orchestrator.reconcile()
        states = [(await pilot.components.portfolio.find_order(order_id)).state for order_id in pair]
        assert sorted(states) == [OrderState.EXPIRED, OrderState.FILLED]
        assert held(pilot) < Decimal("0.01")
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying", **NARROW)


def test_a_pair_that_sells_while_it_is_withdrawn_holds_the_exit_back(open_agent):
    async def flight(pilot):
        while not resting(pilot):
            await pilot.passes(1)
        await _until_a_leg_has_traded(pilot)
        assert await pilot.components.protection.withdraw("AAAUSDT") is False
        assert resting(pilot) == []
        assert held(pilot) < Decimal("0.01")
        assert await pilot.components.protection.withdraw("AAAUSDT") is True
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying", **NARROW)


def test_passes_among_narrow_pairs_keep_book_and_exchange_together(open_agent):
    async def flight(pilot):
        for _ in range(25):
            await pilot.passes(1)
            assert held(pilot) >= 0
            assert len(resting(pilot)) in {0, 2}
        await pilot.orchestrator.reconcile()
        pilot.check_agreement()

    fly(open_agent, flight, **NARROW)


def test_a_halt_leaves_what_protects_and_places_nothing_new(open_agent):
    async def flight(pilot):
        while not resting(pilot):
            await pilot.passes(1)
        pair = {leg.client_order_id for leg in resting(pilot)}
        await pilot.orchestrator.set_mode("*", TradingMode.HALTED, RiskRule.EMERGENCY_STOP, "a test")
        await pilot.passes(2)
        assert {leg.client_order_id for leg in resting(pilot)} == pair
        await pilot.components.client.order_lists.cancel("AAAUSDT", list_client_order_id=resting(pilot)[0].list_id)
        await pilot.passes(2)
        assert resting(pilot) == []
        assert "AAAUSDT" in pilot.components.protection.unprotected

    fly(open_agent, flight, strategy="Buying", **WIDE)


def test_a_leg_that_the_book_cannot_write_is_not_sent(open_agent, monkeypatch):
    async def flight(pilot):
        settle = pilot.components.store.settle
        sends = []

        async def fail_at_the_second_leg(client_order_id, event, *rest):
            sends.append(event)
            if sends.count(OrderEvent.SEND) == 3:
                raise BookError("the disk is full")
            return await settle(client_order_id, event, *rest)

        monkeypatch.setattr(pilot.components.store, "settle", fail_at_the_second_leg)
        with pytest.raises(BookError, match="disk is full"):
            await pilot.passes(1)
        assert {order.type.value for order in pilot.exchange_orders} == {"MARKET"}

    fly(open_agent, flight, strategy="Buying", **WIDE)


def test_after_a_restart_a_pair_that_somebody_cancelled_stands_again(open_agent):
    async def main():
        async with open_agent(strategy="Buying", in_memory=False, **WIDE) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            await pilot.warm_up()
            await pilot.passes(1)
            first = {leg.client_order_id for leg in resting(pilot)}
            await components.client.order_lists.cancel("AAAUSDT", list_client_order_id=resting(pilot)[0].list_id)
        async with open_agent(strategy="Holding", in_memory=False, **WIDE) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            again = {leg.client_order_id for leg in resting(pilot)}
            assert len(again) == 2
            assert not again & first
            pilot.check_agreement()

    run_virtual(main())


def test_protection_needs_both_exits():
    with pytest.raises(ConfigurationError, match="RISK_DEFAULT_TAKE_PROFIT_PCT is 0; allowed with PROTECTION=exchange: more than 0"):
        load_settings(protection="exchange", risk_default_take_profit_pct="0")
