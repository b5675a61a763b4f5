"""RestCaller: one request at a time to the exchange's REST face, from parameters to a decoded answer or one of our errors.

It calls the transport directly, signs as the last step before sending, changes of orders when they have their connection, puts one
deadline around the whole, classifies what came back, and reports one RequestDone fact for each request. Reads are repeated after passing
failures, changes of orders never.
"""

from collections.abc import Awaitable, Callable, Mapping
from random import Random
from typing import Any, TypeVar

from binance_trade_agent.binance.call_scope import current_scope
from binance_trade_agent.binance.clock_sync import ClockSync
from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.binance.endpoints import SERVER_TIME, Endpoint
from binance_trade_agent.binance.error_codes import INVALID_TIMESTAMP, NO_CODE, error_for, limit_of
from binance_trade_agent.binance.limits.circuit import Passage
from binance_trade_agent.binance.limits.waiting_lines import Admission
from binance_trade_agent.binance.read_retry import is_retryable, retry_read
from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse
from binance_trade_agent.binance.route import Route
from binance_trade_agent.binance.server_clock import ClockSample
from binance_trade_agent.binance.signing import Signer, encode_params, signed_query
from binance_trade_agent.binance.understanding import understood
from binance_trade_agent.binance.wire import decode_error, limiting_code
from binance_trade_agent.domain.errors import (
    AgentError,
    CircuitOpenError,
    ConfigurationError,
    ExchangeError,
    ExchangeRefusedError,
    FateUnknownError,
    NotSentError,
    RateLimitedError,
)
from binance_trade_agent.domain.facts import RequestDone
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.ports.exchange import LastLook
from binance_trade_agent.ports.observer import is_heard

T = TypeVar("T")


