"""RoundTrips: from purchases and sales to the trades that people count, each from flat to flat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.backtest.fast.result import RoundTrip
from binance_trade_agent.domain.facts import FillBooked
from binance_trade_agent.domain.money import ZERO, floor_to_step, times, total
from binance_trade_agent.domain.order import Fill, OrderIntent, Side
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.symbol_rules import SymbolRules


@dataclass(slots=True)
class _Open:
    """A round trip that is not over; amounts as in RoundTrip."""

    number: int
    opened_ms: int
    orders: int = 0
    quantity: Decimal = ZERO
    bought: Decimal = ZERO
    sold: Decimal = ZERO
    fees: Decimal = ZERO
    profit: Decimal = ZERO

    def take(self, booked: FillBooked, rules: SymbolRules) -> None:
        fill = booked.fill
        if fill.side is Side.BUY:
            self.quantity += fill.quantity
            self.bought += fill.quote_quantity
        else:
            self.sold += fill.quote_quantity
        self.fees += _fee_in_quote(fill, rules)
        self.profit = total((self.profit, booked.realized))

    def trip(self, symbol: str, closed_ms: int | None, reason: str) -> RoundTrip:
        return RoundTrip(
            symbol, self.opened_ms, closed_ms, self.orders, self.quantity, self.bought, self.sold, self.fees, self.profit, reason
        )


class RoundTrips:
    """One may be open in each symbol. It begins with a purchase while less than one step is held, and ends when that is so again."""

    def __init__(self, rules: Mapping[str, SymbolRules]) -> None:
        self._rules = rules
        self._open: dict[str, _Open] = {}
        self._over: list[tuple[int, RoundTrip]] = []
        self._begun = 0

    @property
    def all(self) -> tuple[RoundTrip, ...]:
        """Those that are over and those that are open, in the order in which they began."""
        still_open = [(trip.number, trip.trip(symbol, None, "")) for symbol, trip in self._open.items()]
        return tuple(trip for _, trip in sorted(self._over + still_open, key=lambda numbered: numbered[0]))

    def take(self, intent: OrderIntent, booked: Sequence[FillBooked], position: Position) -> None:
        """Count the trades of one order, at least one, after which `position` is held."""
        symbol, rules = intent.symbol, self._rules[intent.symbol]
        trip = self._open.get(symbol)
        if trip is None:
            self._begun += 1
            trip = self._open[symbol] = _Open(self._begun, booked[0].fill.time_ms)
        trip.orders += 1
        for each in booked:
            trip.take(each, rules)
        if floor_to_step(position.quantity, rules.quantity_step(market=True)) <= 0:
            del self._open[symbol]
            self._over.append((trip.number, trip.trip(symbol, booked[-1].fill.time_ms, intent.reason)))


def _fee_in_quote(fill: Fill, rules: SymbolRules) -> Decimal:
    """The commission in quote; 0 when it was paid in a third asset."""
    if fill.commission_asset == rules.quote_asset:
        return fill.commission
    return times(fill.commission, fill.price) if fill.commission_asset == rules.base_asset else ZERO
