"""A far side of the WebSocket API that does as a test tells it, in memory under virtual time or on a real socket."""

import asyncio
import json
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import websockets
from recorder import Recorder

from binance_trade_agent.binance.limits.waiting_lines import Admission
from binance_trade_agent.binance.reconnection import ConnectBudget
from binance_trade_agent.binance.server_clock import ClockSample, ServerClock
from binance_trade_agent.binance.signing import HmacSigner
from binance_trade_agent.binance.websocket_api.access import ApiAccess
from binance_trade_agent.domain.errors import ExchangeError, NotSentError
from binance_trade_agent.simulation.clocks import VirtualClock

START_MS = 1_750_000_000_000
KEY, SECRET = "K" * 64, "S" * 64
ROUND_TRIP_S = 0.02

Request = dict[str, Any]
Script = Callable[["FarConnection", Request], Any]
"""What to answer to a request: a result, a whole answer (with a number as "status"), or None for no answer at all."""


def refusal(status: int, code: int, **data: Any) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "msg": "no"}
    return {"status": status, "error": error | ({"data": data} if data else {})}


def filled(request: Request, **changes: Any) -> dict[str, Any]:
    """The FULL answer to a new order, filled at once."""
    params = request["params"]
    return {
        "symbol": params["symbol"],
        "orderId": 11,
        "clientOrderId": params["newClientOrderId"],
        "transactTime": params["timestamp"],
        "price": "0.00",
        "origQty": params["quantity"],
        "executedQty": params["quantity"],
        "cummulativeQuoteQty": "50.00",
        "status": "FILLED",
        "timeInForce": "GTC",
        "type": params["type"],
        "side": params["side"],
        "fills": [{"price": "50000.00", "qty": params["quantity"], "commission": "0.05", "commissionAsset": "USDT", "tradeId": 5}],
    } | changes


@dataclass
class FarConnection:
    """One connection as the far side has it; in memory no pings come on it from `silent_from_s` on (loop time)."""

    send: Callable[[Any], None]
    end: Callable[[str], None]
    opened_s: float
    requests: list[Request] = field(default_factory=list)
    is_subscribed: bool = False
    is_open: bool = True
    silent_from_s: float = math.inf

    @property
    def methods(self) -> list[str]:
        return [request["method"] for request in self.requests]


class FarApi:
    """Answers by script; without one it subscribes whoever asks, and says yes to all else.

    `refuses` counts connection attempts that are refused, `refusal` is what each of them fails with; with `refuses_writes` connections
    in memory take nothing more; from `silent_from_s` on (loop time) no pings come.
    """

    def __init__(self) -> None:
        self.connections: list[FarConnection] = []
        self.attempts: list[float] = []
        self.refuses = 0
        self.refusal: NotSentError | None = None
        self.refuses_writes = False
        self.silent_from_s = math.inf
        self.scripts: dict[str, Script] = {}

    @property
    def open_connections(self) -> list[FarConnection]:
        return [connection for connection in self.connections if connection.is_open]

    def take(self, connection: FarConnection, request: Request) -> None:
        connection.requests.append(request)
        method = request["method"]
        script = self.scripts.get(method)
        answer = script(connection, request) if script else {"subscriptionId": 0} if method.startswith("userData") else {}
        if answer is None:
            return
        if not isinstance(answer.get("status"), int):
            connection.is_subscribed = connection.is_subscribed or method.startswith("userDataStream.subscribe")
            answer = {"status": 200, "result": answer}
        connection.send({"id": request["id"], **answer})

    def emit(self, event: dict[str, Any]) -> None:
        """An event of the account, on every connection that is subscribed."""
        for connection in self.open_connections:
            if connection.is_subscribed:
                connection.send({"subscriptionId": 0, "event": event})

    # -- in memory ------------------------------------------------------------------------------------------------------------

    async def connect(self, url: str, listener: Any, *, connect_timeout_s: float, max_message_bytes: int) -> "MemorySocket":
        loop = asyncio.get_running_loop()
        self.attempts.append(loop.time())
        await asyncio.sleep(ROUND_TRIP_S)
        if self.refusal is not None:
            raise self.refusal
        if self.refuses > 0:
            self.refuses -= 1
            raise NotSentError("ws://far.test: no connection came up")
        return MemorySocket(self, listener)

    # -- on a real socket -----------------------------------------------------------------------------------------------------

    async def serve_one(self, socket: Any) -> None:
        loop = asyncio.get_running_loop()
        connection = FarConnection(
            send=lambda message: socket.protocol.send_text(_text(message)) or _flush(socket),
            end=lambda _reason: socket.transport.abort(),
            opened_s=loop.time(),
        )
        self.connections.append(connection)
        try:
            async for text in socket:
                self.take(connection, json.loads(text))
        except websockets.ConnectionClosed:
            pass
        finally:
            connection.is_open = False


