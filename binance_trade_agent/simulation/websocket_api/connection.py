"""ApiConnection: one connection of the WebSocket API: requests in, answers and account events out."""

from dataclasses import replace
from typing import Any

import orjson

from binance_trade_agent.domain.errors import BookError, BookMismatchError, ExchangeRefusedError, RateLimitedError
from binance_trade_agent.simulation.engine.refusals import IM_A_TEAPOT, UNAUTHORIZED, refused
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.kinds import FaultPoint
from binance_trade_agent.simulation.faults.passage import ErrorAnswer
from binance_trade_agent.simulation.faults.plan import FaultPlan
from binance_trade_agent.simulation.rest.endpoint import Endpoint
from binance_trade_agent.simulation.rest.rate_limits import WEIGHT, Limit
from binance_trade_agent.simulation.rest.request_desk import OK, RequestDesk, Served
from binance_trade_agent.simulation.rest.security import KeyHolder, authenticate, check_time
from binance_trade_agent.simulation.rest.time_units import answer_in_microseconds, event_in_microseconds
from binance_trade_agent.simulation.sockets.answering import Answering
from binance_trade_agent.simulation.sockets.frames import CloseCode, text_frame
from binance_trade_agent.simulation.sockets.session import SocketSession
from binance_trade_agent.simulation.websocket_api.methods import METHODS
from binance_trade_agent.simulation.websocket_api.requests import NO_ID, ApiRequest, UnreadableRequestError, parse_request
from binance_trade_agent.simulation.websocket_api.session_methods import SessionMethods
from binance_trade_agent.simulation.websocket_api.user_data import UserDataHub

CONNECT_WEIGHT = 2

_INTERNAL_ERROR = 500
_KEY = "apiKey"
_SIGNATURE = "signature"
_UNKNOWN_ERROR = {"code": -1000, "msg": "An unknown error occurred while processing the request."}


