"""understood: reads the answer to a request; one to an order that cannot be read leaves the order's fate unknown."""

from typing import TypeVar

from binance_trade_agent.binance.endpoints import Endpoint
from binance_trade_agent.domain.errors import AgentError, FateUnknownError

T = TypeVar("T")


def understood(endpoint: Endpoint[T], body: bytes) -> T:
    """The decoded answer. An order whose answer cannot be read was very likely carried out: its fate is unknown, not failed."""
    if not endpoint.changes_orders:
        return endpoint.decode(body)
    try:
        return endpoint.decode(body)
    except Exception as error:
        reason = str(error) if isinstance(error, AgentError) else type(error).__name__
        raise FateUnknownError(f"{endpoint.name}: the answer cannot be read: {reason}") from None