class RestCaller:
    """Requests over one Connection, whose governor lets them leave and whose server clock stamps them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._clock = connection.clock
        self._observer = connection.observer
        self._is_heard = is_heard(connection.observer)
        self._signer = connection.signer
        self._transport = connection.transport
        self._public_route = Route(connection.base_url, {"Accept": "application/json"})
        self._keyed_route = Route(connection.base_url, {"Accept": "application/json", "X-MBX-APIKEY": connection.api_key})
        # Seeded from the clock: the same in every run under virtual time, different between processes under wall time.
        self._random = Random(self._clock.now_ms())  # noqa: S311 - it spreads retries and guards nothing
        self._request_timeout_s = connection.request_timeout_s
        self._recv_window = str(connection.recv_window_ms)
        self._read_deadline_ms = connection.read_deadline_s * 1_000
        self.governor = connection.governor
        self.server_clock = connection.server_clock
        self._circuits = connection.circuits
        self.clock_sync = ClockSync(connection, self.server_clock, self._look_at_clock)

    async def read(self, endpoint: Endpoint[T], params: Mapping[str, str]) -> T:
        """A request that changes nothing: tried once bare, then repeated after passing failures.

        All of it ends by the connection's read deadline or the caller's own (call_scope), whichever is earlier. Raises ExchangeError;
        ConfigurationError when a signed request has no key.
        """
        deadline_ms = min(self._clock.monotonic_ms() + self._read_deadline_ms, current_scope().deadline_ms)
        once = self._read_signed if endpoint.is_signed else self._read_attempt
        try:
            return await once(endpoint, params, deadline_ms)
        except ExchangeError as error:
            if not is_retryable(error):
                raise
            failure = error
        return await retry_read(
            lambda: once(endpoint, params, deadline_ms), failure, remaining_s=lambda: self._seconds_until(deadline_ms), random=self._random
        )

    async def change(
        self, endpoint: Endpoint[T], params: Mapping[str, str], *, send_deadline_ms: int | None = None, last_look: LastLook | None = None
    ) -> T:
        """A request that changes orders, sent at most once.

        It is stamped and signed when it has its connection, with nothing awaited between that and the write: not after
        `send_deadline_ms` (server time), and not against `last_look`, which is asked then. Raises NotSentError when it provably did
        not leave, ExchangeRefusedError for a definite no, FateUnknownError for all else.
        """
        try:
            seal = self._seal(endpoint, send_deadline_ms, last_look)
            admission, timeout_s = await self._admitted_change(endpoint, params)
            request = self._built(admission, endpoint, params, timeout_s, seal)
        except NotSentError:
            raise
        except RateLimitedError as error:
            raise NotSentError(f"{endpoint.name} was {error.message}") from None
        except (AgentError, ValueError) as error:
            raise NotSentError(f"{endpoint.name} was not sent: {error}") from None
        try:
            return await self._send(endpoint, request, admission, self._clock.monotonic_ms())
        except ExchangeRefusedError as error:
            if error.code == INVALID_TIMESTAMP:
                self.server_clock.doubt()
            raise

    async def _look_at_clock(self, timeout_s: float) -> ClockSample:
        started_ms = self._clock.monotonic_ms()
        admission = self.governor.try_admit(SERVER_TIME, {}) or await self.governor.admit(SERVER_TIME, {}, wait_s=timeout_s)
        timeout_s = max(timeout_s - (self._clock.monotonic_ms() - started_ms) / 1_000, 0.0)
        # In the lane of the orders: they are not sent while the clock is not known.
        request = RestRequest(SERVER_TIME.method, SERVER_TIME.path, "", self._public_route, Lane.ORDERS, timeout_s)
        sent_ms, started_ms = self._clock.now_ms(), self._clock.monotonic_ms()
        server_ms = await self._send(SERVER_TIME, request, admission, started_ms)
        return ClockSample(sent_ms, self._clock.now_ms(), server_ms, self._clock.monotonic_ms() - started_ms)

    async def _read_signed(self, endpoint: Endpoint[T], params: Mapping[str, str], deadline_ms: float) -> T:
        """One attempt at a signed read; when its timestamp is called wrong it gets one more, by a clock measured anew."""
        if not self.clock_sync.is_known():
            await self.clock_sync.ensure()
        try:
            return await self._read_attempt(endpoint, params, deadline_ms)
        except ExchangeRefusedError as error:
            if error.code != INVALID_TIMESTAMP:
                raise
        await self.clock_sync.measure()
        return await self._read_attempt(endpoint, params, deadline_ms)

    def _read_attempt(self, endpoint: Endpoint[T], params: Mapping[str, str], deadline_ms: float) -> Awaitable[T]:
        admission = self.governor.try_admit(endpoint, params, current_scope().priority)
        if admission is None:
            return self._read_in_turn(endpoint, params, deadline_ms)
        return self._read_admitted(endpoint, params, deadline_ms, admission)

    async def _read_in_turn(self, endpoint: Endpoint[T], params: Mapping[str, str], deadline_ms: float) -> T:
        await self.clock_sync.ensure()  # what has to wait for the exchange's next minute needs to know when that begins
        wait_s, priority = self._seconds_until(deadline_ms), current_scope().priority
        admission = await self.governor.admit(endpoint, params, wait_s=wait_s, priority=priority)
        return await self._read_admitted(endpoint, params, deadline_ms, admission)

    def _read_admitted(self, endpoint: Endpoint[T], params: Mapping[str, str], deadline_ms: float, admission: Admission) -> Awaitable[T]:
        now_ms = self._clock.monotonic_ms()
        timeout_s = min(self._request_timeout_s, (deadline_ms - now_ms) / 1_000)
        return self._send(endpoint, self._built(admission, endpoint, params, timeout_s), admission, now_ms)

    def _seconds_until(self, deadline_ms: float) -> float:
        return (deadline_ms - self._clock.monotonic_ms()) / 1_000

    async def _admitted_change(self, endpoint: Endpoint[Any], params: Mapping[str, str]) -> tuple[Admission, float]:
        """Leave to send a change of orders, and how long it may take from now.

        A cancel waits for room. A new order does not: what allowed it (its price, the modes and breakers) was looked at just now and
        would be old by then.
        """
        started_ms, timeout_s = self._clock.monotonic_ms(), self._connection.request_timeout_s
        wait_s = 0.0 if endpoint.new_orders else timeout_s
        admission = self.governor.try_admit(endpoint, params) or await self.governor.admit(endpoint, params, wait_s=wait_s)
        return admission, timeout_s - (self._clock.monotonic_ms() - started_ms) / 1_000

    def _built(
        self,
        admission: Admission,
        endpoint: Endpoint[Any],
        params: Mapping[str, str],
        timeout_s: float,
        seal: Callable[[str], str] | None = None,
    ) -> RestRequest:
        """The request ready to leave, within `timeout_s`; the admission is given back when there is none.

        Signed ones are stamped and signed here, or by `seal` when they have their connection.
        """
        try:
            if timeout_s <= 0:
                raise NotSentError(f"{endpoint.name} was not sent: its deadline has passed")
            query, route = encode_params(params), self._public_route
            if endpoint.is_signed:
                route = self._keyed_route
                if seal is None:
                    query = self._signed(query, self.server_clock.now_ms(), self._signer_for(endpoint))
            return RestRequest(endpoint.method, endpoint.path, query, route, endpoint.lane, timeout_s, seal=seal)
        except BaseException:
            self.governor.record_unsent(admission)
            raise

    def _seal(self, endpoint: Endpoint[Any], send_deadline_ms: int | None, last_look: LastLook | None) -> Callable[[str], str]:
        """What completes the query of a change of orders as it leaves; raises NotSentError where it may not leave any more."""
        signer = self._signer_for(endpoint)

        def seal(query: str) -> str:
            if last_look is not None:
                last_look()
            timestamp = self.server_clock.now_ms()
            if send_deadline_ms is not None and timestamp > send_deadline_ms:
                raise NotSentError(f"{endpoint.name} was not sent: its send deadline passed {timestamp - send_deadline_ms} ms ago")
            return self._signed(query, timestamp, signer)

        return seal

    def _signer_for(self, endpoint: Endpoint[Any]) -> Signer:
        if self._signer is None:
            raise ConfigurationError(f"{endpoint.name} needs BINANCE_API_KEY and BINANCE_API_SECRET; at least one of them is empty")
        return self._signer

    def _signed(self, query: str, timestamp: int, signer: Signer) -> str:
        stamp = f"recvWindow={self._recv_window}&timestamp={timestamp}"
        return signed_query(f"{query}&{stamp}" if query else stamp, signer)

    async def _send(self, endpoint: Endpoint[T], request: RestRequest, admission: Admission, started_ms: float) -> T:
        """Send and understand, settle the admission, and report the one RequestDone fact whatever happens."""
        passage = self._entered(endpoint, admission, started_ms)
        status = error_code = None
        try:
            try:
                response = await self._transport.fetch(request)
            except Exception as error:
                told = _told_apart(endpoint, error)
                if told is error:
                    raise
                raise told from None
            status = response.status
            self.governor.record_answer(admission, response.headers)
            if not 200 <= status < 300:
                error_code = str(self._code_of_refusal(endpoint, response))
            result = understood(endpoint, response.body)
        except BaseException as error:
            error_code = str(error.code) if isinstance(error, ExchangeRefusedError) else type(error).__name__
            if status is None:
                self._no_answer(admission, error)
            self._circuits.leave(passage, error)
            raise
        else:
            self._circuits.leave(passage, None)
            return result
        finally:
            if self._is_heard:
                self._observer.observe(RequestDone(endpoint.name, self._clock.monotonic_ms() - started_ms, status, error_code))

    def _entered(self, endpoint: Endpoint[Any], admission: Admission, now_ms: float) -> Passage | None:
        try:
            return self._circuits.enter(endpoint, now_ms)
        except CircuitOpenError:
            self.governor.record_unsent(admission)
            raise

    def _no_answer(self, admission: Admission, error: BaseException) -> None:
        if isinstance(error, RateLimitedError):  # held back on the way, by who was asked for silence: so are we, and the next process
            self.governor.record_limited(error)
        if isinstance(error, (NotSentError, RateLimitedError)):
            self.governor.record_unsent(admission)
        else:
            self.governor.record_lost(admission)

    def _code_of_refusal(self, endpoint: Endpoint[Any], response: RestResponse) -> int:
        """The code of an answer that is no success, where the endpoint reads in it what became of the request; raises the error else."""
        code, message = decode_error(response.body) or (NO_CODE, "")
        retry_after = response.headers.get("retry-after")
        limit = limit_of(response.status, limiting_code(code, response.body), message, retry_after)
        if limit is not None:
            self.governor.record_limited(limit)
        if not endpoint.explains(response.status, response.body):
            raise error_for(response.status, code, message, retry_after, changes_orders=endpoint.changes_orders)
        return code


def _told_apart(endpoint: Endpoint[Any], error: Exception) -> ExchangeError:
    """What a failure of the transport means for the request."""
    if not isinstance(error, ExchangeError):
        # Whatever breaks after the hand-over says nothing of the request's fate. Its text may quote headers, so it stays out.
        return FateUnknownError(f"{endpoint.name}: the transport failed with {type(error).__name__}")
    if endpoint.changes_orders and not isinstance(error, (NotSentError, FateUnknownError)):
        return FateUnknownError(f"{endpoint.name}: {error}")
    return error
