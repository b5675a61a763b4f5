"""The portfolio manager holds in memory what the book has committed, whatever fails, is cancelled or happens at once."""

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest
from hand_clocks import StillClock
from msgspec.structs import replace

from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.errors import BookError, IllegalTransitionError
from binance_trade_agent.domain.facts import BookMarked, FillBooked
from binance_trade_agent.domain.order import (
    ExchangeStatus,
    Fill,
    OrderEvent,
    OrderIntent,
    OrderReport,
    OrderState,
    OrderType,
    Purpose,
    Side,
)
from binance_trade_agent.domain.risk import ModeChange, Reservation, RiskState, TradingMode
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.database import open_database

ZERO = Decimal(0)
NOW_MS = 1_700_000_000_000


def symbol_rules(base, quote="USDT"):
    return SymbolRules(base + quote, base, quote, SymbolStatus.TRADING, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)


RULES = {rules.symbol: rules for rules in (symbol_rules("BTC"), symbol_rules("ETH"), symbol_rules("ETH", "BTC"))}


class Facts(list):
    def observe(self, fact):
        self.append(fact)


class Desk:
    """A manager with the store and database behind it, and the facts that it reported."""

    def __init__(self, database, rules=RULES):
        self.database = database
        self.store = SqliteBookStore(database, new_epoch=lambda: "e")
        self.facts = Facts()
        self.manager = PortfolioManager(self.store, quote_asset="USDT", rules=rules, observer=self.facts, clock=StillClock(NOW_MS))

    async def place(self, symbol="BTCUSDT", side=Side.BUY):
        name = self.manager.next_client_order_id()
        intent = OrderIntent(name, symbol, side, OrderType.MARKET, Decimal(1), Decimal(100), Purpose.ENTRY, NOW_MS, "c", "because")
        await self.manager.record_intent(intent, Reservation(name, symbol, Decimal(100)), NOW_MS + 1_000)
        await self.manager.record_event(name, OrderEvent.SEND, time_ms=NOW_MS)
        return name

    async def trade(self, *fills):
        name = await self.place(fills[0].symbol, fills[0].side)
        return await self.manager.record_event(name, OrderEvent.FILL, time_ms=NOW_MS, fills=fills)

    async def assert_memory_is_the_book(self):
        state = await self.store.load()
        manager, snapshot = self.manager, self.manager.snapshot()
        assert dict(manager.balances) == state.balances
        assert dict(snapshot.fees) == state.commissions
        assert dict(manager.view().positions) == {s: p for s, p in state.positions.items() if p.quote_asset == "USDT"}
        assert manager.open_orders() == state.open_orders
        assert dict(manager.modes) == state.modes
        assert (snapshot.orders, snapshot.fills) == (state.orders, state.fills)
        assert {symbol: manager.last_trade_id(symbol) for symbol in state.last_trade_ids} == state.last_trade_ids
        assert (manager.initial_value, manager.opened_ms, manager.risk_state) == (state.initial_value, state.opened_ms, state.risk_state)
        assert await self.store.verify() == ()


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "book.sqlite3")


@asynccontextmanager
async def opened(path, *, inline=True, rules=RULES):
    async with open_database(path, inline=inline, clock=StillClock(NOW_MS)) as database:
        desk = Desk(database, rules)
        await desk.manager.open()
        yield desk


@pytest.fixture
async def desk(path):
    async with opened(path) as desk:
        yield desk


def fill(trade_id, *, symbol="BTCUSDT", side=Side.BUY, quantity="1", price="100", commission="0", asset="USDT", order_id=None):
    quantity, price = Decimal(quantity), Decimal(price)
    order_id = trade_id if order_id is None else order_id
    return Fill(symbol, trade_id, order_id, "", side, price, quantity, quantity * price, Decimal(commission), asset, NOW_MS, False)


def report(name, status, *, order_id=1, symbol="BTCUSDT"):
    return OrderReport(symbol, order_id, name, Side.BUY, "MARKET", status, ZERO, Decimal(1), ZERO, ZERO, NOW_MS)


async def test_a_round_trip_earns_the_difference_less_commissions(desk):
    await desk.manager.record_external("USDT", Decimal(1000), "opening:USDT", NOW_MS)
    await desk.manager.set_initial(Decimal(1000), NOW_MS)
    await desk.trade(fill(1, price="100", commission="0.1"))
    await desk.trade(fill(2, side=Side.SELL, price="110", commission="0.11"))
    snapshot = desk.manager.snapshot()
    assert snapshot.cash == snapshot.equity == Decimal("1009.79")
    assert snapshot.profit == snapshot.realized == Decimal("9.79")
    assert (snapshot.unrealized, snapshot.fees) == (0, {"USDT": Decimal("0.21")})
    assert [fact.realized for fact in desk.facts if isinstance(fact, FillBooked)] == [0, Decimal("9.79")]
    assert desk.manager.held_symbols == ()
    await desk.assert_memory_is_the_book()


