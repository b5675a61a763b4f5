"""What the transport does when servers drip, reset, lie about lengths or never answer: raw sockets, on asyncio and uvloop."""

import asyncio
import functools
import gc
import gzip
import inspect
import random
import selectors
import socket
import ssl
import struct
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
import uvloop

from binance_trade_agent.binance import http_connector
from binance_trade_agent.binance.transport import PooledTransport
from binance_trade_agent.domain.errors import ConfigurationError, FateUnknownError, NotSentError, PoolTimeoutError
from binance_trade_agent.domain.facts import Fact, PoolAcquired, PoolChanged, PoolTimedOut

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


class Recorder:
    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def observe(self, fact: Fact) -> None:
        self.facts.append(fact)


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


async def refused(transport: PooledTransport, call: httpx.Request, kind: type[Exception]) -> str:
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
    async with RawServer(answering(data, hold=hold)) as server, PooledTransport(**bounds) as transport:
        text = await refused(transport, request(server, method), FateUnknownError)
        assert transport.idle == 0
        return text


async def answer_to(data: bytes, *, hold: bool = True, method: str = "POST", **bounds) -> tuple[httpx.Response, int]:
    """The response made of `data`, and how many connections were kept after it."""
    async with RawServer(answering(data, hold=hold)) as server, PooledTransport(**bounds) as transport:
        response = await transport.handle_async_request(request(server, method))
        assert transport.in_use == 0
        return response, transport.idle


# Nothing was sent.


@on_both_loops
async def test_unknown_host_is_not_sent():
    async with PooledTransport() as transport:
        call = httpx.Request("POST", "https://exchange.invalid/api/v3/order?signature=s3cr3t-signature")
        await refused(transport, call, NotSentError)


@on_both_loops
async def test_host_that_no_resolver_takes_is_not_sent():
    async with PooledTransport() as transport:
        call = httpx.Request("POST", f"http://{'x' * 70}.invalid/api/v3/order?signature=s3cr3t-signature")
        await refused(transport, call, NotSentError)


@on_both_loops
async def test_refused_connection_is_not_sent():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connecting is refused
        async with PooledTransport() as transport:
            call = httpx.Request("POST", f"http://127.0.0.1:{unused.getsockname()[1]}/api/v3/order?signature=s3cr3t-signature")
            assert "Refused" in await refused(transport, call, NotSentError)
            assert transport.opened == 0


@on_both_loops
async def test_connect_timeout_is_not_sent():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        stuffing = []
        try:
            for _ in range(8):  # fill the backlog, so that the next connect gets no answer
                stuffing.append(socket.socket())
                stuffing[-1].setblocking(False)
                stuffing[-1].connect_ex(full.getsockname())
            async with PooledTransport(connect_timeout_s=0.1) as transport:
                call = httpx.Request("POST", f"http://127.0.0.1:{full.getsockname()[1]}/api/v3/order?signature=s3cr3t-signature")
                await refused(transport, call, NotSentError)
        finally:
            for filler in stuffing:
                filler.close()


@on_both_loops
async def test_plain_text_where_tls_is_due_is_not_sent():
    async def behave(peer: Peer) -> None:
        await peer.reader.read(100)
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with RawServer(behave) as server, PooledTransport() as transport:
        call = httpx.Request("POST", server.url.replace("http:", "https:"))
        await refused(transport, call, NotSentError)


@on_both_loops
async def test_silence_where_tls_is_due_is_not_sent():
    async def behave(peer: Peer) -> None:
        await hang()

    async with RawServer(behave) as server, PooledTransport(connect_timeout_s=0.1) as transport:
        call = httpx.Request("POST", server.url.replace("http:", "https:"))
        await refused(transport, call, NotSentError)


@on_both_loops
async def test_untrusted_certificate_is_not_sent(server_tls):
    async with RawServer(forever, server_tls) as server, PooledTransport() as transport:
        assert "certificate" in (await refused(transport, request(server), NotSentError)).lower()


@on_both_loops
async def test_other_schemes_are_not_sent():
    async with PooledTransport() as transport:
        await refused(transport, httpx.Request("POST", "ftp://127.0.0.1/api/v3/order"), NotSentError)


