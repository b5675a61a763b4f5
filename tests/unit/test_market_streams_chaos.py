"""MarketStreams while everything goes wrong at once, by chance: what was missed is always told, and nothing is doubled or out of order."""

import asyncio
from collections.abc import Collection
from itertools import count
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_streams import ScriptedStreams, frame, trade

from binance_trade_agent.binance.reconnection import ConnectBudget
from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.streams.events import MarketEvent
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.simulation.virtual_loop import run_virtual

SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT", "XRPUSDT", "ADAUSDT"]
TROUBLE_S = 600.0
CALM_S = 400.0


class Witness:
    """Watches the ids of each stream: a hole that is not told yet must mean that the stream is not live."""

    def __init__(self) -> None:
        self.streams: MarketStreams
        self.last: dict[str, int] = {}
        self.untold: set[str] = set()
        self.told: set[str] = set()
        self.heard = 0
        self.complaints: list[str] = []  # what a listener raises would only be counted

    def on_event(self, stream: str, event: MarketEvent) -> None:
        number = event.trade_id
        last = self.last.get(stream)
        if last is not None and number <= last:
            self.complaints.append(f"{stream}: {number} after {last}")
        if last is not None and number != last + 1 and stream not in self.told:
            self.untold.add(stream)
        self.told.discard(stream)
        if stream in self.untold and self.streams.is_live(stream):
            self.complaints.append(f"{stream}: from {last} to {number}, and it calls itself live")
        self.last[stream] = number
        self.heard += 1

    def on_gap(self, streams: Collection[str]) -> None:
        self.complaints += [f"{stream}: told before it is live" for stream in streams if not self.streams.is_live(stream)]
        self.untold.difference_update(streams)
        self.told.update(streams)


class Chaos:
    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.exchange = ScriptedStreams()
        self.witness = Witness()
        self.names = [f"{symbol.lower()}@trade" for symbol in SYMBOLS]
        self.wanted: set[str] = set()
        self.numbers = {name: count(1) for name in self.names}
        self.streams = self.witness.streams = MarketStreams(
            "ws://chaos",
            self.witness,
            server_ms=lambda: 0,
            random=Random(seed),
            bounds=StreamBounds(streams_per_connection=3, rotate_after_s=90, rotate_jitter_s=30),
            budget=ConnectBudget(asyncio.get_running_loop().time, most=1_000),
            open_socket=self.exchange.open,
        )

    async def publish(self) -> None:
        while True:
            for name in self.names:
                if self.chance.random() < 0.6:
                    self.exchange.publish(name, trade(name.partition("@")[0].upper(), next(self.numbers[name])))
            await asyncio.sleep(0.2)

    async def trouble(self) -> None:
        chance, exchange = self.chance, self.exchange
        up = exchange.up
        socket = chance.choice(up) if up else None
        match chance.randrange(9):
            case 0 if socket:
                socket.drop()
            case 1 if socket:
                socket.is_deaf = True
            case 2 if socket:
                socket.bring(frame("!serverShutdown", {"e": "serverShutdown", "E": 1}))
            case 3:
                exchange.refusals = chance.randrange(4)
            case 4:
                exchange.answer_after_s = chance.choice([0.01, 0.5, 3.0, 12.0])
            case 5:
                exchange.connect_s = chance.choice([0.0, 0.2, 4.0])
            case 6 | 7:
                await self.change_mind()
            case 8:
                for each in up:
                    each.latency_s = chance.choice([0.0, 0.1, 0.7])

    async def change_mind(self) -> None:
        name = self.chance.choice(self.names)
        if name in self.wanted:
            self.wanted.discard(name)
            await self.streams.unsubscribe([name])
            self.witness.untold.discard(name)
            self.witness.last.pop(name, None)
        else:
            self.wanted.add(name)
            waiting = asyncio.create_task(self.streams.subscribe([name]))
            await asyncio.wait([waiting], timeout=self.chance.choice([0.001, 30.0]))
            waiting.cancel()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        publishing = asyncio.create_task(self.publish())
        self.wanted.update(self.names[:4])
        await self.streams.subscribe(self.names[:4])
        while loop.time() < TROUBLE_S:
            await self.trouble()
            await asyncio.sleep(self.chance.expovariate(1 / 5))
        exchange = self.exchange
        exchange.refusals, exchange.answer_after_s, exchange.connect_s = 0, 0.01, 0.0
        await asyncio.sleep(CALM_S)
        assert self.witness.complaints == []
        assert {name for name in self.names if self.streams.is_live(name)} == self.wanted
        assert self.witness.untold == set()
        assert exchange.broken_rules == []
        assert self.witness.heard > 500
        await self.streams.close()
        publishing.cancel()
        assert exchange.up == []


@settings(max_examples=15)
@given(seed=st.integers(0, 10**9))
def test_whatever_happens_holes_are_told_and_all_is_live_again_when_it_is_over(seed):
    async def run() -> None:
        chaos = Chaos(seed)
        await chaos.run()

    run_virtual(run())
