"""The transport over TLS: certificates that are not the server's, handshakes that go wrong, and answers that are cut off."""

import asyncio
import datetime
import os
import random
import ssl
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from misbehaving_server import OK, Peer, RawServer, answering, forever, hang, on_both_loops, refused, request

from binance_trade_agent.binance.http.httpx_transport import PooledHttpxTransport
from binance_trade_agent.binance.http.tls_layer import TlsLayer
from binance_trade_agent.domain.errors import FateUnknownError, NotSentError

YEAR = datetime.timedelta(days=365)


@pytest.fixture(scope="module")
def certified(tmp_path_factory) -> Callable[..., tuple[ssl.SSLContext, ssl.SSLContext]]:
    """(server, client): contexts for a certificate made to measure, which the client trusts."""

    def make(host: str = "localhost", *, ends_in: datetime.timedelta = YEAR) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        ends = datetime.datetime.now(datetime.UTC) + ends_in
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(ends - 2 * YEAR)
            .not_valid_after(ends)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        path: Path = tmp_path_factory.mktemp("certificate") / "server.pem"
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ) + certificate.public_bytes(serialization.Encoding.PEM)
        path.write_bytes(text)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(path)
        return server, ssl.create_default_context(cafile=path)

    return make


def by_name(server: RawServer) -> None:
    """Have requests go to localhost instead of 127.0.0.1, which the certificates made here do not name."""
    server.url = server.url.replace("127.0.0.1", "localhost")


@on_both_loops
async def test_a_certificate_for_this_very_host_is_taken(certified):
    server_tls, client_tls = certified()
    async with RawServer(forever, server_tls) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        by_name(server)
        assert (await transport.handle_async_request(request(server))).content == b"ok"


@on_both_loops
async def test_a_certificate_for_another_host_is_not_taken(certified):
    server_tls, client_tls = certified("exchange.example")
    async with RawServer(forever, server_tls) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        by_name(server)
        assert "certificate" in (await refused(transport, request(server), NotSentError)).lower()
        assert transport.opened == 0


@on_both_loops
async def test_an_expired_certificate_is_not_taken(certified):
    server_tls, client_tls = certified(ends_in=-datetime.timedelta(days=1))
    async with RawServer(forever, server_tls) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        by_name(server)
        assert "expired" in (await refused(transport, request(server), NotSentError)).lower()


@on_both_loops
async def test_a_certificate_that_is_not_valid_yet_is_not_taken(certified):
    server_tls, client_tls = certified(ends_in=3 * YEAR)
    async with RawServer(forever, server_tls) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        by_name(server)
        assert "not yet valid" in (await refused(transport, request(server), NotSentError)).lower()


@on_both_loops
async def test_a_certificate_that_nobody_trusts_is_not_taken(certified):
    server_tls, _ = certified()
    async with RawServer(forever, server_tls) as server, PooledHttpxTransport() as transport:
        by_name(server)
        assert "certificate" in (await refused(transport, request(server), NotSentError)).lower()


@pytest.mark.parametrize("ends", ["close", "reset"])
@on_both_loops
async def test_a_handshake_that_is_broken_off_sends_nothing(ends, certified):
    async def behave(peer: Peer) -> None:
        await peer.reader.read(100)
        if ends == "reset":
            peer.reset()

    _, client_tls = certified()
    async with RawServer(behave) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        server.url = server.url.replace("http:", "https:")
        await refused(transport, request(server), NotSentError)


@on_both_loops
async def test_a_handshake_that_drips_ends_at_the_bound_for_connecting(certified):
    async def behave(peer: Peer) -> None:
        peer.send(b"\x16\x03\x03\x40\x00")  # a record of 16 KB is announced
        while True:
            peer.send(b"\x02")
            await asyncio.sleep(0.01)

    _, client_tls = certified()
    async with RawServer(behave) as server, PooledHttpxTransport(ssl_context=client_tls, connect_timeout_s=0.2) as transport:
        server.url = server.url.replace("http:", "https:")
        await refused(transport, request(server), NotSentError)


