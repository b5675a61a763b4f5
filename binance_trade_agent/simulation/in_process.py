"""The simulated exchange as an httpx transport in this process: the same wire, without a socket, with a latency that can be set."""

import asyncio

import httpx

from binance_trade_agent.domain.errors import FateUnknownError, NotSentError
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults import Fault, FaultKind, FaultPlan

LOCAL_IP = "127.0.0.1"
_EXECUTED = {None, FaultKind.LOSE_ANSWER, FaultKind.HTTP_5XX_EXECUTED}
_HTTP_5XX = {FaultKind.HTTP_5XX_EXECUTED, FaultKind.HTTP_5XX_NOT_EXECUTED}
# The same text whether it was executed or not: a client must not be able to tell.
_HTTP_5XX_BODY = b'{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown; execution status unknown."}'


class InProcessTransport(httpx.AsyncBaseTransport):
    """Hands requests to the exchange's REST face.

    Half of `latency_ms` passes before the exchange sees the request and half before the answer arrives, on the running loop's clock
    (0: without giving way at all). A request cancelled in the second half has been executed, as in life. `faults` are struck off as
    they happen.
    """

    def __init__(self, exchange: SimulatedExchange, *, latency_ms: float = 0, ip: str = LOCAL_IP) -> None:
        self._face = exchange.face
        self._half_latency_s = latency_ms / 2_000
        self._ip = ip
        self.faults = FaultPlan()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request; raises NotSentError or FateUnknownError where a fault says so."""
        raw_path, _, raw_query = request.url.raw_path.partition(b"?")
        path = raw_path.decode("ascii")
        body = await request.aread()
        fault = self.faults.take(request.method, path)
        kind = fault.kind if fault else None
        if kind is FaultKind.REFUSE_CONNECT:
            raise NotSentError("connection refused by a planned fault")
        await self._travel()
        answer = None
        if kind in _EXECUTED:
            answer = self._face.handle(request.method, path, raw_query.decode("ascii"), body, request.headers, self._ip)
        await self._travel()
        if fault is not None:
            return _faulty(fault, request)
        assert answer is not None  # noqa: S101 - without a fault the face has answered
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)

    async def _travel(self) -> None:
        if self._half_latency_s > 0:
            await asyncio.sleep(self._half_latency_s)


def _faulty(fault: Fault, request: httpx.Request) -> httpx.Response:
    if fault.kind in _HTTP_5XX:
        return httpx.Response(fault.status, headers={"Content-Type": "application/json"}, content=_HTTP_5XX_BODY, request=request)
    raise FateUnknownError(f"the request or its answer was lost by a planned fault ({fault.kind})")
