"""Responses that come in one piece and in the ordinary shape, as most do, read at a glance instead of step by step."""

from typing import Final

import httptools

from binance_trade_agent.binance.http.head import ResponseHead
from binance_trade_agent.binance.http.response import HTTP_1, ResponseLimits, WireResponse

_CODED: Final = "content-encoding"
_LINE_ENDS: Final = b"\r\n"


class WholeResponses:
    """Reads such responses of one connection, one after the other, by one parser, which begins anew behind each.

    Whatever cannot be told at a glance is left to a ResponseReader: what is not all there, is coded, or would be refused.
    """

    __slots__ = ("_begun", "_body", "_keep_alive", "_limits", "_parser")

    def __init__(self, limits: ResponseLimits) -> None:
        self._limits = limits
        self._parser: httptools.HttpResponseParser | None = None
        self._begun = 0
        self._body = b""
        self._keep_alive = False

    def read(self, data: memoryview) -> WireResponse | None:
        """The response (to anything but HEAD) that `data` is, all of it and no more, after which the connection stays open; else None."""
        parser = self._parser
        if parser is None:
            parser = self._parser = httptools.HttpResponseParser(self)
        response = None
        try:
            parser.feed_data(data)
            # One response alone began, so nothing is before its head or behind its body but line ends, which llhttp passes over; and it
            # does not end in those, so it has a body, in one piece, and no chunks.
            if self._keep_alive and self._begun == 1 and data[-1] not in _LINE_ENDS:
                response = self._told(parser.get_status_code(), data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            pass
        self._begun, self._body, self._keep_alive = 0, b"", False
        if response is None:
            self.forget()
        return response

    def forget(self) -> None:
        """Let go of the parser, which may be in the middle of a response, and holds this object's methods as this object holds it."""
        self._parser = None

    def _told(self, status: int, data: memoryview) -> WireResponse | None:
        """The response whose end `data` ends with."""
        body, limits = self._body, self._limits
        end = len(data) - len(body)
        raw = bytes(data[:end])
        head = ResponseHead(raw)
        if not raw.startswith(HTTP_1) or _CODED in head.lower or end > limits.max_header_bytes or len(body) > limits.max_body_bytes:
            return None
        return WireResponse(status, head, body, was_coded=False)

    # What httptools calls.

    def on_message_begin(self) -> None:
        """A response begins."""
        self._begun += 1

    def on_body(self, data: bytes) -> None:
        """The body, or a piece of it."""
        self._body = data

    def on_message_complete(self) -> None:
        """The response ends."""
        parser = self._parser
        self._keep_alive = parser is not None and parser.should_keep_alive()
