"""What changes is told to those who listen: all of it once, then the changes, to a bounded number, and never in the way of a stop."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

import aiohttp
import pytest
from hand_clocks import StillClock

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.service import equity_answer, live_status
from binance_trade_agent.service.equity_answer import POINTS, EquityAnswer
from binance_trade_agent.service.http_face import HttpFace, Sources
from binance_trade_agent.service.live_status import MOST_LISTENERS
from binance_trade_agent.service.vitals import Report

ZERO = Decimal(0)


class World:
    """A status that the test changes, and a book that answers as it says."""

    def __init__(self) -> None:
        self.told: dict[str, object] = {"modes": [], "service": {"now_ms": 1, "health": {"ok": True}}, "portfolio": None}
        self.looks = 0
        self.reads: list[tuple[int, int]] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    def status(self) -> dict[str, object]:
        self.looks += 1
        return self.told

    async def read(self, since_ms: int, points: int) -> Sequence[EquityPoint]:
        self.reads.append((since_ms, points))
        self.begun.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [EquityPoint(5, Decimal("12345678901234567890.12"), ZERO, ZERO, ZERO, ZERO)]


@pytest.fixture
def world() -> World:
    return World()


def sources(world: World, *, is_live: bool = True) -> Sources:
    equity = EquityAnswer(world.read, StillClock())
    return Sources(lambda: Report({}), lambda: Report({}), world.status, bytes, None, equity, is_live)


@pytest.fixture
async def face(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HttpFace]:
    monkeypatch.setattr(live_status, "PERIOD_S", 0.05)
    async with HttpFace("127.0.0.1", 0, sources(world)) as running:
        yield running


@pytest.fixture
async def http(face: HttpFace) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(face.address) as session:
        yield session


async def event(answer: aiohttp.ClientResponse) -> dict:
    async for line in answer.content:
        if line.startswith(b"data: "):
            return json.loads(line.removeprefix(b"data: "))
    raise AssertionError("the stream ended")


async def news(answer: aiohttp.ClientResponse) -> dict:
    """The next event with anything in it."""
    while not (told := await event(answer)):
        pass
    return told


async def test_a_listener_gets_everything_and_then_only_what_changes(world: World, http: aiohttp.ClientSession) -> None:
    async with http.get("events") as answer:
        assert (answer.status, answer.content_type, answer.headers["Cache-Control"]) == (200, "text/event-stream", "no-store")
        assert await event(answer) == world.told
        assert await event(answer) == {}
        world.told = {**world.told, "service": {"now_ms": 2, "health": {"ok": True}}}
        assert await news(answer) == {"service": {"now_ms": 2}}
        world.told = {**world.told, "modes": ["halted"], "portfolio": {"equity": "1.10"}}
        assert await news(answer) == {"modes": ["halted"], "portfolio": {"equity": "1.10"}}
        async with http.get("events") as later:
            assert await event(later) == world.told


async def test_many_listeners_cost_one_look_a_period(world: World, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_status, "PERIOD_S", 3_600.0)
    answers = [await http.get("events") for _ in range(5)]
    for answer in answers:
        assert await event(answer) == world.told
        answer.close()
    assert world.looks == 1


async def test_one_too_many_is_refused_and_a_place_that_is_left_is_free(world: World, http: aiohttp.ClientSession) -> None:
    answers = [await http.get("events") for _ in range(MOST_LISTENERS)]
    async with http.get("events") as refused:
        assert refused.status == 503
        assert refused.headers["Retry-After"]
    async with http.get("status") as status:
        assert status.status == 200
    answers.pop().close()

    async def is_let_in() -> bool:
        async with http.get("events") as again:
            return again.status == 200

    async with asyncio.timeout(30):
        while not await is_let_in():
            pass
    for answer in answers:
        answer.close()


async def test_a_listener_that_takes_nothing_is_dropped(world: World, face: HttpFace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_status, "WRITE_PATIENCE_S", 0.2)
    monkeypatch.setattr(live_status, "MOST_LISTENERS", 1)
    world.told = {"padding": "x" * 30_000_000}  # more than the kernel's buffers hold
    reader, writer = await asyncio.open_connection("127.0.0.1", int(face.address.rsplit(":", 1)[1].strip("/")), limit=1_024)
    writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    world.told = {}

    async def status() -> int:
        async with aiohttp.ClientSession(face.address) as http, http.get("events") as answer:
            return answer.status

    async with asyncio.timeout(30):
        while await status() != 200:
            pass
    writer.close()


async def test_listeners_hold_up_no_stop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_status, "PERIOD_S", 3_600.0)
    face = await HttpFace("127.0.0.1", 0, sources(world)).__aenter__()
    async with aiohttp.ClientSession(face.address) as http:
        answers = [await http.get("events") for _ in range(3)]
        for answer in answers:
            await event(answer)
        await face.__aexit__(None, None, None)
        for answer in answers:
            assert await answer.content.read() == b"\n"  # a clean end: what was cut off raises
            answer.close()


async def test_in_time_that_jumps_nothing_is_live_and_a_browser_asks_no_more(world: World) -> None:
    face = HttpFace("127.0.0.1", 0, sources(world, is_live=False))
    async with face, aiohttp.ClientSession(face.address) as http, http.get("events") as answer:
        assert answer.status == 204


class TestEquity:
    async def test_points_come_with_exact_money_and_many_askers_cost_one_read(self, world: World, http: aiohttp.ClientSession) -> None:
        world.gate.clear()

        async def ask() -> dict:
            async with http.get("equity?span=all") as answer:
                return await answer.json()

        asking = [asyncio.ensure_future(ask()) for _ in range(5)]
        await asyncio.wait_for(world.begun.wait(), 30)
        world.gate.set()
        assert [await each for each in asking] == [{"span": "all", "points": [[5, "12345678901234567890.12"]]}] * 5
        assert world.reads == [(0, POINTS)]

    async def test_a_span_reaches_back_from_market_time(self, world: World, http: aiohttp.ClientSession) -> None:
        async with http.get("equity") as answer:
            assert (await answer.json())["span"] == "day"
        assert world.reads == [(StillClock().now_ms() - 86_400_000, POINTS)]

    async def test_a_span_that_is_none_names_those_that_are(self, http: aiohttp.ClientSession) -> None:
        async with http.get("equity?span=year") as answer:
            assert (answer.status, await answer.json()) == (400, {"error": "spans are hour, day, week, all"})

    async def test_a_book_that_fails_is_told_and_asked_again(
        self, world: World, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(equity_answer, "KEPT_S", 0.0)
        world.error = BookError("disk gone")
        async with http.get("equity") as answer:
            assert answer.status == 503
            assert "disk gone" in (await answer.json())["error"]
        world.error = None
        async with http.get("equity") as answer:
            assert answer.status == 200

    async def test_a_book_that_hangs_holds_up_neither_an_answer_nor_a_stop(
        self, world: World, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(equity_answer, "READ_PATIENCE_S", 0.05)
        world.gate.clear()
        for _ in range(3):
            async with http.get("equity") as answer:
                assert answer.status == 503
        assert len(world.reads) == 1
        world.gate.set()
