"""Circuits: one circuit for each group of the exchange's endpoints, so that trouble in one never keeps requests of another at home.

Orders and what looks after them are apart: cancels, order queries and trades go on while market data fails, and a cancel is let
through even when its own circuit is open. An order is never the blind probe: its circuit is tried again only after a query was answered.
"""

from collections.abc import Mapping
from enum import StrEnum
from random import Random
from typing import Any

from binance_trade_agent.binance import endpoints
from binance_trade_agent.binance.endpoints import Endpoint
from binance_trade_agent.binance.limits.circuit import Circuit, CircuitRules, Passage
from binance_trade_agent.domain.errors import ExchangeRefusedError, FateUnknownError, NotSentError, PoolTimeoutError, RateLimitedError
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Observer

_LEAST_JITTER, _MOST_JITTER = 0.9, 1.1


class CircuitGroup(StrEnum):
    """The groups; the value is the `group` label of metrics."""

    MARKET_DATA = "market_data"
    ACCOUNT = "account"
    ORDERS = "orders"
    ORDER_CARE = "order_care"


_ALWAYS_ASKED = frozenset({endpoints.PING.path, endpoints.SERVER_TIME.path})
"""Everything that is signed needs the exchange's time, so no group may close it off, and it says nothing of any group."""

_CARED_FOR_BY = frozenset(
    endpoint.path
    for endpoint in (
        endpoints.QUERY_ORDER,
        endpoints.OPEN_ORDERS,
        endpoints.QUERY_ORDER_LIST,
        endpoints.OPEN_ORDER_LISTS,
        endpoints.MY_TRADES,
    )
)


def group_of(endpoint: Endpoint[Any]) -> CircuitGroup | None:
    """The group of an endpoint; None for what is asked in any case."""
    if endpoint.path in _ALWAYS_ASKED:
        return None
    if endpoint.changes_orders:
        return CircuitGroup.ORDERS if endpoint.new_orders else CircuitGroup.ORDER_CARE
    if not endpoint.is_signed:
        return CircuitGroup.MARKET_DATA
    return CircuitGroup.ORDER_CARE if endpoint.path in _CARED_FOR_BY and endpoint.method == "GET" else CircuitGroup.ACCOUNT


class Circuits:
    """The circuits of one address."""

    def __init__(self, rules: CircuitRules, clock: Clock, observer: Observer) -> None:
        self._clock = clock
        self._random: Random | None = None
        self._circuits: Mapping[CircuitGroup, Circuit] = {
            group: Circuit(group, rules, clock, observer, self._jitter, needs_sign=group is CircuitGroup.ORDERS) for group in CircuitGroup
        }
        self._orders = self._circuits[CircuitGroup.ORDERS]
        self._vouching = frozenset({self._circuits[CircuitGroup.ACCOUNT], self._circuits[CircuitGroup.ORDER_CARE]})
        # Found once: it is asked of every request.
        self._groups = {endpoint.name: group_of(endpoint) for endpoint in endpoints.ENDPOINTS}

    def enter(self, endpoint: Endpoint[Any], now_ms: float) -> Passage | None:
        """Leave for one request at `now_ms` (Clock.monotonic_ms), to be given back to `leave`; raises CircuitOpenError."""
        group = self._groups[endpoint.name] if endpoint.name in self._groups else group_of(endpoint)
        if group is None:
            return None
        return self._circuits[group].enter(endpoint.name, now_ms, must_pass=endpoint.changes_orders and group is CircuitGroup.ORDER_CARE)

    def leave(self, passage: Passage | None, error: BaseException | None) -> None:
        """What became of the request: `error`, or an answer when that is None.

        A refusal is an answer. Being limited, crowded out of our own pool, cancelled, or unable to read an answer says nothing of the
        exchange's health, and neither does an order that did not leave: it did no harm.
        """
        if passage is None:
            return
        circuit = passage.circuit
        if error is None and circuit.is_sound and self._orders.is_sound:
            return
        if error is None or (isinstance(error, ExchangeRefusedError) and not isinstance(error, RateLimitedError)):
            circuit.succeed(passage)
            if circuit in self._vouching:
                self._orders.note_sign_of_life()
        elif isinstance(error, FateUnknownError) or (_did_not_leave(error) and circuit is not self._orders):
            circuit.fail(passage)
        else:
            circuit.drop(passage)

    def _jitter(self) -> float:
        # Seeded when it is first needed: the same in every run under virtual time, different between processes under wall time.
        self._random = self._random or Random(self._clock.now_ms())  # noqa: S311 - it spreads pauses and guards nothing
        return self._random.uniform(_LEAST_JITTER, _MOST_JITTER)


def _did_not_leave(error: BaseException) -> bool:
    return isinstance(error, NotSentError) and not isinstance(error, PoolTimeoutError)
