"""EquityAnswer: the equity curve for the status page, read from the book seldom, and with a bounded number of points."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

from aiohttp import web

from binance_trade_agent.domain.errors import AgentError
from binance_trade_agent.domain.money import plain
from binance_trade_agent.domain.portfolio import EquityPoint
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.service.json_answer import json_answer, refusal

POINTS = 400
KEPT_S = 5.0
"""How long what was read is answered again."""

READ_PATIENCE_S = 1.5
"""How long an answer waits for the book; less than the face takes to close."""

EquityReader = Callable[[int, int], Awaitable[Sequence[EquityPoint]]]
"""Points from a time (ms UTC) on, and how many at most."""


class Span(StrEnum):
    """How far back the curve goes, in market time."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    ALL = "all"


_SPAN_MS = {Span.HOUR: 3_600_000, Span.DAY: 86_400_000, Span.WEEK: 7 * 86_400_000}


class EquityAnswer:
    """GET /equity?span=...: one read for each span at a time, whoever asks."""

    def __init__(self, read: EquityReader, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._reads: dict[Span, tuple[float, asyncio.Future[Sequence[EquityPoint]]]] = {}

    async def answer(self, request: web.Request) -> web.Response:
        """200 with `points`, pairs of a time (ms UTC) and the equity as text; 400 for a span that is none; 503 when the book is slow."""
        try:
            span = Span(request.query.get("span", Span.DAY))
        except ValueError:
            return refusal(400, f"spans are {', '.join(Span)}")
        reading = self._reading(span)
        done, _ = await asyncio.wait((reading,), timeout=READ_PATIENCE_S)
        if not done:
            return refusal(503, "the book does not answer in time")
        try:
            points = reading.result()
        except AgentError as error:
            return refusal(503, f"the book could not be read: {error}")
        return json_answer({"span": span, "points": [[point.time_ms, plain(point.equity)] for point in points]})

    def _reading(self, span: Span) -> "asyncio.Future[Sequence[EquityPoint]]":
        now_s = asyncio.get_running_loop().time()
        kept = self._reads.get(span)
        if kept is not None and (not kept[1].done() or now_s - kept[0] < KEPT_S):
            return kept[1]
        since_ms = self._clock.now_ms() - _SPAN_MS[span] if span in _SPAN_MS else 0
        reading = asyncio.ensure_future(self._read(since_ms, POINTS))
        reading.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self._reads[span] = now_s, reading
        return reading