@on_both_loops
async def test_an_answer_that_is_cut_off_below_tls_is_no_answer(certified):
    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await asyncio.sleep(0.05)
        peer.reset()

    server_tls, client_tls = certified()
    async with RawServer(behave, server_tls) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        by_name(server)
        await refused(transport, request(server), FateUnknownError)


@on_both_loops
async def test_an_answer_without_a_length_that_is_cut_off_below_tls_is_no_answer(certified):
    """Whoever can cut the connection could else shorten it, since its end is all that tells where the body ends."""

    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(b'HTTP/1.1 200 OK\r\n\r\n{"price":"1')
        await asyncio.sleep(0.05)
        peer.cut()

    server_tls, client_tls = certified()
    async with RawServer(behave, server_tls) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        by_name(server)
        await refused(transport, request(server), FateUnknownError)


@on_both_loops
async def test_a_server_that_ends_tls_while_a_request_is_under_way_leaves_its_fate_unknown(certified):
    server_tls, client_tls = certified()
    async with RawServer(answering(b""), server_tls) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        by_name(server)
        await refused(transport, request(server), FateUnknownError)


@on_both_loops
async def test_connections_over_tls_end_when_the_server_ends_them(certified):
    async def behave(peer: Peer) -> None:
        await peer.request()
        peer.send(OK)
        await peer.writer.drain()
        peer.writer.close()
        await hang()

    server_tls, client_tls = certified()
    async with RawServer(behave, server_tls) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        by_name(server)
        for number in range(1, 4):
            assert (await transport.handle_async_request(request(server))).content == b"ok"
            while transport.idle:  # noqa: ASYNC110  # until the end has arrived
                await asyncio.sleep(0.001)
            assert server.accepted == number


@pytest.mark.parametrize("size", [1, 16_384, 256 * 1024, 1_000_000])
@pytest.mark.parametrize("is_last", [False, True], ids=["stays open", "ends with it"])
@on_both_loops
async def test_an_answer_of_any_size_comes_whole_over_tls(size: int, is_last: bool, certified):
    body = random.Random(size).randbytes(size)

    async def behave(peer: Peer) -> None:
        while True:
            await peer.request()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + body)
            if is_last:
                return

    server_tls, client_tls = certified()
    async with RawServer(behave, server_tls) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        by_name(server)
        for _ in range(3):
            assert (await transport.handle_async_request(request(server, "GET"))).content == body


@on_both_loops
async def test_bytes_that_are_no_tls_end_the_connection_and_leave_the_fate_unknown(certified):
    async def behave(peer: Peer) -> None:
        await peer.request()
        os.write(peer.writer.get_extra_info("socket").fileno(), b"\x17\x03\x03\x00\x20" + b"forged" * 10)
        await hang()

    server_tls, client_tls = certified()
    async with RawServer(behave, server_tls) as server, PooledHttpxTransport(ssl_context=client_tls) as transport:
        by_name(server)
        await refused(transport, request(server), FateUnknownError)
        assert transport.idle == 0


class Wire:
    """The transport of a socket that is none: what was written, and whether it was ended."""

    def __init__(self) -> None:
        self.written = b""
        self.ended = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.ended = True


@pytest.mark.parametrize("given_up", [False, True])
async def test_a_handshake_that_was_given_up_in_the_moment_it_ends_goes_no_further(given_up: bool, certified):
    server_tls, client_tls = certified()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_tls.wrap_bio(incoming, outgoing, server_side=True)
    above, wire, buffer = Mock(), Wire(), memoryview(bytearray(65_536))
    layer = TlsLayer(client_tls, "localhost", above, buffer)
    layer.connection_made(wire)
    incoming.write(wire.written)
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    if given_up:
        layer.up.cancel()  # as a cancelled task does at once, before it comes to run and ends the connection
    flight = outgoing.read()
    buffer[: len(flight)] = flight
    layer.buffer_updated(len(flight))
    assert above.connection_made.called is not given_up
    layer.abort()
    layer.connection_lost(None)
    assert wire.ended
    assert above.connection_lost.called is not given_up
