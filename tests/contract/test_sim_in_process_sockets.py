"""The WebSocket faces within this process: our client over days of virtual time, the same in every run, with and without faults."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from socket_exchange import KEY, SECRET, sign
from virtual_time import virtual

from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.streams.events import CandleEvent
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.domain.errors import NotSentError, UpgradeRefusedError
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.delay import Delay
from binance_trade_agent.simulation.faults.kinds import FaultKind, FaultPoint, Garbage
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.in_process_sockets import InProcessSockets
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.sockets.rules import ConnectionRules
from binance_trade_agent.simulation.virtual_loop import run_virtual

START_MS = 1_790_000_040_000
HOUR_S = 3_600
CANDLES = "btcusdt@kline_1m"


class Ear:
    """Keeps what a connection, or a stream, brings."""

    def __init__(self) -> None:
        self.texts: list[Any] = []
        self.ends: list[str] = []
        self.events: list[Any] = []
        self.gaps: list[Any] = []

    def on_text(self, message: bytes) -> None:
        self.texts.append(json.loads(message))

    def on_close(self, reason: str) -> None:
        self.ends.append(reason)

    def on_event(self, stream: str, event: Any) -> None:
        self.events.append(event)

    def on_gap(self, streams: Any) -> None:
        self.gaps.append(sorted(streams))

    def closed(self) -> list[int]:
        return [event.candle.open_time_ms for event in self.events if isinstance(event, CandleEvent) and event.is_closed]


class Scene:
    """An exchange whose sockets are in this process, under virtual time."""

    def __init__(self, **options: Any) -> None:
        self.exchange = SimulatedExchange(SyntheticMarket(["BTCUSDT"], 7), VirtualClock(START_MS), seed=5)
        self.exchange.open_account(KEY, SECRET, {"USDT": Decimal(100_000)})
        self.sockets = InProcessSockets(self.exchange, **options)

    async def open(self, path: str, ear: Ear, **bounds: Any) -> Any:
        return await self.sockets.open(f"ws://nowhere{path}", ear, **{"connect_timeout_s": 5, "max_message_bytes": 1_000_000, **bounds})

    def streams(self, ear: Ear, bounds: StreamBounds | None = None) -> MarketStreams:
        now_ms = self.exchange.clock.now_ms
        return MarketStreams("ws://nowhere", ear, server_ms=now_ms, random=Random(1), bounds=bounds, open_socket=self.sockets.open)


@asynccontextmanager
async def scene(**options: Any) -> AsyncIterator[Scene]:
    made = Scene(**options)
    try:
        yield made
    finally:
        await made.sockets.aclose()
        made.exchange.close()


def signed(number: int, method: str, **params: Any) -> bytes:
    given = {**params, "apiKey": KEY, "recvWindow": 60_000}
    given["signature"] = sign("&".join(f"{name}={given[name]}" for name in sorted(given)))
    return json.dumps({"id": number, "method": method, "params": given}).encode()


@virtual
async def test_a_connection_that_is_replaced_before_it_is_cut_leaves_no_candle_out():
    async with scene(latency_ms=40, rules=ConnectionRules(lifetime_s=HOUR_S)) as here:
        ear = Ear()
        streams = here.streams(ear, StreamBounds(rotate_after_s=0.9 * HOUR_S, rotate_jitter_s=60))
        await streams.subscribe([CANDLES])
        await asyncio.sleep(2.5 * HOUR_S)
        assert streams.is_live(CANDLES)
        await streams.close()
    assert ear.gaps == []
    assert len(ear.closed()) >= 149
    assert all(after == before + 60_000 for before, after in pairwise(ear.closed()))


@virtual
async def test_account_events_come_before_the_answer_of_the_order_that_caused_them():
    async with scene() as here:
        ear = Ear()
        socket = await here.open("/ws-api/v3?returnRateLimits=false", ear)
        socket.send_text(signed(1, "userDataStream.subscribe.signature", timestamp=START_MS))
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newOrderRespType": "ACK"}
        socket.send_text(signed(2, "order.place", **order, timestamp=START_MS))
        await asyncio.sleep(1)
        kinds = [text["event"]["e"] if "event" in text else text["id"] for text in ear.texts]
        assert kinds == [1, "executionReport", "executionReport", "outboundAccountPosition", 2]
        socket.close()
        assert ear.ends == ["the connection was closed by us"]
        with pytest.raises(NotSentError, match="closed by us"):
            socket.send_text(b"{}")
        assert here.sockets.doors.connections == 1  # the exchange has not looked yet
        await asyncio.sleep(0.1)
        assert here.sockets.doors.connections == 0


@virtual
async def test_an_upgrade_can_be_refused_or_come_too_late():
    async with scene(latency_ms=3_000) as here:
        here.exchange.faults.append(Fault(FaultKind.REFUSE_UPGRADE, "/stream", status=502))
        with pytest.raises(UpgradeRefusedError, match="HTTP 502"):
            await here.open("/stream", Ear())
        with pytest.raises(UpgradeRefusedError, match="HTTP 404"):
            await here.open("/elsewhere", Ear())
        with pytest.raises(NotSentError, match="no connection came up in 2 s"):
            await here.open("/stream", Ear(), connect_timeout_s=2)
        assert here.sockets.doors.connections == 0


@pytest.mark.parametrize("garbage", [Garbage.BROKEN_FRAME, Garbage.BROKEN_UTF8, Garbage.BINARY])
def test_what_no_client_may_take_ends_the_connection(garbage):
    async def listen() -> Ear:
        async with scene() as here:
            ear = Ear()
            await here.open("/ws/btcusdt@trade", ear)
            await asyncio.sleep(1)
            here.sockets.doors.send_garbage(garbage)
            await asyncio.sleep(1)
            assert here.sockets.doors.connections == 0
            return ear

    assert len(run_virtual(listen()).ends) == 1


@virtual
async def test_a_message_that_is_too_long_ends_the_connection():
    async with scene() as here:
        ear = Ear()
        await here.open("/ws/btcusdt@depth20", ear, max_message_bytes=100)
        await asyncio.sleep(5)
        assert (ear.texts, ear.ends) == ([], ["the server sent a message of more than 100 bytes"])


@virtual
async def test_a_server_that_goes_away_says_so():
    async with scene() as here:
        ear = Ear()
        await here.open("/stream", ear)
        await asyncio.sleep(0.1)
        here.sockets.doors.announce_shutdown()
        await here.sockets.doors.close()
        assert ear.texts == [{"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": START_MS + 100}}]
        assert ear.ends == ["the server closed the connection with code 1001: 'the server is shutting down'"]
        with pytest.raises(UpgradeRefusedError, match="HTTP 503"):
            await here.open("/stream", Ear())


TROUBLES = (
    Fault(FaultKind.DROP_EVENT, times=None, chance=0.05),
    Fault(FaultKind.DUPLICATE_EVENT, times=None, chance=0.05),
    Fault(FaultKind.DELAY_EVENT, times=None, chance=0.05, delay=Delay(3_000)),
    Fault(FaultKind.SWAP_EVENTS, times=None, chance=0.05),
    Fault(FaultKind.MUTATE_EVENT, times=None, chance=0.02),
    Fault(FaultKind.CUT, "/stream", times=None, chance=0.001),
    Fault(FaultKind.STALL, "/stream", times=None, chance=0.001, delay=Delay(90_000)),
    Fault(FaultKind.GARBAGE, "/stream", times=None, chance=0.001),
    Fault(FaultKind.REFUSE_UPGRADE, "/stream", times=None, chance=0.3),
    Fault(FaultKind.LOSE_ANSWER, "SUBSCRIBE", times=None, chance=0.2),
    Fault(FaultKind.LATENCY, times=None, delay=Delay(200), point=FaultPoint.STREAM_CONTROL),
)


async def troubled_day() -> tuple[list[Any], list[Any], dict[FaultKind, int]]:
    async with scene(latency_ms=20) as here:
        for fault in TROUBLES:
            here.exchange.faults.append(fault)
        ear = Ear()
        streams = here.streams(ear)
        await streams.subscribe([CANDLES, "btcusdt@trade"])
        await asyncio.sleep(HOUR_S)
        here.exchange.faults.clear()
        await asyncio.sleep(HOUR_S / 6)
        assert streams.is_live(CANDLES)
        await streams.close()
        return ear.events, ear.gaps, dict(here.exchange.faults.struck)


def test_a_troubled_day_repeats_event_for_event_and_strikes_with_everything():
    events, gaps, struck = run_virtual(troubled_day())
    assert set(struck) == {fault.kind for fault in TROUBLES}
    assert gaps
    assert (events, gaps, struck) == run_virtual(troubled_day())
