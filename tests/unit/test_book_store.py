"""The book store: each event is booked whole, once, and in the state that the book itself holds."""

from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from hand_clocks import StillClock
from msgspec import structs
from msgspec.structs import replace

from binance_trade_agent.domain.decision import Stage, TradeDecision, Verdict
from binance_trade_agent.domain.errors import BookDamagedError, BookError, BookMismatchError, IllegalTransitionError
from binance_trade_agent.domain.ledger import WRITE_DOWN
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
    TimeInForce,
)
from binance_trade_agent.domain.outcome import Accepted, NotSent, Rejected, Unknown
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.domain.risk import Approved, CountedFills, ModeChange, Refused, Reservation, RiskRule, RiskState, TradingMode
from binance_trade_agent.domain.signal import Action, Signal
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.database import open_database
from binance_trade_agent.storage.held_symbols import Held, held_in

ZERO = Decimal(0)
RULES = SymbolRules("BTCUSDT", "BTC", "USDT", SymbolStatus.TRADING, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "book.sqlite3")


@asynccontextmanager
async def opened(path):
    async with open_database(path, inline=True, clock=StillClock()) as database:
        store = SqliteBookStore(database, new_epoch=lambda: "e1")
        await store.load()
        yield store, database


@pytest.fixture
async def book(path):
    async with opened(path) as (store, _):
        yield store


def intent(number=1, *, side=Side.BUY, quantity="1", **changes):
    values = {
        "client_order_id": f"bta-e1-{number}",
        "symbol": "BTCUSDT",
        "side": side,
        "type": OrderType.MARKET,
        "quantity": Decimal(quantity),
        "reference_price": Decimal("100.10"),
        "purpose": Purpose.ENTRY,
        "created_ms": 1_000 + number,
        "correlation_id": "pass-1",
        "reason": "RSI is low",
    }
    return OrderIntent(**(values | changes))


def fill(trade_id, *, order_id=7, quantity="0.5", price="100", side=Side.BUY, commission="0.1", asset="USDT", **changes):
    quantity, price = Decimal(quantity), Decimal(price)
    made = Fill("BTCUSDT", trade_id, order_id, "", side, price, quantity, quantity * price, Decimal(commission), asset, 2_000, False)
    return replace(made, **changes)


def report(status=ExchangeStatus.NEW, *, order_id=7, executed="0", fills=(), number=1):
    name, executed = f"bta-e1-{number}", Decimal(executed)
    return OrderReport(
        "BTCUSDT", order_id, name, Side.BUY, "MARKET", status, ZERO, Decimal(1), executed, executed * 100, 2_000, tuple(fills)
    )


async def place(store, number=1, **changes):
    made = intent(number, **changes)
    await store.insert_intent(made, Reservation(made.client_order_id, made.symbol, Decimal("100.10")), 9_000)
    return made


async def settle(store, event, *, number=1, said=None, fills=(), detail="", time_ms=3_000):
    return await store.settle(f"bta-e1-{number}", event, time_ms, detail, said, fills, RULES)


async def sent(store, number=1, **changes):
    made = await place(store, number, **changes)
    await settle(store, OrderEvent.SEND, number=number)
    return made


async def test_the_epoch_is_made_once_and_kept(path):
    async with open_database(path, inline=True, clock=StillClock()) as database:
        names = iter(["first", "second"])
        store = SqliteBookStore(database, new_epoch=lambda: next(names))
        assert (await store.load()).epoch == "first"
        assert (await SqliteBookStore(database, new_epoch=lambda: "third").load()).epoch == "first"


async def test_an_epoch_that_ids_cannot_carry_is_never_stored(path):
    async with open_database(path, inline=True, clock=StillClock()) as database:
        with pytest.raises(ValueError, match="client order id"):
            await SqliteBookStore(database, new_epoch=lambda: "Not Valid").load()
        assert (await SqliteBookStore(database, new_epoch=lambda: "valid").load()).epoch == "valid"


