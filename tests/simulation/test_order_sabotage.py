"""What becomes of orders and limits when the process is cut off, files vanish, writes fail, or somebody else uses the account."""

import asyncio
import shutil
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from msgspec.structs import replace
from virtual_pilot import Pilot, approved, fly, verdict

from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.errors import BookError, BookMismatchError, ExchangeRefusedError
from binance_trade_agent.domain.facts import Reconciled
from binance_trade_agent.domain.order import ExchangeStatus, OrderState, OrderType, Side, TimeInForce
from binance_trade_agent.domain.outcome import Accepted, NotSent
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, RiskRule, TradingMode
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.wiring.opening import learn_symbols_left_behind

RULE = RiskRule.EMERGENCY_STOP


@pytest.fixture
def open_again(open_agent):
    """`async with open_again() as pilot`: an agent on the files that the last one left, reconciled."""

    @asynccontextmanager
    async def opened(**settings):
        async with open_agent(**{"strategy": "Buying", "in_memory": False, **settings}) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            yield pilot

    return opened


# -- restarts --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FaultKind.LOSE_ANSWER, FaultKind.LOSE_REQUEST])
def test_an_order_unknown_at_the_end_is_settled_by_the_next_process_and_never_sent_again(open_again, kind):
    async def first():
        async with open_again() as pilot:
            await pilot.warm_up()
            pilot.break_order(kind)
            assert verdict(await pilot.passes(1)) is Verdict.UNKNOWN
            return len(pilot.exchange_orders)

    async def second(placed):
        async with open_again(unknown_order_grace_seconds=10) as pilot:
            if not placed:
                assert len(pilot.components.risk.reservations) == 1  # held back again until its fate is known
                assert verdict(await pilot.passes(1)) is Verdict.REFUSED
                assert pilot.exchange_orders == []
            await pilot.passes(2)
            states = await pilot.states()
            assert states[0] is (OrderState.FILLED if placed else OrderState.NEVER_PLACED)
            pilot.check_agreement()

    run_virtual(second(run_virtual(first())))


def test_an_order_in_flight_is_written_down_even_when_the_agent_is_torn_down_by_an_error(open_again):
    async def first():
        async with open_again() as pilot:
            await pilot.warm_up()
            order = asyncio.ensure_future(pilot.components.execution.execute(approved(pilot.components)))
            await asyncio.sleep(0.005)
            order.cancel()
            raise RuntimeError("torn down")

    async def second():
        async with open_again() as pilot:
            assert await pilot.states() == [OrderState.FILLED]
            events = [event for event in await pilot.events() if event == "LOSE_SIGHT"]
            assert events == []  # its answer was taken; nobody had to look for it
            pilot.check_agreement()

    with pytest.raises(RuntimeError, match="torn down"):
        run_virtual(first())
    run_virtual(second())


@pytest.mark.parametrize("bought_before", [True, False])
@pytest.mark.parametrize("keeps_the_list", [True, False])
def test_a_book_put_back_from_a_copy_halts_what_it_missed_and_gives_no_number_again(open_again, tmp_path, bought_before, keeps_the_list):
    """A copy has the book alone: in a folder of its own nothing tells what was traded last."""
    folder = tmp_path / "data"

    async def first():
        async with open_again() as pilot:
            await pilot.warm_up()
            await pilot.passes(1 if bought_before else 0)
        shutil.copytree(folder, tmp_path / "copy")

    async def second():
        async with open_again() as pilot:
            await pilot.passes(1)
            return {order.client_order_id for order in pilot.exchange_orders}

    async def third(used):
        async with open_again() as pilot:
            assert pilot.components.risk.mode_for("AAAUSDT") is TradingMode.HALTED
            assert pilot.components.portfolio.next_client_order_id() not in used
            pilot.check_agreement()
            return pilot.components.portfolio.view().positions["AAAUSDT"].quantity

    run_virtual(first())
    used = run_virtual(second())
    for book in folder.rglob("book.sqlite*"):
        book.unlink()
    for book in (tmp_path / "copy").rglob("book.sqlite*"):
        shutil.copy(book, folder / book.relative_to(tmp_path / "copy"))
    if not keeps_the_list:
        (known,) = folder.rglob("symbols.json")
        known.unlink()
    assert run_virtual(third(used)) > 0


