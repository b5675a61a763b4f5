"""From a connection and its REST caller to the access that WebSocket API sessions need: one clock, one weight budget, one key."""

from collections.abc import Mapping
from random import Random
from typing import Any

from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.binance.endpoints import Endpoint
from binance_trade_agent.binance.reconnection import ConnectBudget
from binance_trade_agent.binance.rest import RestCaller
from binance_trade_agent.binance.signing import KeyKind
from binance_trade_agent.binance.websocket_api.access import ApiAccess
from binance_trade_agent.binance.websocket_api.messages import RateLimit
from binance_trade_agent.domain.errors import ConfigurationError, RateLimitedError


class _GuardedWeight:
    """The rate guard of the REST caller as the weight budget of sessions."""

    def __init__(self, connection: Connection, rest: RestCaller) -> None:
        self._clock = connection.clock
        self._rest = rest

    async def admit(self, endpoint: Endpoint[Any], params: Mapping[str, str]) -> None:
        server_ms = self._rest.server_clock.now_ms()
        self._rest.guard.check(endpoint, params, monotonic_ms=self._clock.monotonic_ms(), server_ms=server_ms)

    def record_limits(self, limits: tuple[RateLimit, ...]) -> None:
        for limit in limits:
            if (limit.rate_limit_type, limit.interval, limit.interval_num) == ("REQUEST_WEIGHT", "MINUTE", 1):
                self._rest.guard.record_used(limit.count, self._rest.server_clock.now_ms())

    def record_limited(self, error: RateLimitedError) -> None:
        self._rest.guard.record_limited(error, self._clock.monotonic_ms())


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
        weight=_GuardedWeight(connection, rest),
        connects=connects,
        random=Random(clock.now_ms()),  # noqa: S311 - it spreads attempts to connect and guards nothing
        api_key=connection.api_key,
        signer=connection.signer,
        recv_window_ms=connection.recv_window_ms,
        request_timeout_s=connection.request_timeout_s,
        may_log_on=connection.signer.kind is KeyKind.ED25519,
    )
