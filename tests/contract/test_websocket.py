"""WebSocket connections against a server that is not ours, and against raw sockets that keep to no rule; on asyncio and uvloop."""

import asyncio
import logging
import re
import ssl
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from misbehaving_server import CERTIFICATE, KEY, RawServer, hang, on_both_loops
from raw_websockets import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, acceptance, closing, frame, received, sending, upgrade
from websockets.asyncio.server import serve

from binance_trade_agent.binance.websocket import FAREWELL_S, MAX_UNSENT_BYTES, WebSocket, open_websocket
from binance_trade_agent.domain.errors import NotSentError, UpgradeRefusedError

LIMIT = 4_096


class Ear:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.ends: list[str] = []
        self._changed = asyncio.Event()

    def on_text(self, message: bytes) -> None:
        assert not self.ends
        self.texts.append(message)
        self._changed.set()

    def on_close(self, reason: str) -> None:
        self.ends.append(reason)
        self._changed.set()

    async def until(self, texts: int = 0, ends: int = 0) -> None:
        while len(self.texts) < texts or len(self.ends) < ends:
            self._changed.clear()
            await self._changed.wait()


async def opened(url: str, ear: Ear, **options) -> WebSocket:
    return await open_websocket(url, ear, **{"connect_timeout_s": 5, "max_message_bytes": LIMIT, **options})


def address(server: RawServer) -> str:
    return f"ws://127.0.0.1:{server.port}/stream?token=s3cr3t-signature"


async def end_of(*frames: bytes, hold: bool = True) -> tuple[str, list[bytes]]:
    """The one reason that is told when a server sends `frames`, and the texts before it; the socket must be gone afterwards."""
    async with RawServer(sending(*frames, hold=hold)) as server:
        ear = Ear()
        connection = await opened(address(server), ear)
        connection.send_text(b"go")
        await ear.until(ends=1)
        assert not connection.is_open
        with pytest.raises(NotSentError):
            connection.send_text(b"{}")
        await connection.wait_closed()
        connection.close()
        await asyncio.sleep(0)
        assert len(ear.ends) == 1
        return ear.ends[0], ear.texts


async def refusal(url: str, **options) -> str:
    """The text of the NotSentError that opening `url` must end with; nothing in it or chained to it may be secret."""
    ear = Ear()
    with pytest.raises(NotSentError) as caught:
        await opened(url, ear, **options)
    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cr3t" not in repr(error) + str(error)
        error = error.__cause__ or error.__context__
    assert ear.ends == []
    return str(caught.value)


async def all_gone(server: RawServer) -> None:
    while server.open:  # noqa: ASYNC110 - the server offers no event
        await asyncio.sleep(0.01)


# --- a server that is not ours


@asynccontextmanager
async def echo_server(tls: ssl.SSLContext | None = None):
    async def echo(connection) -> None:
        async for message in connection:
            if message == "ping me":
                await (await connection.ping(b"\x00payload\xff"))
                await connection.send("ponged")
            elif message == "go away":
                await connection.close(1012, "maintenance")
            else:
                await connection.send(message)

    async with serve(echo, "127.0.0.1", 0, ssl=tls) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"{'wss' if tls else 'ws'}://localhost:{port}/stream"