async def test_equity_is_cash_and_positions_at_their_marks(desk):
    await desk.manager.record_external("USDT", Decimal(1000), "opening:USDT", NOW_MS)
    await desk.manager.record_external("BNB", Decimal(50), "opening:BNB", NOW_MS)
    await desk.trade(fill(1, price="100"))
    await desk.trade(fill(1, symbol="ETHUSDT", price="10", quantity="5"))
    assert desk.manager.snapshot().equity == 1000
    desk.manager.mark({"BTCUSDT": Decimal(120)})
    desk.manager.mark({"ETHUSDT": Decimal(9)})
    snapshot = desk.manager.snapshot()
    assert (snapshot.cash, snapshot.equity, snapshot.unrealized) == (850, 1015, 15)
    assert [(each.symbol, each.mark_price, each.value) for each in snapshot.positions] == [("BTCUSDT", 120, 120), ("ETHUSDT", 9, 45)]
    assert desk.manager.held_symbols == ("BTCUSDT", "ETHUSDT")


async def test_without_an_initial_value_there_is_no_profit_yet(desk):
    await desk.manager.record_external("USDT", Decimal(1000), "opening:USDT", NOW_MS)
    assert (desk.manager.initial_value, desk.manager.snapshot().profit) == (None, 0)


async def test_the_initial_value_stays_the_first(desk):
    await desk.manager.set_initial(Decimal(1000), 1)
    await desk.manager.set_initial(Decimal(2000), 2)
    assert (desk.manager.initial_value, desk.manager.opened_ms) == (1000, 1)
    await desk.assert_memory_is_the_book()


async def test_a_view_is_frozen_while_the_book_goes_on(desk):
    await desk.trade(fill(1))
    desk.manager.mark({"BTCUSDT": Decimal(100)})
    view = desk.manager.view()
    await desk.trade(fill(2))
    await desk.place()
    desk.manager.mark({"BTCUSDT": Decimal(200)})
    assert (view.positions["BTCUSDT"].quantity, view.marks["BTCUSDT"], view.open_orders, view.time_ms) == (1, 100, (), NOW_MS)
    with pytest.raises(TypeError):
        view.positions["BTCUSDT"] = None
    with pytest.raises(FrozenInstanceError):
        view.cash = ZERO


async def test_ids_go_on_where_the_book_stopped(path):
    async with opened(path) as desk:
        assert await desk.place() == "bta-e-1"
        assert await desk.place("ETHUSDT") == "bta-e-2"
    async with opened(path) as desk:
        assert desk.manager.epoch == "e"
        assert desk.manager.next_client_order_id() == "bta-e-3"
        assert desk.manager.next_client_order_id() == "bta-e-4"


async def test_a_book_that_is_not_open_gives_no_ids(path):
    async with open_database(path, inline=True, clock=StillClock(NOW_MS)) as database:
        with pytest.raises(BookError, match="not open"):
            Desk(database).manager.next_client_order_id()


async def test_everything_comes_back_after_a_restart(path):
    change = ModeChange(NOW_MS, "*", TradingMode.HALTED, "emergency_stop", "by hand")
    async with opened(path) as desk:
        await desk.manager.set_initial(Decimal(500), NOW_MS)
        await desk.trade(fill(1, commission="0.01", asset="BNB"))
        await desk.place("ETHUSDT")
        await desk.manager.record_mode(change)
        await desk.manager.finish_pass((), RiskState(Decimal(1), 2, Decimal(3)), NOW_MS)
        before = desk.manager.snapshot()
    async with opened(path) as desk:
        assert desk.manager.snapshot() == before
        assert desk.manager.modes == {"*": change}
        await desk.assert_memory_is_the_book()


async def test_orders_are_open_until_they_end(desk):
    first, second = await desk.place(), await desk.place("ETHUSDT")
    assert [order.intent.client_order_id for order in desk.manager.open_orders()] == [first, second]
    await desk.manager.record_event(first, OrderEvent.REJECT, time_ms=NOW_MS)
    assert desk.manager.order(first) is None
    assert desk.manager.order(second).state is OrderState.SENT
    await desk.assert_memory_is_the_book()


