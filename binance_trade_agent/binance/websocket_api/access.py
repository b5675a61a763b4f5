"""ApiAccess: what a WebSocket API session needs of its surroundings: where, on whose behalf, by which clock and within which budget."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from binance_trade_agent.binance.endpoints import Endpoint
from binance_trade_agent.binance.limits.waiting_lines import Admission
from binance_trade_agent.binance.reconnection import ConnectBudget
from binance_trade_agent.binance.server_clock import ServerClock
from binance_trade_agent.binance.signing import Signer
from binance_trade_agent.binance.text_socket import OpenSocket, open_real_socket
from binance_trade_agent.binance.websocket_api.messages import RateLimit
from binance_trade_agent.domain.errors import RateLimitedError
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer


class WeightBudget(Protocol):
    """The request weight of this address, which REST and the WebSocket API use up together."""

    async def admit(self, endpoint: Endpoint[Any], params: Mapping[str, str]) -> Admission:
        """Leave to send, to be given back by exactly one of the three below; raises ExchangeError when there is none."""
        ...

    def record_answer(self, admission: Admission, limits: tuple[RateLimit, ...]) -> None:
        """An answer came, and said this of the limits."""
        ...

    def record_lost(self, admission: Admission) -> None:
        """The request may have left, and no answer came."""
        ...

    def record_unsent(self, admission: Admission) -> None:
        """The request did not leave."""
        ...

    def record_limited(self, error: RateLimitedError) -> None:
        """Be quiet as long as `error` says."""
        ...


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """Key and signer show in no repr. `ensure_synced` makes the exchange's clock known; it raises ExchangeError when it cannot.

    `request_timeout_s` bounds a connect and each request. With `may_log_on` a session is authenticated once by `session.logon`, which
    the exchange offers to Ed25519 keys only, and its requests are then not signed one by one. `random` spreads attempts to connect.
    """

    url: str
    clock: Clock
    observer: Observer
    server_clock: ServerClock
    ensure_synced: Callable[[], Awaitable[None]]
    weight: WeightBudget
    connects: ConnectBudget
    random: Random
    api_key: str = field(repr=False)
    signer: Signer = field(repr=False)
    recv_window_ms: int = 5_000
    request_timeout_s: float = 10.0
    may_log_on: bool = False
    open_socket: OpenSocket = open_real_socket
