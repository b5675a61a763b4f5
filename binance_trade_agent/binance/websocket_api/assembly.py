"""From a connection and its REST caller to the access that WebSocket API sessions need: one clock, one weight budget, one key."""

from collections.abc import Mapping
from random import Random
from typing import Any

from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.binance.endpoints import Endpoint
from binance_trade_agent.binance.limits.rate_limit import rate_limit
from binance_trade_agent.binance.limits.waiting_lines import Admission, Priority, priority_of
from binance_trade_agent.binance.reconnection import ConnectBudget
from binance_trade_agent.binance.rest import RestCaller
from binance_trade_agent.binance.signing import KeyKind
from binance_trade_agent.binance.text_socket import open_real_socket
from binance_trade_agent.binance.websocket_api.access import ApiAccess
from binance_trade_agent.binance.websocket_api.messages import RateLimit
from binance_trade_agent.domain.errors import ConfigurationError, RateLimitedError


class _GovernedWeight:
    """The connection's governor as the weight budget of sessions, in their words for limits."""

    def __init__(self, connection: Connection) -> None:
        self._governor = connection.governor
        self._longest_wait_s = connection.request_timeout_s

    async def admit(self, endpoint: Endpoint[Any], params: Mapping[str, str]) -> Admission:
        # As by REST, a new order does not wait: what allowed it was looked at just now and would be old by then.
        wait_s = 0.0 if endpoint.new_orders else self._longest_wait_s
        # What sessions are for is orders and the account, so even their connects go before market data.
        return await self._governor.admit(endpoint, params, wait_s=wait_s, priority=min(priority_of(endpoint), Priority.ACCOUNT))

    def record_answer(self, admission: Admission, limits: tuple[RateLimit, ...]) -> None:
        told = {rate_limit(each.rate_limit_type, each.interval, each.interval_num, each.limit): each.count for each in limits}
        self._governor.record_limits(admission, {limit: count for limit, count in told.items() if limit is not None})

    def record_lost(self, admission: Admission) -> None:
        self._governor.record_lost(admission)

    def record_unsent(self, admission: Admission) -> None:
        self._governor.record_unsent(admission)

    def record_limited(self, error: RateLimitedError) -> None:
        self._governor.record_limited(error)


def api_access(connection: Connection, rest: RestCaller, connects: ConnectBudget) -> ApiAccess:
    """The access of one client's sessions. Raises ConfigurationError when the connection names no WebSocket API, or has no keys."""
    if not connection.websocket_api_url:
        raise ConfigurationError("this venue has no WebSocket API: the connection's websocket_api_url is empty")
    if connection.signer is None:
        raise ConfigurationError("the WebSocket API needs BINANCE_API_KEY and BINANCE_API_SECRET; at least one of them is empty")
    clock = connection.clock
    return ApiAccess(
        url=connection.websocket_api_url,
        clock=clock,
        observer=connection.observer,
        server_clock=rest.server_clock,
        ensure_synced=rest.clock_sync.ensure,
        weight=_GovernedWeight(connection),
        connects=connects,
        random=Random(clock.now_ms()),  # noqa: S311 - it spreads attempts to connect and guards nothing
        api_key=connection.api_key,
        signer=connection.signer,
        recv_window_ms=connection.recv_window_ms,
        request_timeout_s=connection.request_timeout_s,
        may_log_on=connection.signer.kind is KeyKind.ED25519,
        open_socket=connection.open_socket or open_real_socket,
    )
