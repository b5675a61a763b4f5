"""HttpDoors: the WebSocket addresses on the exchange's HTTP server."""

import asyncio

from aiohttp import web

from binance_trade_agent.simulation.sockets.doors import API, COMBINED, RAW, DoorClosedError, SocketDoors
from binance_trade_agent.simulation.sockets.http_wire import HttpWire


class HttpDoors:
    """Upgrades requests, and hands the connections to `doors`."""

    def __init__(self, doors: SocketDoors) -> None:
        self._doors = doors

    def add_to(self, application: web.Application) -> None:
        """Add the addresses of web-socket-streams.md and web-socket-api.md."""
        for path in (COMBINED, f"{COMBINED}/", RAW, f"{RAW}/{{streams:.*}}", API):
            application.router.add_get(path, self._upgrade)

    async def _upgrade(self, request: web.Request) -> web.StreamResponse:
        try:
            admission = self._doors.admit(request.path, request.query, request.remote or "")
        except DoorClosedError as closed:
            headers = {} if closed.retry_after_s is None else {"Retry-After": str(closed.retry_after_s)}
            return web.Response(status=closed.status, headers=headers)
        await asyncio.sleep(self._doors.latency_s)
        rules = self._doors.rules
        socket = web.WebSocketResponse(timeout=rules.close_timeout_s, autoping=False, compress=False, max_msg_size=rules.most_message_bytes)
        await socket.prepare(request)
        if request.transport is not None:  # else the client is gone already
            await self._doors.serve(admission, HttpWire(socket, request.transport))
        return socket
