"""Session: one connection to the WebSocket API, on which requests are answered and account events arrive.

A request is written once. If it was not written, NotSentError says so. If it was, only an answer tells its fate: a timeout and an end of
the connection leave it unknown.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from binance_trade_agent.binance.error_codes import INVALID_TIMESTAMP, NO_CODE, limit_of
from binance_trade_agent.binance.limits.waiting_lines import Admission
from binance_trade_agent.binance.text_socket import Socket
from binance_trade_agent.binance.understanding import understood
from binance_trade_agent.binance.websocket_api.access import ApiAccess
from binance_trade_agent.binance.websocket_api.conversation import Conversation
from binance_trade_agent.binance.websocket_api.messages import AccountMessage, Answer, Shutdown, read_message
from binance_trade_agent.binance.websocket_api.methods import CONNECT, LOGON, Method
from binance_trade_agent.binance.websocket_api.requests import Params, signed
from binance_trade_agent.domain.errors import (
    AgentError,
    ExchangeRefusedError,
    FateUnknownError,
    NotSentError,
    UpgradeRefusedError,
)
from binance_trade_agent.domain.facts import RequestDone
from binance_trade_agent.ports.exchange import LastLook

T = TypeVar("T")

MAX_MESSAGE_BYTES = 1024 * 1024
"""The largest messages that come are answers to orders with many fills, some ten KB."""


class SessionListener(Protocol):
    """Who is told what happens on a session without having asked. Calls come in the event loop's thread and must not raise."""

    def on_event(self, session: "Session", message: AccountMessage) -> None:
        """An event came."""
        ...

    def on_shutdown(self, session: "Session") -> None:
        """The server will end the connection soon."""
        ...

    def on_end(self, session: "Session", reason: str) -> None:
        """The session has ended; exactly once, and only after it was opened."""
        ...


