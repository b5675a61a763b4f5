"""The transport against servers that are not ours: aiohttp's and the standard library's, called directly and under httpx.AsyncClient."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from aiohttp import web

from binance_trade_agent.binance.http.httpx_transport import PooledHttpxTransport
from binance_trade_agent.domain.errors import FateUnknownError

LARGE = json.dumps([{"symbol": f"COIN{number}USDT", "price": f"{number}.50000000"} for number in range(20_000)]).encode()


async def echo(request: web.Request) -> web.Response:
    body = await request.text()
    return web.json_response(
        {"method": request.method, "query": request.raw_path.partition("?")[2], "headers": dict(request.headers), "body": body}
    )


async def large(request: web.Request) -> web.Response:
    response = web.Response(body=LARGE, content_type="application/json")
    response.enable_compression()
    return response


async def chunked(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for _ in range(100):
        await response.write(b"x" * 1000)
    await response.write_eof()
    return response


async def last_one(request: web.Request) -> web.Response:
    response = web.Response(text="good bye")
    response.force_close()
    return response


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response()


async def moved(request: web.Request) -> web.Response:
    raise web.HTTPFound("/echo")


@asynccontextmanager
async def aiohttp_server() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/echo", echo)
    app.router.add_get("/large", large)
    app.router.add_get("/chunked", chunked)
    app.router.add_get("/last", last_one)
    app.router.add_get("/slow", slow)
    app.router.add_get("/moved", moved)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(b"got " + self.path.encode())

    def do_POST(self) -> None:
        self.answer(b"took " + self.rfile.read(int(self.headers["Content-Length"])))

    def do_HEAD(self) -> None:
        self.answer(b"unseen")

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args) -> None:
        """Stay quiet."""


class HandlerOf11(Handler):
    protocol_version = "HTTP/1.1"


class Server(ThreadingHTTPServer):
    daemon_threads = False
    accepted = 0

    def process_request(self, request, client_address) -> None:
        self.accepted += 1
        super().process_request(request, client_address)


@contextmanager
def stdlib_server(handler: type[Handler]) -> Iterator[tuple[Server, str]]:
    with Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


async def test_aiohttp_sees_exactly_what_was_asked():
    async with aiohttp_server() as url, PooledHttpxTransport() as transport:
        call = httpx.Request("POST", f"{url}/echo?symbol=BTCUSDT&note=%C3%A9%20%2B", content=b"a=1&b=2", headers={"X-MBX-APIKEY": "key"})
        response = await transport.handle_async_request(call)
        seen = json.loads(response.content)
        assert (seen["method"], seen["query"], seen["body"]) == ("POST", "symbol=BTCUSDT&note=%C3%A9%20%2B", "a=1&b=2")
        assert seen["headers"]["X-MBX-APIKEY"] == "key"
        assert seen["headers"]["Content-Length"] == "7"
        assert seen["headers"]["Accept-Encoding"] == "gzip, deflate"
        assert seen["headers"]["Host"] == url.removeprefix("http://")


async def test_many_at_once_reuse_their_connections():
    async with aiohttp_server() as url, PooledHttpxTransport(max_connections=5, max_keepalive=3) as transport:

        async def ask(number: int) -> str:
            response = await transport.handle_async_request(httpx.Request("GET", f"{url}/echo?n={number}"))
            return json.loads(response.content)["query"]

        assert await asyncio.gather(*(ask(number) for number in range(200))) == [f"n={number}" for number in range(200)]
        assert (transport.opened, transport.reused) == (5, 195)
        assert (transport.in_use, transport.idle, transport.waiting) == (0, 3, 0)


async def test_compressed_and_chunked_bodies_of_aiohttp():
    async with aiohttp_server() as url, PooledHttpxTransport() as transport:
        response = await transport.handle_async_request(httpx.Request("GET", f"{url}/large"))
        assert response.content == LARGE
        assert "content-encoding" not in response.headers
        response = await transport.handle_async_request(httpx.Request("GET", f"{url}/chunked"))
        assert response.content == b"x" * 100_000
        head = await transport.handle_async_request(httpx.Request("HEAD", f"{url}/large"))
        assert (head.status_code, head.content) == (200, b"")
        after = await transport.handle_async_request(httpx.Request("GET", f"{url}/echo?after"))
        assert json.loads(after.content)["query"] == "after"


async def test_a_decoded_body_beyond_the_bound_is_refused_although_its_wire_form_is_small():
    async with aiohttp_server() as url, PooledHttpxTransport(max_body_bytes=len(LARGE) - 1) as transport:
        with pytest.raises(FateUnknownError):
            await transport.handle_async_request(httpx.Request("GET", f"{url}/large"))
    async with aiohttp_server() as url, PooledHttpxTransport(max_body_bytes=len(LARGE)) as transport:
        assert (await transport.handle_async_request(httpx.Request("GET", f"{url}/large"))).content == LARGE


async def test_a_server_that_says_close_is_taken_at_its_word():
    async with aiohttp_server() as url, PooledHttpxTransport() as transport:
        response = await transport.handle_async_request(httpx.Request("GET", f"{url}/last"))
        assert (response.content, transport.idle) == (b"good bye", 0)
        await transport.handle_async_request(httpx.Request("GET", f"{url}/echo", headers={"Connection": "close"}))
        assert transport.idle == 0


async def test_under_async_client():
    async with aiohttp_server() as url, httpx.AsyncClient(transport=PooledHttpxTransport(), base_url=url) as client:
        assert (await client.get("/echo", params={"a": "b c"})).json()["query"] == "a=b+c"
        assert (await client.put("/echo", json={"a": 1})).json()["body"] == '{"a":1}'
        assert (await client.delete("/echo")).json()["method"] == "DELETE"
        assert (await client.get("/large")).json()[1]["symbol"] == "COIN1USDT"
        redirected = await client.get("/moved", follow_redirects=True)
        assert (redirected.json()["method"], len(redirected.history)) == ("GET", 1)
        with pytest.raises(httpx.HTTPStatusError):
            (await client.get("/nowhere")).raise_for_status()


async def test_async_client_can_stream_a_request_and_a_response():
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one,"
        yield b"two"

    async with aiohttp_server() as url, httpx.AsyncClient(transport=PooledHttpxTransport()) as client:
        seen = (await client.post(f"{url}/echo", content=pieces())).json()
        assert (seen["body"], seen["headers"]["Content-Length"]) == ("one,two", "7")
        async with client.stream("GET", f"{url}/chunked") as response:
            assert b"".join([part async for part in response.aiter_bytes()]) == b"x" * 100_000


async def test_the_timeout_of_async_client_holds_for_the_whole_answer():
    async with aiohttp_server() as url, httpx.AsyncClient(transport=PooledHttpxTransport(), timeout=0.05) as client:
        with pytest.raises(FateUnknownError):
            await client.get(f"{url}/slow")


async def test_the_standard_library_with_http_1_1_keeps_its_connection():
    with stdlib_server(HandlerOf11) as (server, url):
        async with PooledHttpxTransport() as transport:
            for number in range(3):
                response = await transport.handle_async_request(httpx.Request("POST", f"{url}/p", content=b"body %d" % number))
                assert response.content == b"took body %d" % number
            head = await transport.handle_async_request(httpx.Request("HEAD", f"{url}/p"))
            assert (head.headers["content-length"], head.content) == ("6", b"")
            response = await transport.handle_async_request(httpx.Request("GET", f"{url}/x?y=1"))
            assert response.content == b"got /x?y=1"
            assert (server.accepted, transport.reused) == (1, 4)


async def test_the_standard_library_with_http_1_0_closes_each_connection():
    with stdlib_server(Handler) as (server, url):
        async with PooledHttpxTransport() as transport:
            for _ in range(3):
                response = await transport.handle_async_request(httpx.Request("GET", f"{url}/x"))
                assert (response.content, response.http_version) == (b"got /x", "HTTP/1.0")
            assert (server.accepted, transport.idle) == (3, 0)


async def test_a_close_that_the_busy_event_loop_has_not_seen_yet_is_found_before_sending():
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    closed = threading.Event()
    may_close = threading.Event()

    def serve(listener: socket.socket) -> None:
        for number in range(2):
            peer, _ = listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(answer)
                if number == 0:
                    may_close.wait(10)
            closed.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        async with PooledHttpxTransport() as transport:
            call = httpx.Request("POST", f"http://127.0.0.1:{listener.getsockname()[1]}/order", content=b"x")
            assert (await transport.handle_async_request(call)).content == b"ok"
            assert transport.idle == 1
            may_close.set()
            closed.wait(10)  # blocks the loop on purpose
            time.sleep(0.01)  # noqa: ASYNC251  # and lets the end reach our side of the socket
            assert (await transport.handle_async_request(call)).content == b"ok"
            assert transport.opened == 2
        thread.join()
