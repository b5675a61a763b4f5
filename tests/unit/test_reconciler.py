"""The reconciler finds every trade and every order whatever the exchange shows late, twice or not at all, and books each once."""

import asyncio
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from reconciler_desk import NOW_MS, RULES, Desk, open_desk

from binance_trade_agent.domain.errors import BookError, BookMismatchError, ExchangeError, ExchangeRefusedError, FateUnknownError
from binance_trade_agent.domain.order import ExchangeStatus, OrderEvent, OrderState, Side
from binance_trade_agent.reconciler.trade_lists import ORDER_UNSEEN_MS
from binance_trade_agent.reconciler.unexpected_orders import LATE_FOR_MS


@pytest.fixture
async def desk():
    async with open_desk() as desk:
        yield desk


# -- no trade is passed over ---------------------------------------------------------------------------------------------------


async def test_a_trade_by_hand_is_found_although_a_later_one_of_ours_is_booked(desk):
    desk.exchange.place("by-hand")
    await desk.trade()
    result = await desk.reconciler.reconcile()
    assert result.fills_found == 1
    await desk.check_agreement()


async def test_a_comparison_that_was_cut_off_between_two_orders_is_completed_by_the_next(desk):
    first = desk.exchange.place("by-hand-1", quantity=2)
    desk.exchange.place("by-hand-2")
    desk.exchange.fill(first.order_id, 1, ExchangeStatus.FILLED)
    desk.exchange.failing = 3  # open orders, trades, the first order, and then not the second
    with pytest.raises(FateUnknownError):
        await desk.reconciler.reconcile()
    await desk.restart()
    await desk.reconciler.reconcile()
    await desk.check_agreement()


async def test_more_trades_than_one_page_holds_are_all_found(desk):
    desk.exchange.place("by-hand", quantity=2_300, fills=2_300)
    assert (await desk.reconciler.reconcile()).fills_found == 2_300
    await desk.check_agreement()


async def test_an_order_in_more_parts_than_one_page_holds_is_settled(desk):
    name = await desk.begin(quantity=1_001)
    desk.exchange.place(name, quantity=1_001, fills=1_001)
    await desk.reconciler.settle_open_orders()
    assert await desk.state(name) is OrderState.FILLED
    await desk.check_agreement()


async def test_booked_trades_are_not_asked_about_again(desk):
    for _ in range(3):
        await desk.trade()
    await desk.reconciler.reconcile()
    assert "get_order" not in desk.exchange.requests
    await desk.restart()
    desk.exchange.requests.clear()
    await desk.reconciler.reconcile()
    assert "get_order" not in desk.exchange.requests


async def test_trades_before_a_symbol_was_looked_at_are_in_its_balances_already(desk):
    async with open_desk(external_entries=True, symbols=("AAAUSDT",)) as desk:
        desk.exchange.place("by-hand", "BBBUSDT")
        await desk.reconciler.reconcile()  # books what came and went, since BBBUSDT is not looked at
        desk.symbols = ("AAAUSDT", "BBBUSDT")
        await desk.restart()
        assert (await desk.reconciler.reconcile()).differences == ()
        assert await desk.store.all_fills() == ()
        desk.exchange.place("by-hand-2", "BBBUSDT")
        assert (await desk.reconciler.reconcile()).fills_found == 1


async def test_trades_by_hand_of_a_symbol_that_was_not_looked_at_for_a_while_do_not_become_ours_when_it_is_again():
    async with open_desk(external_entries=True) as desk:
        await desk.trade("BBBUSDT")
        await desk.trade("BBBUSDT", Side.SELL)
        await desk.reconciler.reconcile()
        desk.reconciler.watch(("AAAUSDT",))
        desk.exchange.place("by-hand", "BBBUSDT")
        assert [each.split(":")[0] for each in (await desk.reconciler.reconcile()).differences] == ["BBB", "USDT"]
        await desk.reconciler.begin(("BBBUSDT",))
        desk.reconciler.watch(("AAAUSDT", "BBBUSDT"))
        assert (await desk.reconciler.reconcile()).differences == ()
        assert desk.portfolio.view().positions["BBBUSDT"].quantity == 0
        await desk.restart()
        desk.exchange.place("by-hand-2", "BBBUSDT")
        assert (await desk.reconciler.reconcile()).fills_found == 1
        assert desk.portfolio.view().positions["BBBUSDT"].quantity == 1
        assert await desk.store.verify() == ()