async def test_an_order_proven_absent_is_open_again_when_the_exchange_shows_it(desk):
    name = await desk.place()
    await desk.manager.record_event(name, OrderEvent.LOSE_SIGHT, time_ms=NOW_MS)
    await desk.manager.record_event(name, OrderEvent.PROVE_ABSENT, time_ms=NOW_MS)
    assert desk.manager.open_orders() == ()
    await desk.place("ETHUSDT")
    await desk.manager.record_event(name, OrderEvent.ACCEPT, time_ms=NOW_MS, report=report(name, ExchangeStatus.NEW))
    assert desk.manager.order(name).state is OrderState.NEW
    await desk.assert_memory_is_the_book()


async def test_an_event_for_an_ended_order_is_refused_even_without_a_symbol(desk):
    settled = await desk.trade(fill(1))
    with pytest.raises(IllegalTransitionError):
        await desk.manager.record_event(settled.order.intent.client_order_id, OrderEvent.CANCEL, time_ms=NOW_MS)
    with pytest.raises(BookError, match="not in the book"):
        await desk.manager.record_event("bta-e-99", OrderEvent.CANCEL, time_ms=NOW_MS)


async def test_a_refused_event_changes_nothing_in_memory(desk):
    name = await desk.place()
    before = desk.manager.snapshot()
    with pytest.raises(IllegalTransitionError):
        await desk.manager.record_event(name, OrderEvent.SEND, time_ms=NOW_MS, fills=[fill(1)])
    assert desk.manager.snapshot() == before
    await desk.assert_memory_is_the_book()


async def test_a_failed_write_leaves_memory_as_it_was(path):
    async with opened(path) as desk:
        name = await desk.place()
        before, facts = desk.manager.snapshot(), len(desk.facts)
        desk.database.close()
        manager, change = desk.manager, ModeChange(1, "*", TradingMode.HALTED, "x", "y")
        intent = replace(manager.order(name).intent, client_order_id=manager.next_client_order_id())
        for write in (
            manager.record_intent(intent, Reservation("x", "BTCUSDT", ZERO), 0),
            manager.record_event(name, OrderEvent.FILL, time_ms=1, fills=[fill(1)]),
            manager.record_foreign_fills([fill(1)]),
            manager.record_external("USDT", Decimal(1), "x", 1),
            manager.record_mode(change),
            manager.set_initial(Decimal(1), 1),
            manager.finish_pass((), RiskState(ZERO, 0, ZERO), 1),
        ):
            with pytest.raises(BookError):
                await write
        assert manager.snapshot() == before
        assert (manager.risk_state, len(desk.facts)) == (None, facts)


async def test_a_cancelled_caller_leaves_memory_and_book_agreeing(path):
    blocked, go_on = threading.Event(), threading.Event()

    def block(_):
        blocked.set()
        assert go_on.wait(10)

    async with opened(path, inline=False) as desk:
        name = await desk.place()
        blocking = asyncio.create_task(desk.database.write(block, durable=False))
        await asyncio.to_thread(blocked.wait, 10)
        settling = asyncio.create_task(desk.manager.record_event(name, OrderEvent.FILL, time_ms=NOW_MS, fills=[fill(1)]))
        await asyncio.sleep(0)
        settling.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await settling
        await blocking
        assert desk.manager.view().positions["BTCUSDT"].quantity == 1
        assert [type(fact) for fact in desk.facts] == [FillBooked]
        await desk.assert_memory_is_the_book()


async def test_many_symbols_and_orders_at_once_end_as_the_book_says(path):
    async with opened(path, inline=False) as desk:

        async def one(number):
            symbol, side = ("BTCUSDT", "ETHUSDT")[number % 2], Side.SELL if number % 3 == 2 else Side.BUY
            made = fill(number, symbol=symbol, side=side, quantity=f"0.{number}", price=f"{90 + number}", commission="0.001", asset="BNB")
            await desk.trade(made)

        await asyncio.gather(*(one(number) for number in range(1, 31)))
        assert desk.manager.snapshot().fills == 30
        await desk.assert_memory_is_the_book()


class LateStore(SqliteBookStore):
    """A store whose first answers reach the manager later than those that follow."""

    turns = 20

    async def settle(self, *args):
        settled = await super().settle(*args)
        self.turns -= 5
        for _ in range(self.turns):
            await asyncio.sleep(0)
        return settled


