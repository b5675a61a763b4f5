"""HTTP/1.1 requests as the bytes of a single write, refused when a part of them could smuggle in another request."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from binance_trade_agent.binance.content_decoding import ACCEPT_ENCODING, decodable_only
from binance_trade_agent.domain.errors import NotSentError

_BODY_METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
# RFC 9110 and 9112: tokens for method and names, no white space in the target, no CR, LF or NUL in a value.
_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEAD: Final = re.compile(_TOKEN + rb" [!-~]+ HTTP/1\.1\r\n(?:" + _TOKEN + rb": [^\r\n\0]*\r\n)+\r\n")


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request ready to write; `closes` when it asks for the connection to be closed after it."""

    method: str
    payload: bytes
    closes: bool


def encode_request(method: str, target: bytes, host: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> WireRequest:
    """Head and body of a request.

    `host` is used when `headers` name none. Framing headers are ours: Content-Length is that of `body`. Of Accept-Encoding only
    what content_decoding can undo is sent. Raises NotSentError, without naming the value, for a part that no header may hold.
    """
    lines = [b"%b %b HTTP/1.1" % (method.encode("ascii", "replace"), target)]
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
    if body or method in _BODY_METHODS:
        lines.append(b"Content-Length: %d" % len(body))
    head = b"\r\n".join((*lines, b"", b""))
    # The pattern alone would take a value with a whole header line in it for two headers; the count of lines tells them apart.
    if _HEAD.fullmatch(head) is None or head.count(b"\n") != len(lines) + 1:
        raise NotSentError("the request holds a character that HTTP does not allow in a method, target, header name or header value")
    return WireRequest(method, head + body, closes)
