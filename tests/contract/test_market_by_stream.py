"""An agent that takes its market data from streams, over real sockets: what it asks, what it decides on, and what an interruption costs."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from far_side import PATIENCE_S, SYMBOLS, Facts, FarSide, agent, book, far_side, passes, until, verdicts

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.binance.candle_series import closed_candles
from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.domain.facts import CandlesTaken, MarketDataFellBack
from binance_trade_agent.domain.market_sources import CandleSource, FallbackReason, StreamedKind
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.wiring import Components

MINUTE = 60_000
SECONDS_LEFT_MS = 6_000
"""How long the far side's minute still lasts when an agent is opened, so that a candle closes while the test looks on."""

STREAMED = {"max_price_age_seconds": 60, "cache_price_ttl_seconds": 0}
"""A machine that is busy with other tests may hold events up; and a price from the cache would look like one of the stream."""

ALL_LIVE = "streams live for 2 of 2 symbols"
NONE_LIVE = "streams live for 0 of 2 symbols, by REST for the others"


@asynccontextmanager
async def near_the_close() -> AsyncIterator[FarSide]:
    now_ms = time.time_ns() // 1_000_000
    async with far_side((MINUTE - SECONDS_LEFT_MS - now_ms) % MINUTE) as far:
        yield far


def asked(far: FarSide, since: int = 0) -> list[str]:
    """What was asked of market data by REST."""
    market = {"/api/v3/klines": "klines", "/api/v3/ticker/price": "prices"}
    return [market[request.path] for request in far.face.received[since:] if request.path in market]


async def all_live(components: Components, far: FarSide) -> None:
    """Return when the streams are live and have told a price of every symbol."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await until(lambda: components.market.source_text() == ALL_LIVE)
            seen = len(far.face.received)
            await components.market.fetch_prices_batch(SYMBOLS)
            if "prices" not in asked(far, seen):
                return
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("mode", ["testnet", "paper"])
async def test_a_pass_asks_nothing_once_the_history_is_there(tmp_path: Path, mode: str) -> None:
    facts = Facts()
    async with near_the_close() as far, agent(far, tmp_path, observer=facts, trading_mode=mode, **STREAMED) as components:
        await AsyncTradingOrchestrator(components).start()
        await all_live(components, far)
        (first,) = await passes(components, 1)
        assert verdicts(first) == {Verdict.FILLED}
        assert asked(far).count("klines") == 2
        seen = len(far.face.received)
        before = await windows(components)
        (second,) = await passes(components, 1)
        assert verdicts(second) == {Verdict.FILLED}
        await until_streamed(components, facts)
        after = await windows(components)
        missing = [fact.symbols for fact in facts.seen if isinstance(fact, MarketDataFellBack) and fact.kind is StreamedKind.CANDLES]
        assert asked(far, seen) == ["klines"] * sum(missing) == []
        for symbol in SYMBOLS:
            assert after[symbol][-1].open_time_ms == before[symbol][-1].open_time_ms + MINUTE
            async with far.by_hand() as owner:
                server_ms = await owner.get_server_time()
                theirs = await owner.get_klines(symbol, "1m", limit=30)
            assert after[symbol] == closed_candles(theirs, server_ms)[-20:]


async def windows(components: Components) -> dict:
    batch = await components.market.fetch_snapshots(SYMBOLS)
    assert batch.errors == {}
    return {symbol: snapshot.candles.candles for symbol, snapshot in batch.items()}


async def until_streamed(components: Components, facts: Facts) -> None:
    await until(lambda: sum(isinstance(fact, CandlesTaken) and fact.source is CandleSource.STREAM for fact in facts.seen) >= len(SYMBOLS))


async def test_streams_that_are_cut_cost_requests_until_they_are_back_and_trading_goes_on(tmp_path: Path) -> None:
    facts = Facts()
    async with near_the_close() as far, agent(far, tmp_path, observer=facts, **STREAMED) as components:
        assert far.server is not None
        sockets = far.server.sockets
        await AsyncTradingOrchestrator(components).start()
        await all_live(components, far)
        await passes(components, 1)
        sockets.faults.append(Fault(FaultKind.REFUSE_UPGRADE, "/stream", times=5))
        sockets.cut()
        await until(lambda: components.market.source_text() == NONE_LIVE)
        seen = len(far.face.received)
        facts.seen.clear()
        (sold,) = await passes(components, 1)
        assert verdicts(sold) == {Verdict.FILLED}
        assert "prices" in asked(far, seen)
        told = [fact for fact in facts.seen if isinstance(fact, MarketDataFellBack)]
        assert told[0] == MarketDataFellBack(StreamedKind.PRICE, FallbackReason.NOT_LIVE, 2)
        assert book(components) == far.held
        await all_live(components, far)
        seen = len(far.face.received)
        await passes(components, 1)
        assert "prices" not in asked(far, seen)
        assert book(components) == far.held


async def test_the_daemon_shows_where_its_market_data_comes_from_and_leaves_no_connection_behind(tmp_path: Path) -> None:
    async with far_side() as far:
        assert far.server is not None
        async with agent(far, tmp_path) as components:
            daemon = Daemon(daemon_parts(components, metrics=lambda: b""))
            running = asyncio.create_task(daemon.run())
            await until(lambda: daemon.vitals.passes_finished >= 2)
            await until(lambda: components.market.source_text() == ALL_LIVE)
            check = daemon.vitals.readiness().checks["market_data"]
            assert (check.ok, check.detail) == (True, ALL_LIVE)
            assert orjson.loads(orjson.dumps(daemon_parts(components, metrics=lambda: b"").status()))["facts"]["market data"] == ALL_LIVE
            daemon.request_stop("the test ends")
            assert await running == 0
            assert far.server.sockets.connections > 0
        await until(lambda: far.server.sockets.connections == 0)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_streams_that_a_defect_has_ended_end_the_daemon(tmp_path: Path) -> None:
    async with far_side() as far, agent(far, tmp_path) as components:
        assert components.streams is not None
        daemon = Daemon(daemon_parts(components, metrics=lambda: b""))
        running = asyncio.create_task(daemon.run())
        await until(lambda: daemon.vitals.passes_finished >= 1)
        components.streams.on_death(ZeroDivisionError("a defect"))
        assert await running is ExitCode.COMPONENT_DIED


@pytest.mark.parametrize("market_data", ["rest", "streams"])
async def test_after_this_machines_clock_was_set_no_open_candle_is_taken_for_a_closed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, market_data: str
) -> None:
    async with far_side() as far, agent(far, tmp_path, market_data=market_data, user_data_stream="off") as components:
        await components.market.fetch_snapshots(SYMBOLS)
        for holder, name in ((components.clock, "now_ms"), (components.client._rest.server_clock, "_local_ms")):
            monkeypatch.setattr(holder, name, lambda: WallClock().now_ms() + 5 * MINUTE)
        snapshots = await components.market.fetch_snapshots(SYMBOLS)
        assert list(snapshots) == list(SYMBOLS)
        for snapshot in snapshots.values():
            newest = snapshot.candles.newest
            assert newest is not None
            assert newest.close_time_ms < far.exchange.clock.now_ms()


async def test_by_rest_alone_no_stream_is_opened(tmp_path: Path) -> None:
    async with far_side() as far, agent(far, tmp_path, market_data="rest", user_data_stream="off") as components:
        assert far.server is not None
        await AsyncTradingOrchestrator(components).start()
        (first,) = await passes(components, 1)
        assert verdicts(first) == {Verdict.FILLED}
        assert components.market.source_text() == "by REST"
        assert far.server.sockets.connections == 0
        assert asked(far).count("prices") >= 1