async def test_a_new_book_is_empty(book):
    state = await book.load()
    assert (state.next_order_number, state.orders, state.fills) == (1, 0, 0)
    assert (state.balances, state.positions, state.open_orders, state.modes) == ({}, {}, (), {})
    assert (state.risk_state, state.initial_value, state.opened_ms) == (None, None, None)
    assert await book.verify() == ()


async def test_an_intent_comes_back_as_it_was_written(book):
    plain = await place(book, 1)
    limit = await place(book, 2, type=OrderType.LIMIT, price=Decimal("99.5"), time_in_force=TimeInForce.GTC, purpose=Purpose.EXIT)
    state = await book.load()
    assert [order.intent for order in state.open_orders] == [plain, limit]
    assert {order.state for order in state.open_orders} == {OrderState.INTENDED}
    assert {order.send_deadline_ms for order in state.open_orders} == {9_000}
    assert (state.orders, state.next_order_number) == (2, 3)


async def test_the_counter_goes_on_after_orders_that_have_ended(book):
    await place(book, 41)
    await settle(book, OrderEvent.GIVE_UP, number=41)
    state = await book.load()
    assert state.open_orders == ()
    assert state.next_order_number == 42


async def test_a_client_order_id_is_never_written_twice(book):
    await place(book)
    with pytest.raises(BookError):
        await place(book)
    assert (await book.load()).orders == 1


async def test_a_filled_order_moves_money_position_and_commission_together(book):
    await sent(book)
    settled = await settle(book, OrderEvent.FILL, said=report(ExchangeStatus.FILLED, executed="1"), fills=[fill(1), fill(2)])
    assert settled.order.state is OrderState.FILLED
    assert (settled.order.order_id, settled.order.executed_quantity, settled.order.updated_ms) == (7, 1, 3_000)
    assert {each.client_order_id for each in settled.new_fills} == {"bta-e1-1"}
    state = await book.load()
    assert state.balances == {"BTC": Decimal(1), "USDT": Decimal("-100.2")}
    assert state.commissions == {"USDT": Decimal("0.2")}
    position = state.positions["BTCUSDT"]
    assert (position.quantity, position.cost, position.realized) == (1, Decimal("100.2"), 0)
    assert (state.last_trade_ids, state.fills, state.open_orders) == ({"BTCUSDT": 2}, 2, ())
    assert await book.fills(10) == settled.new_fills
    assert await book.verify() == ()


async def test_fills_in_the_answer_and_beside_it_are_booked_once_each(book):
    await sent(book)
    answer = report(ExchangeStatus.FILLED, executed="1", fills=[fill(1), fill(2)])
    settled = await settle(book, OrderEvent.FILL, said=answer, fills=[fill(2), fill(1)])
    assert [each.trade_id for each in settled.new_fills] == [1, 2]
    assert settled.order.executed_quantity == 1


async def test_a_fill_that_is_known_already_changes_nothing_but_may_tell_another_time(book):
    await sent(book)
    await settle(book, OrderEvent.PARTIAL_FILL, said=report(), fills=[fill(1)])
    before = await book.load()
    again = fill(1, time_ms=2_345, is_maker=True)
    settled = await settle(book, OrderEvent.PARTIAL_FILL, said=report(), fills=[again])
    assert settled.new_fills == ()
    after = await book.load()
    assert (after.balances, after.positions, after.fills) == (before.balances, before.positions, 1)


@pytest.mark.parametrize("change", [{"price": Decimal(101)}, {"quantity": Decimal("0.4")}, {"order_id": 8}])
async def test_a_known_trade_with_other_figures_is_a_mismatch_and_writes_nothing(book, change):
    await sent(book)
    await settle(book, OrderEvent.PARTIAL_FILL, fills=[fill(1)])
    with pytest.raises(BookMismatchError):
        await settle(book, OrderEvent.FILL, fills=[fill(2), replace(fill(1), **change)])
    state = await book.load()
    assert state.fills == 1
    assert state.open_orders[0].state is OrderState.PARTIALLY_FILLED