@pytest.mark.parametrize("answer", [OrderEvent.LOSE_SIGHT, OrderEvent.REJECT])
async def test_a_trade_of_an_order_in_flight_is_left_to_its_answer_and_not_passed_over(desk, answer):
    name = await desk.begin()
    desk.exchange.place(name)
    desk.exchange.place("by-hand")
    desk.in_flight.add(name)
    await desk.reconciler.reconcile()
    assert await desk.state(name) is OrderState.SENT
    desk.in_flight.clear()
    await desk.event(name, answer)
    await desk.reconciler.reconcile()
    assert set(desk.halted) == ({"AAAUSDT"} if answer is OrderEvent.REJECT else set())
    await desk.check_agreement()


# -- orders that the book does not expect ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fills", [0, 1])
async def test_an_order_of_ours_that_the_book_never_had_halts_its_symbol_and_nothing_crashes(desk, fills):
    desk.exchange.place("bta-e-77", fills=fills)  # sent by the process whose book was replaced by an older copy
    result = await desk.reconciler.reconcile()
    assert set(desk.halted) == {"AAAUSDT"}
    assert "not in the book" in result.differences[0]
    await desk.check_agreement()


@pytest.mark.parametrize("event", [OrderEvent.REJECT, OrderEvent.GIVE_UP, OrderEvent.CANCEL, OrderEvent.EXPIRE])
async def test_a_trade_of_an_order_that_had_ended_without_it_is_booked_and_halts_its_symbol(desk, event):
    name = await desk.begin()
    await desk.event(name, event)
    desk.exchange.place(name)
    result = await desk.reconciler.reconcile()
    assert result.fills_found == 1
    assert set(desk.halted) == {"AAAUSDT"}
    await desk.check_agreement()


async def test_an_order_that_the_book_holds_as_refused_but_is_open_halts_its_symbol(desk):
    name = await desk.begin()
    await desk.event(name, OrderEvent.REJECT)
    desk.exchange.place(name, fills=0)
    result = await desk.reconciler.reconcile()
    assert set(desk.halted) == {"AAAUSDT"}
    assert name in result.differences[0]


async def test_a_list_of_open_orders_that_lags_halts_nothing(desk):
    name = await desk.trade()
    desk.exchange.stale_open = [desk.exchange.orders[1]]
    result = await desk.reconciler.reconcile()
    assert name in result.differences[0]
    assert desk.halted == {}


async def test_a_late_resurrection_is_found_after_a_restart_below_our_newest_trade(desk):
    lost = await desk.begin()
    desk.exchange.hidden.add(lost)
    desk.exchange.place(lost)
    await desk.event(lost, OrderEvent.LOSE_SIGHT, OrderEvent.PROVE_ABSENT)
    await desk.trade()
    await desk.restart()
    desk.exchange.hidden.clear()
    await desk.reconciler.reconcile()
    assert await desk.state(lost) is OrderState.FILLED
    assert set(desk.halted) == {"AAAUSDT"}
    await desk.check_agreement()


async def test_a_trade_whose_order_is_not_shown_yet_waits_for_it(desk):
    lost = await desk.begin()
    await desk.event(lost, OrderEvent.LOSE_SIGHT, OrderEvent.PROVE_ABSENT)
    desk.exchange.place(lost)
    desk.exchange.unseen.add(lost)
    await desk.reconciler.reconcile()
    assert await desk.store.all_fills() == ()
    desk.exchange.unseen.clear()
    await desk.reconciler.reconcile()
    assert await desk.state(lost) is OrderState.FILLED
    assert set(desk.halted) == {"AAAUSDT"}
    await desk.check_agreement()


