"""InProcessSockets: market streams and WebSocket API of the simulated exchange within this process, for virtual time as for real time."""

import asyncio
from urllib.parse import parse_qsl, urlsplit

from binance_trade_agent.domain.errors import NotSentError, UpgradeRefusedError
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.sockets.doors import DoorClosedError, SocketDoors
from binance_trade_agent.simulation.sockets.pipe import Pipe, PipedSocket, PipeListener
from binance_trade_agent.simulation.sockets.rules import ConnectionRules

LOCAL_IP = "127.0.0.1"


class InProcessSockets:
    """Opens connections to the exchange's doors without a socket: same frames, same rules, same faults.

    `latency_ms` is that of a round trip, on the running loop's clock. `doors` counts, cuts and stalls connections.
    """

    def __init__(
        self, exchange: SimulatedExchange, *, rules: ConnectionRules | None = None, latency_ms: float = 0, ip: str = LOCAL_IP
    ) -> None:
        self.doors = SocketDoors(exchange, rules or ConnectionRules(), latency_ms / 1_000)
        self._ip = ip
        self._serving: set[asyncio.Task[None]] = set()

    async def open(self, url: str, listener: PipeListener, *, connect_timeout_s: float, max_message_bytes: int) -> PipedSocket:
        """A connection to the path of `url`, whatever its host; NotSentError when none came up in time, UpgradeRefusedError for a no."""
        parts = urlsplit(url)
        try:
            admission = self.doors.admit(parts.path, dict(parse_qsl(parts.query)), self._ip)
        except DoorClosedError as closed:
            retry_after = None if closed.retry_after_s is None else str(closed.retry_after_s)
            raise UpgradeRefusedError(
                f"{parts.path}: the upgrade was refused with HTTP {closed.status}", closed.status, retry_after
            ) from None
        if self.doors.latency_s > connect_timeout_s:
            await asyncio.sleep(connect_timeout_s)
            raise NotSentError(f"{parts.path}: no connection came up in {connect_timeout_s:g} s")
        if self.doors.latency_s > 0:
            await asyncio.sleep(self.doors.latency_s)
        pipe = Pipe(listener, max_message_bytes)
        serving = asyncio.get_running_loop().create_task(self.doors.serve(admission, pipe))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        return pipe.client

    async def aclose(self) -> None:
        """End every connection."""
        await self.doors.close()
        await asyncio.gather(*self._serving)
