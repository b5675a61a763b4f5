"""Retention: decisions that led to no order go when they are old, in small steps; everything else, and the newest decision, stays."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from itertools import count

import pytest
from hand_clocks import HandClock, StillClock
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.domain.risk import RiskState
from binance_trade_agent.service import retention
from binance_trade_agent.service.retention import Retention
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.database import open_database
from binance_trade_agent.storage.retention import STEP, forget_decisions
from binance_trade_agent.storage.sqlite_file import MEMORY

DAY_MS = 86_400_000
QUIET = (Verdict.HELD, Verdict.REFUSED)


def decision(time_ms: int, verdict: Verdict = Verdict.HELD) -> TradeDecision:
    return TradeDecision("BTCUSDT", f"c-{time_ms}", time_ms, verdict, 1.5)


def with_book(use, path=MEMORY):
    async def main():
        async with open_database(str(path), inline=True, clock=StillClock()) as database:
            moments = count()
            store = SqliteBookStore(database, new_epoch=lambda: "e1")
            await store.load()

            async def keep(*decisions: TradeDecision) -> None:
                point = EquityPoint(next(moments), *(Decimal(1),) * 5)
                await store.record_pass(decisions, point, RiskState(Decimal(1), 1, Decimal(1)))

            return await use(store, keep)

    return run_virtual(main())


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from(Verdict)), min_size=1, max_size=40), st.integers(0, 60))
def test_exactly_what_is_old_and_led_to_nothing_is_forgotten(made, before_ms):
    made = sorted(made, key=lambda each: each[0])
    made = [(time_ms, verdict) for time_ms, verdict in made]

    async def use(store, keep):
        for time_ms, verdict in made:
            await keep(decision(time_ms, verdict))
        await Retention(store.forget_decisions, HandClock(before_ms), 0).forget_what_is_old()
        return [(each.time_ms, each.verdict) for each in await store.decisions(100)]

    newest = len(made) - 1
    kept = [each for place, each in enumerate(made) if place == newest or each[0] >= before_ms or each[1] not in QUIET]
    assert with_book(use) == kept


def test_a_long_book_goes_in_steps_and_each_begins_where_the_last_ended():
    async def use(store, keep):
        await keep(*(decision(1, Verdict.FILLED if number % 50 == 0 else Verdict.HELD) for number in range(3 * STEP)))
        await keep(decision(100 * DAY_MS))
        steps = []

        async def forget(after_id, before_ms):
            step = await store.forget_decisions(after_id, before_ms)
            steps.append(step)
            return step

        tidy = Retention(forget, HandClock(100 * DAY_MS), 90)
        gone = await tidy.forget_what_is_old()
        again = await tidy.forget_what_is_old()
        return steps, gone, again, len(await store.decisions(1_000))

    steps, gone, again, left = with_book(use)
    assert [step.last_id for step in steps[:3]] == [STEP, 2 * STEP, 3 * STEP]
    assert all(step.deleted <= STEP for step in steps)
    assert (gone, again, left) == (3 * STEP - 12, 0, 13)


def test_room_that_was_freed_is_used_again(tmp_path):
    path = tmp_path / "book.sqlite3"

    async def use(store, keep):
        sizes = []
        for day in range(1, 9):
            await keep(*(decision(day * DAY_MS + number) for number in range(2_000)))
            await Retention(store.forget_decisions, HandClock((day + 1) * DAY_MS), 1).forget_what_is_old()
            with closing(sqlite3.connect(path)) as book:
                sizes.append(book.execute("PRAGMA page_count").fetchone()[0])
        return sizes

    sizes = with_book(use, path)
    assert max(sizes[3:]) <= sizes[2] * 1.05


def test_orders_fills_and_the_rest_are_no_business_of_it(tmp_path):
    def tables(connection):
        return {name for (name,) in connection.execute("SELECT DISTINCT tbl FROM (SELECT tbl_name AS tbl FROM sqlite_master)")}

    path = tmp_path / "book.sqlite3"
    with_book(lambda store, keep: keep(decision(1), decision(2)), path)
    touched = set()

    def note(action, table, *_):
        if action in {sqlite3.SQLITE_DELETE, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_INSERT}:
            touched.add(table)
        return sqlite3.SQLITE_OK

    with closing(sqlite3.connect(path)) as book:
        assert {"orders", "fills", "mode_changes", "decisions"} <= tables(book)
        book.set_authorizer(note)
        assert forget_decisions(book, 0, 10).deleted == 1
    assert touched == {"decisions"}


def test_a_book_that_cannot_be_written_is_left_alone_until_the_next_time():
    async def use(store, keep):
        calls = []

        async def forget(after_id, before_ms):
            calls.append(after_id)
            if len(calls) == 1:
                raise BookError("the disk is full")
            if len(calls) == 3:
                raise ZeroDivisionError
            return await store.forget_decisions(after_id, before_ms)

        await keep(decision(1), decision(2))
        with capture_logs() as lines, pytest.raises(ZeroDivisionError):
            await Retention(forget, HandClock(100 * DAY_MS), 90).run()
        return lines, calls

    lines, calls = with_book(use)
    assert [line["log_level"] for line in lines] == ["warning"]
    assert calls == [0, 0, 1]
    assert retention.EVERY_S >= 10