def test_a_book_that_vanished_begins_anew_with_what_the_account_holds(open_again, tmp_path):
    async def first():
        async with open_again() as pilot:
            await pilot.warm_up()
            await pilot.passes(2)
            return pilot.components.portfolio.epoch

    async def second():
        async with open_again() as pilot:
            view = pilot.components.portfolio.view()
            assert not view.positions  # what was bought before is the account's, not this book's to sell
            assert await pilot.components.store.all_fills() == ()
            pilot.check_agreement()
            await pilot.passes(1)
            pilot.check_agreement()
            return pilot.components.portfolio.epoch

    epoch = run_virtual(first())
    for book in tmp_path.rglob("book.sqlite*"):
        book.unlink()
    assert run_virtual(second()) != epoch


def test_an_exchange_that_vanished_is_a_mismatch_and_not_traded_on(open_again, tmp_path):
    async def first():
        async with open_again() as pilot:
            await pilot.warm_up()
            await pilot.passes(1)

    async def second():
        async with open_again():
            raise AssertionError("the book is of another account now")

    run_virtual(first())
    for store in tmp_path.rglob("exchange.sqlite*"):
        store.unlink()
    with pytest.raises(BookMismatchError):
        run_virtual(second())


def test_a_deposit_is_remembered_by_the_breakers_before_the_next_pass(open_agent, monkeypatch):
    async def flight(pilot):
        components = pilot.components
        await pilot.passes(1)
        peak = components.risk.state.peak_equity

        async def with_a_deposit():
            await components.portfolio.record_external("USDT", Decimal(-500), "a withdrawal", components.clock.now_ms())
            return Reconciled(0, 0, (), 0.0)

        monkeypatch.setattr(components.reconciler, "reconcile", with_a_deposit)
        await pilot.orchestrator.reconcile()
        stored = (await components.store.load()).risk_state  # what a process would find that starts now
        assert stored.peak_equity == peak - 500

    fly(open_agent, flight, strategy="Holding")


# -- halts -----------------------------------------------------------------------------------------------------------------------


def test_a_resume_that_cannot_be_written_is_not_in_force(open_agent, monkeypatch):
    async def flight(pilot):
        components = pilot.components
        await components.change_mode(ACCOUNT_SCOPE, TradingMode.HALTED, RULE, "a stop")

        async def fail(_change):
            raise BookError("the disk is full")

        monkeypatch.setattr(components.store, "insert_mode", fail)
        with pytest.raises(BookError):
            await components.change_mode(ACCOUNT_SCOPE, TradingMode.ACTIVE, RULE, "all clear")
        assert components.risk.mode_for("AAAUSDT") is TradingMode.HALTED
        assert components.portfolio.modes[ACCOUNT_SCOPE].mode is TradingMode.HALTED

    fly(open_agent, flight)


