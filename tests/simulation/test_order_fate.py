"""What becomes of orders when the network and the exchange misbehave: nothing is sent twice, nothing is lost, the book agrees."""

import asyncio
from decimal import Decimal

import pytest
from msgspec.structs import replace
from virtual_pilot import approved, fly, verdict

from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.errors import BookError, BookMismatchError
from binance_trade_agent.domain.order import OrderEvent, OrderState, OrderType, Side, TimeInForce
from binance_trade_agent.domain.outcome import NotSent, Rejected
from binance_trade_agent.domain.risk import Refused, RiskRule, TradingMode
from binance_trade_agent.sending_desk import SendingDesk
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.trade_execution_agent import TradeExecutionAgent


@pytest.mark.parametrize("kind", [FaultKind.LOSE_ANSWER, FaultKind.ANSWER_5XX_EXECUTED])
def test_an_executed_order_whose_answer_is_lost_is_found_again_and_never_sent_twice(open_agent, kind):
    async def flight(pilot):
        pilot.break_order(kind)
        first = await pilot.passes(1)
        assert verdict(first) is Verdict.UNKNOWN
        assert await pilot.states() == [OrderState.UNKNOWN]
        assert len(pilot.exchange_orders) == 1
        second = await pilot.passes(1)
        assert (await pilot.states())[0] is OrderState.FILLED
        assert verdict(second) is Verdict.FILLED  # the next candle's own order
        assert len(pilot.exchange_orders) == 2
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying")


@pytest.mark.parametrize("kind", [FaultKind.LOSE_REQUEST, FaultKind.ANSWER_5XX_NOT_EXECUTED])
def test_an_order_that_never_arrived_blocks_its_symbol_until_the_fence_and_is_not_resent(open_agent, kind):
    async def flight(pilot):
        pilot.break_order(kind)
        assert verdict(await pilot.passes(1)) is Verdict.UNKNOWN
        reserved = dict(pilot.components.risk.reservations)
        assert len(reserved) == 1
        decisions = await pilot.passes(1)
        assert verdict(decisions) is Verdict.REFUSED
        assert next(d.risk.rule for d in decisions if d.symbol == "AAAUSDT") is RiskRule.UNSETTLED_ORDER
        assert set(pilot.components.risk.reservations) >= set(reserved)
        assert pilot.exchange_orders == []
        assert verdict(await pilot.passes(1)) is Verdict.FILLED  # the second look after the fence has proven it absent
        assert await pilot.states() == [OrderState.NEVER_PLACED, OrderState.FILLED]
        assert len(pilot.exchange_orders) == 1
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying", unknown_order_grace_seconds=10)


def test_one_look_before_the_fence_proves_nothing(open_agent):
    async def flight(pilot):
        pilot.break_order(FaultKind.LOSE_REQUEST)
        await pilot.passes(1)
        for _ in range(5):
            await pilot.components.reconciler.settle_open_orders()
        assert await pilot.states() == [OrderState.UNKNOWN]

    fly(open_agent, flight, strategy="Buying")


def test_a_refused_connection_sends_nothing_and_the_next_candle_trades(open_agent):
    async def flight(pilot):
        pilot.break_order(FaultKind.REFUSE_CONNECT)
        assert verdict(await pilot.passes(1)) is Verdict.NOT_SENT
        assert await pilot.states() == [OrderState.NOT_SENT]
        assert verdict(await pilot.passes(1)) is Verdict.FILLED
        assert len(pilot.exchange_orders) == 1

    fly(open_agent, flight, strategy="Buying")


def test_an_order_that_the_book_cannot_write_is_not_sent(open_agent, monkeypatch):
    async def flight(pilot):
        async def fail(*_args):
            raise BookError("the disk is full")

        monkeypatch.setattr(pilot.components.store, "insert_intent", fail)
        with pytest.raises(BookError, match="disk is full"):
            await pilot.passes(1)
        assert pilot.exchange_orders == []

    fly(open_agent, flight, strategy="Buying")


def test_an_order_whose_departure_the_book_cannot_write_is_not_sent(open_agent, monkeypatch):
    async def flight(pilot):
        settle = pilot.components.store.settle

        async def fail_to_note_the_send(client_order_id, event, *rest):
            if event is OrderEvent.SEND:
                raise BookError("the disk is full")
            return await settle(client_order_id, event, *rest)

        monkeypatch.setattr(pilot.components.store, "settle", fail_to_note_the_send)
        with pytest.raises(BookError, match="disk is full"):
            await pilot.passes(1)
        assert pilot.exchange_orders == []

    fly(open_agent, flight, strategy="Buying")


def test_an_order_whose_outcome_cannot_be_written_is_found_by_the_next_look(open_agent, monkeypatch):
    async def flight(pilot):
        settle, calls = pilot.components.store.settle, []

        async def fail_once(client_order_id, event, *rest):
            calls.append(event)
            if event is OrderEvent.FILL and calls.count(OrderEvent.FILL) == 1:
                raise BookError("the disk is full")
            return await settle(client_order_id, event, *rest)

        monkeypatch.setattr(pilot.components.store, "settle", fail_once)
        with pytest.raises(BookError):
            await pilot.passes(1)
        await pilot.orchestrator.reconcile()
        assert OrderState.SENT not in await pilot.states()
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying")


