"""Answers of the REST face over HTTP, and what faults make of the connection that they travel on."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from binance_trade_agent.simulation.faults.kinds import FaultPoint
from binance_trade_agent.simulation.faults.passage import UNTROUBLED, Ending, Passage, passage
from binance_trade_agent.simulation.faults.plan import FaultPlan
from binance_trade_agent.simulation.rest.face import FaceAnswer, RestFace
from binance_trade_agent.simulation.rest.troubled_answers import TroubledAnswers, carried_out

LONGEST_SILENCE_S = 60.0
"""A request that is never answered holds its connection so long, if the client does not leave before."""

MOST_DRIPS = 50


class HttpAnswers:
    """Answers requests to `face`; `half_latency_s` passes before the exchange sees a request, and again before its answer leaves."""

    def __init__(self, face: RestFace, faults: FaultPlan, clock_ms: Callable[[], int], half_latency_s: float) -> None:
        self._face = face
        self._faults = faults
        self._clock_ms = clock_ms
        self._half_latency_s = half_latency_s
        self._troubled = TroubledAnswers(faults)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request over HTTP."""
        # The raw target, because signatures are made over the query as it was sent.
        path, _, query = request.raw_path.partition("?")
        body = await request.read()
        way = passage(self._faults, FaultPoint.REST, f"{request.method} {path}")

        def carry_out(checked_ms: int | None = None) -> FaceAnswer:
            return self._face.handle(request.method, path, query, body, request.headers, request.remote or "", checked_ms)

        await asyncio.sleep(self._half_latency_s)
        answer = carry_out() if way is UNTROUBLED else self._troubled.answer(await carried_out(way, carry_out, self._clock_ms), way)
        await asyncio.sleep(self._half_latency_s)
        return await _sent(request, answer, way)


async def _sent(request: web.Request, answer: FaceAnswer, way: Passage) -> web.StreamResponse:
    match way.ending:
        case Ending.SILENT:
            await asyncio.sleep(LONGEST_SILENCE_S)
            return _cut(request)
        case Ending.CUT:
            return _cut(request)
        case Ending.CUT_MIDWAY:
            response = await _begun(request, answer)
            await response.write(answer.body[: len(answer.body) // 2])
            return _cut(request)
        case Ending.DRIPPED:
            return await _dripped(request, answer, way.drip_s)
        case Ending.TWICE:
            return await _sent_twice(request, answer)
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()  # goes nowhere


async def _begun(request: web.Request, answer: FaceAnswer) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    return response


async def _dripped(request: web.Request, answer: FaceAnswer, drip_s: float) -> web.StreamResponse:
    """The body in small pieces, the last one after `drip_s`."""
    response = await _begun(request, answer)
    size = -(-max(len(answer.body), 1) // MOST_DRIPS)
    pieces = [answer.body[begin : begin + size] for begin in range(0, len(answer.body), size)]
    for piece in pieces:
        await asyncio.sleep(drip_s / len(pieces))
        await response.write(piece)
    await response.write_eof()
    return response


async def _sent_twice(request: web.Request, answer: FaceAnswer) -> web.StreamResponse:
    """The second answer follows on the same connection, where nobody has asked for it."""
    response = await _begun(request, answer)
    await response.write(answer.body)
    if request.transport is not None:
        head = f"HTTP/1.1 {answer.status} OK\r\nContent-Length: {len(answer.body)}\r\n"
        headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
        request.transport.write(f"{head}{headers}\r\n".encode() + answer.body)
    return response
