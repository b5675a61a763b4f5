"""Responses that come in one piece and in the ordinary shape, as most do, read at a glance instead of step by step."""

from typing import Final

import httptools

from binance_trade_agent.binance.http.head import HEAD_END, ResponseHead
from binance_trade_agent.binance.http.response import FIRST_FINAL_STATUS, HTTP_1, ResponseLimits, WireResponse

_CODED: Final = "content-encoding"


class WholeResponses:
    """Reads such responses of one connection, one after the other, by one parser, which begins anew behind each.

    Whatever cannot be told at a glance is left to a ResponseReader: what is not all there, is coded, or would be refused.
    """

    __slots__ = ("_body", "_keep_alive", "_limits", "_parser")

    def __init__(self, limits: ResponseLimits) -> None:
        self._limits = limits
        self._parser: httptools.HttpResponseParser | None = None
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
            if self._keep_alive:
                response = self._told(parser.get_status_code(), data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            pass
        self._body, self._keep_alive = b"", False
        if response is None:
            self.forget()
        return response

    def forget(self) -> None:
        """Let go of the parser, which may be in the middle of a response, and holds this object's methods as this object holds it."""
        self._parser = None

    def _told(self, status: int, data: memoryview) -> WireResponse | None:
        """The response whose end has come, when there is nothing in `data` but its head and this body."""
        body, limits = self._body, self._limits
        end = len(data) - len(body)
        raw = bytes(data[:end])
        # One head alone: no chunks, no interim response before, no other one behind.
        if raw.find(HEAD_END) + len(HEAD_END) != end or not raw.startswith(HTTP_1) or status < FIRST_FINAL_STATUS:
            return None
        head = ResponseHead(raw)
        if _CODED in head.lower or end > limits.max_header_bytes or len(body) > limits.max_body_bytes:
            return None
        return WireResponse(status, head, body, was_coded=False)

    # What httptools calls.

    def on_body(self, data: bytes) -> None:
        """The body, or a piece of it."""
        self._body = data

    def on_message_complete(self) -> None:
        """The response ends."""
        parser = self._parser
        self._keep_alive = parser is not None and parser.should_keep_alive()