@pytest.mark.parametrize(
    "stranger",
    [fill(2, symbol="ETHUSDT"), fill(2, side=Side.SELL), fill(2, client_order_id="bta-e1-9"), fill(2, order_id=99)],
    ids=["symbol", "side", "order", "number"],
)
async def test_a_fill_of_another_order_is_refused_whole(book, stranger):
    await sent(book)
    await settle(book, OrderEvent.ACCEPT, said=report())
    with pytest.raises(BookMismatchError):
        await settle(book, OrderEvent.FILL, fills=[fill(1), stranger])
    assert (await book.load()).fills == 0


async def test_an_event_that_the_table_lacks_writes_nothing(book, path):
    await sent(book)
    await settle(book, OrderEvent.FILL, said=report(ExchangeStatus.FILLED), fills=[fill(1, quantity="1")])
    with pytest.raises(IllegalTransitionError, match=r"FILLED.*FILL"):
        await settle(book, OrderEvent.FILL, said=report(ExchangeStatus.FILLED), fills=[fill(2)])
    state = await book.load()
    assert (state.fills, state.orders) == (1, 1)
    assert await book.verify() == ()


async def test_an_event_that_the_table_repeats_is_journaled_again(book):
    await sent(book)
    await settle(book, OrderEvent.ACCEPT, said=report())
    settled = await settle(book, OrderEvent.ACCEPT, said=report(), time_ms=4_000)
    assert (settled.order.state, settled.order.updated_ms) == (OrderState.NEW, 4_000)


async def test_an_order_that_is_not_in_the_book_cannot_be_settled(book):
    with pytest.raises(BookError, match="bta-e1-5 is not in the book"):
        await settle(book, OrderEvent.SEND, number=5)


async def test_an_order_proven_absent_comes_back_with_its_fills(book):
    await sent(book)
    await settle(book, OrderEvent.LOSE_SIGHT)
    await settle(book, OrderEvent.LOSE_SIGHT)
    await settle(book, OrderEvent.PROVE_ABSENT)
    assert (await book.load()).open_orders == ()
    settled = await settle(book, OrderEvent.PARTIAL_FILL, said=report(ExchangeStatus.PARTIALLY_FILLED, executed="0.5"), fills=[fill(1)])
    assert settled.order.state is OrderState.PARTIALLY_FILLED
    assert (await book.load()).open_orders == (settled.order,)
    assert await book.verify() == ()


async def test_a_report_under_another_number_is_a_mismatch(book):
    await sent(book)
    await settle(book, OrderEvent.ACCEPT, said=report(order_id=7))
    with pytest.raises(BookMismatchError, match="more than one number"):
        await settle(book, OrderEvent.CANCEL, said=report(ExchangeStatus.CANCELED, order_id=8))


async def test_trades_made_by_hand_are_booked_once(book):
    by_hand = [fill(2, order_id=50), fill(1, order_id=50, client_order_id="web_1")]
    assert [each.trade_id for each in await book.book_foreign_fills(by_hand, RULES)] == [1, 2]
    assert await book.book_foreign_fills(by_hand, RULES) == ()
    state = await book.load()
    assert (state.positions["BTCUSDT"].quantity, state.orders, state.fills) == (1, 0, 2)
    assert await book.verify() == ()


async def test_a_late_trade_of_an_order_of_ours_counts_for_it(book):
    await sent(book)
    await settle(book, OrderEvent.CANCEL, said=report(ExchangeStatus.CANCELED, executed="0.5"))
    (booked,) = await book.book_foreign_fills([fill(1)], RULES)
    assert booked.client_order_id == "bta-e1-1"
    (order,) = await book.orders(10)
    assert order.executed_quantity == Decimal("0.5")
    assert await book.verify() == ()


async def test_a_trade_booked_before_its_order_was_known_to_be_ours_counts_for_it_too(book):
    await sent(book)
    await book.book_foreign_fills([fill(1)], RULES)
    settled = await settle(book, OrderEvent.FILL, said=report(ExchangeStatus.FILLED, executed="1"), fills=[fill(1), fill(2)])
    assert [each.trade_id for each in settled.new_fills] == [2]
    assert settled.order.executed_quantity == 1
    assert await book.verify() == ()


async def test_foreign_fills_are_booked_by_the_rules_of_their_symbol_only(book):
    with pytest.raises(BookMismatchError):
        await book.book_foreign_fills([fill(1), fill(2, symbol="ETHUSDT")], RULES)
    assert (await book.load()).fills == 0


