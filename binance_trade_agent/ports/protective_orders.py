"""ProtectiveOrders: the orders that the daemon leaves standing on the exchange. Errors are those of domain/errors (ExchangeError)."""

from dataclasses import dataclass
from typing import Protocol

from binance_trade_agent.domain.errors import ExchangeError
from binance_trade_agent.domain.order import OrderIntent, OrderReport
from binance_trade_agent.domain.protection import Guard
from binance_trade_agent.ports.exchange import LastLook


@dataclass(frozen=True, slots=True)
class Replacement:
    """The fates of both halves of a replacement.

    `canceled` has a report for each order that was cancelled, none when the old guard was not; then the new order was not tried.
    `placed` is the new order, or the error that placing it alone would have raised.
    """

    canceled: tuple[OrderReport, ...]
    placed: OrderReport | ExchangeError


class ProtectiveOrders(Protocol):
    """Pairs of orders of which the exchange carries out one at most, and stops by themselves."""

    async def place(self, guard: Guard, *, send_deadline_ms: int, last_look: LastLook) -> tuple[OrderReport, ...]:
        """Send the guard exactly once; one report an order. Errors, deadline and last look as in Exchange.place_order."""
        ...

    async def replace(self, old: Guard, stop: OrderIntent, *, send_deadline_ms: int, last_look: LastLook) -> Replacement:
        """Cancel `old` and place `stop` in one request, so that nobody comes in between; sent once.

        An ExchangeRefusedError or NotSentError means that neither half was tried; after all else both have to be looked for.
        """
        ...

    async def cancel(self, symbol: str, list_id: str) -> tuple[OrderReport, ...]:
        """Cancel what is open of a pair, sent once. ExchangeRefusedError -2011 when there is no such open list."""
        ...
