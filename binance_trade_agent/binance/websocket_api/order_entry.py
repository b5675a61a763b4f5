"""WebSocketOrderEntry: places and cancels orders over the WebSocket API, with the promises that REST gives, and by REST when it cannot.

Source: web-socket-api.md, "Trading requests". The parameters and the results are those of REST, so that both are built and read once.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from binance_trade_agent.binance.endpoints import CANCEL_ORDER, NEW_ORDER, Endpoint
from binance_trade_agent.binance.websocket_api.access import ApiAccess
from binance_trade_agent.binance.websocket_api.messages import AccountMessage
from binance_trade_agent.binance.websocket_api.methods import ORDER_CANCEL, ORDER_PLACE, Method
from binance_trade_agent.binance.websocket_api.session import Session
from binance_trade_agent.binance.websocket_api.session_keeper import SessionKeeper
from binance_trade_agent.ports.exchange import LastLook

T = TypeVar("T")

SESSION_NAME = "orders"

_METHODS = {NEW_ORDER.name: ORDER_PLACE.name, CANCEL_ORDER.name: ORDER_CANCEL.name}


class OrderSender(Protocol):
    """Whoever sends requests that change orders; RestCaller is one."""

    async def change(
        self, endpoint: Endpoint[T], params: Mapping[str, str], *, send_deadline_ms: int | None = None, last_look: LastLook | None = None
    ) -> T:
        """See RestCaller.change: sent at most once, and never repeated."""
        ...


class WebSocketOrderEntry:
    """An OrderSender on one session that is kept alive.

    While no session is live, and for what has no method here, a request is handed to `rest` before anything of it was written; once it
    was given to a session it is never sent another way.
    """

    def __init__(self, access: ApiAccess, rest: OrderSender) -> None:
        self._access = access
        self._rest = rest
        self._keeper = SessionKeeper(access, SESSION_NAME, self._prepare, self)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["WebSocketOrderEntry"]:
        """Within it a session is kept alive."""
        task = asyncio.create_task(self._keeper.run(), name="order entry over the WebSocket API")
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def change(
        self, endpoint: Endpoint[T], params: Mapping[str, str], *, send_deadline_ms: int | None = None, last_look: LastLook | None = None
    ) -> T:
        """See OrderSender.change."""
        session, name = self._keeper.current, _METHODS.get(endpoint.name)
        if session is None or name is None:
            return await self._rest.change(endpoint, params, send_deadline_ms=send_deadline_ms, last_look=last_look)
        return await session.change(Method(name, endpoint), params, send_deadline_ms=send_deadline_ms, last_look=last_look)

    async def _prepare(self, session: Session) -> None:
        if self._access.may_log_on:
            await session.log_on()

    # -- what the keeper calls: the fate of each order is told to whoever sent it -------------------------------------------------

    def on_live(self, reason: str) -> None:
        """Nothing was missed that anybody waits for."""

    def on_loss(self, reason: str) -> None:
        """The same."""

    def on_event(self, session: Session, message: AccountMessage) -> None:
        """Nothing is subscribed to here."""
