"""The simulated exchange as an HTTP server: the same REST face, over real sockets."""

import asyncio
from typing import TYPE_CHECKING

from binance_trade_agent.domain.errors import ServiceError
from binance_trade_agent.simulation.exchange import SimulatedExchange

if TYPE_CHECKING:
    from aiohttp import web

LOOPBACK = "127.0.0.1"
MOST_BODY_BYTES = 64 * 1024
SHUTDOWN_TIMEOUT_S = 2.0


class RunningServer:
    """A listening server; `port` is the real one when 0 was asked for."""

    def __init__(self, runner: "web.AppRunner", port: int) -> None:
        self._runner = runner
        self.port = port

    async def close(self) -> None:
        """Stop listening and end open connections within SHUTDOWN_TIMEOUT_S."""
        await self._runner.cleanup()


async def serve(exchange: SimulatedExchange, host: str = LOOPBACK, port: int = 0, *, latency_ms: float = 0) -> RunningServer:
    """Answer HTTP/1.1 on `host`; returns once it listens. Raises ServiceError when the address cannot be used.

    Half of `latency_ms` passes before the exchange sees a request and half before its answer leaves.
    """
    from aiohttp import web  # a fifth of the time that importing the stations would take, and most never serve

    face = exchange.face
    half_latency_s = latency_ms / 2_000

    async def answer(request: web.Request) -> web.Response:
        # The raw target, because signatures are made over the query as it was sent.
        path, _, query = request.raw_path.partition("?")
        body = await request.read()
        await asyncio.sleep(half_latency_s)
        result = face.handle(request.method, path, query, body, request.headers, request.remote or "")
        await asyncio.sleep(half_latency_s)
        return web.Response(status=result.status, headers=result.headers, body=result.body)

    application = web.Application(client_max_size=MOST_BODY_BYTES)
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise ServiceError(f"the simulated exchange cannot listen on {host}:{port}: {error.strerror}") from error
    return RunningServer(runner, runner.addresses[0][1])