class ApiConnection:
    """Answers come in the order of the requests. `shows_limits` is the address's returnRateLimits, `in_microseconds` its timeUnit."""

    def __init__(
        self,
        session: SocketSession,
        exchange: SimulatedExchange,
        hub: UserDataHub,
        faults: FaultPlan,
        *,
        shows_limits: bool,
        in_microseconds: bool,
    ) -> None:
        self._session = session
        self._exchange = exchange
        self._shows_limits = shows_limits
        self._in_microseconds = in_microseconds
        self._desk = RequestDesk(exchange.venue, exchange.clock.now_ms)
        self._signer: KeyHolder | None = None
        self._is_banned = False
        self._methods = SessionMethods(hub, self._send_event, lambda: self._signer, exchange.clock.now_ms(), shows_limits=shows_limits)
        self._answering = Answering(session, faults, FaultPoint.WEBSOCKET_API, exchange.clock.now_ms, self._after_answer)

    async def run(self) -> None:
        """Serve until the connection is over."""
        try:
            await self._session.run(self._receive)
        finally:
            self._methods.close()

    def announce_shutdown(self, now_ms: int) -> None:
        """Tell the client that the server is about to go ("Connection events")."""
        self._session.send(text_frame(orjson.dumps({"event": {"e": "serverShutdown", "E": now_ms}})))

    def _receive(self, text: str) -> None:
        try:
            request = parse_request(text)
        except UnreadableRequestError as error:
            self._refuse_unreadable(error)
            return

        def carry_out(checked_ms: int | None) -> bytes:
            # What is late finds its connection closed: an order is an order, but there is no session any more.
            is_too_late = not self._session.is_open and request.method in self._methods.endpoints
            return b"" if is_too_late else self._answered(request, checked_ms)

        def in_place(error: ErrorAnswer) -> bytes:
            return _error_answer(request.id, error, self._exchange.clock.now_ms())

        self._answering.serve(request.method, carry_out, in_place)

    def _answered(self, request: ApiRequest, checked_ms: int | None) -> bytes:
        """Carry the request out, and word its answer."""
        self._signer = None
        endpoint = self._methods.endpoints.get(request.method) or METHODS.get(request.method)
        now_ms = self._exchange.clock.now_ms()
        try:
            now_ms = self._exchange.present_ms()
            served = self._serve(request, endpoint, now_ms, checked_ms)
            status, content = served.status, served.content
            name = "result" if status == OK else "error"
        except _SessionRevokedError as error:
            return _answer(NO_ID, UNAUTHORIZED, "error", error.content, None)
        except ExchangeRefusedError as refusal:
            status, name, content = refusal.status, "error", _error(refusal, now_ms)
            self._is_banned = status == IM_A_TEAPOT
        except BookMismatchError:
            # The engine's own reckoning is wrong: that must be heard, not answered.
            raise
        except BookError:
            status, name, content = _INTERNAL_ERROR, "error", _UNKNOWN_ERROR
        return _answer(request.id, status, name, content, self._limits(request, endpoint, now_ms))

    def _after_answer(self) -> None:
        self._methods.tell_ends()
        if self._is_banned:
            self._session.close(CloseCode.POLICY_VIOLATION, "the address is banned")

    def _refuse_unreadable(self, error: UnreadableRequestError) -> None:
        now_ms = self._exchange.clock.now_ms()
        refusal = error.refusal
        try:
            self._desk.charge_unreadable(self._session.ip, now_ms)
        except RateLimitedError as limited:
            refusal = limited
        limits = [_limit(WEIGHT, self._exchange.venue.limits.used_weight(self._session.ip, now_ms))] if self._shows_limits else None
        self._session.send(text_frame(_answer(error.id, refusal.status, "error", _error(refusal, now_ms), limits)))

    def _serve(self, request: ApiRequest, endpoint: Endpoint | None, now_ms: int, checked_ms: int | None) -> Served:
        if endpoint is None:
            self._desk.charge_unreadable(self._session.ip, now_ms)
            raise refused(-1020, "This operation is not supported.")

        def signer() -> KeyHolder:
            self._signer = self._holder(request, now_ms if checked_ms is None else checked_ms)
            return self._signer

        served = self._desk.serve(endpoint, request.params, self._session.ip, now_ms, signer, (_KEY,), checked_ms)
        return replace(served, content=answer_in_microseconds(served.content)) if self._in_microseconds else served

    def _holder(self, request: ApiRequest, now_ms: int) -> KeyHolder:
        """Who signed the request, or else whose session it is ("Authorize ad hoc requests")."""
        params = request.params
        session_holder = self._methods.holder
        is_logon = request.method in self._methods.endpoints
        if params.has(_KEY) or params.has(_SIGNATURE) or session_holder is None or is_logon:
            holder = self._exchange.keys.holder(params.require(_KEY))
            authenticate(holder, params, request.payload, now_ms)
            return holder
        try:
            holder = self._exchange.keys.holder(session_holder.api_key)
        except ExchangeRefusedError as refusal:
            self._methods.forget_key()
            raise _SessionRevokedError(refusal) from None
        params.require("timestamp")
        check_time(params, now_ms)
        return holder

    def _limits(self, request: ApiRequest, endpoint: Endpoint | None, now_ms: int) -> list[dict[str, Any]] | None:
        """The limits that the request counts towards, None when they are not to be shown."""
        if not (self._shows_limits if request.shows_limits is None else request.shows_limits):
            return None
        limits = self._exchange.venue.limits
        shown = [_limit(WEIGHT, limits.used_weight(self._session.ip, now_ms))]
        if endpoint is not None and endpoint.places_order and self._signer is not None:
            shown[:0] = [_limit(limit, count) for limit, count in limits.order_counts(self._signer.account_id, now_ms)]
        return shown

    def _send_event(self, subscription_id: int, event: bytes) -> None:
        if self._in_microseconds:
            event = event_in_microseconds(event)
        self._session.send(text_frame(b'{"subscriptionId":%d,"event":%b}' % (subscription_id, event)))


class _SessionRevokedError(Exception):
    """The key of the session is no longer valid ("Regarding API key revocation")."""

    def __init__(self, refusal: ExchangeRefusedError) -> None:
        super().__init__(refusal.message)
        self.content = {"code": refusal.code, "msg": refusal.message}


def _answer(request_id: bytes, status: int, name: str, content: Any, limits: list[dict[str, Any]] | None) -> bytes:
    encoded = content if isinstance(content, bytes) else orjson.dumps(content)
    shown = b"" if limits is None else b',"rateLimits":%b' % orjson.dumps(limits)
    return b'{"id":%b,"status":%d,"%b":%b%b}' % (request_id, status, name.encode(), encoded, shown)


def _error_answer(request_id: bytes, error: ErrorAnswer, now_ms: int) -> bytes:
    """An error that a fault wants."""
    content: dict[str, Any] = {"code": error.code, "msg": error.message}
    if error.retry_after_s is not None:
        content["data"] = {"serverTime": now_ms, "retryAfter": now_ms + error.retry_after_s * 1_000}
    return _answer(request_id, error.status, "error", content, None)


def _error(refusal: ExchangeRefusedError, now_ms: int) -> dict[str, Any]:
    content: dict[str, Any] = {"code": refusal.code, "msg": refusal.message}
    if isinstance(refusal, RateLimitedError):
        content["data"] = {"serverTime": now_ms, "retryAfter": now_ms + int(refusal.retry_after_s * 1_000)}
    return content


def _limit(limit: Limit, count: int) -> dict[str, Any]:
    return {"rateLimitType": limit.kind, "interval": limit.unit, "intervalNum": limit.count, "limit": limit.most, "count": count}
