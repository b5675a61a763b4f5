"""Requests as bytes and responses from bytes: what is refused, and that the pieces in which bytes arrive change nothing."""

import contextlib
import gzip
import itertools
import zlib

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_trade_agent.binance.http.content_decoding import BodyDecoder, codings_of, decodable_only
from binance_trade_agent.binance.http.request import WireRequest, encode_headers
from binance_trade_agent.binance.http.request import encode_request as encode_wire
from binance_trade_agent.binance.http.response import ResponseLimits, ResponseReader, WireResponse
from binance_trade_agent.binance.http.whole_responses import WholeResponses
from binance_trade_agent.binance.rest_transport import RestRequest
from binance_trade_agent.binance.route import Route
from binance_trade_agent.domain.errors import BadAnswerError, NotSentError
from binance_trade_agent.domain.lane import Lane

LIMITS = ResponseLimits(max_header_bytes=65536, max_body_bytes=1_000_000)


def encode_request(method: str, target: str, host: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> WireRequest:
    return encode_wire(method, target, encode_headers(host, headers), body)


def test_a_request_is_written_as_http_1_1_says():
    wire = encode_request(
        "POST", "/api?a=1", b"h:8", [(b"X-Key", b"k"), (b"Content-Length", b"99"), (b"Transfer-Encoding", b"chunked")], b"ab"
    )
    assert wire.payload == (
        b"POST /api?a=1 HTTP/1.1\r\nX-Key: k\r\nHost: h:8\r\nAccept-Encoding: gzip, deflate\r\nContent-Length: 2\r\n\r\nab"
    )
    assert not wire.closes


def test_content_length_is_sent_where_a_body_is_expected():
    assert b"Content-Length: 0\r\n" in encode_request("POST", "/", b"h", [], b"").payload
    assert b"Content-Length" not in encode_request("GET", "/", b"h", [], b"").payload


def test_only_codings_that_can_be_undone_are_offered():
    wire = encode_request("GET", "/", b"h", [(b"accept-encoding", b"gzip, deflate;q=0.5, br, zstd")], b"")
    assert b"accept-encoding: gzip, deflate;q=0.5\r\n" in wire.payload
    assert wire.payload.lower().count(b"accept-encoding") == 1
    assert decodable_only(b"br") == b"identity"


def test_connection_close_is_remembered():
    assert encode_request("GET", "/", b"h", [(b"Connection", b"Close")], b"").closes


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        ("GET /x HTTP/1.1\r\nA: b\r\n\r\nGET", "/", []),
        ("GET", "/ HTTP/1.1\r\nA: b", []),
        ("GET", "/a b", []),
        ("GET", "/a\u2028b", []),
        ("GET", "/a\x7f", []),
        ("GET", "", []),
        ("GÉT", "/", []),
        ("", "/", []),
        ("GET", "/", [(b"A", b"b\r\nC: d")]),
        ("GET", "/", [(b"A", b"b\r\n\r\nGET / HTTP/1.1")]),
        ("GET", "/", [(b"A: b\r\nC", b"d")]),
        ("GET", "/", [(b"", b"b")]),
        ("GET", "/", [(b"A ", b"b")]),
        ("GET", "/", [(b"A", b"b\nC: d")]),
        ("GET", "/", [(b"A", b"\0")]),
    ],
)
def test_nothing_can_be_smuggled_into_a_request(method, target, headers):
    with pytest.raises(NotSentError):
        encode_request(method, target, b"h", headers, b"")


@given(value=st.binary(max_size=40))
def test_a_header_value_is_sent_as_one_line_or_refused(value):
    plain = encode_request("GET", "/", b"h", [(b"X-A", b"")], b"").payload
    try:
        payload = encode_request("GET", "/", b"h", [(b"X-A", value)], b"").payload
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
    head = response.headers
    assert (response.status, head.reason, head.http_version, response.body) == (200, b"Fine", b"HTTP/1.1", body)
    assert (head.get("x-a"), head.get("x-t"), head.get("a")) == ("b", None, None)
    assert (b"X-A", b"b") in head.items()