def _text(message: Any) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode()


def _flush(socket: Any) -> None:
    for data in socket.protocol.data_to_send():
        socket.transport.write(data)


class MemorySocket:
    """A connection to a FarApi without a socket: each way takes half a round trip."""

    def __init__(self, far: FarApi, listener: Any) -> None:
        self._far = far
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._received_s = self._loop.time()
        self._end_reason: str | None = None
        self._under_way: deque[bytes] = deque()
        self.far_end = FarConnection(send=self._from_far, end=self._end, opened_s=self._loop.time())
        far.connections.append(self.far_end)

    @property
    def is_open(self) -> bool:
        return self._end_reason is None

    @property
    def received_s(self) -> float:
        return max(self._received_s, min(self._loop.time(), self._far.silent_from_s, self.far_end.silent_from_s))

    def send_text(self, message: bytes) -> None:
        if not self.is_open or self._far.refuses_writes:
            raise NotSentError("nothing can be sent")
        self._loop.call_later(ROUND_TRIP_S / 2, self._to_far, message)

    def close(self, reason: str = "closed by us") -> None:
        self._end(reason)

    async def wait_closed(self) -> None:
        await asyncio.sleep(0)

    def _to_far(self, message: bytes) -> None:
        if self.far_end.is_open:
            self._far.take(self.far_end, json.loads(message))

    def _from_far(self, message: Any) -> None:
        self._under_way.append(_text(message))
        self._loop.call_later(ROUND_TRIP_S / 2, self._arrive)

    def _arrive(self) -> None:
        message = self._under_way.popleft()  # timers of one moment may fire in any order, a connection keeps its own
        if not self.is_open:
            return
        self._received_s = self._loop.time()
        try:
            self._listener.on_text(message)
        except Exception as error:
            self._end(f"a message could not be handled: {type(error).__name__}")

    def _end(self, reason: str) -> None:
        if self.is_open:
            self._end_reason = reason
            self.far_end.is_open = False
            self._listener.on_close(reason)


@asynccontextmanager
async def served(far: FarApi) -> AsyncIterator[str]:
    """`far` on a real socket; yields its URL."""
    async with websockets.serve(far.serve_one, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws-api/v3"


class OpenWeight:
    """A weight budget that admits everything but `refused`, and remembers what it was told; `open` are those it hears no more of."""

    def __init__(self) -> None:
        self.admitted: list[str] = []
        self.open: set[Admission] = set()
        self.lost: list[Admission] = []
        self.unsent: list[Admission] = []
        self.limits: list[Any] = []
        self.limited: list[Any] = []
        self.refused: ExchangeError | None = None

    async def admit(self, endpoint: Any, params: Any) -> Admission:
        if self.refused is not None:
            raise self.refused
        self.admitted.append(endpoint.name)
        admission = Admission((endpoint.weight_of(params), 1, endpoint.new_orders), len(self.admitted))
        self.open.add(admission)
        return admission

    def record_answer(self, admission: Admission, limits: Any) -> None:
        self.open.remove(admission)
        self.limits.append(limits)

    def record_lost(self, admission: Admission) -> None:
        self.open.remove(admission)
        self.lost.append(admission)

    def record_unsent(self, admission: Admission) -> None:
        self.open.remove(admission)
        self.unsent.append(admission)

    def record_limited(self, error: Any) -> None:
        self.limited.append(error)


@dataclass
class Surroundings:
    """An ApiAccess to `far`, and what there is to look at around it."""

    far: FarApi
    observer: Recorder = field(default_factory=Recorder)
    weight: OpenWeight = field(default_factory=OpenWeight)
    syncs: int = 0

    def access(self, **changes: Any) -> ApiAccess:
        loop = asyncio.get_running_loop()
        clock = VirtualClock(START_MS)
        server_clock = ServerClock(clock.now_ms)

        async def ensure_synced() -> None:
            if not server_clock.is_synced:
                self.syncs += 1
                server_clock.adopt(ClockSample(0, 0, 0, 0.0))

        options: dict[str, Any] = {
            "url": "ws://far.test/ws-api/v3",
            "clock": clock,
            "observer": self.observer,
            "server_clock": server_clock,
            "ensure_synced": ensure_synced,
            "weight": self.weight,
            "connects": ConnectBudget(loop.time),
            "random": Random(1),
            "api_key": KEY,
            "signer": HmacSigner(SECRET),
            "open_socket": self.far.connect,
        }
        return ApiAccess(**(options | changes))
