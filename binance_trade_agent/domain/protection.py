"""Protection: the pair of orders on the exchange that sells a position at its stop-loss or its take-profit, whichever comes first."""

from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.order import OrderIntent


@dataclass(frozen=True, slots=True)
class ProtectionPlan:
    """What should stand on the exchange for a position: base quantity, and prices that fit the symbol's tick."""

    symbol: str
    quantity: Decimal
    profit_price: Decimal
    stop_price: Decimal

    def is_due_at(self, price: Decimal) -> bool:
        """True when the market is at one of the two prices or beyond it, so that the exchange would refuse the pair."""
        return not self.stop_price < price < self.profit_price


@dataclass(frozen=True, slots=True)
class ProtectivePair:
    """Both legs of one OCO, complete before anything is sent; `list_id` is in both."""

    list_id: str
    profit: OrderIntent
    stop: OrderIntent

    @property
    def legs(self) -> tuple[OrderIntent, OrderIntent]:
        """The two orders, which are journaled in this order."""
        return self.profit, self.stop
