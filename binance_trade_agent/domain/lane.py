"""Lane: the two kinds of requests to the exchange, which must not hold each other up."""

from enum import StrEnum


class Lane(StrEnum):
    """Whose turn a request waits for; the value is the `lane` label of metrics."""

    ORDERS = "orders"
    """Orders, cancellations, account queries, and the look at the exchange's clock that stamps them."""
    MARKET_DATA = "market_data"