def contexts(tmp_path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What the server presents, and a client that trusts it."""
    (tmp_path / "certificate.pem").write_text(CERTIFICATE)
    (tmp_path / "key.pem").write_text(KEY)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    return server, ssl.create_default_context(cadata=CERTIFICATE)


async def converse(url: str, trust: ssl.SSLContext | None = None) -> None:
    ear = Ear()
    connection = await opened(url, ear, ssl_context=trust)
    long_text = "ü" * (LIMIT // 2)
    for text in ("{}", long_text):
        connection.send_text(text.encode())
    connection.send_text(b"ping me")
    await ear.until(texts=3)
    assert ear.texts == [b"{}", long_text.encode(), b"ponged"]
    connection.close("enough")
    assert ear.ends == ["enough"]
    assert not connection.is_open
    await connection.wait_closed()
    assert ear.ends == ["enough"]


@on_both_loops
async def test_text_goes_both_ways_pings_are_answered_and_the_farewell_is_returned():
    async with echo_server() as url:
        await converse(url)


@on_both_loops
async def test_it_works_over_tls(tmp_path):
    tls, trust = contexts(tmp_path)
    async with echo_server(tls) as url:
        await converse(url, trust)


@on_both_loops
async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    tls, _ = contexts(tmp_path)
    async with echo_server(tls) as url:
        assert "CERTIFICATE_VERIFY_FAILED" in await refusal(url)


@on_both_loops
async def test_code_and_reason_of_the_servers_farewell_are_told():
    async with echo_server() as url:
        ear = Ear()
        connection = await opened(url, ear)
        connection.send_text(b"go away")
        await connection.wait_closed()
        assert ear.ends == ["the server closed the connection with code 1012: 'maintenance'"]


@on_both_loops
async def test_a_refused_upgrade_names_the_status_and_not_the_query():
    def refuse(connection, request):
        return connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "s3cr3t in the body")

    async with serve(lambda connection: None, "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        text = await refusal(f"ws://127.0.0.1:{port}/stream?token=s3cr3t")
    assert text == f"ws://127.0.0.1:{port}/stream: the upgrade was refused with HTTP 429"


@on_both_loops
async def test_a_refused_upgrade_tells_its_status_and_when_to_come_back():
    def refuse(connection, request):
        response = connection.respond(HTTPStatus.IM_A_TEAPOT, "banned")
        response.headers["retry-after"] = "900"
        return response

    async with serve(lambda connection: None, "127.0.0.1", 0, process_request=refuse) as server:
        with pytest.raises(UpgradeRefusedError) as caught:
            await opened(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws-api/v3", Ear())
    assert (caught.value.status, caught.value.retry_after) == (418, "900")


# --- servers that keep to no rule


@on_both_loops
async def test_connecting_to_nobody_says_why():
    async with RawServer(lambda peer: hang()) as server:
        url = address(server)
    assert "Connect call failed" in await refusal(url)
    # Where there is no name server to ask, it is the time that runs out.
    assert re.search("gaierror|no connection came up in", await refusal("ws://nowhere.invalid/stream"))
    assert "no ws:// or wss:// address" in await refusal("http://127.0.0.1/stream?s3cr3t")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"", "the server left before the upgrade"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "the answer to the upgrade is malformed"),
        (b"s3cr3t nonsense\r\n\r\n", "the answer to the upgrade is malformed"),
        (b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1/s3cr3t\r\n\r\n", "the upgrade was refused with HTTP 302"),
        (b"HTTP/1.1 200 OK\r\nX: s3cr3t" + b"x" * 70_000, "the answer to the upgrade is malformed"),
    ],
    ids=["nothing", "no key", "nonsense", "redirect", "endless headers"],
)
@on_both_loops
async def test_an_answer_that_is_no_upgrade_is_an_error(answer, told):
    async def behave(peer):
        await peer.request()
        peer.send(answer)

    async with RawServer(behave) as server:
        assert (await refusal(address(server))).endswith(told)


@pytest.mark.parametrize("bites", [False, True], ids=["silent", "half an answer"])
@on_both_loops
async def test_a_server_that_never_upgrades_is_given_up_in_time_and_leaves_no_socket(bites):
    gone = asyncio.Event()

    async def behave(peer):
        await peer.request()
        if bites:
            peer.send(b"HTTP/1.1 101 Swi")
        await peer.reader.read()
        gone.set()

    async with RawServer(behave) as server:
        text = await refusal(address(server), connect_timeout_s=0.05)
        assert text.endswith("no connection came up in 0.05 s")
        await gone.wait()


@on_both_loops
async def test_cancelling_a_connect_leaves_no_socket_at_any_moment():
    """After each number of loop turns; picows on its own keeps the socket until the server leaves."""
    ends = []

    async def behave(peer):
        try:
            await upgrade(peer)
            await received(peer)
        finally:
            ends.append(peer.number)

    async with RawServer(behave) as server:
        ears = []
        for turns in range(30):
            ear = Ear()
            ears.append(ear)
            task = asyncio.create_task(opened(address(server), ear))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            try:
                connection = await task
            except asyncio.CancelledError:
                continue
            connection.close()
            await connection.wait_closed()
            assert ear.ends == ["the connection was closed by us"]
        await all_gone(server)
        assert len(ends) == server.accepted
        assert all(len(ear.ends) <= 1 for ear in ears)


@on_both_loops
async def test_a_cancelled_connect_over_tls_leaves_no_socket(tmp_path):
    tls, trust = contexts(tmp_path)

    async def behave(peer):
        await peer.reader.read()

    async with RawServer(behave, tls) as server:
        for pause_s in (0, 0.002, 0.01, 0.05):
            task = asyncio.create_task(opened(f"wss://127.0.0.1:{server.port}/", Ear(), ssl_context=trust))
            await asyncio.sleep(pause_s)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await all_gone(server)


@on_both_loops
async def test_a_ping_is_answered_with_its_payload_and_counts_as_a_sign_of_life():
    seen = []

    async def behave(peer):
        await upgrade(peer)
        await asyncio.sleep(0.02)
        peer.send(frame(PING, b"1770123456789"))
        seen.append(await received(peer))
        peer.send(frame(TEXT, b"done") + frame(PONG, b"unasked"))
        await hang()

    async with RawServer(behave) as server:
        ear = Ear()
        connection = await opened(address(server), ear)
        opened_s = connection.received_s
        await ear.until(texts=1)
        assert seen == [(PONG, b"1770123456789")]
        assert connection.received_s > opened_s
        connection.close()
        await connection.wait_closed()


@on_both_loops
async def test_fragments_are_joined_with_a_ping_between_them():
    parts = frame(TEXT, b"one ", fin=False), frame(PING), frame(CONTINUATION, b"two ", fin=False), frame(CONTINUATION, b"three")
    reason, texts = await end_of(*parts, frame(TEXT, b"four"), closing(1000))
    assert texts == [b"one two three", b"four"]
    assert reason == "the server closed the connection with code 1000"


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ([frame(BINARY, b"x")], "the server sent a binary message"),
        ([frame(TEXT, b"\xff\xfe")], "the server sent text that is not UTF-8"),
        ([frame(TEXT, b"x" * (LIMIT + 1))], "exceeding max allowed size"),
        ([frame(TEXT, b"x" * LIMIT, fin=False), frame(CONTINUATION, b"x")], "the server sent a message of more than 4096 bytes"),
        ([frame(CONTINUATION, b"x")], "the server sent fragments out of order"),
        ([frame(TEXT, b"x", fin=False), frame(TEXT, b"y")], "the server sent fragments out of order"),
        ([frame(TEXT, b"x", rsv1=True)], "the server used an extension that was not agreed on"),
        ([frame(0x3, b"x")], "the server broke the protocol: Received frame with invalid opcode"),
        ([frame(PING, b"x" * 126)], "the server broke the protocol: Received control frame with payload size > 125"),
        ([frame(PING, b"x", fin=False)], "the server broke the protocol: Received fragmented control frame"),
        ([closing(4001, b"go \xff")], "the server broke the protocol"),
        ([closing(1004)], "the server broke the protocol"),
        ([frame(CLOSE)], "the server closed the connection"),
        ([closing(3999, b"custom")], "the server closed the connection with code 3999: 'custom'"),
        ([closing(1008, b"x" * 123)], "the server closed the connection with code 1008: 'xxxx"),
    ],
)
@on_both_loops
async def test_what_a_server_may_not_send_ends_the_connection_with_a_reason(frames, told):
    reason, texts = await end_of(frame(TEXT, b"before"), *frames, frame(TEXT, b"after"))
    assert told in reason
    assert texts == [b"before"]


@on_both_loops
async def test_a_server_that_vanishes_is_told_as_a_lost_connection():
    assert await end_of(frame(TEXT, b"{}"), hold=False) == ("the connection was lost", [b"{}"])

    async def reset(peer):
        await upgrade(peer)
        await asyncio.sleep(0.02)
        peer.reset()

    async with RawServer(reset) as server:
        ear = Ear()
        connection = await opened(address(server), ear)
        await connection.wait_closed()
        assert ear.ends == ["the connection was lost"]


@on_both_loops
async def test_half_a_frame_is_never_delivered():
    reason, texts = await end_of(frame(TEXT, b"whole"), frame(TEXT, b"x" * 200)[:-1], hold=False)
    assert (reason, texts) == ("the connection was lost", [b"whole"])


@on_both_loops
async def test_a_farewell_that_is_never_returned_is_not_waited_for_long():
    async with RawServer(sending()) as server:
        connection = await opened(address(server), Ear())
        connection.close()
        async with asyncio.timeout(FAREWELL_S + 5):
            await connection.wait_closed()


@on_both_loops
async def test_a_server_that_reads_nothing_cannot_make_us_pile_up_text():
    async with RawServer(sending()) as server:
        ear = Ear()
        connection = await opened(address(server), ear)
        sent = 0
        while not ear.ends:
            connection.send_text(b"x" * MAX_UNSENT_BYTES)
            sent += MAX_UNSENT_BYTES
            assert sent < 100 * 1024 * 1024
            await asyncio.sleep(0)
        assert ear.ends == ["the server does not read what we send"]
        await connection.wait_closed()


@on_both_loops
async def test_a_listener_that_raises_ends_its_connection_and_nothing_else():
    class Clumsy(Ear):
        def on_text(self, message: bytes) -> None:
            raise ValueError("s3cr3t")

    async with RawServer(sending(frame(TEXT, b"{}"), frame(TEXT, b"{}"))) as server:
        ear = Clumsy()
        connection = await opened(address(server), ear)
        connection.send_text(b"go")
        await connection.wait_closed()
        assert ear.ends == ["a message could not be handled: ValueError"]


@on_both_loops
async def test_nothing_that_the_server_sent_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    await end_of(frame(TEXT, b"s3cr3t"), frame(TEXT, b"s3cr3t" * LIMIT))
    await end_of(closing(1008, b"s3cr3t"))
    assert "s3cr3t" not in caplog.text
    assert not [record for record in caplog.records if record.name != "asyncio"]


@on_both_loops
async def test_a_listener_may_close_from_within_a_message():
    async with RawServer(sending(frame(TEXT, b"1"), frame(TEXT, b"2"))) as server:
        ear = Ear()
        connection = await opened(address(server), ear)
        ear.on_text = lambda message: connection.close(f"seen {message.decode()}")
        connection.send_text(b"go")
        await connection.wait_closed()
        assert ear.ends == ["seen 1"]


@on_both_loops
async def test_a_connection_that_ends_before_it_was_handed_over_never_came_up():
    async def behave(peer):
        peer.send(acceptance(await peer.request()) + frame(TEXT, b"early") + closing(1013, b"try again later"))
        await peer.reader.read()

    async with RawServer(behave) as server:
        assert (await refusal(address(server))).endswith("the server closed the connection with code 1013: 'try again later'")
        await all_gone(server)
