"""What the transport does when servers refuse, drip, reset, lie about lengths or never answer."""

import asyncio
import gzip
import socket
import zlib
from decimal import Decimal

import httpx
import pytest
from misbehaving_server import OK, Peer, RawServer, answer_to, fails_with, forever, hang, on_both_loops, refused, request

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.http.httpx_transport import PooledHttpxTransport
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.domain.errors import BadAnswerError, FateUnknownError, NotSentError
from binance_trade_agent.simulation.clocks import WallClock

# Nothing was sent.


@on_both_loops
async def test_unknown_host_is_not_sent():
    async with PooledHttpxTransport() as transport:
        call = httpx.Request("POST", "https://exchange.invalid/api/v3/order?signature=s3cr3t-signature")
        await refused(transport, call, NotSentError)


@on_both_loops
async def test_host_that_no_resolver_takes_is_not_sent():
    async with PooledHttpxTransport() as transport:
        call = httpx.Request("POST", f"http://{'x' * 70}.invalid/api/v3/order?signature=s3cr3t-signature")
        await refused(transport, call, NotSentError)


@on_both_loops
async def test_refused_connection_is_not_sent():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connecting is refused
        async with PooledHttpxTransport() as transport:
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
            async with PooledHttpxTransport(connect_timeout_s=0.1) as transport:
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

    async with RawServer(behave) as server, PooledHttpxTransport() as transport:
        call = httpx.Request("POST", server.url.replace("http:", "https:"))
        await refused(transport, call, NotSentError)


@on_both_loops
async def test_silence_where_tls_is_due_is_not_sent():
    async def behave(peer: Peer) -> None:
        await hang()

    async with RawServer(behave) as server, PooledHttpxTransport(connect_timeout_s=0.1) as transport:
        call = httpx.Request("POST", server.url.replace("http:", "https:"))
        await refused(transport, call, NotSentError)


@on_both_loops
async def test_other_schemes_are_not_sent():
    async with PooledHttpxTransport() as transport:
        await refused(transport, httpx.Request("POST", "ftp://127.0.0.1/api/v3/order"), NotSentError)


@on_both_loops
async def test_header_values_that_smuggle_are_not_sent():
    async with RawServer(forever) as server, PooledHttpxTransport() as transport:
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

    async with RawServer(behave) as server, PooledHttpxTransport(request_timeout_s=0.1) as transport:
        assert "deadline" in await refused(transport, request(server), FateUnknownError)


@on_both_loops
async def test_a_dripping_body_ends_at_the_total_deadline():
    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            peer.send(b"x")
            await asyncio.sleep(0.01)

    async with RawServer(behave) as server, PooledHttpxTransport(request_timeout_s=0.2) as transport:
        assert "deadline" in await refused(transport, request(server), FateUnknownError)


@on_both_loops
async def test_the_request_may_shorten_the_deadline_but_not_stretch_it():
    async def behave(peer: Peer) -> None:
        await hang()

    async with RawServer(behave) as server:
        for ours_s, theirs_s in ((60.0, 0.05), (0.05, 60.0), (0.05, None)):
            async with PooledHttpxTransport(request_timeout_s=ours_s) as transport:
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

    async with RawServer(behave) as server, PooledHttpxTransport() as transport:
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
    "chunk size with a sign": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+2\r\nok\r\n0\r\n\r\n",
    "chunk size in C's manner": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n",
    "chunk size that is missing": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nok\r\n0\r\n\r\n",
    "chunk ends in a bare line feed": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\n0\r\n\r\n",
    "chunked twice": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "more after the last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    "length with a sign": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
    "length beyond reason": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nok",
    "lengths in a list": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
    "head in bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "blank before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
    "NUL in a header": b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 2\r\n\r\nok",
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

    async with RawServer(behave) as server, PooledHttpxTransport() as transport:
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


@on_both_loops
async def test_a_body_that_is_announced_beyond_the_bound_is_not_waited_for():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2001\r\n\r\n"
    assert "larger than 2000 bytes" in await fails_with(head, hold=True, max_body_bytes=2000)


@on_both_loops
async def test_chunks_of_a_byte_each_are_a_body_like_any_other():
    chunks = b"1\r\nx\r\n" * 20_000
    response, kept = await answer_to(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", max_header_bytes=2000
    )
    assert (response.content, kept) == (b"x" * 20_000, 1)


@on_both_loops
async def test_a_server_that_only_listens_any_more_is_sent_nothing():
    seen: list[bytes] = []

    async def behave(peer: Peer) -> None:
        seen.append(await peer.request())
        peer.send(OK)
        await peer.writer.drain()
        peer.cut()  # half open: it would still read
        seen.append(await peer.reader.read())

    async with RawServer(behave) as server, PooledHttpxTransport() as transport:
        await transport.handle_async_request(request(server))
        while transport.idle:  # noqa: ASYNC110  # until the end has arrived
            await asyncio.sleep(0.001)
        await transport.handle_async_request(request(server))
        assert (len([request for request in seen if request]), server.accepted) == (2, 2)


async def name_lookup_that_never_ends() -> None:
    loop = asyncio.get_running_loop()

    async def never(*_args: object, **_options: object) -> None:
        await hang()

    loop.getaddrinfo = never
    async with PooledHttpxTransport(connect_timeout_s=0.05) as transport:
        call = httpx.Request("POST", "http://exchange.invalid/api/v3/order?signature=s3cr3t-signature")
        await refused(transport, call, NotSentError)


def test_a_name_whose_look_up_never_ends_is_not_sent():
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:  # of uvloop's the look-up cannot be replaced
        runner.run(asyncio.wait_for(name_lookup_that_never_ends(), 20))


ANSWERS_WITHOUT_SENSE = {
    "invalid UTF-8": b'{"symbol":"BTC\xff","price":"1"}',
    "half a character": b'{"symbol":"BTCUSDT","price":"1\xc3',
    "no JSON": b"<html>busy</html>",
    "JSON cut off": b'{"symbol":"BTCUSDT","pri',
    "NaN": b'{"symbol":"BTCUSDT","price":NaN}',
    "NaN as text": b'{"symbol":"BTCUSDT","price":"NaN"}',
    "beyond all numbers": b'{"symbol":"BTCUSDT","price":1e999}',
    "beyond all numbers, as text": b'{"symbol":"BTCUSDT","price":"1e999"}',
    "a number where text is due": b'{"symbol":"BTCUSDT","price":1.5}',
    "nothing": b"",
}


@pytest.mark.parametrize("name", ANSWERS_WITHOUT_SENSE)
@on_both_loops
async def test_an_answer_without_sense_is_a_bad_answer_and_harms_no_connection(name):
    bad, good = ANSWERS_WITHOUT_SENSE[name], b'{"symbol":"BTCUSDT","price":"1.50"}'

    async def behave(peer: Peer) -> None:
        for body in (bad, good):
            await peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await hang()

    async with RawServer(behave) as server:
        connection = Connection(f"http://127.0.0.1:{server.port}", PooledTransport(), WallClock())
        async with AsyncBinanceClient(connection) as client:
            with pytest.raises(BadAnswerError):
                await client.get_latest_price("BTCUSDT")
            assert await client.get_latest_price("BTCUSDT") == Decimal("1.50")
        assert server.accepted == 1


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
