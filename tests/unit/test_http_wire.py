"""Requests as bytes and responses from bytes: what is refused, and that the pieces in which bytes arrive change nothing."""

import gzip
import itertools
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_trade_agent.binance.content_decoding import BodyDecoder, codings_of, decodable_only
from binance_trade_agent.binance.http_request import encode_request
from binance_trade_agent.binance.http_response import ResponseLimits, ResponseReader, WireResponse
from binance_trade_agent.domain.errors import BadAnswerError, NotSentError

LIMITS = ResponseLimits(max_header_bytes=65536, max_body_bytes=1_000_000)


def test_a_request_is_written_as_http_1_1_says():
    wire = encode_request(
        "POST", b"/api?a=1", b"h:8", [(b"X-Key", b"k"), (b"Content-Length", b"99"), (b"Transfer-Encoding", b"chunked")], b"ab"
    )
    assert wire.payload == (
        b"POST /api?a=1 HTTP/1.1\r\nX-Key: k\r\nHost: h:8\r\nAccept-Encoding: gzip, deflate\r\nContent-Length: 2\r\n\r\nab"
    )
    assert not wire.closes


def test_content_length_is_sent_where_a_body_is_expected():
    assert b"Content-Length: 0\r\n" in encode_request("POST", b"/", b"h", [], b"").payload
    assert b"Content-Length" not in encode_request("GET", b"/", b"h", [], b"").payload


def test_only_codings_that_can_be_undone_are_offered():
    wire = encode_request("GET", b"/", b"h", [(b"accept-encoding", b"gzip, deflate;q=0.5, br, zstd")], b"")
    assert b"accept-encoding: gzip, deflate;q=0.5\r\n" in wire.payload
    assert wire.payload.lower().count(b"accept-encoding") == 1
    assert decodable_only(b"br") == b"identity"


def test_connection_close_is_remembered():
    assert encode_request("GET", b"/", b"h", [(b"Connection", b"Close")], b"").closes


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GET /x HTTP/1.1\r\nA: b\r\n\r\nGET", b"/", []),
        ("GET", b"/ HTTP/1.1\r\nA: b", []),
        ("GET", b"/a b", []),
        ("GET", b"", []),
        ("GÉT", b"/", []),
        ("GET", b"/", [(b"A", b"b\r\nC: d")]),
        ("GET", b"/", [(b"A", b"b\r\n\r\nGET / HTTP/1.1")]),
        ("GET", b"/", [(b"A: b\r\nC", b"d")]),
        ("GET", b"/", [(b"", b"b")]),
        ("GET", b"/", [(b"A ", b"b")]),
        ("GET", b"/", [(b"A", b"b\nC: d")]),
        ("GET", b"/", [(b"A", b"\0")]),
    ],
)
def test_nothing_can_be_smuggled_into_a_request(method, target, headers):
    with pytest.raises(NotSentError):
        encode_request(method, target, b"h", headers, b"")


@given(value=st.binary(max_size=40))
def test_a_header_value_is_sent_as_one_line_or_refused(value):
    plain = encode_request("GET", b"/", b"h", [(b"X-A", b"")], b"").payload
    try:
        payload = encode_request("GET", b"/", b"h", [(b"X-A", value)], b"").payload
    except NotSentError:
        assert set(value) & set(b"\r\n\0")
    else:
        assert payload == plain.replace(b"X-A: \r\n", b"X-A: " + value + b"\r\n")
        assert payload.count(b"\n") == plain.count(b"\n")


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges) if end > start]


def read(pieces: list[bytes]) -> WireResponse:
    reader = ResponseReader("GET", LIMITS)
    for piece in pieces:
        assert not reader.complete
        reader.feed(piece)
    if not reader.complete:
        reader.feed_eof()
    return reader.response()


def framed(body: bytes, framing: str) -> bytes:
    match framing:
        case "length":
            return b"HTTP/1.1 200 Fine\r\nX-A: b\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        case "chunks":
            chunks = b"".join(b"%x;e=1\r\n%b\r\n" % (len(part), part) for part in cut(body, [3, 7, 50]))
            return b"HTTP/1.1 200 Fine\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nX-T: u\r\n\r\n"
        case "close":
            return b"HTTP/1.1 200 Fine\r\nX-A: b\r\n\r\n" + body
        case _:
            packed = gzip.compress(body, mtime=0)
            return b"HTTP/1.1 200 Fine\r\nX-A: b\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed


@given(
    body=st.binary(min_size=1, max_size=200),
    framing=st.sampled_from(["length", "chunks", "close", "gzip"]),
    places=st.lists(st.integers(0, 1000), max_size=12),
)
def test_a_response_is_the_same_in_whatever_pieces_it_comes(body, framing, places):
    response = read(cut(framed(body, framing), places))
    assert (response.status, response.reason, response.http_version, response.body) == (200, b"Fine", b"HTTP/1.1", body)
    assert (b"X-A", b"b") in response.headers
    assert {name for name, _ in response.headers} <= {b"X-A", b"Content-Length"}


@settings(max_examples=300)
@given(
    junk=st.binary(max_size=300),
    head=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
)
def test_junk_ends_in_a_response_or_a_bad_answer_and_nothing_else(junk, head):
    reader = ResponseReader("GET", LIMITS)
    try:
        for piece in cut(head + junk, [9, 40, 100]):
            if reader.complete:
                break
            reader.feed(piece)
        reader.feed_eof()
    except BadAnswerError:
        pass
    else:
        assert reader.complete


@given(body=st.binary(min_size=1, max_size=5000), cap=st.integers(1, 6000), coding=st.sampled_from([b"gzip", b"deflate"]))
def test_the_cap_on_decoded_bytes_is_exact(body, cap, coding):
    packed = gzip.compress(body, mtime=0) if coding == b"gzip" else zlib.compress(body)
    decoder = BodyDecoder((coding,), cap)
    if len(body) <= cap and len(packed) <= cap:
        for piece in cut(packed, [1, 2, 30]):
            decoder.feed(piece)
        assert decoder.finish() == body
    else:
        with pytest.raises(BadAnswerError):
            decoder.feed(packed)


def test_endless_empty_blocks_are_capped_by_what_came_over_the_wire():
    decoder = BodyDecoder((b"deflate",), 1000)
    decoder.feed(b"\x78\x9c")

    def send_nothing_for_ever() -> None:
        while True:
            decoder.feed(b"\0\0\0\xff\xff")  # a stored block of length 0

    with pytest.raises(BadAnswerError):
        send_nothing_for_ever()


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        (b"gzip", gzip.compress(b"x", mtime=0) + b"trailing"),
        (b"deflate", zlib.compress(b"x") + b"trailing"),
        (b"deflate", b"\x78"),
        (b"gzip", gzip.compress(b"x" * 100, mtime=0)[:-1]),
        (b"gzip", gzip.compress(b"x" * 100, mtime=0)[:-8] + b"\0" * 8),
    ],
)
def test_damaged_codings_are_found(coding, data):
    decoder = BodyDecoder((coding,), 1000)

    def decode() -> None:
        decoder.feed(data)
        decoder.finish()

    with pytest.raises(BadAnswerError):
        decode()


def test_content_encodings_are_read_as_a_list():
    assert codings_of([b"gzip , identity", b"Deflate"]) == (b"gzip", b"deflate")
    for odd in ([b"br"], [b"gzip,gzip,gzip"], [b"gzip;q=1"]):
        with pytest.raises(BadAnswerError):
            codings_of(odd)