async def test_a_trade_whose_order_is_shown_as_it_was_before_waits_for_it_and_is_no_deposit():
    async with open_desk(external_entries=True) as desk:
        await desk.trade()
        await desk.reconciler.reconcile()
        name = await desk.begin(stop_price=Decimal(90))
        desk.exchange.refusals[name] = ExchangeRefusedError(-1003, "asked too much", 400)
        desk.exchange.stale[name] = replace(desk.exchange.place(name), status=ExchangeStatus.NEW, executed_quantity=Decimal(0), fills=())
        result = await desk.reconciler.reconcile()
        assert not any("external entry" in difference for difference in result.differences)
        desk.exchange.refusals.clear()
        desk.exchange.stale.clear()
        await desk.reconciler.reconcile()
        assert await desk.state(name) is OrderState.FILLED
        await desk.check_agreement()


async def test_a_trade_whose_order_is_not_shown_for_long_was_made_by_somebody_else(desk):
    desk.exchange.place("by-hand")
    desk.exchange.unseen.add("by-hand")
    await desk.reconciler.reconcile()
    desk.pass_time(ORDER_UNSEEN_MS + 1)
    result = await desk.reconciler.reconcile()
    assert "was made by somebody else" in result.differences[0]
    await desk.check_agreement()


async def test_an_order_that_came_late_and_ended_without_a_trade_is_found(desk):
    lost = await desk.begin()
    await desk.event(lost, OrderEvent.LOSE_SIGHT, OrderEvent.PROVE_ABSENT)
    desk.exchange.place(lost, fills=0, status=ExchangeStatus.EXPIRED)
    await desk.restart()
    await desk.reconciler.reconcile()
    assert await desk.state(lost) is OrderState.EXPIRED
    assert set(desk.halted) == {"AAAUSDT"}


async def test_an_order_that_was_never_placed_is_not_asked_for_for_ever(desk):
    lost = await desk.begin()
    await desk.event(lost, OrderEvent.LOSE_SIGHT, OrderEvent.PROVE_ABSENT)
    await desk.reconciler.reconcile()
    assert "get_order" in desk.exchange.requests
    desk.pass_time(LATE_FOR_MS + 1)
    desk.exchange.requests.clear()
    await desk.reconciler.reconcile()
    assert "get_order" not in desk.exchange.requests


async def test_a_resurrection_whose_trades_are_not_all_listed_is_completed_later(desk):
    lost = await desk.begin(quantity=2)
    await desk.event(lost, OrderEvent.LOSE_SIGHT, OrderEvent.PROVE_ABSENT)
    desk.exchange.place(lost, quantity=2, fills=2)
    late = desk.exchange.trades.pop()
    desk.exchange.account_trades_shown = 1
    await desk.reconciler.reconcile()
    assert await desk.state(lost) is OrderState.PARTIALLY_FILLED
    desk.exchange.trades.append(late)
    desk.exchange.account_trades_shown = None
    await desk.reconciler.reconcile()
    assert await desk.state(lost) is OrderState.FILLED
    await desk.check_agreement()


async def test_the_halt_of_a_resurrection_comes_before_its_adoption(desk):
    lost = await desk.begin()
    await desk.event(lost, OrderEvent.LOSE_SIGHT, OrderEvent.PROVE_ABSENT)
    desk.exchange.place(lost, fills=0)

    def die():
        raise BookError("the process is cut off here")

    desk.on_halt = die
    with pytest.raises(BookError):
        await desk.reconciler.reconcile()
    assert await desk.state(lost) is OrderState.NEVER_PLACED  # the next start sees it again, and halts


async def test_an_accepted_order_that_the_exchange_no_longer_knows_is_reported(desk):
    name = await desk.begin()
    report = desk.exchange.place(name, fills=0)
    await desk.portfolio.record_event(name, OrderEvent.ACCEPT, time_ms=NOW_MS, report=report)
    desk.exchange.orders.clear()
    result = await desk.reconciler.reconcile()
    assert name in result.differences[0]
    assert await desk.state(name) is OrderState.NEW


# -- the fate of unknown orders --------------------------------------------------------------------------------------------------


async def test_two_looks_at_one_instant_are_one_look(desk):
    name = await desk.begin()
    await desk.event(name, OrderEvent.LOSE_SIGHT)
    desk.pass_time()
    await desk.reconciler.settle_open_orders()
    await desk.reconciler.settle_open_orders()
    assert await desk.state(name) is OrderState.UNKNOWN
    desk.pass_time(5_000)
    await desk.reconciler.settle_open_orders()
    assert await desk.state(name) is OrderState.NEVER_PLACED


