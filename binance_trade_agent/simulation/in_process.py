"""The simulated exchange as a transport in this process: the same wire, without a socket, with a latency that can be set."""

import asyncio

from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse
from binance_trade_agent.domain.errors import FateUnknownError, NotSentError
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.kinds import FaultKind, FaultPoint
from binance_trade_agent.simulation.faults.passage import UNTROUBLED, Ending, Passage, passage
from binance_trade_agent.simulation.rest.face import FaceAnswer
from binance_trade_agent.simulation.rest.troubled_answers import TroubledAnswers, carried_out

LOCAL_IP = "127.0.0.1"
_WEIGHT_HEADERS = ("x-mbx-used-weight", "x-mbx-used-weight-1m")


class InProcessTransport:
    """RestTransport that hands requests to the exchange's REST face.

    Half of `latency_ms` passes before the exchange sees the request and half before the answer arrives, on the running loop's clock
    (0: without giving way at all). A request cancelled in the second half has been executed, as in life. The exchange's faults strike here
    as they do on its sockets. Without `tells_weight` answers keep to themselves what request weight is used here, for callers whose other
    requests go to a server that counts its own.
    """

    def __init__(self, exchange: SimulatedExchange, *, latency_ms: float = 0, ip: str = LOCAL_IP, tells_weight: bool = True) -> None:
        self._face = exchange.face
        self._clock_ms = exchange.clock.now_ms
        self._half_latency_s = latency_ms / 2_000
        self._ip = ip
        self._untold = () if tells_weight else _WEIGHT_HEADERS
        self.faults = exchange.faults
        self._troubled = TroubledAnswers(self.faults)

    async def fetch(self, request: RestRequest) -> RestResponse:
        """Answer one request; raises NotSentError or FateUnknownError where a fault says so, FateUnknownError when it takes too long."""
        way = passage(self.faults, FaultPoint.REST, f"{request.method} {request.path}")
        if way.kind is FaultKind.REFUSE_CONNECT:
            raise NotSentError("connection refused by a planned fault")
        if way is UNTROUBLED and self._half_latency_s <= 0:
            return self._response(self._carried_out(request, request.leaving_query()))
        try:
            async with asyncio.timeout(request.timeout_s):
                return self._response(await self._brought(request, way))
        except TimeoutError:
            raise FateUnknownError(f"no complete answer came within {request.timeout_s:g} s") from None

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _brought(self, request: RestRequest, way: Passage) -> FaceAnswer:
        query = request.leaving_query()
        await asyncio.sleep(self._half_latency_s)
        if way is UNTROUBLED:
            answer = self._carried_out(request, query)
        else:
            answer = self._troubled.answer(
                await carried_out(way, lambda checked_ms: self._carried_out(request, query, checked_ms), self._clock_ms), way
            )
        await asyncio.sleep(self._half_latency_s)
        match way.ending:
            case Ending.SILENT:
                await asyncio.sleep(request.timeout_s)  # which ends in a timeout
            case Ending.CUT | Ending.CUT_MIDWAY:
                raise FateUnknownError(f"the connection was cut by a planned fault ({way.kind})")
            case Ending.DRIPPED:
                await asyncio.sleep(way.drip_s)
        return answer

    def _carried_out(self, request: RestRequest, query: str, checked_ms: int | None = None) -> FaceAnswer:
        return self._face.handle(request.method, request.path, query, request.body, request.route.headers, self._ip, checked_ms)

    def _response(self, answer: FaceAnswer) -> RestResponse:
        """What the caller gets to see of it."""
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return RestResponse(answer.status, {name: value for name, value in headers.items() if name not in self._untold}, answer.body)
