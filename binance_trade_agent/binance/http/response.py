"""One HTTP/1.x response put together from the bytes of the wire, without I/O, with bounds on all that a server may send.

Framing is judged by llhttp (through httptools) in its strict mode; whatever is malformed, too large or cut short is a BadAnswerError.
"""

from enum import Enum, auto
from typing import Final

import httptools
import msgspec

from binance_trade_agent.binance.http.content_decoding import BodyDecoder, codings_of
from binance_trade_agent.binance.http.head import HEAD_END, ResponseHead
from binance_trade_agent.binance.rest_transport import RestResponse
from binance_trade_agent.domain.errors import BadAnswerError

# What a chunk of the chunked coding may cost beside its data: size line, line ends and a little more.
CHUNK_OVERHEAD_BYTES: Final = 16
_BODYLESS: Final = frozenset({204, 304})
_ANY_ENCODING: Final = "-encoding:"
_LENGTH_DIGITS: Final = 15
HTTP_1: Final = b"HTTP/1."


class _Framing(Enum):
    """What tells where the body ends."""

    NONE = auto()
    LENGTH = auto()
    CHUNKED = auto()
    UNTIL_CLOSE = auto()


class ResponseLimits(msgspec.Struct, frozen=True):
    """How much a server may send: head, trailers and framing in one bound, the body (encoded, and decoded) in the other."""

    max_header_bytes: int
    max_body_bytes: int


class WireResponse(RestResponse, frozen=True):
    """A complete response as it came over the wire; `was_coded` tells that a content coding was undone."""

    headers: ResponseHead
    was_coded: bool