async def test_the_fence_is_measured_by_the_exchanges_own_clock(desk):
    name = await desk.begin()
    await desk.event(name, OrderEvent.LOSE_SIGHT)
    desk.exchange.clock_error_ms = 3_600_000  # our machine was set forward
    for _ in range(3):
        await desk.reconciler.settle_open_orders()
        desk.pass_time(5_000)
    assert await desk.state(name) is OrderState.UNKNOWN


async def test_an_order_that_is_seen_between_two_misses_starts_the_count_anew(desk):
    name = await desk.begin()
    await desk.event(name, OrderEvent.LOSE_SIGHT)
    desk.pass_time()
    await desk.reconciler.settle_open_orders()
    desk.exchange.place(name, fills=0)
    desk.pass_time()
    await desk.reconciler.settle_open_orders()
    assert await desk.state(name) is OrderState.NEW


async def test_a_refused_question_about_one_order_keeps_no_other_unsettled(desk):
    refused, fine = await desk.begin(), await desk.begin("BBBUSDT")
    desk.exchange.refusals[refused] = ExchangeRefusedError(-1121, "Invalid symbol.", 400)
    desk.exchange.place(fine, "BBBUSDT")
    with pytest.raises(ExchangeRefusedError):
        await desk.reconciler.settle_open_orders()
    assert await desk.state(fine) is OrderState.FILLED
    result = await desk.reconciler.reconcile()
    assert any(refused in difference for difference in result.differences)


async def test_an_impossible_report_halts_its_symbol_and_keeps_no_other_unsettled(desk):
    strange, fine = await desk.begin(), await desk.begin("BBBUSDT")
    report = desk.exchange.place(strange, fills=0)
    await desk.portfolio.record_event(strange, OrderEvent.ACCEPT, time_ms=NOW_MS, report=report)
    desk.exchange.fill(report.order_id, 0, ExchangeStatus.REJECTED)
    desk.exchange.place(fine, "BBBUSDT")
    await desk.reconciler.settle_open_orders()
    assert await desk.state(fine) is OrderState.FILLED
    assert set(desk.halted) == {"AAAUSDT"}


async def test_an_order_that_lands_while_another_is_looked_for_is_left_alone(desk):
    slow, landing = await desk.begin(), await desk.begin("BBBUSDT")
    report = desk.exchange.place(landing, "BBBUSDT")
    desk.in_flight.add(landing)
    get_order = desk.exchange.get_order

    async def land_meanwhile(symbol, client_order_id=None, **other):
        if client_order_id == slow:
            await desk.portfolio.record_event(landing, OrderEvent.FILL, time_ms=NOW_MS, report=report, fills=report.fills)
            desk.in_flight.clear()
        return await get_order(symbol, client_order_id, **other)

    desk.exchange.get_order = land_meanwhile
    await desk.reconciler.settle_open_orders()
    assert await desk.state(landing) is OrderState.FILLED
    assert await desk.state(slow) is OrderState.UNKNOWN


# -- balances --------------------------------------------------------------------------------------------------------------------


async def test_balances_that_lag_behind_our_own_order_are_not_taken_for_a_withdrawal():
    async with open_desk(external_entries=True) as desk:
        await desk.trade()
        desk.exchange.account_trades_shown = 0
        get_account = desk.exchange.get_account

        async def catch_up():
            if desk.clock.now_ms() >= NOW_MS + 3_000:
                desk.exchange.account_trades_shown = None
            return await get_account()

        desk.exchange.get_account = catch_up
        assert (await desk.reconciler.reconcile()).differences == ()
        await desk.check_agreement()


async def test_a_trade_that_is_listed_later_than_the_balances_show_it_is_not_taken_for_a_deposit():
    async with open_desk(external_entries=True) as desk:
        desk.exchange.place("by-hand")
        get_my_trades = desk.exchange.get_my_trades

        async def list_late(*args, **more):
            return await get_my_trades(*args, **more) if desk.clock.now_ms() >= NOW_MS + 4_500 else ()

        desk.exchange.get_my_trades = list_late
        result = await desk.reconciler.reconcile()
        assert result.fills_found == 1
        assert not [text for text in result.differences if "came or went" in text]
        await desk.check_agreement()