async def test_trades_of_one_symbol_count_in_the_order_of_the_book_however_late_its_answers_come(path):
    async with opened(path) as desk:
        buy, sell = await desk.place(), await desk.place(side=Side.SELL)
        store = LateStore(desk.database, new_epoch=lambda: "e")
        desk.manager = PortfolioManager(store, quote_asset="USDT", rules=RULES, observer=desk.facts, clock=StillClock(NOW_MS))
        await desk.manager.open()
        await asyncio.gather(
            desk.manager.record_event(buy, OrderEvent.FILL, time_ms=NOW_MS, fills=[fill(1)]),
            desk.manager.record_event(sell, OrderEvent.FILL, time_ms=NOW_MS, fills=[fill(2, side=Side.SELL, quantity="0.5", price="110")]),
        )
        assert desk.manager.snapshot().realized == 5
        await desk.assert_memory_is_the_book()


async def test_trades_by_hand_and_late_trades_are_booked_and_reported(desk):
    name = await desk.place()
    await desk.manager.record_event(name, OrderEvent.ACCEPT, time_ms=NOW_MS, report=report(name, ExchangeStatus.NEW, order_id=7))
    late, by_hand, other = fill(1, order_id=7, quantity="0.5"), fill(2, order_id=99), fill(1, symbol="ETHUSDT")
    booked = await desk.manager.record_foreign_fills([by_hand, other, late])
    assert [(each.symbol, each.trade_id) for each in booked] == [("BTCUSDT", 1), ("BTCUSDT", 2), ("ETHUSDT", 1)]
    assert desk.manager.order(name).executed_quantity == Decimal("0.5")
    assert [fact.fill for fact in desk.facts] == list(booked)
    assert await desk.manager.record_foreign_fills([by_hand, other, late]) == ()
    await desk.assert_memory_is_the_book()


async def test_trades_of_a_symbol_that_was_delisted_can_still_be_booked(path):
    async with opened(path) as desk:
        await desk.trade(fill(1))
        name = await desk.place(side=Side.SELL)
    async with opened(path, rules={}) as desk:
        await desk.manager.record_event(name, OrderEvent.FILL, time_ms=NOW_MS, fills=[fill(2, side=Side.SELL)])
        assert desk.manager.held_symbols == ()
        with pytest.raises(BookError, match="assets of ETHUSDT are not known"):
            await desk.manager.record_foreign_fills([fill(1, symbol="ETHUSDT")])
        desk.manager.set_rules({"ETHUSDT": RULES["ETHUSDT"]})
        assert len(await desk.manager.record_foreign_fills([fill(1, symbol="ETHUSDT")])) == 1
        await desk.assert_memory_is_the_book()


@pytest.mark.parametrize("symbol", ["ETHBTC", "NONSENSE"])
async def test_no_order_is_taken_for_a_symbol_that_is_not_accounted_in_the_quote_asset(desk, symbol):
    with pytest.raises(BookError, match=symbol):
        await desk.place(symbol)
    assert desk.manager.open_orders() == ()


async def test_a_trade_by_hand_in_another_quote_asset_stays_out_of_equity(desk):
    await desk.manager.record_external("USDT", Decimal(10), "opening:USDT", NOW_MS)
    await desk.manager.record_foreign_fills([fill(1, symbol="ETHBTC", price="0.05")])
    assert (desk.manager.snapshot().equity, desk.manager.snapshot().positions) == (10, ())
    assert desk.manager.balance("ETH") == 1
    await desk.assert_memory_is_the_book()


async def test_a_deposit_counts_once(desk):
    for _ in range(2):
        await desk.manager.record_external("USDT", Decimal(10), "deposit:1", NOW_MS)
    assert desk.manager.balance("USDT") == 10
    assert desk.manager.balance("DOGE") == 0
    await desk.assert_memory_is_the_book()


async def test_a_pass_is_recorded_with_the_equity_it_ended_at(desk):
    await desk.manager.record_external("USDT", Decimal(1000), "opening:USDT", NOW_MS)
    await desk.trade(fill(1))
    desk.manager.mark({"BTCUSDT": Decimal(130)})
    decision = TradeDecision("BTCUSDT", "c", NOW_MS, Verdict.FILLED, 1.0)
    memory = RiskState(Decimal(1030), 19_675, Decimal(1000), peak_prices={"BTCUSDT": Decimal(130)})
    snapshot = await desk.manager.finish_pass([decision], memory, NOW_MS)
    (point,) = await desk.store.equity_history(5)
    assert (point.time_ms, point.equity, point.cash, point.exposure, point.unrealized) == (NOW_MS, 1030, 900, 130, 30)
    assert [record.verdict for record in await desk.store.decisions(5)] == [Verdict.FILLED]
    assert desk.facts[-1] == BookMarked(snapshot)
    await desk.assert_memory_is_the_book()