async def test_deposits_and_withdrawals_are_booked_once_by_reference(book):
    assert await book.book_external("USDT", Decimal("1000.00000001"), "opening:USDT", 1) is True
    assert await book.book_external("USDT", Decimal("5"), "opening:USDT", 2) is False
    assert await book.book_external("USDT", Decimal("-0.5"), "withdrawal:1", 3) is True
    assert (await book.load()).balances == {"USDT": Decimal("999.50000001")}
    assert await book.verify() == ()


@pytest.mark.parametrize(
    ("told", "loosened_ms"),
    [
        ([], 0),
        ([("ACTIVE", "operator")], 0),
        ([("HALTED", "total_drawdown"), ("ACTIVE", "operator")], 2),
        ([("HALTED", "total_drawdown"), ("REDUCING", "operator"), ("REDUCING", "flatten")], 2),
        ([("HALTED", "operator"), ("ACTIVE", "operator"), ("REDUCING", "book_failed"), ("ACTIVE", "book_failed")], 2),
        ([("REDUCING", "daily_drawdown"), ("ACTIVE", "daily_drawdown"), ("HALTED", "operator")], 0),
    ],
)
async def test_when_somebody_last_loosened_the_account_is_read_from_all_its_modes(book, told, loosened_ms):
    for number, (mode, rule) in enumerate(told, 1):
        await book.insert_mode(ModeChange(number, "*", TradingMode(mode), rule, "why"))
        await book.insert_mode(ModeChange(number, "BTCUSDT", TradingMode.HALTED, "operator", "why"))
        await book.insert_mode(ModeChange(number, "BTCUSDT", TradingMode.ACTIVE, "operator", "why"))
    assert (await book.load()).uncounted.loosened_ms == loosened_ms


async def test_the_last_mode_of_each_scope_is_what_counts(book):
    changes = [
        ModeChange(1, "*", TradingMode.HALTED, "daily_drawdown", "lost 5%"),
        ModeChange(2, "BTCUSDT", TradingMode.REDUCING, "unsettled_order", "unknown fate"),
        ModeChange(3, "*", TradingMode.ACTIVE, "resume", "by hand"),
    ]
    for change in changes:
        await book.insert_mode(change)
    assert (await book.load()).modes == {"BTCUSDT": changes[1], "*": changes[2]}


async def test_the_initial_value_is_set_once(book):
    await book.set_initial_value(Decimal("10000"), 5)
    await book.set_initial_value(Decimal("1"), 9)
    state = await book.load()
    assert (state.initial_value, state.opened_ms) == (10_000, 5)


def risk_state(**changes):
    values = {"peak_equity": Decimal("10500.5"), "day": 20_000, "day_start_equity": Decimal("10400")}
    return RiskState(**(values | changes))


def point(time_ms, equity="100"):
    return EquityPoint(time_ms, Decimal(equity), Decimal(60), Decimal(40), Decimal("-1.5"), Decimal("2.25"))


async def test_risk_memory_survives_a_restart_and_follows_the_last_pass(path):
    first = risk_state(loss_streak=2, entries_paused_until_ms=99, armed_ms=7, peak_prices={"BTCUSDT": Decimal(9), "ETHUSDT": Decimal(3)})
    last = structs.replace(first, loss_streak=0, peak_prices={"ETHUSDT": Decimal("3.5")})
    async with opened(path) as (store, _):
        await store.record_pass((), point(1), first)
        assert (await store.load()).risk_state == first
        await store.record_pass((), point(2), last)
    async with opened(path) as (store, _):
        assert (await store.load()).risk_state == last


async def test_equity_history_is_the_newest_points_oldest_first(book):
    for time_ms in (0, 1, 2, 3):
        await book.record_pass((), point(time_ms), risk_state())
    assert await book.equity_history(2) == (point(2), point(3))
    await book.record_pass((), point(3, "200"), risk_state())
    assert [each.equity for each in await book.equity_history(10)] == [100, 100, 100, 200]


