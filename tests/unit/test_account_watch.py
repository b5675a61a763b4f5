"""Account events have the reconciler look at once, in its turn and not too often; nothing is booked from them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from virtual_time import virtual

from binance_trade_agent.domain.account import ExternalChange, ExternalKind
from binance_trade_agent.domain.errors import BookMismatchError, FateUnknownError
from binance_trade_agent.domain.order import ExchangeStatus, Fill, OrderReport, Side
from binance_trade_agent.service.account_watch import (
    COMPARE_SPACING_S,
    MOST_COMPARISONS,
    MOST_LOOKS,
    MOST_TRADES,
    SETTLE_SPACING_S,
    AccountSide,
    AccountWatch,
)

ONE = Decimal(1)


def report(order_id: str, status: ExchangeStatus = ExchangeStatus.FILLED) -> OrderReport:
    return OrderReport("BTCUSDT", 1, order_id, Side.BUY, "MARKET", status, ONE, ONE, ONE, ONE, 1)


def fill(trade_id: int, order_id: str = "by-hand", symbol: str = "BTCUSDT") -> Fill:
    return Fill(symbol, trade_id, 1, order_id, Side.BUY, ONE, ONE, ONE, ONE, "USDT", 1, False)


class Stream:
    is_live = True

    async def run(self) -> None:
        await asyncio.Event().wait()


class Scene:
    """A book with open orders and booked trades, and when it was looked at."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        self.booked: set[tuple[str, int]] = set()
        self.settled_at: list[float] = []
        self.compared_at: list[float] = []
        self.looks_until_settled = 1
        self.comparison_books = True
        self.compare_error: Exception | None = None
        self.settle_error: Exception | None = None
        account = AccountSide(lambda _listener: Stream(), self.open.__contains__, self.unbooked, self.settle)
        self.watch = AccountWatch(account, self.settle, self.compare)

    async def unbooked(self, fills: Any) -> list[Fill]:
        assert len({each.symbol for each in fills}) == 1
        return [each for each in fills if (each.symbol, each.trade_id) not in self.booked]

    async def settle(self) -> None:
        self.settled_at.append(asyncio.get_running_loop().time())
        if self.settle_error:
            raise self.settle_error
        if len(self.settled_at) >= self.looks_until_settled:
            self.open.clear()

    async def compare(self) -> None:
        with self.watch.comparing():
            self.compared_at.append(asyncio.get_running_loop().time())
            if self.compare_error:
                raise self.compare_error
        if self.comparison_books:
            self.booked |= {("BTCUSDT", number) for number in range(MOST_TRADES + 10)}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        tasks = [asyncio.ensure_future(self.watch.settle_when_told()), asyncio.ensure_future(self.watch.compare_when_told())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


@virtual
async def test_an_event_about_an_open_order_settles_it_at_once() -> None:
    scene = Scene()
    scene.open.add("ours")
    async with scene.watching():
        await asyncio.sleep(100)
        scene.watch.on_order(report("ours"))
        scene.watch.on_fill(fill(1, "ours"))
        await asyncio.sleep(10)
        assert scene.settled_at == [100.0]
        assert scene.compared_at == []


@virtual
async def test_orders_of_others_and_orders_that_are_booked_wake_nobody() -> None:
    scene = Scene()
    scene.booked.add(("BTCUSDT", 1))
    async with scene.watching():
        scene.watch.on_order(report("by-hand", ExchangeStatus.NEW))
        scene.watch.on_order(report("ours-and-done"))
        scene.watch.on_fill(fill(1, "ours-and-done"))
        scene.watch.on_balances({})
        await asyncio.sleep(100)
        assert (scene.settled_at, scene.compared_at) == ([], [])


@virtual
async def test_many_events_are_one_look_and_one_more_for_what_came_meanwhile() -> None:
    scene = Scene()
    scene.looks_until_settled = 10**6
    scene.open.add("ours")
    async with scene.watching():
        for _ in range(100):
            scene.watch.on_order(report("ours", ExchangeStatus.PARTIALLY_FILLED))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for _ in range(100):
            scene.watch.on_order(report("ours", ExchangeStatus.PARTIALLY_FILLED))
        await asyncio.sleep(100)
        assert scene.settled_at == [0.0, SETTLE_SPACING_S]


@virtual
async def test_an_order_that_the_stream_says_has_ended_is_looked_for_until_the_query_shows_it() -> None:
    scene = Scene()
    scene.looks_until_settled = 3
    scene.open.add("ours")
    async with scene.watching():
        scene.watch.on_order(report("ours"))
        await asyncio.sleep(100)
        assert len(scene.settled_at) == 3


@virtual
async def test_looking_for_it_ends() -> None:
    scene = Scene()
    scene.looks_until_settled = 10**6
    scene.open.add("ours")
    scene.settle_error = FateUnknownError("away")
    async with scene.watching():
        scene.watch.on_order(report("ours"))
        await asyncio.sleep(1_000)
        assert len(scene.settled_at) == MOST_LOOKS


@virtual
async def test_a_trade_that_the_book_does_not_have_is_compared() -> None:
    scene = Scene()
    async with scene.watching():
        scene.watch.on_fill(fill(1))
        scene.watch.on_fill(fill(2))
        await asyncio.sleep(1_000)
        assert scene.compared_at == [0.0]


@virtual
async def test_a_trade_that_stays_missing_is_compared_a_few_times_and_no_more() -> None:
    scene = Scene()
    scene.comparison_books = False
    async with scene.watching():
        scene.watch.on_fill(fill(1, symbol="UNWATCHEDUSDT"))
        await asyncio.sleep(10_000)
        assert scene.compared_at == [number * COMPARE_SPACING_S for number in range(MOST_COMPARISONS)]


@virtual
async def test_more_trades_than_fit_are_compared_as_a_whole() -> None:
    scene = Scene()
    async with scene.watching():
        for number in range(MOST_TRADES + 5):
            scene.watch.on_fill(fill(number))
        await asyncio.sleep(1_000)
        assert scene.compared_at == [0.0]


@pytest.mark.parametrize("kind", ExternalKind)
def test_a_change_from_outside_is_compared(kind: ExternalKind) -> None:
    @virtual
    async def play() -> None:
        scene = Scene()
        async with scene.watching():
            scene.watch.on_external_change(ExternalChange(kind, "BTC", ONE, 1))
            await asyncio.sleep(10)
            assert scene.compared_at == [0.0]

    play()


@virtual
async def test_gaps_are_compared_and_not_more_often_than_the_spacing() -> None:
    scene = Scene()
    async with scene.watching():
        for _ in range(100):
            scene.watch.on_gap("the connection was lost")
            await asyncio.sleep(1)
        await asyncio.sleep(1_000)
        assert scene.compared_at == [number * COMPARE_SPACING_S for number in range(6)]


@virtual
async def test_a_gap_before_a_comparison_begins_is_covered_by_it() -> None:
    scene = Scene()
    scene.watch.on_gap("all before the beginning")
    await scene.compare()
    async with scene.watching():
        await asyncio.sleep(1_000)
        assert len(scene.compared_at) == 1


@virtual
async def test_a_comparison_that_fails_is_made_again() -> None:
    scene = Scene()
    scene.compare_error = FateUnknownError("away")
    async with scene.watching():
        scene.watch.on_gap("the connection was lost")
        await asyncio.sleep(3 * COMPARE_SPACING_S - 1)
        scene.compare_error = None
        await asyncio.sleep(1_000)
        assert len(scene.compared_at) == 4


@virtual
async def test_a_gap_that_a_failed_comparison_of_the_timer_should_have_covered_is_compared() -> None:
    scene = Scene()
    async with scene.watching():
        scene.watch.on_gap("the connection was lost")
        await asyncio.sleep(1)
        scene.watch.on_gap("it was lost again")
        scene.compare_error = FateUnknownError("away")
        with pytest.raises(FateUnknownError):
            await scene.compare()
        scene.compare_error = None
        await asyncio.sleep(1_000)
        assert scene.compared_at == [0.0, 1.0, COMPARE_SPACING_S]


@virtual
async def test_a_book_that_does_not_agree_is_nobodys_to_pass_over() -> None:
    scene = Scene()
    scene.compare_error = BookMismatchError("they differ")
    scene.watch.on_gap("the connection was lost")
    with pytest.raises(BookMismatchError):
        await scene.watch.compare_when_told()
