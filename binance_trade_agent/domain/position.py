"""A position: what we hold of a symbol, at what cost, and what it has earned so far."""

from decimal import ROUND_HALF_EVEN, Decimal

import msgspec
from msgspec.structs import replace

from binance_trade_agent.domain.money import ZERO, ratio, times, wide
from binance_trade_agent.domain.order import Fill, Side

_COST_QUANTUM = Decimal("1e-18")


class Position(msgspec.Struct, frozen=True, gc=False):
    """Average-cost position of one spot symbol.

    `quantity` (base) is net of commissions charged in the base asset; `cost` (quote) is what the quantity held was bought for,
    commissions in quote included; `realized` (quote) is proceeds less cost of what was sold, net of commissions in base or quote.
    Commissions in a third asset (BNB) are booked in the ledger and not part of these figures.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    opened_ms: int = 0
    updated_ms: int = 0

    @property
    def average_price(self) -> Decimal:
        """Quote paid per base held; 0 when nothing is held."""
        return ratio(self.cost, self.quantity)

    def value(self, price: Decimal) -> Decimal:
        """The quantity held at `price`, in quote."""
        return times(self.quantity, price)

    def unrealized(self, price: Decimal) -> Decimal:
        """What selling everything at `price` would add to `realized`, before commissions."""
        with wide():
            return self.value(price) - self.cost

    def apply(self, fill: Fill) -> "Position":
        """The position after `fill`; the caller sees to it that each fill is applied once."""
        with wide():
            return self._bought(fill) if fill.side is Side.BUY else self._sold(fill)

    def written_down(self, quantity: Decimal, time_ms: int) -> "Position":
        """The position without `quantity`, which left the account without a trade.

        Its share of the cost leaves with it and nothing is realised, so the average price stays. ValueError for more than is held.
        """
        if not 0 < quantity <= self.quantity:
            raise ValueError(f"{quantity} cannot be taken from {self.quantity}")
        with wide():
            left = self.quantity - quantity
            cost_out = self.cost if left == 0 else self._share_of_cost(quantity)
            return replace(self, quantity=left, cost=self.cost - cost_out, updated_ms=time_ms)

    def _bought(self, fill: Fill) -> "Position":
        base_fee, quote_fee = self._fees(fill)
        return replace(
            self,
            quantity=self.quantity + fill.quantity - base_fee,
            cost=self.cost + fill.quote_quantity + quote_fee,
            opened_ms=self.opened_ms if self.quantity > 0 else fill.time_ms,
            updated_ms=fill.time_ms,
        )

    def _sold(self, fill: Fill) -> "Position":
        base_fee, quote_fee = self._fees(fill)
        given = fill.quantity + base_fee
        left = self.quantity - given
        cost_out = self.cost if left <= 0 else self._share_of_cost(given)
        return replace(
            self,
            quantity=left,
            cost=self.cost - cost_out,
            realized=self.realized + fill.quote_quantity - quote_fee - cost_out,
            updated_ms=fill.time_ms,
        )

    def _fees(self, fill: Fill) -> tuple[Decimal, Decimal]:
        base = fill.commission if fill.commission_asset == self.base_asset else ZERO
        quote = fill.commission if fill.commission_asset == self.quote_asset else ZERO
        return base, quote

    def _share_of_cost(self, given: Decimal) -> Decimal:
        share = times(self.cost, ratio(given, self.quantity))
        return share.quantize(_COST_QUANTUM, rounding=ROUND_HALF_EVEN)
