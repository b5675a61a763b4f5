"""The simulated exchange as a server: the same REST face, market streams and WebSocket API, over real sockets on one port."""

import asyncio
from typing import TYPE_CHECKING

from binance_trade_agent.domain.errors import ServiceError
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.sockets.rules import ConnectionRules

if TYPE_CHECKING:
    from aiohttp import web

    from binance_trade_agent.simulation.sockets.doors import SocketDoors

LOOPBACK = "127.0.0.1"
MOST_BODY_BYTES = 64 * 1024
MOST_ADDRESS_BYTES = 64 * 1024
"""Of a request's first line: as many streams as a connection may have, named in its address."""

SHUTDOWN_TIMEOUT_S = 2.0


class RunningServer:
    """A listening server; `port` is the real one when 0 was asked for, `sockets` its WebSocket side with the faults of tests."""

    def __init__(self, runner: "web.AppRunner", port: int, sockets: "SocketDoors") -> None:
        self._runner = runner
        self.port = port
        self.sockets = sockets

    async def shut_down(self, grace_s: float) -> None:
        """Announce the shutdown, leave clients `grace_s` to connect elsewhere, and close."""
        self.sockets.announce_shutdown()
        await asyncio.sleep(grace_s)
        await self.close()

    async def close(self) -> None:
        """Stop listening and end open connections within SHUTDOWN_TIMEOUT_S, or as long as `rules` allow a closing handshake."""
        try:
            await self.sockets.close()
        finally:
            await self._runner.cleanup()


async def serve(
    exchange: SimulatedExchange, host: str = LOOPBACK, port: int = 0, *, latency_ms: float = 0, rules: ConnectionRules | None = None
) -> RunningServer:
    """Answer HTTP/1.1 and WebSocket on `host`; returns once it listens. Raises ServiceError when the address cannot be used.

    Half of `latency_ms` passes before the exchange sees a request or message and half before its answer, or an event, leaves. `rules`
    are those of WebSocket connections, Binance's by default.
    """
    # aiohttp takes a fifth of the time that importing the stations would take, and most never serve.
    from aiohttp import web

    from binance_trade_agent.simulation.rest.http_answers import HttpAnswers
    from binance_trade_agent.simulation.sockets.doors import SocketDoors
    from binance_trade_agent.simulation.sockets.http_doors import HttpDoors

    answers = HttpAnswers(exchange.face, exchange.faults, exchange.clock.now_ms, latency_ms / 2_000)
    doors = SocketDoors(exchange, rules or ConnectionRules(), latency_ms / 1_000)
    application = web.Application(client_max_size=MOST_BODY_BYTES)
    HttpDoors(doors).add_to(application)
    application.router.add_route("*", "/{path:.*}", answers.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S, max_line_size=MOST_ADDRESS_BYTES)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise ServiceError(f"the simulated exchange cannot listen on {host}:{port}: {error.strerror}") from error
    return RunningServer(runner, runner.addresses[0][1], doors)