class ResponseReader:
    """Takes the bytes that follow one request until its response is complete. Interim (1xx) responses are passed over.

    `complete` tells that the response is there, and `keep_alive`, once it is, that the server will take another request on the connection.

    llhttp reads heads and the chunked coding. Bodies that are delimited by their length, or by the end of the connection, are nothing
    to parse, so that they do not pass through it.
    """

    # What most responses never change stands in the class, so that beginning a response costs little.
    complete = False
    keep_alive = False
    _status = 0
    _unparsed = b""  # bytes of a head whose end has not come
    _saw_head_end = False
    _header_bytes = 0  # of heads that have ended
    _head: ResponseHead | None = None
    _framing = _Framing.NONE
    _due_bytes = 0
    _wire_bytes = 0  # of a chunked body
    _body_bytes = 0
    _chunks = 0
    _decoder: BodyDecoder | None = None
    _body = b""
    _more_pieces: list[bytes] | None = None
    _fault: BadAnswerError | None = None

    def __init__(self, method: str, limits: ResponseLimits) -> None:
        self._is_head = method == "HEAD"
        self._limits = limits
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take the next bytes; BadAnswerError when they cannot be a part of one well-formed response within the limits."""
        try:
            if self._head is None:
                data = self._take_head(data)
            if data:
                if len(data) == self._due_bytes and self._decoder is None and not self._body:
                    self._body = data  # all of it at once, as most come
                    self.complete = True
                else:
                    self._take_body(data)
        except BadAnswerError:
            self._parser = None
            raise
        if self.complete:
            # The parser holds this object's methods: letting go of it here leaves no cycle for the garbage collector.
            self._parser = None

    def feed_eof(self) -> None:
        """The server closed: completes a body that is delimited by that; BadAnswerError when something is missing."""
        self._parser = None
        if not self.complete:
            if self._framing is not _Framing.UNTIL_CLOSE:
                raise BadAnswerError("the connection was closed before the response was complete")
            self._finish()

    def response(self) -> WireResponse:
        """The response, once `complete`."""
        assert self._head is not None  # noqa: S101 - a response is complete only after its head
        return WireResponse(status=self._status, headers=self._head, body=self._body, was_coded=self._decoder is not None)

    def _take_head(self, data: bytes) -> bytes:
        """Take the head, and interim ones before it, from `data`; what follows it."""
        while data:
            pending = self._unparsed + data if self._unparsed else data
            end = pending.find(HEAD_END) + len(HEAD_END)
            has_ended = end >= len(HEAD_END)
            size = end - len(self._unparsed) if has_ended else len(data)
            fresh = data[:size]
            self._parse(fresh)
            if self._saw_head_end is not has_ended or (has_ended and not pending.startswith(HTTP_1)):
                raise BadAnswerError("the response does not begin with its status line")
            if self._header_bytes + (end if has_ended else len(pending)) > self._limits.max_header_bytes:
                raise self._too_long_headers()
            if not has_ended:
                self._unparsed = pending
                return b""
            self._unparsed, data = b"", data[size:]
            self._saw_head_end = False
            if self._status >= 200:
                self._begin(ResponseHead(pending[:end] if pending is not data else fresh))
                return data
            self._header_bytes += end
        return b""

    def _begin(self, head: ResponseHead) -> None:
        """The final head is there: decide how the body is delimited and coded."""
        self._head = head
        if self._is_head or self._status in _BODYLESS:
            self.complete = True
            return
        if _ANY_ENCODING in head.lower:  # most have none, and one look is cheaper than two
            codings = codings_of(head.values("content-encoding"))
            if codings:
                self._decoder = BodyDecoder(codings, self._limits.max_body_bytes)
            transfer = head.values("transfer-encoding")
            if transfer:
                if transfer != [b"chunked"]:
                    raise BadAnswerError("the body has a transfer coding other than chunked")
                self._framing = _Framing.CHUNKED
                return
        self._due_bytes = _content_length(head)
        if self._due_bytes < 0:
            self._framing = _Framing.UNTIL_CLOSE
            return
        self._framing = _Framing.LENGTH
        if self._due_bytes > self._limits.max_body_bytes:
            raise self._too_large()
        if not self._due_bytes:
            self._finish()

    def _take_body(self, data: bytes) -> None:
        if self.complete:
            raise BadAnswerError("bytes came after the end of the response")
        match self._framing:
            case _Framing.LENGTH:
                self._due_bytes -= len(data)
                if self._due_bytes < 0:
                    raise BadAnswerError("bytes came after the end of the response")
                self._take_piece(data)
                if not self._due_bytes:
                    self._finish()
            case _Framing.UNTIL_CLOSE:
                self._take_piece(data)
            case _:
                self._wire_bytes += len(data)
                self._parse(data)
                if self._wire_bytes - self._body_bytes - self._chunks * CHUNK_OVERHEAD_BYTES > self._limits.max_header_bytes:
                    raise self._too_long_headers()

    def _take_piece(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes > self._limits.max_body_bytes:
            raise self._too_large()
        if self._decoder is not None:
            self._decoder.feed(data)
        elif not self._body:
            self._body = data
        elif self._more_pieces is None:
            self._more_pieces = [data]
        else:
            self._more_pieces.append(data)

    def _finish(self) -> None:
        if self._decoder is not None:
            self._body = self._decoder.finish()
        elif self._more_pieces is not None:
            self._body = b"".join((self._body, *self._more_pieces))
        self.complete = True

    def _parse(self, data: bytes) -> None:
        """Have llhttp look at `data`, and raise what it or its callbacks found."""
        if self._parser is None:
            raise BadAnswerError("bytes came after the end of the response")
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise BadAnswerError("the server switched to another protocol") from None
        except httptools.HttpParserError as error:
            # The parser's words are fixed phrases about the grammar; they hold none of the bytes.
            raise self._fault or BadAnswerError(f"the response is malformed: {error}") from None
        if self._fault is not None:
            raise self._fault

    def _too_large(self) -> BadAnswerError:
        return BadAnswerError(f"the body is larger than {self._limits.max_body_bytes} bytes")

    def _too_long_headers(self) -> BadAnswerError:
        return BadAnswerError(f"headers are larger than {self._limits.max_header_bytes} bytes")

    # What httptools calls; what is raised in here it would wrap in an error of its own. Headers are not asked of it: they are read from
    # the bytes themselves, and only those that somebody needs.

    def on_message_begin(self) -> None:
        """A status line begins; one in the middle of a head, or after the last chunk, is data that nobody asked for."""
        if self._saw_head_end or self.complete:
            self._fault = BadAnswerError("bytes came after the end of the response")

    def on_headers_complete(self) -> None:
        """A head has ended."""
        parser = self._parser
        if parser is None or self._head is not None:
            return
        self._saw_head_end = True
        self._status = parser.get_status_code()
        self.keep_alive = parser.should_keep_alive()
        if self._status < 100 or self._status == 101:
            self._fault = BadAnswerError("the response has a status that was not asked for")

    def on_chunk_header(self) -> None:
        """A chunk begins."""
        self._chunks += 1

    def on_body(self, data: bytes) -> None:
        """The data of a chunk."""
        if self._fault is None:
            try:
                self._take_piece(data)
            except BadAnswerError as error:
                self._fault = error

    def on_message_complete(self) -> None:
        """The last chunk is there. Some heads end a message, too, in the eyes of the parser; that is passed over."""
        if self._framing is _Framing.CHUNKED and self._fault is None and not self.complete:
            try:
                self._finish()
            except BadAnswerError as error:
                self._fault = error


def _content_length(head: ResponseHead) -> int:
    """The length of the body; -1 when none is given. That it is given once at most, and not beside chunks, llhttp has seen to."""
    text = head.get("content-length")
    if text is None:
        return -1
    if not (text.isascii() and text.isdigit()) or len(text) > _LENGTH_DIGITS:
        raise BadAnswerError("the response has a length that is none")
    return int(text)
