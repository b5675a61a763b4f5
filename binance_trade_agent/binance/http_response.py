"""One HTTP/1.x response put together from the bytes of the wire, without I/O, with bounds on all that a server may send.

Framing is judged by llhttp (through httptools) in its strict mode; whatever is malformed, too large or cut short is a BadAnswerError.
"""

from typing import Final

import httptools
import msgspec

from binance_trade_agent.binance.content_decoding import BodyDecoder, codings_of
from binance_trade_agent.binance.http_head import ResponseHead, cut_head
from binance_trade_agent.domain.errors import BadAnswerError

# What a chunk of the chunked coding may cost beside its data: size line, line ends and a little more.
CHUNK_OVERHEAD_BYTES: Final = 16
_BODYLESS: Final = frozenset({204, 304})
_CONTENT_LENGTH: Final = b"\r\ncontent-length:"
_CONTENT_ENCODING: Final = b"\r\ncontent-encoding:"
_TRANSFER_ENCODING: Final = b"\r\ntransfer-encoding:"


class ResponseLimits(msgspec.Struct, frozen=True):
    """How much a server may send: head, trailers and framing in one bound, the body (encoded, and decoded) in the other."""

    max_header_bytes: int
    max_body_bytes: int


class WireResponse(msgspec.Struct, frozen=True):
    """A complete response; `body` is decoded, `was_coded` tells that a content coding was undone for that."""

    status: int
    headers: ResponseHead
    body: bytes
    was_coded: bool


class ResponseReader:
    """Takes the bytes that follow one request until its response is complete. Interim (1xx) responses are passed over.

    `started` tells whether any byte has come; `complete` that the response is there; `keep_alive`, once it is, that the server
    will take another request on the connection.
    """

    # What most responses never change stands in the class, so that beginning a response costs little.
    complete = False
    keep_alive = False
    _wire_bytes = 0
    _body_bytes = 0
    _chunks = 0
    _status = 0
    _unparsed = b""  # bytes of a head whose end has not come
    _head: ResponseHead | None = None
    _has_body = False
    _decoder: BodyDecoder | None = None
    _ends_with_connection = False
    _first_piece = b""
    _more_pieces: list[bytes] | None = None
    _body = b""
    _fault: BadAnswerError | None = None

    def __init__(self, method: str, limits: ResponseLimits) -> None:
        self._is_head = method == "HEAD"
        self._limits = limits
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
        if self._head is None:
            self._unparsed = self._unparsed + data if self._unparsed else data
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
        assert self._head is not None  # noqa: S101 - a response is complete only after its head
        return WireResponse(self._status, self._head, self._body, self._decoder is not None)

    # What httptools calls. Headers are not asked of it: they are read from the bytes themselves, and only those that somebody needs.

    def on_message_begin(self) -> None:
        """A status line begins; a second one after the final response is data that nobody asked for."""
        if self.complete:
            self._fault = self._fault or BadAnswerError("bytes came after the end of the response")

    def on_headers_complete(self) -> None:
        """The head is there: decide how the body is delimited and coded."""
        parser = self._parser
        if parser is None or self._fault is not None or self.complete:
            return
        self._status = status = parser.get_status_code()
        try:
            head, rest = cut_head(self._unparsed)
            if status >= 200:
                self._head, self._unparsed = head, b""
                self.keep_alive = parser.should_keep_alive()
                if self._is_head or status in _BODYLESS:
                    self.complete = True
                else:
                    self._begin_body(head)
            elif status < 100 or status == 101:
                raise BadAnswerError("the response has a status that was not asked for")
            else:
                self._unparsed = rest
        except BadAnswerError as error:
            self._fault = error

    def on_chunk_header(self) -> None:
        """A chunk begins."""
        self._chunks += 1

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(data)
        if self._fault is not None:
            return
        if not self._has_body:
            self._fault = BadAnswerError("a body came where there can be none")
        elif self._decoder is not None:
            try:
                self._decoder.feed(data)
            except BadAnswerError as error:
                self._fault = error
        elif self._body_bytes > self._limits.max_body_bytes:
            self._fault = BadAnswerError(f"the body is larger than {self._limits.max_body_bytes} bytes")
        elif not self._first_piece:
            self._first_piece = data
        elif self._more_pieces is None:
            self._more_pieces = [data]
        else:
            self._more_pieces.append(data)

    def on_message_complete(self) -> None:
        """The message is there; an interim one makes room for the next."""
        if self._fault is None and not self.complete and self._status >= 200:
            self._finish()

    def _begin_body(self, head: ResponseHead) -> None:
        self._has_body = True
        lines = head.lower
        if _TRANSFER_ENCODING in lines:
            if head.values(_TRANSFER_ENCODING) != [b"chunked"]:
                raise BadAnswerError("the body has a transfer coding other than chunked")
        else:
            self._ends_with_connection = _CONTENT_LENGTH not in lines
        if _CONTENT_ENCODING in lines:
            codings = codings_of(head.values(_CONTENT_ENCODING))
            if codings:
                self._decoder = BodyDecoder(codings, self._limits.max_body_bytes)

    def _finish(self) -> None:
        if not self._has_body:
            return
        if self._decoder is None:
            self._body = self._first_piece if self._more_pieces is None else b"".join((self._first_piece, *self._more_pieces))
        else:
            try:
                self._body = self._decoder.finish()
            except BadAnswerError as error:
                self._fault = error
                return
        self.complete = True