def test_a_halt_between_decision_and_send_stops_the_order(open_agent):
    async def flight(pilot):
        components, asked = pilot.components, []

        def gate(intent):
            asked.append(intent)
            return Refused(RiskRule.HALTED, "stopped by hand") if len(asked) == 2 else None

        server_time_ms = components.client.server_time_ms
        desk = SendingDesk(components.portfolio, gate=gate, server_time_ms=server_time_ms, clock=components.clock)
        agent = TradeExecutionAgent(components.client, desk)
        execution = await agent.execute(approved(components))
        assert isinstance(execution.outcome, NotSent)
        assert execution.settled.order.state is OrderState.NOT_SENT
        assert pilot.exchange_orders == []

    fly(open_agent, flight)


def test_a_definite_no_of_the_exchange_is_a_rejection_and_ends_the_order(open_agent):
    async def flight(pilot):
        execution = await pilot.components.execution.execute(approved(pilot.components, quantity="0.00000001"))
        assert isinstance(execution.outcome, Rejected)
        assert execution.outcome.code == -1013
        assert execution.settled.order.state is OrderState.REJECTED

    fly(open_agent, flight)


def test_a_cancelled_pass_carries_its_order_to_the_end(open_agent):
    async def flight(pilot):
        await pilot.next_candle()
        running = asyncio.ensure_future(pilot.orchestrator.run_pass())
        for _ in range(1_000):
            if pilot.components.desk.in_flight:
                break
            await asyncio.sleep(0.001)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await pilot.components.desk.drain(60)
        assert await pilot.states() == [OrderState.FILLED]
        assert verdict(await pilot.passes(1)) is not Verdict.FAILED
        assert not list(pilot.components.risk.reservations)
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying")


def test_an_intent_left_by_a_crash_before_the_send_is_closed_as_not_sent(open_agent):
    async def flight(pilot):
        components = pilot.components
        left = approved(components)
        await components.portfolio.record_intent(left.intent, left.reservation, components.clock.now_ms())
        await pilot.orchestrator.reconcile()
        assert await pilot.states() == [OrderState.NOT_SENT]

    fly(open_agent, flight)


def test_an_order_left_by_a_crash_after_the_send_is_found_filled(open_agent):
    async def flight(pilot):
        components = pilot.components
        left = approved(components)
        await components.portfolio.record_intent(left.intent, left.reservation, components.clock.now_ms() + 5_000)
        await components.portfolio.record_event(left.intent.client_order_id, OrderEvent.SEND, time_ms=components.clock.now_ms())
        await components.client.place_order(left.intent, send_deadline_ms=components.clock.now_ms() + 5_000)
        await pilot.orchestrator.reconcile()
        assert await pilot.states() == [OrderState.FILLED]
        pilot.check_agreement()

    fly(open_agent, flight)


def test_trades_made_by_hand_are_booked_once(open_agent):
    async def flight(pilot):
        components = pilot.components
        await components.client.create_order("AAAUSDT", Side.BUY, OrderType.MARKET, Decimal(1), client_order_id="by-hand")
        result = await pilot.orchestrator.reconcile()
        embedded = components.venue.embedded
        assert result.fills_found == len(embedded.exchange.trades(embedded.api_key)) > 0
        assert all("somebody else" in difference for difference in result.differences)
        assert (await pilot.orchestrator.reconcile()).fills_found == 0
        pilot.check_agreement()

    fly(open_agent, flight)


def test_an_order_that_comes_back_from_the_dead_is_adopted_and_halts_its_symbol(open_agent):
    async def flight(pilot):
        components = pilot.components
        price = (await components.client.get_book_tickers(["AAAUSDT"]))["AAAUSDT"].bid_price / 2
        resting = approved(components)
        rules = (await components.market.fetch_rules(["AAAUSDT"]))["AAAUSDT"]
        intent = replace(resting.intent, type=OrderType.LIMIT, price=rules.fit_price(price), time_in_force=TimeInForce.GTC)
        await components.portfolio.record_intent(intent, resting.reservation, components.clock.now_ms())
        for event in (OrderEvent.SEND, OrderEvent.LOSE_SIGHT, OrderEvent.PROVE_ABSENT):
            await components.portfolio.record_event(intent.client_order_id, event, time_ms=components.clock.now_ms())
        await components.client.place_order(intent, send_deadline_ms=components.clock.now_ms() + 5_000)
        await pilot.orchestrator.reconcile()
        assert await pilot.states() == [OrderState.NEW]
        assert components.risk.mode_for("AAAUSDT") is TradingMode.HALTED
        assert components.risk.mode_for("BBBUSDT") is TradingMode.ACTIVE

    fly(open_agent, flight)


def test_a_balance_that_nothing_explains_is_a_mismatch_and_not_hidden(open_agent):
    async def flight(pilot):
        await pilot.components.portfolio.record_external("USDT", Decimal("-0.00000001"), "a fault in the book", 1)
        with pytest.raises(BookMismatchError, match=r"USDT 0\.00000001"):
            await pilot.orchestrator.reconcile()

    fly(open_agent, flight)
