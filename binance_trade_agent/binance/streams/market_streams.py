"""MarketStreams: Binance's market streams over as many connections as they need, behind the MarketStream port.

Source: web-socket-streams.md. Streams are spread over connections of `streams_per_connection`; see Shard for how each is kept live, and
docs/streams.md for what a user sees when they break.
"""

import asyncio
import ssl
from collections.abc import Callable, Collection
from random import Random
from typing import Final

from binance_trade_agent.binance.reconnection import ConnectBudget
from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.streams.link import Tally
from binance_trade_agent.binance.streams.market_stream import StreamListener
from binance_trade_agent.binance.streams.shard import Shard, ShardParts
from binance_trade_agent.binance.streams.stream_names import parse_stream
from binance_trade_agent.binance.text_socket import OpenSocket, Socket
from binance_trade_agent.binance.websocket import WebSocketListener, open_websocket
from binance_trade_agent.domain.errors import ConfigurationError, NotSentError
from binance_trade_agent.domain.stream_facts import StreamLatency, StreamTraffic
from binance_trade_agent.ports.observer import NullObserver, Observer

_PATH: Final = "/stream"


class MarketStreams:
    """Live subscriptions to market streams at `base_url`, such as wss://stream.binance.com:9443.

    `server_ms` gives the exchange's time, for the latency of events. `budget` is shared by all that connects to the exchange from this
    address. `open_socket` makes the connections, over the network when it is None. A cancelled `subscribe` stops waiting and nothing
    else: the streams stay wanted until they are unsubscribed. Raises ConfigurationError for an address that is not ws:// or wss://.
    """

    def __init__(
        self,
        base_url: str,
        listener: StreamListener,
        *,
        server_ms: Callable[[], int],
        random: Random,
        observer: Observer | None = None,
        bounds: StreamBounds | None = None,
        budget: ConnectBudget | None = None,
        open_socket: OpenSocket | None = None,
    ) -> None:
        if not base_url.startswith(("ws://", "wss://")):
            raise ConfigurationError(f"the address of the market streams is {base_url[:80]!r}; it must start with wss:// (or ws://)")
        self._url = base_url.rstrip("/") + _PATH
        self._listener = listener
        self._server_ms = server_ms
        self._random = random
        self._observer = observer if observer is not None else NullObserver()
        self._bounds = bounds if bounds is not None else StreamBounds()
        self._budget = budget
        self._open_socket = open_socket
        self._ssl_context: ssl.SSLContext | None = None
        self._tally = Tally()
        self._shards: list[Shard] = []
        self._homes: dict[str, Shard] = {}
        self._watching: asyncio.Task[None] | None = None
        self._death: BaseException | None = None
        self._died = asyncio.Event()
        self._is_closed = False

    async def subscribe(self, streams: Collection[str]) -> None:
        """Add streams and return when the exchange has confirmed them, or when connecting has failed and is being tried again.

        MarketDataError for a name that no stream has; ExchangeRefusedError when the exchange refuses one, which is then dropped.
        """
        names = list(dict.fromkeys(streams))
        for name in names:
            parse_stream(name)
        if self._is_closed:
            raise NotSentError("the streams were closed")
        by_shard: dict[Shard, list[str]] = {}
        for name in names:
            by_shard.setdefault(self._home_of(name), []).append(name)
        waiters = [shard.add(part) for shard, part in by_shard.items()]
        try:
            await asyncio.gather(*waiters)
        finally:
            for waiter in waiters:
                waiter.cancel()
            self._homes = {name: shard for name, shard in self._homes.items() if name in shard.wanted}

    async def unsubscribe(self, streams: Collection[str]) -> None:
        """Drop streams; unknown names are passed over. Nothing of them is delivered any more; the exchange is told in its turn."""
        by_shard: dict[Shard, list[str]] = {}
        for name in dict.fromkeys(streams):
            shard = self._homes.pop(name, None)
            if shard is not None:
                by_shard.setdefault(shard, []).append(name)
        for shard, names in by_shard.items():
            shard.drop(names)

    def is_live(self, stream: str) -> bool:
        """Whether `stream` is confirmed on a connection that is up and has not stalled, and every gap in it was told."""
        shard = self._homes.get(stream)
        return shard is not None and shard.is_live(stream)

    async def outlast(self) -> None:
        """Return never; raise what a part has died of. What is live then may stay so, but nothing that is lost comes back."""
        await self._died.wait()
        if self._death is not None:
            raise self._death

    async def close(self) -> None:
        """End all connections; no event, task or socket is left."""
        self._is_closed = True
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        shards, self._shards = self._shards, []
        self._homes.clear()
        await asyncio.gather(*(shard.close() for shard in shards))

    # What shards call.

    def on_timed_event(self, event_time_ms: int) -> None:
        """Tell how late an event came."""
        self._observer.observe(StreamLatency(self._server_ms() - event_time_ms))

    def on_gap(self, streams: Collection[str]) -> None:
        """Tell of a gap."""
        try:
            self._listener.on_gap(streams)
        except Exception:
            self._tally.listener_failures += 1

    def on_death(self, error: BaseException) -> None:
        """Keep the first."""
        self._death = self._death or error
        self._died.set()

    def _home_of(self, stream: str) -> Shard:
        shard = self._homes.get(stream)
        if shard is None:
            shard = next((shard for shard in self._shards if shard.room > 0), None) or self._new_shard()
            shard.reserve(stream)
            self._homes[stream] = shard
        return shard

    def _new_shard(self) -> Shard:
        if self._budget is None:
            self._budget = ConnectBudget(asyncio.get_running_loop().time)
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._watch())
            self._watching.add_done_callback(self._note_end_of_watch)
        shard = Shard(
            ShardParts(
                on_event=self._listener.on_event,
                listener=self,
                opener=self._open,
                bounds=self._bounds,
                budget=self._budget,
                random=self._random,
                observer=self._observer,
                tally=self._tally,
            )
        )
        self._shards.append(shard)
        return shard

    async def _open(self, listener: WebSocketListener) -> Socket:
        bounds = self._bounds
        if self._open_socket is not None:
            return await self._open_socket(
                self._url, listener, connect_timeout_s=bounds.connect_timeout_s, max_message_bytes=bounds.most_message_bytes
            )
        if self._ssl_context is None and self._url.startswith("wss://"):
            self._ssl_context = ssl.create_default_context()  # read from disk once, not for each connection
        return await open_websocket(
            self._url,
            listener,
            connect_timeout_s=bounds.connect_timeout_s,
            max_message_bytes=bounds.most_message_bytes,
            ssl_context=self._ssl_context,
        )

    def _note_end_of_watch(self, watching: asyncio.Task[None]) -> None:
        if not watching.cancelled() and (error := watching.exception()) is not None:
            self.on_death(error)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._bounds.check_interval_s)
            for shard in self._shards:
                shard.check()
            self._report()

    def _report(self) -> None:
        """What the links have counted since the last report."""
        links = [link for shard in self._shards for link in shard.links]
        now_s = asyncio.get_running_loop().time()
        tally = self._tally
        self._observer.observe(
            StreamTraffic(
                messages=dict(tally.messages),
                faults=tally.faults,
                passed_over=tally.passed_over,
                listener_failures=tally.listener_failures,
                connections=len(links),
                wanted=len(self._homes),
                live=sum(self.is_live(name) for name in self._homes),
                newest_age_ms=min(((now_s - link.received_s) * 1000 for link in links), default=None),
            )
        )
        tally.clear()
