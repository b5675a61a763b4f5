"""Protection: the orders on the exchange that sell a position at its stop-loss or its take-profit, whichever comes first."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, times
from binance_trade_agent.domain.order import JournaledOrder, OrderIntent, OrderState


@dataclass(frozen=True, slots=True)
class ProtectionPlan:
    """What should stand on the exchange for a position: prices that fit the symbol's tick, and the base quantity of each guard.

    One order may hold only so much, so a large position has several guards; `bare` is what even they leave without.
    `limit_price` is what a stop is then offered at, None for any price. `profit_price` is None for stops alone.
    A stop that `trails` is to follow the highest price, and is never moved down.
    """

    symbol: str
    quantities: tuple[Decimal, ...]
    stop_price: Decimal
    limit_price: Decimal | None = None
    profit_price: Decimal | None = None
    trails: bool = False
    bare: Decimal = ZERO

    def is_due_at(self, price: Decimal) -> bool:
        """True when the market is at one of the prices or beyond it, so that the exchange would refuse the guards."""
        return price <= self.stop_price or (self.profit_price is not None and price >= self.profit_price)


@dataclass(frozen=True, slots=True)
class Guard:
    """What protects one part of a position, complete before anything is sent: an OCO of two orders, or a stop by itself.

    Both orders of an OCO carry the id of their list.
    """

    stop: OrderIntent
    profit: OrderIntent | None = None

    @property
    def orders(self) -> tuple[OrderIntent, ...]:
        """Its orders, as they are journaled."""
        return (self.stop,) if self.profit is None else (self.profit, self.stop)

    def meets(self, plan: ProtectionPlan, trailing_step: Decimal) -> bool:
        """True when it need not be changed for `plan`; a stop that trails may be behind by less than `trailing_step` of its price."""
        stop, profit = self.stop, self.profit
        if not plan.trails:
            wanted = (plan.stop_price, plan.limit_price, plan.profit_price)
            return (stop.stop_price, stop.price, profit.price if profit is not None else None) == wanted
        fits = (profit is None or profit.price == plan.profit_price) and (stop.price is None) is (plan.limit_price is None)
        return fits and times(_level(stop), 1 + trailing_step) > plan.stop_price

    def may_be_moved_to(self, plan: ProtectionPlan) -> bool:
        """True when a higher stop by itself may take its place."""
        fits = self.profit is None or plan.profit_price in {None, self.profit.price}
        return plan.trails and fits and _level(self.stop) < plan.stop_price


def guards_of(orders: Iterable[JournaledOrder]) -> tuple[Guard, ...]:
    """The guards that stand whole and untouched among the open orders of one symbol; what has traded in part is none."""
    lists: dict[str, list[OrderIntent]] = {}
    guards: list[Guard] = []
    for order in orders:
        intent = order.intent
        if not intent.is_protective or order.state is not OrderState.NEW or order.executed_quantity != ZERO:
            continue
        if intent.list_id is None:
            guards.append(Guard(intent))
        else:
            lists.setdefault(intent.list_id, []).append(intent)
    for legs in lists.values():
        stops = [leg for leg in legs if leg.stop_price is not None]
        profits = [leg for leg in legs if leg.stop_price is None]
        if len(stops) == 1 and len(profits) == 1:
            guards.append(Guard(stops[0], profits[0]))
    return tuple(guards)


def _level(stop: OrderIntent) -> Decimal:
    return stop.stop_price or ZERO