class HeadersOfLlhttp:
    """What httptools itself makes of a head."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value.strip(b" \t")))


@settings(max_examples=300)
@given(
    lines=st.lists(
        st.one_of(
            st.tuples(st.from_regex(rb"[A-Za-z-]{1,12}", fullmatch=True), st.binary(max_size=12)).map(b": ".join),
            st.binary(max_size=20),
            st.sampled_from([b"X-A:b", b"x-a: c", b"X-A:\tc \t", b"X-B : c", b" folded", b"X-A: x-a: d", b"Content-Length: 0", b""]),
        ),
        max_size=6,
    ),
    line_end=st.sampled_from([b"\r\n", b"\r\n", b"\n", b"\r"]),
)
def test_headers_are_those_that_llhttp_finds(lines, line_end):
    data = b"HTTP/1.1 200 OK\r\n" + b"".join(line + line_end for line in lines) + b"Content-Length: 0\r\n\r\n"
    theirs = HeadersOfLlhttp()
    try:
        reader = ResponseReader("HEAD", LIMITS)
        reader.feed(data)
    except BadAnswerError:
        return  # refused, which no test of headers can find wrong
    parser = httptools.HttpResponseParser(theirs)
    with contextlib.suppress(httptools.HttpParserError):  # what follows the head is of no interest here
        parser.feed_data(data)
    if reader.complete:
        head = reader.response().headers
        assert head.items() == theirs.headers
        for name, _ in theirs.headers:
            first = next(value for other, value in theirs.headers if other.lower() == name.lower())
            assert head.get(name.decode("ascii").lower()) == first.decode("latin-1")


FRAGMENTS = [
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 204 No\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 101 Switch\r\n"),
    *(
        b"Content-Length: 5\r\n",
        b"content-length:5\r\n",
        b"Content-Length: 0\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Encoding: gzip\r\n",
    ),
    *(b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"connection: Upgrade\r\nUpgrade: h2c\r\n", b"Proxy-Connection: close\r\n"),
    *(b"X-A: b\r\n", b"X-A : b\r\n", b" folded\r\n", b"\r\n", b"\n", b"\0", b"\xff: \xff\r\n"),
    *(b"\r\nhello", b"\r\n5\r\nhello\r\n0\r\n\r\n", b"\r\n\r\n\r\n\r\n"),
]
ORDINARY = b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"


@settings(max_examples=1_000)
@given(
    lines=st.lists(st.sampled_from(FRAGMENTS), max_size=4),
    ending=st.sampled_from([b"\r\nhello", b"\r\n", b"\r\nhell", b"\r\nhello\r\n", b"\r\n\r\n\r\n\r\n"]),
    begins_well=st.booleans(),
)
def test_what_is_read_at_a_glance_is_what_is_read_step_by_step(lines, ending, begins_well):
    data = (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" if begins_well else b"") + b"".join(lines) + ending
    glance = WholeResponses(LIMITS)
    seen = glance.read(memoryview(data))
    assert glance.read(memoryview(ORDINARY)) is not None  # whatever came before
    if seen is not None:
        reader = ResponseReader("GET", LIMITS)
        reader.feed(data)
        assert reader.complete
        assert reader.keep_alive
        read = reader.response()
        assert (seen.status, seen.body, seen.was_coded) == (read.status, read.body, read.was_coded)
        assert seen.headers.items() == read.headers.items()


@pytest.mark.parametrize("body", [b"{}", b"x" * 100_000])
def test_ordinary_responses_are_read_at_a_glance_and_the_limits_hold(body):
    data = memoryview(framed(body, "length"))
    roomy, exact = WholeResponses(LIMITS), WholeResponses(ResponseLimits(len(data) - len(body), len(body)))
    for glance in (roomy, exact):
        for _ in range(3):
            response = glance.read(data)
            assert response is not None
            assert response.body == body
    assert WholeResponses(ResponseLimits(len(data) - len(body) - 1, 1_000_000)).read(data) is None
    assert WholeResponses(ResponseLimits(65536, len(body) - 1)).read(data) is None


@pytest.mark.parametrize("blank", [b"\r\n", b"\r\n\r\n", b"\n"])
def test_blank_lines_before_the_status_line_are_refused(blank):
    with pytest.raises(BadAnswerError):
        read([blank + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])


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


def test_nothing_that_carries_key_or_signature_shows_it():
    route = Route("https://exchange.test", {"X-MBX-APIKEY": "s3cr3t-key"})
    request = RestRequest("POST", "/api/v3/order", "symbol=A&signature=s3cr3t", route, Lane.ORDERS, 1.0, b"s3cr3t")
    wire = encode_wire("POST", "/api/v3/order?signature=s3cr3t", route.lines, b"s3cr3t")
    shown = f"{request} {request!r} {wire} {wire!r} {route!r} {route.lines!r}"
    assert "s3cr3t" not in shown
    assert "POST /api/v3/order" in shown
