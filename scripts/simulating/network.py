"""The network between a process and the exchange: what has left a process goes on without it, and sockets end with it."""

import asyncio
from typing import Protocol

import msgspec
from msgspec.structs import replace

from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse
from binance_trade_agent.domain.errors import FateUnknownError, NotSentError
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.in_process_sockets import InProcessSockets
from binance_trade_agent.simulation.sockets.pipe import PipedSocket, PipeListener
from simulating.life import CURRENT, Life, StepFailedError, outside


class Tap(Protocol):
    """Sees what passes."""

    def leaves(self, life: Life, request: RestRequest) -> None:
        """A request leaves the process."""
        ...

    def comes(self, life: Life, request: RestRequest, response: RestResponse) -> None:
        """An answer arrives at the process."""
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
    """Opens sockets for one life; see OpenSocket."""

    def __init__(self, life: Life, real: InProcessSockets) -> None:
        self._life = life
        self._real = real

    async def open(self, url: str, listener: PipeListener, *, connect_timeout_s: float, max_message_bytes: int) -> PipedSocket:
        """See OpenSocket."""
        try:
            self._life.step("a socket is opened")
        except StepFailedError:
            raise NotSentError("no connection came up") from None
        opening = self._real.open(url, _Ear(self._life, listener), connect_timeout_s=connect_timeout_s, max_message_bytes=max_message_bytes)
        opened = outside(opening)
        opened.add_done_callback(_seen)
        socket: PipedSocket = await asyncio.shield(opened)
        return socket


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


def _seen(task: asyncio.Task[object]) -> None:
    """Nobody may wait for it any more."""
    if not task.cancelled():
        task.exception()