@on_both_loops
async def test_header_values_that_smuggle_are_not_sent():
    async with RawServer(forever) as server, PooledTransport() as transport:
        for headers in (
            {"X-MBX-APIKEY": "s3cr3t-key\r\nX-Other: 1"},
            {"X-A\r\nB": "s3cr3t-key"},
            {"X-A": "s3cr3t-key\0"},
            {"X-A": "s3cr3t-key\n"},
        ):
            await refused(transport, httpx.Request("POST", server.url, headers=headers), NotSentError)
        assert server.accepted == 0


# Sent, and no trustworthy answer.


@on_both_loops
async def test_a_server_that_accepts_and_never_answers_ends_at_the_deadline():
    async def behave(peer: Peer) -> None:
        await hang()

    async with RawServer(behave) as server, PooledTransport(request_timeout_s=0.1) as transport:
        assert "deadline" in await refused(transport, request(server), FateUnknownError)


@on_both_loops
async def test_a_dripping_body_ends_at_the_total_deadline():
    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            peer.send(b"x")
            await asyncio.sleep(0.01)

    async with RawServer(behave) as server, PooledTransport(request_timeout_s=0.2) as transport:
        assert "deadline" in await refused(transport, request(server), FateUnknownError)


@on_both_loops
async def test_the_request_may_shorten_the_deadline_but_not_stretch_it():
    async def behave(peer: Peer) -> None:
        await hang()

    async with RawServer(behave) as server:
        for ours_s, theirs_s in ((60.0, 0.05), (0.05, 60.0), (0.05, None)):
            async with PooledTransport(request_timeout_s=ours_s) as transport:
                call = request(server)
                call.extensions["timeout"] = {"connect": None, "read": theirs_s, "write": None, "pool": None}
                await refused(transport, call, FateUnknownError)


@on_both_loops
async def test_reset_in_the_middle_of_the_body():
    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await peer.writer.drain()
        await asyncio.sleep(0.05)
        peer.reset()

    async with RawServer(behave) as server, PooledTransport() as transport:
        await refused(transport, request(server), FateUnknownError)


@on_both_loops
async def test_close_before_any_answer():
    await fails_with(b"")


@on_both_loops
async def test_close_in_the_middle_of_the_head():
    await fails_with(b"HTTP/1.1 200 OK\r\nContent-")


