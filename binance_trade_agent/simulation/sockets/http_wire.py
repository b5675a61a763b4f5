"""HttpWire: a WebSocket connection on a real socket, upgraded by the HTTP server."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import WSMsgType, web

from binance_trade_agent.simulation.sockets.wire import Message, MessageKind


class HttpWire:
    """Wire over aiohttp; frames are written to the transport directly, so that one encoded frame serves every connection."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self._socket = socket
        self._transport = transport

    async def messages(self) -> AsyncIterator[Message]:
        """See Wire."""
        async for message in self._socket:
            yield _read(message.type, message.data)

    def write(self, frames: bytes) -> None:
        """See Wire."""
        self._transport.write(frames)

    def unsent_bytes(self) -> int:
        """See Wire."""
        return self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """See Wire."""
        self._transport.abort()

    async def close(self, code: int, reason: bytes) -> None:
        """See Wire."""
        await self._socket.close(code=code, message=reason)


def _read(kind: WSMsgType, data: str | bytes) -> Message:
    if kind is WSMsgType.TEXT and isinstance(data, str):
        return MessageKind.TEXT, data
    if kind is WSMsgType.PING and isinstance(data, bytes | bytearray):
        return MessageKind.PING, bytes(data)
    if kind is WSMsgType.PONG and isinstance(data, bytes | bytearray):
        return MessageKind.PONG, bytes(data)
    return (MessageKind.UNREADABLE if kind is WSMsgType.ERROR else MessageKind.OTHER), b""
