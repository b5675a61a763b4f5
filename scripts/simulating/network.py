"""The network between a process and the exchange: what has left a process goes on without it, and sockets end with it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse
from binance_trade_agent.domain.errors import FateUnknownError, NotSentError
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.in_process_sockets import InProcessSockets
from binance_trade_agent.simulation.sockets.pipe import PipedSocket, PipeListener
from simulating.life import CURRENT, Life, PowerCutError, StepFailedError, outside

_API_PATH = "/ws-api/v3"


class Tap(Protocol):
    """Sees what passes."""

    def leaves(self, life: Life, request: RestRequest) -> None:
        """A request leaves the process."""
        ...

    def comes(self, life: Life, request: RestRequest, response: RestResponse) -> None:
        """An answer arrives at the process."""
        ...

    def opens(self, life: Life, path: str) -> None:
        """A connection to the WebSocket API is asked for."""
        ...

    def says(self, life: Life, method: str, params: Mapping[str, object]) -> None:
        """A request leaves the process over the WebSocket API."""
        ...

    def hears(self, life: Life, method: str, status: int, message: bytes) -> None:
        """It is answered there."""
        ...


class Cable:
    """RestTransport of one life; see the module."""

    def __init__(self, life: Life, real: InProcessTransport, tap: Tap) -> None:
        self._life = life
        self._real = real
        self._tap = tap

    async def fetch(self, request: RestRequest) -> RestResponse:
        """See RestTransport.fetch."""
        name = f"{request.method} {request.path}"
        try:
            self._life.step(f"{name} leaves")
        except StepFailedError:
            raise NotSentError("no connection came up") from None
        request = msgspec.structs.replace(request, query=request.leaving_query(), seal=None)
        leaving = replace(request, query=request.leaving_query(), seal=None)
        self._tap.leaves(self._life, leaving)
        on_its_way = outside(self._real.fetch(leaving))
        on_its_way.add_done_callback(_seen)
        response = await asyncio.shield(on_its_way)
        try:
            self._life.step(f"{name} is answered with {response.status}")
        except StepFailedError:
            raise FateUnknownError("the connection was lost before the answer was read") from None
        self._tap.comes(self._life, request, response)
        return response

    async def aclose(self) -> None:
        """Nothing is open."""


class Plugs:
    """Opens sockets for one life; see OpenSocket. What is said over the WebSocket API is seen and counted as what is said by REST."""

    def __init__(self, life: Life, real: InProcessSockets, tap: Tap) -> None:
        self._life = life
        self._real = real
        self._tap = tap

    async def open(self, url: str, listener: PipeListener, *, connect_timeout_s: float, max_message_bytes: int) -> "_Mouth | PipedSocket":
        """See OpenSocket."""
        try:
            self._life.step("a socket is opened")
        except StepFailedError:
            raise NotSentError("no connection came up") from None
        is_api = urlsplit(url).path == _API_PATH
        if is_api:
            self._tap.opens(self._life, _API_PATH)
        ear = _ApiEar(self._life, listener, self._tap) if is_api else _Ear(self._life, listener)
        opening = self._real.open(url, ear, connect_timeout_s=connect_timeout_s, max_message_bytes=max_message_bytes)
        opened = outside(opening)
        opened.add_done_callback(_seen)
        socket: PipedSocket = await asyncio.shield(opened)
        return _Mouth(self._life, socket, ear, self._tap) if isinstance(ear, _ApiEar) else socket


class _Ear:
    """Hears for a life, as a part of it, and for a dead one nothing."""

    def __init__(self, life: Life, listener: PipeListener) -> None:
        self._life = life
        self._listener = listener

    def on_text(self, message: bytes) -> None:
        """See PipeListener."""
        if not self._life.is_dead:
            token = CURRENT.set(self._life)
            try:
                self._listener.on_text(message)
            finally:
                CURRENT.reset(token)

    def on_close(self, reason: str) -> None:
        """See PipeListener."""
        if not self._life.is_dead:
            token = CURRENT.set(self._life)
            try:
                self._listener.on_close(reason)
            finally:
                CURRENT.reset(token)


class _Envelope(msgspec.Struct):
    """What tells an answer of the WebSocket API from an event, whose status is 0."""

    id: int | str | None = None
    status: int = 0


class _Spoken(msgspec.Struct):
    """A request of the WebSocket API."""

    id: int | str
    method: str
    params: dict[str, Any] = {}


class _ApiEar(_Ear):
    """Hears what the WebSocket API answers; an answer is a step."""

    def __init__(self, life: Life, listener: PipeListener, tap: Tap) -> None:
        super().__init__(life, listener)
        self._tap = tap
        self.asked: dict[int | str | None, str] = {}
        self.hang_up: Callable[[str], None] | None = None

    def on_text(self, message: bytes) -> None:
        """See PipeListener. An answer that gets lost takes its connection along."""
        if self._life.is_dead:
            return
        answer = _decoded(message)
        method = self.asked.pop(answer.id, None)
        if answer.status and method is not None:
            try:
                self._life.step(f"{method} is answered with {answer.status}")
            except PowerCutError:
                return
            except StepFailedError:
                if self.hang_up is not None:
                    self.hang_up("the connection was lost before the answer was read")
                return
            self._tap.hears(self._life, method, answer.status, message)
        super().on_text(message)


class _Mouth:
    """The client's end of a connection to the WebSocket API; see Socket. A request is a step."""

    def __init__(self, life: Life, real: PipedSocket, ear: _ApiEar, tap: Tap) -> None:
        self._life = life
        self._real = real
        self._ear = ear
        self._tap = tap
        ear.hang_up = real.close

    @property
    def is_open(self) -> bool:
        """See Socket."""
        return self._real.is_open

    @property
    def received_s(self) -> float:
        """See Socket."""
        return self._real.received_s

    def send_text(self, message: bytes) -> None:
        """See Socket."""
        spoken = msgspec.json.decode(message, type=_Spoken)
        try:
            self._life.step(f"{spoken.method} leaves")
        except StepFailedError:
            raise NotSentError("the connection took nothing") from None
        if self._real.is_open:
            self._tap.says(self._life, spoken.method, spoken.params)
        self._ear.asked[spoken.id] = spoken.method
        self._real.send_text(message)

    def close(self, reason: str = "the connection was closed by us") -> None:
        """See Socket."""
        self._real.close(reason)

    async def wait_closed(self) -> None:
        """See Socket."""
        await self._real.wait_closed()


def _decoded(message: bytes) -> _Envelope:
    """Anything may come where answers are damaged on purpose."""
    try:
        return msgspec.json.decode(message, type=_Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Envelope()


def _seen(task: asyncio.Task[object]) -> None:
    """Nobody may wait for it any more."""
    if not task.cancelled():
        task.exception()