@on_both_loops
async def test_content_length_longer_than_the_body():
    assert "closed before" in await fails_with(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")


@on_both_loops
async def test_content_length_shorter_than_the_body():
    await fails_with(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabcdef", hold=True)


@on_both_loops
async def test_chunks_cut_short():
    await fails_with(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")


MALFORMED = {
    "garbage": b"SSH-2.0-OpenSSH_9.6\r\n",
    "status that is no number": b"HTTP/1.1 abc OK\r\n\r\n",
    "status below 100": b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "length and chunks": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "chunk size that is no number": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "chunk size beyond reason": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc",
    "chunk longer than its size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
    "unknown transfer coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "folded header": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "switch of protocols": b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "second response": OK + OK,
    "body in answer to nothing": b"HTTP/1.1 204 No Content\r\n\r\nabc",
    "unknown content coding": b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok",
    "gzip that is none": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\nnot gzip....",
    "gzip cut short": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 15\r\n\r\n" + gzip.compress(b"x" * 99)[:15],
}


@pytest.mark.parametrize("name", MALFORMED)
@on_both_loops
async def test_malformed_responses(name):
    await fails_with(MALFORMED[name], hold=True)


@on_both_loops
async def test_headers_beyond_the_bound():
    assert "headers" in await fails_with(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 3000 + b"\r\n\r\n", hold=True, max_header_bytes=2000)


@on_both_loops
async def test_an_endless_header_line():
    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nX-A: ")
        while True:
            peer.send(b"a" * 1000)
            await asyncio.sleep(0)

    async with RawServer(behave) as server, PooledTransport() as transport:
        assert "headers" in await refused(transport, request(server), FateUnknownError)


@on_both_loops
async def test_endless_interim_responses_and_trailers_count_as_headers():
    interim = b"HTTP/1.1 102 Processing\r\n\r\n" * 100
    assert "headers" in await fails_with(interim, hold=True, max_header_bytes=2000)
    trailer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: " + b"a" * 3000
    assert "headers" in await fails_with(trailer, hold=True, max_header_bytes=2000)
    extension = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=" + b"a" * 3000
    assert "headers" in await fails_with(extension, hold=True, max_header_bytes=2000)


@on_both_loops
async def test_a_body_beyond_the_bound_in_each_framing():
    body = b"x" * 3000
    for data in (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + body,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nbb8\r\n" + body + b"\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n" + body,
    ):
        assert "larger than 2000 bytes" in await fails_with(data, hold=True, max_body_bytes=2000)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "gzip, gzip"])
@on_both_loops
async def test_a_compressed_bomb(coding):
    plain = b"\0" * (64 * 1024 * 1024)
    match coding:
        case "gzip":
            bomb = gzip.compress(plain)
        case "deflate":
            bomb = zlib.compress(plain)
        case _:
            bomb = gzip.compress(gzip.compress(plain))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    assert "larger than" in await fails_with(head + bomb, hold=True, max_body_bytes=1024 * 1024)


# Unusual, and right.


@on_both_loops
async def test_chunks_with_extensions_and_trailers():
    response, kept = await answer_to(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\no\r\n1\r\nk\r\n0\r\nX-Trailer: y\r\n\r\n",
    )
    assert response.content == b"ok"
    assert "x-trailer" not in response.headers
    assert "transfer-encoding" not in response.headers
    assert response.headers["content-length"] == "2"
    assert kept == 1


@on_both_loops
async def test_interim_responses_are_passed_over():
    response, kept = await answer_to(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
    assert (response.status_code, response.content, "link" in response.headers, kept) == (200, b"ok", False, 1)


@on_both_loops
async def test_read_until_close():
    for version in (b"1.0", b"1.1"):
        response, kept = await answer_to(b"HTTP/" + version + b" 200 OK\r\n\r\nok", hold=False)
        assert (response.content, kept) == (b"ok", 0)


@on_both_loops
async def test_connections_that_the_server_will_close_are_not_kept():
    for head in (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"):
        response, kept = await answer_to(head + b"Content-Length: 2\r\n\r\nok")
        assert (response.content, kept) == (b"ok", 0)


@on_both_loops
async def test_a_request_that_asks_for_close_leaves_no_connection_even_when_the_server_would_keep_it():
    async with RawServer(answering(OK, hold=True)) as server, PooledTransport() as transport:
        response = await transport.handle_async_request(httpx.Request("GET", server.url, headers={"Connection": "close"}))
        assert (response.content, transport.idle) == (b"ok", 0)


@on_both_loops
async def test_http_1_0_with_keep_alive_is_kept():
    response, kept = await answer_to(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
    assert (response.content, response.http_version, kept) == (b"ok", "HTTP/1.0", 1)


@pytest.mark.parametrize("status", [204, 304])
@on_both_loops
async def test_statuses_without_a_body(status):
    response, kept = await answer_to(
        f"HTTP/1.1 {status} Nothing\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\n".encode(), method="GET"
    )
    assert (response.status_code, response.content, response.reason_phrase, kept) == (status, b"", "Nothing", 1)


@on_both_loops
async def test_head_has_no_body_whatever_its_headers_say():
    for framing in (b"Content-Length: 50\r\nContent-Encoding: gzip\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 0\r\n"):
        response, kept = await answer_to(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n", method="HEAD")
        assert (response.status_code, response.content, kept) == (200, b"", 1)


@on_both_loops
async def test_content_codings_are_undone():
    raw_deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bodies = {
        "gzip": gzip.compress(b"ok"),
        "x-gzip": gzip.compress(b"o") + gzip.compress(b"k"),
        "deflate": zlib.compress(b"ok"),
        "Deflate": raw_deflate.compress(b"ok") + raw_deflate.flush(),
        "deflate, gzip": gzip.compress(zlib.compress(b"ok")),
        "identity": b"ok",
    }
    for coding, body in bodies.items():
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        response, kept = await answer_to(head + body)
        assert (response.content, response.headers["content-length"], kept) == (b"ok", "2", 1)


@on_both_loops
async def test_an_empty_body_labelled_gzip_is_empty():
    response, kept = await answer_to(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n")
    assert (response.content, kept) == (b"", 1)


@on_both_loops
async def test_a_response_that_comes_byte_by_byte():
    async def behave(peer: Peer) -> None:
        await peer.request()
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Long-Name: v\r\n\r\n2\r\nok\r\n0\r\n\r\n":
            peer.send(bytes((byte,)))
            await asyncio.sleep(0)
        await hang()

    async with RawServer(behave) as server, PooledTransport() as transport:
        response = await transport.handle_async_request(request(server))
        assert (response.content, response.headers["x-long-name"]) == (b"ok", "v")


@on_both_loops
async def test_an_answer_before_the_request_was_read_is_taken_and_its_connection_is_not_kept():
    async def behave(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await hang()

    async with RawServer(behave) as server, PooledTransport() as transport:
        response = await transport.handle_async_request(httpx.Request("POST", server.url, content=b"x" * (16 * 1024 * 1024)))
        assert (response.status_code, transport.idle) == (413, 0)


# Kept connections.


@on_both_loops
async def test_connections_serve_again():
    async with RawServer(forever) as server, PooledTransport() as transport:
        for _ in range(5):
            assert (await transport.handle_async_request(request(server))).content == b"ok"
        assert (server.accepted, transport.opened, transport.reused, transport.idle) == (1, 1, 4, 1)


@on_both_loops
async def test_a_connection_closed_while_idle_is_not_used_again():
    async with RawServer(answering(OK)) as server, PooledTransport() as transport:
        for number in range(1, 4):
            assert (await transport.handle_async_request(request(server))).content == b"ok"
            while transport.idle:  # noqa: ASYNC110  # until the close has arrived
                await asyncio.sleep(0.001)
            assert server.accepted == number


@on_both_loops
async def test_unasked_bytes_on_an_idle_connection_end_it():
    forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"

    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(OK)
        await asyncio.sleep(0.02)
        peer.send(forged)
        await hang()

    async with RawServer(behave) as server, PooledTransport() as transport:
        assert (await transport.handle_async_request(request(server))).content == b"ok"
        while transport.idle:  # noqa: ASYNC110  # until the bytes have arrived
            await asyncio.sleep(0.001)
        assert (await transport.handle_async_request(request(server))).content == b"ok"
        assert server.accepted == 2


def dies_on_reuse(seen: list[bytes], *, reset: bool = False, first_byte: bytes = b"") -> Callable[[Peer], Awaitable[None]]:
    """The first connection answers once and dies on its second request; later connections answer for good."""

    async def behave(peer: Peer) -> None:
        seen.append(await peer.request())
        peer.send(OK)
        if peer.number > 1:
            await forever(peer)
        seen.append(await peer.request())
        if first_byte:
            peer.send(first_byte)
        elif reset:
            peer.reset()

    return behave


@pytest.mark.parametrize("reset", [False, True])
@on_both_loops
async def test_a_get_on_a_kept_connection_that_dies_silently_is_sent_once_more(reset):
    seen: list[bytes] = []
    async with RawServer(dies_on_reuse(seen, reset=reset)) as server, PooledTransport() as transport:
        for _ in range(2):
            assert (await transport.handle_async_request(request(server, "GET"))).content == b"ok"
        assert (len(seen), server.accepted, transport.in_use, transport.idle) == (3, 2, 0, 1)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
@on_both_loops
async def test_nothing_but_a_get_is_ever_sent_twice(method):
    seen: list[bytes] = []
    async with RawServer(dies_on_reuse(seen)) as server, PooledTransport() as transport:
        await transport.handle_async_request(request(server, "GET"))
        await refused(transport, request(server, method), FateUnknownError)
        assert (len(seen), server.accepted) == (2, 1)


@on_both_loops
async def test_a_get_is_not_sent_again_once_a_byte_has_come():
    seen: list[bytes] = []
    async with RawServer(dies_on_reuse(seen, first_byte=b"H")) as server, PooledTransport() as transport:
        await transport.handle_async_request(request(server, "GET"))
        await refused(transport, request(server, "GET"), FateUnknownError)
        assert (len(seen), server.accepted) == (2, 1)


@on_both_loops
async def test_a_get_on_a_new_connection_that_dies_is_not_sent_again():
    async with RawServer(answering(b"")) as server, PooledTransport() as transport:
        await refused(transport, request(server, "GET"), FateUnknownError)
        assert server.accepted == 1


@on_both_loops
async def test_a_get_whose_second_try_cannot_connect_still_has_an_unknown_fate():
    listening = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(OK)
        await peer.request()
        server._server.close()
        listening.set()

    async with RawServer(behave) as server, PooledTransport() as transport:
        await transport.handle_async_request(request(server, "GET"))
        await refused(transport, request(server, "GET"), FateUnknownError)
        assert listening.is_set()


# Cancellation, bounds and facts.


async def storm(server: RawServer, transport: PooledTransport, seed: int) -> None:
    chance = random.Random(seed)

    async def doomed(delay_s: float) -> None:
        task = asyncio.create_task(transport.handle_async_request(request(server)))
        await asyncio.sleep(delay_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for _ in range(4):
        await asyncio.gather(*(doomed(chance.uniform(0, 0.05)) for _ in range(100)))


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@on_both_loops
async def test_after_a_storm_of_cancellations_every_slot_works(secure, server_tls, client_tls, monkeypatch):
    monkeypatch.setattr(http_connector, "CLOSE_WAIT_S", 60.0)  # closing would hang if it waited for a socket that is long gone
    calm = asyncio.Event()
    together = asyncio.Barrier(10)
    delays = random.Random(7)

    async def behave(peer: Peer) -> None:
        while True:
            await peer.request()
            if calm.is_set():
                await together.wait()  # ten at once or none
            else:
                await asyncio.sleep(delays.uniform(0, 0.04))
            peer.send(OK)

    recorder = Recorder()
    async with (
        RawServer(behave, server_tls if secure else None) as server,
        PooledTransport(max_connections=10, ssl_context=client_tls, observer=recorder) as transport,
    ):
        await storm(server, transport, seed=11)
        assert (transport.in_use, transport.waiting) == (0, 0)
        calm.set()
        responses = await asyncio.gather(*(transport.handle_async_request(request(server)) for _ in range(10)))
        assert [response.content for response in responses] == [b"ok"] * 10
        assert (transport.in_use, transport.waiting, transport.idle) == (0, 0, 10)
        changes = [fact for fact in recorder.facts if isinstance(fact, PoolChanged)]
        assert max(fact.in_use + fact.idle for fact in changes) == 10
        assert changes[-1] == PoolChanged(0, 10, 0)
        while server.open > 10:  # noqa: ASYNC110  # sockets of cancelled requests are closed, seen from the other side too
            await asyncio.sleep(0.005)


@on_both_loops
async def test_cancelling_a_request_closes_its_connection():
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        assert await peer.reader.read() == b""
        gone.set()

    async with RawServer(behave) as server, PooledTransport() as transport:
        task = asyncio.create_task(transport.handle_async_request(request(server)))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gone.wait()
        assert (transport.in_use, transport.idle) == (0, 0)


@on_both_loops
async def test_waiting_requests_are_served_in_order():
    order: list[bytes] = []

    async def behave(peer: Peer) -> None:
        while True:
            order.append((await peer.request()).split()[1])
            peer.send(OK)

    async with RawServer(behave) as server, PooledTransport(max_connections=1) as transport:
        urls = [httpx.Request("GET", f"http://127.0.0.1:{server.port}/{number}") for number in range(30)]
        await asyncio.gather(*(transport.handle_async_request(url) for url in urls))
        assert order == [b"/%d" % number for number in range(30)]
        assert (transport.opened, transport.reused) == (1, 29)


@on_both_loops
async def test_pool_timeout_when_every_connection_is_busy():
    async def behave(peer: Peer) -> None:
        await hang()

    recorder = Recorder()
    async with RawServer(behave) as server, PooledTransport(max_connections=1, pool_timeout_s=0.05, observer=recorder) as transport:
        busy = asyncio.create_task(transport.handle_async_request(request(server)))
        await asyncio.sleep(0)
        with pytest.raises(PoolTimeoutError) as caught:
            await transport.handle_async_request(request(server))
        assert str(caught.value).startswith("POST 127.0.0.1/api/v3/order: ")
        assert not any(secret in str(caught.value) for secret in SECRETS)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
        assert [type(fact) for fact in recorder.facts if not isinstance(fact, PoolChanged)] == [PoolAcquired, PoolTimedOut]
        assert recorder.facts[-1] == PoolChanged(0, 0, 0)


@on_both_loops
async def test_closing_the_transport_fails_what_is_under_way_and_refuses_what_comes():
    arrived = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await hang()

    async with RawServer(behave) as server:
        transport = PooledTransport(max_connections=1)
        sent = asyncio.create_task(transport.handle_async_request(request(server)))
        await arrived.wait()
        waiting = asyncio.create_task(transport.handle_async_request(request(server)))
        await asyncio.sleep(0)
        await transport.aclose()
        with pytest.raises(FateUnknownError):
            await sent
        with pytest.raises(NotSentError):
            await waiting
        await refused(transport, request(server), NotSentError)
        await transport.aclose()


@on_both_loops
async def test_a_connection_that_comes_up_after_the_transport_was_closed_carries_nothing(server_tls, client_tls):
    async with RawServer(forever, server_tls) as server:
        transport = PooledTransport(ssl_context=client_tls)
        connecting = asyncio.create_task(transport.handle_async_request(request(server)))
        await asyncio.sleep(0)
        await transport.aclose()
        with pytest.raises(NotSentError, match="closed"):
            await connecting
        assert (transport.in_use, transport.idle) == (0, 0)


@on_both_loops
async def test_failure_and_cancellation_in_the_same_moment_leave_nothing_for_the_loop_to_complain_about():
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["message"]))
    arrived = asyncio.Event()

    async def behave(peer: Peer) -> None:
        await peer.request()
        arrived.set()
        await hang()

    async with RawServer(behave) as server:
        transport = PooledTransport(max_connections=1)
        sent = asyncio.create_task(transport.handle_async_request(request(server)))
        await arrived.wait()
        waiting = asyncio.create_task(transport.handle_async_request(request(server)))
        await asyncio.sleep(0)
        closing = asyncio.create_task(transport.aclose())  # fails both, and before they can look they are cancelled as well
        asyncio.get_running_loop().call_soon(sent.cancel)
        asyncio.get_running_loop().call_soon(waiting.cancel)
        await asyncio.gather(sent, waiting, closing, return_exceptions=True)
        assert sent.cancelled()
        assert waiting.cancelled()
        gc.collect()
        assert complaints == []


@on_both_loops
async def test_tls_with_a_trusted_certificate(server_tls, client_tls):
    async with RawServer(forever, server_tls) as server, PooledTransport(ssl_context=client_tls) as transport:
        for _ in range(3):
            assert (await transport.handle_async_request(request(server))).content == b"ok"
        assert server.accepted <= 2  # session tickets that come late may cost one connection


def test_a_transport_refuses_a_second_event_loop():
    transport = PooledTransport()

    async def ask() -> None:
        await refused(transport, httpx.Request("POST", "http://exchange.invalid/api/v3/order"), NotSentError)

    asyncio.run(ask())
    with pytest.raises(AssertionError, match="another event loop"):
        asyncio.run(_expect_other_loop(transport))


async def _expect_other_loop(transport: PooledTransport) -> None:
    text = await refused(transport, httpx.Request("POST", "http://exchange.invalid/api/v3/order"), NotSentError)
    raise AssertionError(text)


class JumpingSelector(selectors.DefaultSelector):
    """Waits a moment of real time for sockets; where nothing happens, virtual time jumps to the next timer."""

    now_s = 0.0

    def select(self, timeout: float | None = None):
        ready = super().select(0.05)
        if not ready and timeout:
            self.now_s += timeout
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.jumping = JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now_s


def test_deadlines_follow_a_loop_with_virtual_time():
    async def scenario() -> float:
        async def behave(peer: Peer) -> None:
            await hang()

        async with RawServer(behave) as server, PooledTransport(request_timeout_s=86_400.0) as transport:
            await refused(transport, request(server), FateUnknownError)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(scenario()) >= 86_400.0


def test_a_second_try_has_only_what_is_left_of_the_deadline():
    async def scenario() -> float:
        async def behave(peer: Peer) -> None:
            await peer.request()
            if peer.number > 1:
                await hang()
            peer.send(OK)
            await peer.request()
            await asyncio.sleep(600)

        async with RawServer(behave) as server, PooledTransport(request_timeout_s=1000.0) as transport:
            await transport.handle_async_request(request(server, "GET"))
            await refused(transport, request(server, "GET"), FateUnknownError)
            assert server.accepted == 2
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert 1000.0 <= runner.run(scenario()) < 1600.0


def test_bounds_that_make_no_sense_are_refused():
    for bounds in ({"max_connections": 0}, {"max_keepalive": -1}, {"request_timeout_s": 0.0}, {"max_body_bytes": float("nan")}):
        with pytest.raises(ConfigurationError):
            PooledTransport(**bounds)


@pytest.fixture(scope="module")
def certificate_path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    path.write_text(CERTIFICATE + KEY)
    return path


@pytest.fixture(scope="module")
def server_tls(certificate_path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_path)
    return context


@pytest.fixture(scope="module")
def client_tls(certificate_path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate_path)
