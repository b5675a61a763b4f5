"""ProtectiveOrders: the one kind of order list that the daemon places by itself. Errors are those of domain/errors (ExchangeError)."""

from typing import Protocol

from binance_trade_agent.domain.order import OrderReport
from binance_trade_agent.domain.protection import ProtectivePair
from binance_trade_agent.ports.exchange import LastLook


class ProtectiveOrders(Protocol):
    """Pairs of orders of which the exchange carries out one at most."""

    async def place(self, pair: ProtectivePair, *, send_deadline_ms: int, last_look: LastLook) -> tuple[OrderReport, ...]:
        """Send the pair exactly once; one report a leg. Errors, deadline and last look as in Exchange.place_order."""
        ...

    async def cancel(self, symbol: str, list_id: str) -> tuple[OrderReport, ...]:
        """Cancel what is open of a pair, sent once. ExchangeRefusedError -2011 when there is no such open list."""
        ...
