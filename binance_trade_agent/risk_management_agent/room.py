"""Room: what one rule leaves for a purchase."""

from collections.abc import Callable
from decimal import ROUND_FLOOR, Context, Decimal

import msgspec
from msgspec.structs import replace

from binance_trade_agent.domain.money import ZERO, floor_to_step, times
from binance_trade_agent.domain.risk import RiskRule
from binance_trade_agent.risk_management_agent.figures import percent

_FLOOR = Context(prec=76, rounding=ROUND_FLOOR)

WHOLE = Decimal(1)


class Room(msgspec.Struct, frozen=True, gc=False):
    """`left` is in the accounting asset, and `unit_cost` is what one base unit takes of it.

    `text` says where it comes from; it is written only when a refusal shows it.
    """

    rule: RiskRule
    left: Decimal
    unit_cost: Decimal
    text: Callable[[], str]

    def quantity(self, step: Decimal) -> Decimal:
        """The most that fits, in steps."""
        return floor_to_step(_FLOOR.divide(max(self.left, ZERO), self.unit_cost), step)

    def holds(self, quantity: Decimal) -> bool:
        """True when `quantity` fits."""
        return times(quantity, self.unit_cost) <= self.left

    def part(self, share: Decimal) -> "Room":
        """`share` of it, because only that much of an entry is meant."""
        if share == WHOLE:
            return self
        return replace(self, left=times(self.left, share), text=lambda: f"{self.text()}, and {percent(share)} of that is meant")