def test_a_halt_that_cannot_be_written_is_in_force_all_the_same(open_agent, monkeypatch):
    async def flight(pilot):
        async def fail(_change):
            raise BookError("the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(pilot.components.store, "insert_mode", fail)
            with pytest.raises(BookError):
                await pilot.components.change_mode("AAAUSDT", TradingMode.HALTED, RULE, "a stop")
            with pytest.raises(BookError):
                await pilot.passes(1)
            assert pilot.exchange_orders == []
        assert verdict(await pilot.passes(1)) is Verdict.REFUSED
        assert pilot.exchange_orders == []

    fly(open_agent, flight, strategy="Buying")


def test_a_halt_while_the_intent_is_being_written_keeps_the_order_at_home(open_agent, monkeypatch):
    async def flight(pilot):
        components = pilot.components
        insert = components.store.insert_intent

        async def slow(*entry):
            await asyncio.sleep(0.1)
            await insert(*entry)

        monkeypatch.setattr(components.store, "insert_intent", slow)
        order = asyncio.ensure_future(components.execution.execute(approved(components)))
        await asyncio.sleep(0.05)
        await components.change_mode("AAAUSDT", TradingMode.HALTED, RULE, "a stop")
        assert isinstance((await order).outcome, NotSent)
        assert pilot.exchange_orders == []

    fly(open_agent, flight)


def test_an_order_that_waited_too_long_for_the_disk_is_not_sent(open_agent, monkeypatch):
    async def flight(pilot):
        components = pilot.components
        settle = components.store.settle

        async def stuck(*news):
            await asyncio.sleep(20)
            return await settle(*news)

        monkeypatch.setattr(components.store, "settle", stuck)
        execution = await components.execution.execute(approved(components))
        assert isinstance(execution.outcome, NotSent)
        assert execution.settled.order.state is OrderState.NOT_SENT
        assert pilot.exchange_orders == []

    fly(open_agent, flight)


# -- answers ---------------------------------------------------------------------------------------------------------------------


def test_an_order_that_expires_without_a_trade_has_ended_and_holds_nothing_back(open_agent):
    async def flight(pilot):
        components = pilot.components
        order = approved(components)
        rules = (await components.market.fetch_rules(["AAAUSDT"]))["AAAUSDT"]
        bid = (await components.client.get_book_tickers(["AAAUSDT"]))["AAAUSDT"].bid_price
        intent = replace(order.intent, type=OrderType.LIMIT, price=rules.fit_price(bid / 2), time_in_force=TimeInForce.IOC)
        execution = await components.execution.execute(replace(order, intent=intent))
        assert isinstance(execution.outcome, Accepted)
        assert execution.outcome.report.status is ExchangeStatus.EXPIRED
        assert execution.settled.order.state is OrderState.EXPIRED
        assert execution.fills == ()
        assert components.portfolio.open_orders() == ()
        await pilot.orchestrator.reconcile()
        pilot.check_agreement()

    fly(open_agent, flight)


def test_an_order_that_trades_in_part_and_expires_books_that_part(open_agent):
    async def flight(pilot):
        components = pilot.components
        order = approved(components)
        ask = (await components.client.get_order_book("AAAUSDT")).asks[0]
        rules = (await components.market.fetch_rules(["AAAUSDT"]))["AAAUSDT"]
        quantity = rules.fit_quantity(ask.quantity * 2)
        cash = components.portfolio.balance("USDT")
        assert quantity * ask.price < cash
        intent = replace(order.intent, type=OrderType.LIMIT, price=ask.price, quantity=quantity, time_in_force=TimeInForce.IOC)
        execution = await components.execution.execute(replace(order, intent=intent))
        assert execution.settled.order.state is OrderState.EXPIRED
        assert 0 < execution.settled.order.executed_quantity < quantity
        pilot.check_agreement()
        assert (await pilot.orchestrator.reconcile()).differences == ()

    fly(open_agent, flight)


def test_an_answer_whose_fills_do_not_add_up_is_unknown_and_found_by_the_next_look(open_agent, monkeypatch):
    async def flight(pilot):
        components = pilot.components
        place = components.client.place_order

        async def crooked(intent, *, send_deadline_ms, last_look):
            report = await place(intent, send_deadline_ms=send_deadline_ms, last_look=last_look)
            return replace(report, cumulative_quote_quantity=report.cumulative_quote_quantity + 1)

        monkeypatch.setattr(components.client, "place_order", crooked)
        assert verdict(await pilot.passes(1)) is Verdict.UNKNOWN
        assert components.portfolio.view().positions == {}  # nothing was booked from an answer that contradicts itself
        await components.reconciler.settle_open_orders()
        assert await pilot.states() == [OrderState.FILLED]
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying")


def test_a_defect_while_sending_leaves_the_fate_open_and_not_lost(open_agent, monkeypatch):
    async def flight(pilot):
        components = pilot.components
        place = components.client.place_order

        async def broken(intent, *, send_deadline_ms, last_look):
            await place(intent, send_deadline_ms=send_deadline_ms, last_look=last_look)
            raise ZeroDivisionError

        monkeypatch.setattr(components.client, "place_order", broken)
        assert verdict(await pilot.passes(1)) is Verdict.UNKNOWN
        monkeypatch.undo()
        await pilot.passes(1)
        assert (await pilot.states())[0] is OrderState.FILLED
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying")


def test_a_timestamp_called_wrong_stops_no_order_of_the_next_pass(open_agent, monkeypatch):
    async def flight(pilot):
        components = pilot.components
        place = components.client.place_order

        async def refused_once(intent, *, send_deadline_ms, last_look):
            monkeypatch.setattr(components.client, "place_order", place)
            components.client._rest.server_clock.doubt()
            raise ExchangeRefusedError(-1021, "Timestamp for this request is outside of the recvWindow.", 400)

        monkeypatch.setattr(components.client, "place_order", refused_once)
        assert verdict(await pilot.passes(1)) is Verdict.REJECTED
        assert verdict(await pilot.passes(1)) is Verdict.FILLED

    fly(open_agent, flight, strategy="Buying")


def test_one_symbols_unknown_order_keeps_no_other_symbol_from_trading(open_agent):
    async def flight(pilot):
        pilot.break_order(FaultKind.LOSE_REQUEST)
        first = await pilot.passes(1)
        assert [verdict(first, symbol) for symbol in ("AAAUSDT", "BBBUSDT")] == [Verdict.UNKNOWN, Verdict.FILLED]
        second = await pilot.passes(1)
        assert [verdict(second, symbol) for symbol in ("AAAUSDT", "BBBUSDT")] == [Verdict.REFUSED, Verdict.FILLED]

    fly(open_agent, flight, strategy="Buying", unknown_order_grace_seconds=600)


def test_an_unknown_order_holds_its_money_back_from_every_other_symbol(open_agent):
    async def flight(pilot):
        components = pilot.components
        pilot.break_order(FaultKind.LOSE_ANSWER)
        await pilot.passes(1)
        pilot.hide_orders()
        await pilot.passes(4)
        assert (await pilot.states())[0] is OrderState.UNKNOWN
        held = {asset: balance.total for asset, balance in pilot.theirs.items()}
        prices = components.portfolio.view().marks
        worth = held["AAA"] * prices["AAAUSDT"] + held["BBB"] * prices["BBBUSDT"]
        equity = held["USDT"] + worth
        assert worth <= equity * Decimal("0.06") * Decimal("1.02")

    limits = {"risk_max_total_exposure": "0.06", "risk_max_position_per_symbol": "0.06", "risk_max_single_trade_size": "0.04"}
    fly(open_agent, flight, strategy="Buying", unknown_order_grace_seconds=6_000, **limits)


# -- somebody else on the account --------------------------------------------------------------------------------------------------


def test_a_trade_by_hand_between_two_of_ours_is_booked_as_a_trade(open_agent):
    async def flight(pilot):
        await pilot.passes(1)
        await pilot.components.client.create_order("AAAUSDT", Side.BUY, OrderType.MARKET, Decimal(1), client_order_id="by-hand")
        await pilot.passes(1)
        result = await pilot.orchestrator.reconcile()
        assert result.fills_found > 0
        pilot.check_agreement()

    fly(open_agent, flight, strategy="Buying")


def test_a_symbol_that_is_traded_no_more_keeps_its_place_in_the_book(open_agent):
    async def flight(pilot):
        components, given = pilot.components, {}
        await pilot.passes(1)
        monkey = components.client.get_exchange_info

        async def unlisted(symbols=()):
            if "BBBUSDT" in symbols:
                raise ExchangeRefusedError(-1121, "Invalid symbol.", 400)
            given.update(await monkey(symbols))
            return given

        class Client:
            get_exchange_info = staticmethod(unlisted)

        assert await learn_symbols_left_behind(components.portfolio, Client(), ("BBBUSDT",)) == ("AAAUSDT",)
        assert set(given) == {"AAAUSDT"}
        assert await learn_symbols_left_behind(components.portfolio, Client(), ("AAAUSDT",)) == ("BBBUSDT",)
        assert await learn_symbols_left_behind(components.portfolio, Client(), ("AAAUSDT", "BBBUSDT")) == ()

    fly(open_agent, flight, strategy="Buying")


def test_a_refusal_that_says_nothing_of_the_symbol_does_not_count_as_delisted(open_agent):
    async def flight(pilot):
        class Client:
            async def get_exchange_info(self, symbols):
                raise ExchangeRefusedError(-1000, "An unknown error occurred while processing the request.", 400)

        await pilot.passes(1)
        with pytest.raises(ExchangeRefusedError):
            await learn_symbols_left_behind(pilot.components.portfolio, Client(), ("BBBUSDT",))

    fly(open_agent, flight, strategy="Buying")


def test_equity_and_order_sizes_follow_the_account_and_no_setting(open_agent):
    async def flight(pilot):
        components = pilot.components
        start = await pilot.orchestrator.get_portfolio_snapshot()
        assert start.equity == components.portfolio.balance("USDT")
        await pilot.passes(1)
        before = pilot.newest_order.intent
        await components.portfolio.record_external("USDT", -components.portfolio.balance("USDT") / 2, "half is taken out", 1)
        decisions = await pilot.passes(1)
        assert verdict(decisions) is Verdict.FILLED
        after = pilot.newest_order.intent
        assert after.quantity * after.reference_price < before.quantity * before.reference_price * Decimal("0.6")
        view = components.portfolio.view()
        assert (await pilot.orchestrator.get_portfolio_snapshot()).equity == pytest.approx(view.cash + view.exposure, rel=Decimal("0.01"))

    fly(open_agent, flight, strategy="Buying", portfolio_initial_value="50000")