async def test_the_equity_curve_is_spread_evenly_over_the_time_that_there_is(book):
    assert await book.equity_curve(0, 5) == ()
    for time_ms in (*range(100), 1_000):
        await book.record_pass((), point(time_ms), risk_state())
    assert [each.time_ms for each in await book.equity_curve(0, 5)] == [0, 1_000]
    assert [each.time_ms for each in await book.equity_curve(0, 11)] == [0, 1_000]
    assert [each.time_ms for each in await book.equity_curve(0, 41)] == [0, 25, 50, 75, 1_000]
    assert [each.time_ms for each in await book.equity_curve(99, 5)] == [99, 1_000]
    assert [each.time_ms for each in await book.equity_curve(0, 10_000)] == [*range(100), 1_000]
    assert await book.equity_curve(0, 1) == (point(1_000),)
    assert await book.equity_curve(0, 0) == await book.equity_curve(1_001, 5) == ()


def decision(**changes):
    values = {"symbol": "BTCUSDT", "correlation_id": "c", "time_ms": 5, "verdict": Verdict.HELD, "execution_duration_ms": 1.5}
    return TradeDecision(**(values | changes))


async def test_decisions_are_kept_with_what_people_ask_about(book):
    signal = Signal("BTCUSDT", 5, "rsi", Action.BUY, 0.75, "RSI is 25", {"rsi": 25.0, "gap": float("nan")})
    approved = Approved(intent(), Reservation("bta-e1-1", "BTCUSDT", Decimal(100)))
    await book.record_pass(
        [
            decision(
                signal=signal, risk=Refused(RiskRule.COOLDOWN, "bought a minute ago"), verdict=Verdict.REFUSED, price=Decimal("100.50")
            ),
            decision(
                risk=approved, outcome=Accepted(report(ExchangeStatus.FILLED)), verdict=Verdict.FILLED, stage_duration_ms={Stage.RISK: 2}
            ),
            decision(outcome=Rejected(-2010, "no funds"), verdict=Verdict.REJECTED),
            decision(outcome=NotSent("no network"), verdict=Verdict.NOT_SENT),
            decision(outcome=Unknown("timeout"), verdict=Verdict.UNKNOWN),
            decision(error="no candles", verdict=Verdict.FAILED),
        ],
        point(5),
        risk_state(),
    )
    refused, filled, *others, failed = await book.decisions(10)
    assert (refused.strategy, refused.action, refused.confidence, refused.price) == ("rsi", "BUY", 0.75, Decimal("100.5"))
    assert (refused.refused_by, refused.explanation) == ("cooldown", "refused: bought a minute ago")
    assert (filled.client_order_id, filled.outcome, filled.verdict) == ("bta-e1-1", "accepted: FILLED", Verdict.FILLED)
    assert [each.outcome for each in others] == ["rejected: -2010 no funds", "not sent: no network", "unknown: timeout"]
    assert (failed.explanation, failed.outcome) == ("no candles", None)


