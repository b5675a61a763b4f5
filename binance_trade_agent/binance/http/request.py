"""HTTP/1.1 requests as the bytes of a single write, refused when a part of them could smuggle in another request."""

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from binance_trade_agent.binance.http.content_decoding import ACCEPT_ENCODING, decodable_only
from binance_trade_agent.domain.errors import NotSentError

_BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
# RFC 9110 and 9112: tokens for method and names, no white space in the target, no CR, LF or NUL in a value.
_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LINES: Final = re.compile(rb"(?:" + _TOKEN + rb": [^\r\n\0]*\r\n)+")
_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_USUAL_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE"})
_REFUSAL: Final = "the request holds a character that HTTP does not allow in a method, target, header name or header value"


class WireRequest(msgspec.Struct, frozen=True, gc=False):
    """One request ready to write; `closes` when it asks for the connection to be closed after it."""

    method: str
    payload: bytes
    closes: bool

    def __repr__(self) -> str:
        """Without the payload, which may hold key and signature."""
        return f"WireRequest({self.method}, {len(self.payload)} bytes)"


class HeaderLines(msgspec.Struct, frozen=True, gc=False):
    """Header lines that any number of requests may carry; `closes` when they ask for the connection to be closed."""

    text: bytes
    closes: bool

    def __repr__(self) -> str:
        """Without the lines, one of which may hold the key."""
        return f"HeaderLines({len(self.text)} bytes)"


def encode_headers(host: bytes, headers: Iterable[tuple[bytes, bytes]]) -> HeaderLines:
    """The lines of `headers`, which need not name the `host`.

    Framing headers are left out, because they are those of the body that is sent. Of Accept-Encoding only what content_decoding can
    undo is offered. Raises NotSentError, without naming the value, for what no header may hold.
    """
    lines = []
    has_host = has_accept_encoding = closes = False
    for name, given in headers:
        value = given
        match name.lower():
            case b"content-length" | b"transfer-encoding":
                continue
            case b"host":
                has_host = True
            case b"accept-encoding":
                has_accept_encoding = True
                value = decodable_only(given)
            case b"connection":
                closes = closes or b"close" in value.lower()
        lines.append(name + b": " + value)
    if not has_host:
        lines.append(b"Host: " + host)
    if not has_accept_encoding:
        lines.append(b"Accept-Encoding: " + ACCEPT_ENCODING)
    text = b"\r\n".join((*lines, b""))
    # The pattern alone would take a value with a whole header line in it for two headers; the count of lines tells them apart.
    if _LINES.fullmatch(text) is None or text.count(b"\n") != len(lines):
        raise NotSentError(_REFUSAL)
    return HeaderLines(text, closes)


def encode_request(method: str, target: str, lines: HeaderLines, body: bytes) -> WireRequest:
    """Head and body of a request; NotSentError, without naming the value, for a method or target that HTTP does not allow."""
    # Printable ASCII without the blank, told without a regular expression, because signed targets are long.
    if not (target.isascii() and target.isprintable() and target and " " not in target):
        raise NotSentError(_REFUSAL)
    if method not in _USUAL_METHODS and _METHOD.fullmatch(method) is None:
        raise NotSentError(_REFUSAL)
    head = f"{method} {target} HTTP/1.1\r\n".encode("ascii")
    if body or method in _BODY_METHODS:
        return WireRequest(method, b"%b%bContent-Length: %d\r\n\r\n%b" % (head, lines.text, len(body), body), lines.closes)
    return WireRequest(method, head + lines.text + b"\r\n", lines.closes)
