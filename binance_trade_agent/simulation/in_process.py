"""The simulated exchange as a transport in this process: the same wire, without a socket, with a latency that can be set."""

import asyncio
from collections.abc import Collection

from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse
from binance_trade_agent.domain.errors import FateUnknownError, NotSentError
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults import Fault, FaultKind, FaultPlan
from binance_trade_agent.simulation.rest.face import FaceAnswer

LOCAL_IP = "127.0.0.1"
_WEIGHT_HEADERS = ("x-mbx-used-weight", "x-mbx-used-weight-1m")
_EXECUTED = {FaultKind.LOSE_ANSWER, FaultKind.HTTP_5XX_EXECUTED}
_HTTP_5XX = {FaultKind.HTTP_5XX_EXECUTED, FaultKind.HTTP_5XX_NOT_EXECUTED}
# The same text whether it was executed or not: a client must not be able to tell.
_HTTP_5XX_BODY = b'{"code":-1007,"msg":"Timeout waiting for response from backend server. Send status unknown; execution status unknown."}'


class InProcessTransport:
    """RestTransport that hands requests to the exchange's REST face.

    Half of `latency_ms` passes before the exchange sees the request and half before the answer arrives, on the running loop's clock
    (0: without giving way at all). A request cancelled in the second half has been executed, as in life. `faults` are struck off as
    they happen. Without `tells_weight` answers keep to themselves what request weight is used here, for callers whose other
    requests go to a server that counts its own.
    """

    def __init__(self, exchange: SimulatedExchange, *, latency_ms: float = 0, ip: str = LOCAL_IP, tells_weight: bool = True) -> None:
        self._face = exchange.face
        self._half_latency_s = latency_ms / 2_000
        self._ip = ip
        self._untold = () if tells_weight else _WEIGHT_HEADERS
        self.faults = FaultPlan()

    async def fetch(self, request: RestRequest) -> RestResponse:
        """Answer one request; raises NotSentError or FateUnknownError where a fault says so, FateUnknownError when it takes too long."""
        fault = self.faults.take(request.method, request.path)
        if fault is not None and fault.kind is FaultKind.REFUSE_CONNECT:
            raise NotSentError("connection refused by a planned fault")
        if self._half_latency_s <= 0:
            return _answer(self._carried_out(request, fault), fault, self._untold)
        try:
            async with asyncio.timeout(request.timeout_s):
                await asyncio.sleep(self._half_latency_s)
                answer = self._carried_out(request, fault)
                await asyncio.sleep(self._half_latency_s)
        except TimeoutError:
            raise FateUnknownError(f"no complete answer came within {request.timeout_s:g} s") from None
        return _answer(answer, fault, self._untold)

    async def aclose(self) -> None:
        """Nothing is open."""

    def _carried_out(self, request: RestRequest, fault: Fault | None) -> FaceAnswer | None:
        """What the exchange answered; None when the fault keeps the request from it."""
        if fault is not None and fault.kind not in _EXECUTED:
            return None
        return self._face.handle(request.method, request.path, request.query, request.body, request.route.headers, self._ip)


def _answer(answer: FaceAnswer | None, fault: Fault | None, untold: Collection[str]) -> RestResponse:
    """What the caller gets to see of it."""
    if fault is not None:
        if fault.kind in _HTTP_5XX:
            return RestResponse(fault.status, {"content-type": "application/json"}, _HTTP_5XX_BODY)
        raise FateUnknownError(f"the request or its answer was lost by a planned fault ({fault.kind})")
    assert answer is not None  # noqa: S101 - without a fault the face has answered
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return RestResponse(answer.status, {name: value for name, value in headers.items() if name not in untold}, answer.body)