async def test_a_deposit_is_booked_once_and_a_trade_beside_it_as_a_trade():
    async with open_desk(external_entries=True) as desk:
        desk.exchange.deposits["USDT"] += 500
        desk.exchange.place("by-hand")
        first = await desk.reconciler.reconcile()
        assert [text for text in first.differences if "USDT: 500 came" in text]
        assert (await desk.reconciler.reconcile()).differences == ()
        await desk.check_agreement()


async def test_no_balance_is_explained_away_while_an_order_is_unknown():
    async with open_desk(external_entries=True) as desk:
        name = await desk.begin()
        await desk.event(name, OrderEvent.LOSE_SIGHT)
        desk.exchange.place(name)
        desk.exchange.hidden.add(name)
        assert await desk.reconciler.reconcile()
        assert desk.portfolio.balance("AAA") == 0
        desk.exchange.hidden.clear()
        await desk.reconciler.reconcile()
        await desk.check_agreement()


async def test_a_difference_without_a_rule_is_a_mismatch(desk):
    desk.exchange.deposits["USDT"] += 1
    with pytest.raises(BookMismatchError, match="USDT 1"):
        await desk.reconciler.reconcile()


# -- anything in any order -------------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["trade", "lost", "hidden", "never", "unsent", "hand", "rest", "fill"]), st.sampled_from(list(RULES))),
        st.tuples(st.just("reconcile"), st.integers(0, 12)),
        st.tuples(st.just("wait"), st.integers(1, 90_000)),
        st.just(("show", "")),
        st.just(("restart", "")),
    ),
    max_size=14,
)


class Story:
    """What can happen to a desk; a step that risk would not let happen does not happen."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.exchange = desk.exchange
        self.resting: list[int] = []

    def is_blocked(self, symbol: str) -> bool:
        return symbol in {order.intent.symbol for order in self.desk.portfolio.open_orders()}

    async def take(self, step: str, argument) -> None:
        if step in {"trade", "lost", "hidden", "never", "unsent"} and self.is_blocked(argument):
            return
        await getattr(self, step)(argument)

    async def trade(self, symbol: str) -> None:
        await self.desk.trade(symbol)

    async def lost(self, symbol: str) -> str:
        name = await self.desk.begin(symbol)
        self.exchange.place(name, symbol)
        await self.desk.event(name, OrderEvent.LOSE_SIGHT)
        return name

    async def hidden(self, symbol: str) -> None:
        self.exchange.hidden.add(await self.lost(symbol))

    async def never(self, symbol: str) -> None:
        await self.desk.event(await self.desk.begin(symbol), OrderEvent.LOSE_SIGHT)

    async def unsent(self, symbol: str) -> None:
        await self.desk.event(await self.desk.begin(symbol), OrderEvent.GIVE_UP)

    async def hand(self, symbol: str) -> None:
        self.exchange.place(f"by-hand-{len(self.exchange.orders)}", symbol)

    async def rest(self, symbol: str) -> None:
        self.resting.append(self.exchange.place(f"by-hand-{len(self.exchange.orders)}", symbol, quantity=2).order_id)

    async def fill(self, _symbol: str) -> None:
        if self.resting:
            self.exchange.fill(self.resting.pop(), 1, ExchangeStatus.FILLED)

    async def reconcile(self, requests: int) -> None:
        """Cut off after so many requests; what is hidden is missing in the trades, and shown by the balances."""
        self.exchange.failing = requests
        with suppress(ExchangeError, BookMismatchError):
            await self.desk.reconciler.reconcile()
        self.exchange.failing = None

    async def wait(self, milliseconds: int) -> None:
        self.desk.pass_time(milliseconds)

    async def show(self, _nothing: str) -> None:
        self.exchange.hidden.clear()

    async def restart(self, _nothing: str) -> None:
        await self.desk.restart()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_whatever_happens_in_whatever_order_the_book_ends_equal_to_the_exchange(steps):
    async def live():
        async with open_desk() as desk:
            story = Story(desk)
            for step, argument in steps:
                await story.take(step, argument)
            desk.exchange.hidden.clear()
            for _ in range(3):
                desk.pass_time()
                await desk.reconciler.reconcile()
            assert desk.portfolio.open_orders() == ()
            await desk.check_agreement()

    asyncio.run(live())
