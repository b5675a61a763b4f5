"""A stop on the exchange that follows the highest price: moved in one request, never down, never gone whatever becomes of an answer."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from guarded_positions import LOST, NEVER_ARRIVED, WIDE, fault, held, resting, standing
from virtual_pilot import Pilot, fly

from binance_trade_agent.domain.errors import BookError, ExchangeRefusedError
from binance_trade_agent.domain.order import OrderState, OrderType
from binance_trade_agent.domain.risk import RiskRule, TradingMode
from binance_trade_agent.ports.protective_orders import Replacement
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.virtual_loop import run_virtual

MOVE = "POST /api/v3/order/cancelReplace"
# Bought once and held: one trade fills the room that a symbol has.
TRAILING = {
    **WIDE,
    "strategy": "Buying",
    "risk_trailing_stop_pct": "0.1",
    "risk_max_single_trade_size": "0.05",
    "risk_max_position_per_symbol": "0.05",
}


def stops(pilot):
    return [order for order in pilot.exchange_orders if order.type.value == "STOP_LOSS"]


async def _until_bought(pilot):
    while not resting(pilot):
        await pilot.passes(1)
    return resting(pilot)


async def _lift(pilot, rise="1.02"):
    """Have protection looked after as if the price had just risen to `rise` times its height."""
    components = pilot.components
    view = components.portfolio.view()
    marks = {symbol: (price * Decimal(rise)).quantize(Decimal("0.01")) for symbol, price in view.marks.items()}
    await components.protection.ensure(replace(view, marks=marks), await components.market.fetch_rules(components.symbols))
    return marks["AAAUSDT"]


def test_the_stop_rises_with_the_price_and_at_no_moment_is_there_none(open_agent):
    async def flight(pilot):
        await _until_bought(pilot)
        for _ in range(40):
            await pilot.passes(1)
            assert sum(order.stop_price is not None for order in resting(pilot)) == 1
            assert pilot.components.protection.unprotected == ()
        placed = stops(pilot)
        assert len(placed) >= 3
        for before, after in pairwise(placed):
            assert after.stop_price >= before.stop_price * Decimal("1.002")
            assert before.updated_ms == after.time_ms  # cancelled and placed in the same instant
        peak = pilot.components.risk.state.peak_prices["AAAUSDT"]
        assert peak * Decimal("0.9") * Decimal("0.997") < placed[-1].stop_price <= peak * Decimal("0.9")
        pilot.check_agreement()

    fly(open_agent, flight, **TRAILING)


def test_a_rise_of_less_than_the_step_moves_nothing(open_agent):
    async def flight(pilot):
        pair = await _until_bought(pilot)
        await _lift(pilot, "1.001")
        assert resting(pilot) == pair
        await _lift(pilot, "1.01")
        assert resting(pilot) != pair

    fly(open_agent, flight, **TRAILING, protection_trailing_step_pct="0.005")


def test_what_a_lost_peak_would_lower_stays_where_it_is(open_agent):
    async def main():
        async with open_agent(in_memory=False, **TRAILING) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            await pilot.warm_up()
            await _until_bought(pilot)
            await _lift(pilot, "1.05")
            (first,) = resting(pilot)
        async with open_agent(in_memory=False, **TRAILING) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            await pilot.passes(2)
            assert resting(pilot) == [first]
            assert components.protection.unprotected == ()

    run_virtual(main())


@pytest.mark.parametrize("kind", LOST)
def test_a_move_whose_answer_is_lost_is_found_and_not_made_again(open_agent, kind):
    async def flight(pilot):
        await _until_bought(pilot)
        fault(pilot, kind, MOVE)
        await _lift(pilot)
        assert pilot.components.protection.unprotected == ("AAAUSDT",)  # not known, so not claimed
        await pilot.orchestrator.reconcile()
        (stop,) = resting(pilot)
        assert stop.type is OrderType.STOP_LOSS
        assert len(stops(pilot)) == 2
        assert pilot.components.protection.unprotected == ()
        pilot.check_agreement()

    fly(open_agent, flight, **TRAILING)


@pytest.mark.parametrize("kind", NEVER_ARRIVED)
def test_a_move_that_never_arrived_leaves_the_pair_and_is_made_when_its_absence_is_proven(open_agent, kind):
    async def flight(pilot):
        pair = {order.client_order_id for order in await _until_bought(pilot)}
        fault(pilot, kind, MOVE)
        await _lift(pilot)
        assert {order.client_order_id for order in standing(pilot)} == pair
        await pilot.passes(2)
        states = [order.state for order in await pilot._orders() if order.intent.is_protective]
        assert states[2] is OrderState.NEVER_PLACED
        await _lift(pilot, "1.05")
        (stop,) = resting(pilot)
        assert stop.client_order_id not in pair
        pilot.check_agreement()

    fly(open_agent, flight, **TRAILING, unknown_order_grace_seconds=10)


def test_a_move_that_never_left_is_made_at_the_next_look(open_agent):
    async def flight(pilot):
        pair = await _until_bought(pilot)
        fault(pilot, FaultKind.REFUSE_CONNECT, MOVE)
        await _lift(pilot)
        assert resting(pilot) == pair
        assert pilot.components.protection.unprotected == ()
        await _lift(pilot)
        assert len(resting(pilot)) == 1

    fly(open_agent, flight, **TRAILING)


def test_a_write_that_was_made_and_told_as_failed_is_not_taken_for_a_contradiction_of_the_exchange(open_agent, monkeypatch):
    async def flight(pilot):
        await _until_bought(pilot)
        settle = pilot.components.store.settle

        async def told_as_failed(client_order_id, event, *rest):
            await settle(client_order_id, event, *rest)
            monkeypatch.undo()
            raise BookError("the disk failed after a commit")

        monkeypatch.setattr(pilot.components.store, "settle", told_as_failed)
        with pytest.raises(BookError, match="after a commit"):
            await pilot.components.protection.withdraw("AAAUSDT")
        with pytest.raises(BookError, match="is CANCELED in the book and NEW in this process"):
            await pilot.orchestrator.reconcile()
        assert pilot.components.risk.mode_for("AAAUSDT") is not TradingMode.HALTED

    fly(open_agent, flight, **TRAILING)


class _HalfDone:
    """Protective orders of an exchange that cancels and then refuses the new stop."""

    def __init__(self, real, symbol):
        self._real = real
        self._symbol = symbol

    def __getattr__(self, name):
        return getattr(self._real, name)

    async def replace(self, old, stop, *, send_deadline_ms, last_look):
        canceled = await self._real.cancel(self._symbol, old.stop.list_id)
        return Replacement(canceled, ExchangeRefusedError(-2010, "Order would trigger immediately.", 409))


def test_a_move_that_is_refused_after_the_cancellation_puts_back_a_stop_where_it_was(open_agent):
    async def flight(pilot):
        pair = await _until_bought(pilot)
        pilot.components.protection._orders = _HalfDone(pilot.components.protection._orders, "AAAUSDT")
        await _lift(pilot)
        (stop,) = resting(pilot)
        assert stop.stop_price == next(order.stop_price for order in pair if order.stop_price is not None)
        assert pilot.components.protection.unprotected == ()
        pilot.check_agreement()

    fly(open_agent, flight, **TRAILING)


def test_a_move_of_a_pair_that_has_just_sold_places_nothing(open_agent):
    async def flight(pilot):
        await _until_bought(pilot)
        for _ in range(200):
            await pilot.next_candle()
            if any(order.executed_quantity for order in pilot.exchange_orders if order.side.value == "SELL"):
                break
        # The book still has the pair open, and somebody wants its stop higher.
        await _lift(pilot, "1.0015")
        assert standing(pilot) == []
        await pilot.orchestrator.reconcile()
        assert held(pilot) < Decimal("0.01")
        assert [order.state for order in await pilot._orders()].count(OrderState.REJECTED) == 1
        pilot.check_agreement()

    narrow = {"risk_default_stop_loss_pct": "0.003", "risk_default_take_profit_pct": "0.003", "protection_trailing_step_pct": "0"}
    fly(open_agent, flight, **{**TRAILING, **narrow, "risk_trailing_stop_pct": "0.003"})


def test_a_halt_moves_no_stop_and_leaves_the_position_protected(open_agent):
    async def flight(pilot):
        pair = await _until_bought(pilot)
        await pilot.orchestrator.set_mode("*", TradingMode.HALTED, RiskRule.EMERGENCY_STOP, "a test")
        await _lift(pilot)
        assert resting(pilot) == pair
        assert pilot.components.protection.unprotected == ()

    fly(open_agent, flight, **TRAILING)


def test_adding_to_a_position_brings_its_take_profit_back(open_agent):
    async def flight(pilot):
        await _until_bought(pilot)
        await _lift(pilot)
        assert len(resting(pilot)) == 1
        bought = held(pilot)
        await pilot.passes(1)
        assert held(pilot) > bought
        assert len(resting(pilot)) == 2

    fly(open_agent, flight, **{**TRAILING, "risk_max_position_per_symbol": "0.5"})