class Session:
    """A connection, of use after `open`.

    `opened_s` is when it was opened, by the event loop's clock; `end_reason` is set when it has ended, `is_leaving` when the server has
    announced that it will end it.
    """

    def __init__(self, access: ApiAccess, listener: SessionListener) -> None:
        self._access = access
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._conversation: Conversation[asyncio.Future[Answer | None]] = Conversation()
        self._socket: Socket | None = None
        self._is_logged_on = False
        self.end_reason: str | None = None
        self.is_leaving = False
        self.opened_s = self._loop.time()

    async def open(self) -> None:
        """Connect. Raises NotSentError when no connection came up, RateLimitedError when the address must be quiet."""
        access = self._access
        admission = await access.weight.admit(CONNECT, {})
        try:
            self._socket = await access.open_socket(
                access.url, self, connect_timeout_s=access.request_timeout_s, max_message_bytes=MAX_MESSAGE_BYTES
            )
        except BaseException as error:
            access.weight.record_lost(admission)  # an upgrade that was refused has cost its weight
            limited = limit_of(error.status, NO_CODE, str(error), error.retry_after) if isinstance(error, UpgradeRefusedError) else None
            if limited is None:
                raise
            access.weight.record_limited(limited)
            raise limited from None
        access.weight.record_answer(admission, ())
        self.opened_s = self._loop.time()

    async def log_on(self) -> None:
        """Authenticate the session, so that its later requests need no signature; raises as `read` does."""
        await self.read(LOGON, {})
        self._is_logged_on = True

    @property
    def is_open(self) -> bool:
        """Whether requests can be written."""
        return self._socket is not None and self._socket.is_open

    @property
    def outstanding(self) -> int:
        """Requests that wait for an answer."""
        return self._conversation.outstanding

    def silence_s(self) -> float:
        """How long nothing came, pings included."""
        return self._loop.time() - (self._socket.received_s if self._socket is not None else self.opened_s)

    def close(self, reason: str) -> None:
        """End the session; who still waits for an answer is told that the fate is unknown."""
        if self._socket is not None:
            self._socket.close(reason)

    async def wait_closed(self) -> None:
        """Return when the socket is gone; after `close` that takes a second at most."""
        if self._socket is not None:
            await self._socket.wait_closed()

    # -- requests -------------------------------------------------------------------------------------------------------------

    async def read(self, method: Method[T], params: Mapping[str, str]) -> T:
        """The result of a request that changes no orders; raises ExchangeError."""
        admission = await self._access.weight.admit(method.endpoint, params)
        return await self._exchange(method, self._complete(admission, method, params), admission)

    async def change(
        self, method: Method[T], params: Mapping[str, str], *, send_deadline_ms: int | None = None, last_look: LastLook | None = None
    ) -> T:
        """The result of a request that changes orders, written at most once.

        Not signed after `send_deadline_ms` (server time), and not against `last_look`: nothing is awaited from there to the write.
        Raises NotSentError when it was provably not written, ExchangeRefusedError for a definite no, FateUnknownError for all else.
        """
        try:
            admission = await self._access.weight.admit(method.endpoint, params)
            complete = self._complete(admission, method, params, send_deadline_ms, last_look)
        except NotSentError:
            raise
        except (AgentError, ValueError) as error:
            raise NotSentError(f"{method.name} was not sent: {error}") from None
        return await self._exchange(method, complete, admission)

    def _complete(
        self,
        admission: Admission,
        method: Method[Any],
        params: Mapping[str, str],
        send_deadline_ms: int | None = None,
        last_look: LastLook | None = None,
    ) -> Params:
        """The parameters as they leave; the admission is given back when they cannot."""
        try:
            if last_look is not None:
                last_look()
            return self._signed(method, params, send_deadline_ms)
        except BaseException:
            self._access.weight.record_unsent(admission)
            raise

    def _signed(self, method: Method[Any], params: Mapping[str, str], send_deadline_ms: int | None) -> Params:
        """The parameters as they leave: for signed requests the timestamp is taken and the signature made here, at the last moment."""
        access = self._access
        if not method.endpoint.is_signed:
            return params
        timestamp = access.server_clock.now_ms()
        if send_deadline_ms is not None and timestamp > send_deadline_ms:
            raise NotSentError(f"{method.name} was not sent: its send deadline passed {timestamp - send_deadline_ms} ms ago")
        stamped: dict[str, str | int] = {**params, "recvWindow": access.recv_window_ms, "timestamp": timestamp}
        return stamped if self._is_logged_on else signed(stamped, access.api_key, access.signer)

    async def _exchange(self, method: Method[T], params: Params, admission: Admission) -> T:
        """Write and wait, settle the admission, and report the one RequestDone fact whatever happens."""
        access = self._access
        started_ms = access.clock.monotonic_ms()
        status: int | None = None
        error_code: str | None = None
        try:
            answer = await self._answer(method, params)
            status = answer.status
            access.weight.record_answer(admission, answer.rate_limits)
            result = answer.outcome(changes_orders=method.endpoint.changes_orders, server_ms=access.server_clock.now_ms())
            return understood(method.endpoint, result)
        except BaseException as error:
            error_code = str(error.code) if isinstance(error, ExchangeRefusedError) else type(error).__name__
            if status is None:
                (access.weight.record_unsent if isinstance(error, NotSentError) else access.weight.record_lost)(admission)
            self._heed(error)
            raise
        finally:
            access.observer.observe(RequestDone(method.name, access.clock.monotonic_ms() - started_ms, status, error_code))

    async def _answer(self, method: Method[Any], params: Params) -> Answer:
        if self._socket is None:
            raise NotSentError(f"{method.name} was not sent: the session is not open")
        waiter: asyncio.Future[Answer | None] = self._loop.create_future()
        request_id, text = self._conversation.begin(method, params, waiter)
        try:
            self._socket.send_text(text)
            async with asyncio.timeout(self._access.request_timeout_s):
                answer = await waiter
        except TimeoutError:
            raise FateUnknownError(f"{method.name}: no answer within {self._access.request_timeout_s:g} s") from None
        finally:
            self._conversation.give_up(request_id)
        if answer is None:
            raise FateUnknownError(f"{method.name}: the connection ended before an answer came ({self.end_reason})")
        return answer

    def _heed(self, error: BaseException) -> None:
        if isinstance(error, ExchangeRefusedError) and error.code == INVALID_TIMESTAMP:
            self._access.server_clock.doubt()

    # -- what the connection calls --------------------------------------------------------------------------------------------

    def on_text(self, message: bytes) -> None:
        """A message came; one that cannot be read ends the connection, because an answer or an event is lost in it."""
        told = read_message(message)
        if isinstance(told, Answer):
            self._take_answer(told)
        elif isinstance(told, Shutdown):
            self.is_leaving = True
            self._listener.on_shutdown(self)
        else:
            self._listener.on_event(self, told)

    def _take_answer(self, answer: Answer) -> None:
        # Whosever answer it is, and however late it comes: a ban is for the address.
        limited = answer.silence(server_ms=self._access.server_clock.now_ms())
        if limited is not None:
            self._access.weight.record_limited(limited)
        if answer.request_id is None:
            # The session was revoked, or a request of ours could not even be read: whose answer this is cannot be told any more.
            code = answer.error.code if answer.error is not None else "none"
            self.close(f"the exchange refused without naming a request (status {answer.status}, code {code})")
            return
        waiter = self._conversation.match(answer)
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)

    def on_close(self, reason: str) -> None:
        """The connection is gone."""
        self.end_reason = reason
        for waiter in self._conversation.end():
            if not waiter.done():
                waiter.set_result(None)
        self._listener.on_end(self, reason)
