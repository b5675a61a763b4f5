"""Servers on raw sockets that do what a test tells them, and what the transport must make of it, on asyncio and uvloop."""

import asyncio
import functools
import inspect
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable

import httpx
import pytest
import uvloop

from binance_trade_agent.binance.http.httpx_transport import PooledHttpxTransport
from binance_trade_agent.domain.errors import FateUnknownError

# A certificate for localhost and 127.0.0.1 that guards nothing, good until 2125.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBwjCCAWigAwIBAgIUQhKKU1T4CFOM8kocGS/+7pOfy6UwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzA4NTAxMFoYDzIxMjYxMDMw
MDg1MDEwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQcapbCqVdd9Axd+lWOe8wrpV3FOxS2qxD5OjhLVCFviAHzOiHddieS
ybMI6Ic+z+S9VYDIhkMVCVvG1au0Ml9io4GVMIGSMB0GA1UdDgQWBBR97zRwpKJ9
QXgD0WicbTDF2wcCyjAfBgNVHSMEGDAWgBR97zRwpKJ9QXgD0WicbTDF2wcCyjAa
BgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwDwYDVR0TAQH/BAUwAwEB/zAOBgNV
HQ8BAf8EBAMCAoQwEwYDVR0lBAwwCgYIKwYBBQUHAwEwCgYIKoZIzj0EAwIDSAAw
RQIgGUlOGaL+3ahiLykzPeiFaWWBx0ICCog8iINZsXG1PCoCIQCBAzRODYjhelLy
Zkr78qIy9uidDHDGZZaTVWyMQwsyaA==
-----END CERTIFICATE-----
"""
KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgdmLjX2vammaIe/AB
Lp1vjY7+/lU99sOhrJg8ZUMlELChRANCAAQcapbCqVdd9Axd+lWOe8wrpV3FOxS2
qxD5OjhLVCFviAHzOiHddieSybMI6Ic+z+S9VYDIhkMVCVvG1au0Ml9i
-----END PRIVATE KEY-----
"""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SECRETS = ("s3cr3t-signature", "s3cr3t-key", "s3cr3t-body")


def on_both_loops(test):
    """Run a coroutine test on asyncio's own loop and on uvloop."""

    @functools.wraps(test)
    def run(*, new_loop, **fixtures):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(asyncio.wait_for(test(**fixtures), 20))

    signature = inspect.signature(test)
    extra = inspect.Parameter("new_loop", inspect.Parameter.KEYWORD_ONLY)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), extra])
    return pytest.mark.parametrize("new_loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])(run)


class Peer:
    """One accepted connection, seen from the server; `number` counts from 1."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        return head + await self.reader.readexactly(length)

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def cut(self) -> None:
        """End the TCP connection in order, and TLS on top of it not at all."""
        self.writer.get_extra_info("socket").shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class RawServer:
    """A server that does with each connection what `behave` says, then closes it."""

    def __init__(self, behave: Callable[[Peer], Awaitable[None]], tls: ssl.SSLContext | None = None) -> None:
        self._behave = behave
        self._tls = tls
        self._tasks: set[asyncio.Task] = set()
        self.accepted = 0
        self.open = 0

    async def __aenter__(self) -> "RawServer":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/api/v3/order?symbol=X&signature=s3cr3t-signature"
        return self

    async def __aexit__(self, *exc) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        self.accepted += 1
        self.open += 1
        try:
            await self._behave(Peer(self.accepted, reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort() if writer.transport.is_closing() else writer.close()


def request(server: RawServer, method: str = "POST") -> httpx.Request:
    content = b"s3cr3t-body" if method in ("POST", "PUT") else None
    return httpx.Request(method, server.url, content=content, headers={"X-MBX-APIKEY": "s3cr3t-key"})


async def hang() -> None:
    await asyncio.Event().wait()


def answering(data: bytes, *, hold: bool = False) -> Callable[[Peer], Awaitable[None]]:
    """Answer one request with `data`, then close, or with `hold` do nothing more."""

    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(data)
        if hold:
            await hang()

    return behave


async def forever(peer: Peer) -> None:
    """Answer every request."""
    while True:
        await peer.request()
        peer.send(OK)


async def refused(transport: PooledHttpxTransport, call: httpx.Request, kind: type[Exception]) -> str:
    """The text of the error that `call` must end with; it may hold no secret, and neither may anything chained to it."""
    with pytest.raises(kind) as caught:
        await transport.handle_async_request(call)
    assert type(caught.value) is kind
    error: BaseException | None = caught.value
    while error is not None:
        assert not any(secret in repr(error) + str(error) for secret in SECRETS)
        error = error.__cause__ or error.__context__
    assert transport.in_use == 0
    text = str(caught.value)
    assert text.startswith(f"{call.method} {call.url.host}/api/v3/order: ")
    return text


async def fails_with(data: bytes, *, hold: bool = False, method: str = "POST", **bounds) -> str:
    """The FateUnknownError text for a server that answers `data`; nothing of its connection may be kept."""
    async with RawServer(answering(data, hold=hold)) as server, PooledHttpxTransport(**bounds) as transport:
        text = await refused(transport, request(server, method), FateUnknownError)
        assert transport.idle == 0
        return text


async def answer_to(data: bytes, *, hold: bool = True, method: str = "POST", **bounds) -> tuple[httpx.Response, int]:
    """The response made of `data`, and how many connections were kept after it."""
    async with RawServer(answering(data, hold=hold)) as server, PooledHttpxTransport(**bounds) as transport:
        response = await transport.handle_async_request(request(server, method))
        assert transport.in_use == 0
        return response, transport.idle
