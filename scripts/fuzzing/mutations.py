"""Hypothesis strategies that spoil right answers: in a value, in the structure, in the text, and in the bytes."""

import copy
import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

Json = Any

MOST_BYTES = 64 * 1024

# Put into the text as they are, without quotes: what JSON's own writer would never write.
_RAW = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1e999",
    "1E-999",
    "0x10",
    "01",
    "-",
    "1.",
    "9" * 400,
    "0." + "0" * 400 + "1",
    "tru",
    "{",
    "]",
)
_NO_NUMBERS = ("", " ", "NaN", "nan", "Infinity", "-inf", "sNaN", "1e999", "1e-999", "1E400", "-1", "+1", "1_000", ".5", "5.", "1,5")
_LONG_NUMBERS = ("0" * 50, "9" * 5_000, "0." + "0" * 300 + "1")
_WORDS = ("\u0661\u0662", "\ud800", "\x00", "BTCUSDT\n", "<html>", "TRADING", "\u6d4b\u8bd5USDT")
_NUMBERS = (0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, -(2**64), 10**30, 1.5, -0.0, 1e308, 5e-324)

_strange = st.one_of(
    st.sampled_from((*_NO_NUMBERS, *_LONG_NUMBERS, *_WORDS)),
    st.sampled_from(_NUMBERS),
    st.sampled_from([f"@raw:{index}@" for index in range(len(_RAW))]),
    st.sampled_from([None, True, False]),
    st.builds(list),
    st.builds(dict),
    st.text(max_size=8),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(1, 3_000).map(lambda depth: f"@deep:{depth}@"),
)


@st.composite
def hostile_bodies(draw: st.DrawFn, seeds: Sequence[Json]) -> bytes:
    """A body made of one of `seeds` by a few changes; now and then without any, so that right answers are met as well."""
    value = copy.deepcopy(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 3))):
        value = _changed(draw, value)
    body = _text_of(value).encode("utf-8", "surrogatepass")
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 2)))):
        body = _spoiled(draw, body)
    return body[:MOST_BYTES]


def _changed(draw: st.DrawFn, value: Json) -> Json:
    """One change at a place that is reached by going down from the root as long as the draw says so."""
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 4)) == 0:
        return draw(_strange)
    key = draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
    match draw(st.integers(0, 6)):
        case 0:
            del value[key]
        case 1 if isinstance(value, dict):
            value[draw(st.text(max_size=6))] = draw(_strange)
        case 1:
            value += [value[key]] * draw(st.sampled_from((1, 2, 500)))
        case _:
            value[key] = _changed(draw, value[key])
    return value


def _text_of(value: Json) -> str:
    text = json.dumps(value, separators=(",", ":"))
    for index, raw in enumerate(_RAW):
        text = text.replace(f'"@raw:{index}@"', raw)
    head, mark, tail = text.partition('"@deep:')
    if mark:
        depth, _, tail = tail.partition('@"')
        text = head + "[" * int(depth) + "]" * int(depth) + tail
    return text


def _spoiled(draw: st.DrawFn, body: bytes) -> bytes:
    """Bytes put in, taken out or cut off."""
    at = draw(st.integers(0, len(body)))
    match draw(st.integers(0, 3)):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + draw(st.binary(max_size=4)) + body[at:]
        case 2:
            return body[:at] + body[at + draw(st.integers(1, 4)) :]
        case _:
            return body + body[at:]


@st.composite
def hostile_responses(draw: st.DrawFn) -> list[bytes]:
    """The bytes of an HTTP response, right or wrong, in the pieces in which they come."""
    head = draw(st.sampled_from(_STATUS_LINES)) + b"".join(draw(st.lists(st.sampled_from(_HEADERS), max_size=6))) + b"\r\n"
    content = draw(st.binary(max_size=200))
    body = draw(st.sampled_from((content, _chunked(draw, content), b"")))
    response = head + body
    for _ in range(draw(st.sampled_from((0, 0, 1, 2)))):
        response = _spoiled(draw, response)
    response = response * draw(st.sampled_from((1, 1, 1, 2)))
    cuts = sorted(draw(st.lists(st.integers(0, len(response)), max_size=5)))
    return [response[start:end] for start, end in zip([0, *cuts], [*cuts, len(response)], strict=True)]


def _chunked(draw: st.DrawFn, content: bytes) -> bytes:
    size = draw(st.integers(1, 64))
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    extension = draw(st.sampled_from((b"", b";a=b", b" ", b";" + b"x" * 200)))
    return b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces) + draw(st.sampled_from(_LAST_CHUNKS))


_STATUS_LINES = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 204 No Content\r\n",
    b"HTTP/1.1 304\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n",
    b"HTTP/1.1 502 Bad Gateway\r\n",
    b"HTTP/2 200\r\n",
    b"HTTP/1.1 99999 x\r\n",
    b"HTTP/9.9 200 OK\r\n",
    b"ICY 200 OK\r\n",
    b"\r\n",
    b"GET / HTTP/1.1\r\n",
)
_HEADERS = (
    b"Content-Length: 200\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 5, 5\r\n",
    b"Content-Length: 99999999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Encoding: deflate\r\n",
    b"Content-Encoding: br\r\n",
    b"Content-Encoding: gzip, deflate, gzip\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive, upgrade\r\n",
    b"Upgrade: websocket\r\n",
    b"Retry-After: 120\r\n",
    b"X-MBX-USED-WEIGHT-1M: NaN\r\n",
    b"x: \xff\xfe\r\n",
    b" folded: line\r\n",
    b"no colon\r\n",
    b": no name\r\n",
    b"long: " + b"x" * 3_000 + b"\r\n",
)
_LAST_CHUNKS = (
    b"0\r\n\r\n",
    b"0\r\nX-Trailer: y\r\n\r\n",
    b"0\r\n" + b"X: y\r\n" * 300 + b"\r\n",
    b"0\r\n",
    b"",
    b"-1\r\n\r\n",
    b"ffffffffffffffff\r\n",
)
