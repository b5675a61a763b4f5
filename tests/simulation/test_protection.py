"""Protection on the exchange: every position gets its pair, exits take it away first, and no lost answer doubles or loses one."""

from dataclasses import replace
from decimal import Decimal

import pytest
from guarded_positions import LOST, NEVER_ARRIVED, WIDE, fault, held, resting, standing
from virtual_pilot import Pilot, fly, verdict

from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.errors import BookError, ConfigurationError, ExchangeRefusedError
from binance_trade_agent.domain.order import OrderEvent, OrderState, OrderType
from binance_trade_agent.domain.risk import RiskRule, TradingMode
from binance_trade_agent.settings import load_settings
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.virtual_loop import run_virtual

PLACE, CANCEL = "POST /api/v3/orderList/oco", "DELETE /api/v3/orderList"


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


def test_what_was_given_up_is_sold_by_the_next_process(open_agent):
    async def main():
        async with open_agent(strategy="Buying", in_memory=False, **WIDE) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            await pilot.warm_up()
            await pilot.orchestrator.set_mode("AAAUSDT", TradingMode.REDUCING, RiskRule.EMERGENCY_STOP, "a person sells by hand")
            await pilot.orchestrator.set_mode("AAAUSDT", TradingMode.ACTIVE, RiskRule.EMERGENCY_STOP, "and buys again")
            components.protection._orders = _Refusing()
            await pilot.passes(1)
            # Entries may be stopped already: the decision is written all the same.
            await pilot.orchestrator.set_mode("AAAUSDT", TradingMode.REDUCING, RiskRule.EMERGENCY_STOP, "no more of it")
            await pilot.orchestrator.reconcile()
            await pilot.orchestrator.reconcile()
            assert held(pilot) > 1
        async with open_agent(strategy="Buying", in_memory=False, **WIDE) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            assert components.portfolio.modes["AAAUSDT"].rule == RiskRule.UNPROTECTED
            await pilot.passes(1)
            assert held(pilot) < Decimal("0.01")
            await pilot.orchestrator.set_mode("AAAUSDT", TradingMode.ACTIVE, RiskRule.EMERGENCY_STOP, "the exchange takes them again")
            await pilot.passes(1)
            assert len(resting(pilot)) == 2  # resumed, so it is bought and protected, and not sold again
            pilot.check_agreement()

    run_virtual(main())


def test_a_stop_without_a_take_profit_stands_by_itself_and_is_withdrawn_by_an_exit(open_agent):
    async def flight(pilot):
        while not resting(pilot):
            await pilot.passes(1)
        stop, *more = resting(pilot)
        assert (stop.type, stop.list_id, more) == (OrderType.STOP_LOSS, None, [])
        for _ in range(5):
            await pilot.passes(1)
            assert len(resting(pilot)) == (1 if held(pilot) > Decimal("0.01") else 0)
        pilot.check_agreement()

    fly(open_agent, flight, **{**WIDE, "risk_default_take_profit_pct": "0"})


@pytest.mark.parametrize("take_profit", ["0", "0.5"])
def test_a_stop_with_an_offset_is_offered_at_a_price_of_its_own(open_agent, take_profit):
    async def flight(pilot):
        while not resting(pilot):
            await pilot.passes(1)
        stop = next(order for order in resting(pilot) if order.stop_price is not None)
        assert stop.type is OrderType.STOP_LOSS_LIMIT
        assert stop.stop_price * Decimal("0.98") - Decimal("0.01") < stop.price <= stop.stop_price * Decimal("0.98")
        theirs = next(order for order in standing(pilot) if order.client_order_id == stop.client_order_id)
        assert (theirs.type.value, theirs.price, theirs.stop_price) == ("STOP_LOSS_LIMIT", stop.price, stop.stop_price)
        await pilot.passes(2)
        pilot.check_agreement()

    fly(open_agent, flight, **{**WIDE, "risk_default_take_profit_pct": take_profit, "protection_stop_offset_pct": "0.02"})


def test_a_position_larger_than_one_order_may_be_has_several_pairs_that_hold_all_of_it(open_agent):
    async def flight(pilot):
        fetch = pilot.components.market.fetch_rules

        async def fetch_bounded(symbols):
            rules = await fetch(symbols)
            return {symbol: replace(each, market_max_quantity=Decimal(2)) for symbol, each in rules.items()}

        pilot.components.market.fetch_rules = fetch_bounded
        while held(pilot) < 5:
            await pilot.passes(1)
        legs = resting(pilot)
        assert len({leg.list_id for leg in legs}) == len(legs) // 2 >= 3
        assert max(leg.quantity for leg in legs) <= 2
        assert held(pilot) - sum(leg.quantity for leg in legs) / 2 < Decimal("0.01")
        assert pilot.components.protection.unprotected == ()
        assert await pilot.components.protection.withdraw("AAAUSDT")
        assert resting(pilot) == []
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying", **WIDE)


def test_protection_needs_a_stop():
    with pytest.raises(ConfigurationError, match="RISK_DEFAULT_STOP_LOSS_PCT and RISK_TRAILING_STOP_PCT are 0; allowed with PROTECTION"):
        load_settings(protection="exchange", risk_default_stop_loss_pct="0")
