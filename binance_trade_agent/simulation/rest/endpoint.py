"""What an endpoint of the REST face is: its parameters, weight and security, and what its handler is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from binance_trade_agent.simulation.engine.history import Archive
from binance_trade_agent.simulation.engine.listings import Listings
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.engine.public_trades import PublicTrades
from binance_trade_agent.simulation.faults.replica import Replica
from binance_trade_agent.simulation.markets.market import Market
from binance_trade_agent.simulation.rest.exchange_info import ExchangeInfo
from binance_trade_agent.simulation.rest.params import Params
from binance_trade_agent.simulation.rest.rate_limits import RateLimits
from binance_trade_agent.simulation.rest.security import KeyHolder

SIGNED_PARAMETERS = frozenset({"timestamp", "recvWindow", "signature"})


class Security(Enum):
    """Who may call an endpoint (rest-api.md, "Request Security")."""

    NONE = auto()
    USER_DATA = auto()
    TRADE = auto()


@dataclass(frozen=True, slots=True)
class Venue:
    """The parts of the exchange that handlers work with."""

    engine: Engine
    market: Market
    archive: Archive
    limits: RateLimits
    info: ExchangeInfo
    public_trades: PublicTrades
    replica: Replica

    @property
    def listings(self) -> Listings:
        """What is listed, by which rules."""
        return self.engine.rulebook.listings


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has passed security; `account_id` is 0 and `signer` None for public endpoints."""

    params: Params
    account_id: int
    now_ms: int
    signer: KeyHolder | None = None


@dataclass(frozen=True, slots=True)
class MixedAnswer:
    """The answer to a request of two parts that failed in one or both: an `error` whose `data` tells of each, with its HTTP status.

    `retry_after_s` is for a part that had no room in the limits.
    """

    status: int
    error: Mapping[str, Any]
    retry_after_s: int | None = None


Handler = Callable[[Venue, Call], Any]
"""Returns what is serialised as JSON, or bytes that already are, or a MixedAnswer."""

Weight = Callable[[Params], int]


def flat(weight: int) -> Weight:
    """The same weight whatever is asked."""
    return lambda params: weight


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. `free_when_successful` gives the weight back, as for orders and cancels since 2026-04."""

    handler: Handler
    parameters: frozenset[str]
    weight: Weight
    security: Security = Security.NONE
    free_when_successful: bool = False
    places_order: bool = False


def public(handler: Handler, parameters: str = "", *, weight: Weight) -> Endpoint:
    """An endpoint without security; `parameters` are names divided by spaces."""
    return Endpoint(handler, frozenset(parameters.split()), weight)


def signed(
    handler: Handler, parameters: str = "", *, weight: Weight, free_when_successful: bool = False, places_order: bool = False
) -> Endpoint:
    """A signed endpoint that any key may use; the parameters of signing come on top of `parameters`."""
    allowed = frozenset(parameters.split()) | SIGNED_PARAMETERS
    return Endpoint(handler, allowed, weight, Security.USER_DATA, free_when_successful, places_order)


def with_trading_security(routes: Mapping[str, Mapping[str, Endpoint]]) -> dict[str, dict[str, Endpoint]]:
    """`routes` by path and method, where every signed endpoint that is not just read from wants a key that may trade.

    Source: rest-api.md marks all of these (TRADE) and all signed GET endpoints (USER_DATA).
    """
    return {
        path: {
            method: endpoint if endpoint.security is Security.NONE or method == "GET" else replace(endpoint, security=Security.TRADE)
            for method, endpoint in methods.items()
        }
        for path, methods in routes.items()
    }