async def test_queries_for_people_are_limited_to_the_newest(book):
    for number in (1, 2, 3):
        await place(book, number)
    assert [order.intent.client_order_id for order in await book.orders(2)] == ["bta-e1-2", "bta-e1-3"]
    assert await book.orders(0) == ()
    with pytest.raises(ValueError, match="limit"):
        await book.orders(-1)


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("UPDATE wallet_balances SET amount = '7' WHERE asset = 'BTC'", "wallet of BTC is kept as 7, but its postings sum to 1"),
        ("DELETE FROM commissions", "commission of USDT is kept as 0"),
        ("UPDATE positions SET cost = '1'", "position BTCUSDT is kept as 1 at a cost of 1 "),
        ("DELETE FROM positions", "there are fills of BTCUSDT, but no position"),
        ("UPDATE orders SET executed_quantity = '3'", "order bta-e1-1 is kept with 3 executed, but its fills sum to 1"),
        ("UPDATE orders SET state = 'NEW'", "order bta-e1-1 is kept in NEW, but its events lead to FILLED"),
        ("INSERT INTO ledger_postings VALUES (99, 1, 'external', 'BTC', '1')", "ledger transaction fill BTCUSDT:1 is off by 1 BTC"),
        ("INSERT INTO ledger_transactions VALUES (99, 'external', 'x', 0)", "ledger transaction external x has no postings"),
        ("INSERT INTO ledger_transactions VALUES (99, 'fill', 'x', 0)", "the ledger has 2 trades, but there is only 1 fill"),
        (
            "INSERT INTO fills VALUES (99, 'BTCUSDT', 5, 70, '', 'BUY', '1', '1', '1', '0', 'BNB', 0, 0)",
            "trade 5 of BTCUSDT is not in the ledger",
        ),
        (
            "INSERT INTO order_events VALUES (99, 'bta-e1-1', 'SEND', 'INTENDED', 'SENT', 0, '', NULL, NULL, NULL, NULL)",
            "order bta-e1-1 was in FILLED, and its journal has SEND lead from INTENDED to SENT",
        ),
    ],
)
async def test_the_audit_finds_what_does_not_add_up(path, damage, finding):
    async with opened(path) as (store, database):
        await sent(store)
        await settle(store, OrderEvent.FILL, said=report(ExchangeStatus.FILLED), fills=[fill(1, quantity="1")])
        assert await store.verify() == ()
        await database.write(lambda connection: connection.execute(damage) and None, durable=True)
        assert any(finding in each for each in await store.verify())


WRITTEN_DOWN = (
    f"INSERT INTO ledger_transactions VALUES (98, 'external', '{WRITE_DOWN}BTCUSDT:0', 0)",
    "INSERT INTO ledger_postings VALUES (98, 98, 'market', 'BTC', '5')",
    "INSERT INTO ledger_transactions VALUES (99, 'fill', 'x', 0)",
    "INSERT INTO fills VALUES (99, 'BTCUSDT', 5, 70, '', 'SELL', '1', '1', '1', '0', 'BNB', 0, 0)",
)


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (("DELETE FROM positions",), "there are fills of BTCUSDT, but no position"),
        (WRITTEN_DOWN, "5 cannot be taken from 0"),
        (("INSERT INTO fills VALUES (99, 'BTCUSDT', 5, 70, '', 'SELL', 'cheap', '1', '1', '0', 'BNB', 0, 0)",), "'cheap'"),
        (
            (f"INSERT INTO fills VALUES (0, 'BTCUSDT', 5, 70, '', 'BUY', '1', '1', '1{'0' * 70}', '0', 'BNB', 0, 0)",),
            "an amount is beyond all bounds",
        ),
    ],
)
async def test_a_book_with_sales_to_count_that_contradicts_itself_is_told_as_damaged(path, damage, finding):
    async with opened(path) as (store, database):
        await sent(store)
        await settle(store, OrderEvent.FILL, said=report(ExchangeStatus.FILLED), fills=[fill(1, quantity="1")])
        await store.save_risk_state(structs.replace(risk_state(), counted=CountedFills(1, ())))
        await store.book_foreign_fills([replace(fill(2, quantity="1"), side=Side.SELL)], RULES)
        assert len((await store.load()).uncounted.fills) == 1
        await database.write(lambda connection: [connection.execute(each) for each in damage] and None, durable=True)
        with pytest.raises(BookDamagedError, match=f"the book is not sound: .*{finding}"):
            await store.load()


async def test_what_a_book_holds_can_be_read_beside_it(path, book, tmp_path):
    assert held_in(Path(path)) == held_in(tmp_path / "none.sqlite") == Held()
    await place(book)
    assert held_in(Path(path)) == Held(waiting=frozenset({"BTCUSDT"}))
    await settle(book, OrderEvent.GIVE_UP)
    assert held_in(Path(path)) == Held()


async def test_a_damaged_quantity_read_beside_the_book_is_told_as_damage(path):
    async with opened(path) as (store, database):
        await sent(store)
        await settle(store, OrderEvent.FILL, said=report(ExchangeStatus.FILLED), fills=[fill(1, quantity="1")])
        await database.write(lambda connection: connection.execute("UPDATE positions SET quantity = '1x'") and None, durable=True)
    with pytest.raises(BookDamagedError, match="the book is not sound: not a decimal number: '1x'"):
        held_in(Path(path))
