"""What an endpoint of the REST face is: its parameters, weight and security, and what its handler is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from binance_trade_agent.simulation.engine.listings import Listings
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.engine.public_trades import PublicTrades
from binance_trade_agent.simulation.history.archive import Archive
from binance_trade_agent.simulation.markets.market import Market
from binance_trade_agent.simulation.rest.exchange_info import ExchangeInfo
from binance_trade_agent.simulation.rest.params import Params
from binance_trade_agent.simulation.rest.rate_limits import RateLimits

SIGNED_PARAMETERS = frozenset({"timestamp", "recvWindow", "signature"})


class Security(Enum):
    """Who may call an endpoint (rest-api.md, "Request Security")."""

    NONE = auto()
    SIGNED = auto()


@dataclass(frozen=True, slots=True)
class Venue:
    """The parts of the exchange that handlers work with."""

    engine: Engine
    market: Market
    archive: Archive
    limits: RateLimits
    info: ExchangeInfo
    public_trades: PublicTrades

    @property
    def listings(self) -> Listings:
        """What is listed, by which rules."""
        return self.engine.rulebook.listings


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has passed security; `account_id` is 0 for public endpoints."""

    params: Params
    account_id: int
    now_ms: int


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
    """A signed endpoint; the parameters of signing come on top of `parameters`."""
    allowed = frozenset(parameters.split()) | SIGNED_PARAMETERS
    return Endpoint(handler, allowed, weight, Security.SIGNED, free_when_successful, places_order)
