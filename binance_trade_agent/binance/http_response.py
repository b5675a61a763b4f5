"""One HTTP/1.x response put together from the bytes of the wire, without I/O, with bounds on all that a server may send.

Framing is judged by llhttp (through httptools) in its strict mode; whatever is malformed, too large or cut short is a BadAnswerError.
"""

from dataclasses import dataclass
from typing import Final

import httptools

from binance_trade_agent.binance.content_decoding import BodyDecoder, codings_of
from binance_trade_agent.domain.errors import BadAnswerError

# What a chunk of the chunked coding may cost beside its data: size line, line ends and a little more.
CHUNK_OVERHEAD_BYTES: Final = 16
_BODYLESS: Final = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class ResponseLimits:
    """How much a server may send: head, trailers and framing in one bound, the body (encoded, and decoded) in the other."""

    max_header_bytes: int
    max_body_bytes: int


@dataclass(frozen=True, slots=True)
class WireResponse:
    """A complete response; `body` is decoded and `headers` no longer describe the framing or a coding that was undone."""

    status: int
    http_version: bytes
    reason: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes


class ResponseReader:
    """Takes the bytes that follow one request until its response is complete. Interim (1xx) responses are passed over.

    `started` tells whether any byte has come; `complete` that the response is there; `keep_alive`, once it is, that the server
    will take another request on the connection.
    """

    def __init__(self, method: str, limits: ResponseLimits) -> None:
        self.complete = False
        self.keep_alive = False
        self._is_head = method == "HEAD"
        self._limits = limits
        self._wire_bytes = 0
        self._body_bytes = 0
        self._chunks = 0
        self._status = 0
        self._http_version = ""
        self._reason = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._codings: tuple[bytes, ...] = ()
        self._decoder: BodyDecoder | None = None
        self._ends_with_connection = False
        self._body = b""
        self._fault: BadAnswerError | None = None
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    @property
    def started(self) -> bool:
        """Whether any byte of a response has come."""
        return self._wire_bytes > 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes; BadAnswerError when they cannot be a part of one well-formed response within the limits."""
        self._wire_bytes += len(data)
        if self._parser is None:
            raise BadAnswerError("bytes came after the end of the response")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fault = self._fault or BadAnswerError("the server switched to another protocol")
        except httptools.HttpParserError as error:
            # The parser's words are fixed phrases about the grammar; they hold none of the bytes.
            self._fault = self._fault or BadAnswerError(f"the response is malformed: {error}")
        overhead_bytes = self._wire_bytes - self._body_bytes - self._chunks * CHUNK_OVERHEAD_BYTES
        if overhead_bytes > self._limits.max_header_bytes:
            self._fault = self._fault or BadAnswerError(f"headers are larger than {self._limits.max_header_bytes} bytes")
        if self._fault is not None or self.complete:
            # The parser holds this object's methods: letting go of it here leaves no cycle for the garbage collector.
            self._parser = None
        if self._fault is not None:
            raise self._fault

    def feed_eof(self) -> None:
        """The server closed: completes a body that is delimited by that; BadAnswerError when something is missing."""
        self._parser = None
        if not self.complete:
            if not self._ends_with_connection:
                raise BadAnswerError("the connection was closed before the response was complete")
            self._finish()
            if self._fault is not None:
                raise self._fault

    def response(self) -> WireResponse:
        """The response, once `complete`."""
        undone = {b"transfer-encoding"}
        if self._decoder is not None and self._codings:
            undone |= {b"content-encoding", b"content-length"}
        headers = [item for item in self._headers if item[0].lower() not in undone]
        return WireResponse(self._status, b"HTTP/" + self._http_version.encode("ascii"), self._reason, headers, self._body)

    # What httptools calls.

    def on_message_begin(self) -> None:
        """A status line begins; a second one after the final response is data that nobody asked for."""
        if self.complete:
            self._fault = self._fault or BadAnswerError("bytes came after the end of the response")

    def on_status(self, reason: bytes) -> None:
        """A piece of the reason phrase."""
        self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; those of the trailer are dropped, as nothing here asks for them."""
        if self._decoder is None:
            self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """The head is there: decide how the body is delimited and coded."""
        if self._parser is None or self._fault is not None or self.complete:
            return
        self._status = self._parser.get_status_code()
        self._http_version = self._parser.get_http_version()
        if self._status < 100 or self._status == 101 or self._http_version not in ("1.0", "1.1"):
            self._fault = BadAnswerError("the response has a status or protocol version that was not asked for")
        elif self._status >= 200:
            self.keep_alive = self._parser.should_keep_alive()
            if self._is_head or self._status in _BODYLESS:
                self.complete = True
            else:
                self._begin_body()

    def on_chunk_header(self) -> None:
        """A chunk begins."""
        self._chunks += 1

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(data)
        if self._fault is not None:
            return
        if self._decoder is None:
            self._fault = BadAnswerError("a body came where there can be none")
            return
        try:
            self._decoder.feed(data)
        except BadAnswerError as error:
            self._fault = error

    def on_message_complete(self) -> None:
        """The message is there; an interim one makes room for the next."""
        if self._fault is not None or self.complete:
            return
        if self._status < 200:
            self._headers.clear()
            self._reason = b""
        else:
            self._finish()

    def _begin_body(self) -> None:
        encodings: list[bytes] = []
        self._ends_with_connection = True
        for name, value in self._headers:
            match name.lower():
                case b"content-encoding":
                    encodings.append(value)
                case b"content-length":
                    self._ends_with_connection = False
                case b"transfer-encoding":
                    self._ends_with_connection = False
                    if value.lower() != b"chunked":
                        self._fault = BadAnswerError("the body has a transfer coding other than chunked")
        try:
            self._codings = codings_of(encodings)
        except BadAnswerError as error:
            self._fault = error
        self._decoder = BodyDecoder(self._codings, self._limits.max_body_bytes)

    def _finish(self) -> None:
        if self._decoder is None:
            return
        try:
            self._body = self._decoder.finish()
        except BadAnswerError as error:
            self._fault = error
        else:
            self.complete = True
