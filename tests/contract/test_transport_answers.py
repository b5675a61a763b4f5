"""What the transport makes of answers that are unusual and right: framings, codings, interim responses, early answers."""

import asyncio
import gzip
import zlib

import httpx
import pytest
from misbehaving_server import OK, Peer, RawServer, answer_to, answering, hang, on_both_loops, request

from binance_trade_agent.binance.http.httpx_transport import PooledHttpxTransport


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
    async with RawServer(answering(OK, hold=True)) as server, PooledHttpxTransport() as transport:
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

    async with RawServer(behave) as server, PooledHttpxTransport() as transport:
        response = await transport.handle_async_request(request(server))
        assert (response.content, response.headers["x-long-name"]) == (b"ok", "v")


@on_both_loops
async def test_an_answer_before_the_request_was_read_is_taken_and_its_connection_is_not_kept():
    async def behave(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await hang()

    async with RawServer(behave) as server, PooledHttpxTransport() as transport:
        response = await transport.handle_async_request(httpx.Request("POST", server.url, content=b"x" * (16 * 1024 * 1024)))
        assert (response.status_code, transport.idle) == (413, 0)
