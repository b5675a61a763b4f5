"""How a taker walks the book: a plan of what happens, made before anything changes.

A plan first, because an order that cannot be paid, or that must be filled whole or not at all, leaves no trace.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from binance_trade_agent.domain.money import ZERO, times
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.amounts import QUANTUM, notional
from binance_trade_agent.simulation.engine.book_side import Part
from binance_trade_agent.simulation.engine.liquidity import reaches
from binance_trade_agent.simulation.engine.records import ExchangeOrder
from binance_trade_agent.simulation.engine.self_trade import TradeGroups, effective_mode, losses
from binance_trade_agent.simulation.engine.terms import BUY, NO_PREVENTION, TRANSFER, SelfTradePrevention

Offer = tuple[Decimal, Decimal, ExchangeOrder | None]
"""Price and quantity of something a taker can trade with: (a part of) a resting order of an account, or one ladder level."""


class Step(Struct, frozen=True, gc=False):
    """One thing that happens to a taker: a trade of `quantity`, or with a `mode` a match that is prevented and what the two lose by it."""

    price: Decimal
    quantity: Decimal
    maker: ExchangeOrder | None
    mode: SelfTradePrevention | None = None
    taker_loss: Decimal | None = None
    maker_loss: Decimal | None = None

    def moves_funds(self, account_id: int) -> bool:
        """True for a trade of the account, and for a transfer between it and another one."""
        if self.mode is TRANSFER:
            return self.maker is not None and self.maker.account_id != account_id
        return self.mode is None


class TakerPlan(Struct, frozen=True, gc=False):
    """Steps in the order in which they happen; `is_satisfied` when nothing is wanted any more.

    `leaves_range` when the next step would be at a price that an execution rule forbids.
    """

    steps: tuple[Step, ...]
    is_satisfied: bool
    leaves_range: bool = False

    @property
    def quantity(self) -> Decimal:
        """Base that changes hands or is lost to self-trade prevention."""
        return sum((step.quantity if step.mode is None else step.taker_loss or ZERO for step in self.steps), ZERO)

    def cost(self, account_id: int) -> Decimal:
        """Quote that will change hands when the account buys: by trades, and by transfers from others of its trade group."""
        return sum((notional(step.price, step.quantity) for step in self.steps if step.moves_funds(account_id)), ZERO)

    @property
    def fills_all(self) -> bool:
        """True when everything wanted is traded, as FOK asks."""
        return self.is_satisfied and all(step.taker_loss is None for step in self.steps)


NOTHING = TakerPlan((), is_satisfied=False)


class Want(Protocol):
    """How much a taker still wants, whether it counts in base or in quote."""

    def most_at(self, price: Decimal) -> Decimal:
        """The quantity still wanted at `price`; 0 when there is enough."""
        ...

    def take(self, price: Decimal, quantity: Decimal) -> None:
        """Count one trade, or what was lost instead of one."""
        ...


class BaseWant:
    """A fixed base quantity."""

    def __init__(self, quantity: Decimal) -> None:
        self._left = quantity

    def most_at(self, price: Decimal) -> Decimal:
        """What is left, whatever the price."""
        return self._left

    def take(self, price: Decimal, quantity: Decimal) -> None:
        """Count one trade."""
        self._left -= quantity


class QuoteWant:
    """As many whole steps of base as a quote amount pays for (quoteOrderQty)."""

    def __init__(self, amount: Decimal, step: Decimal) -> None:
        self._left = amount
        self._step = step or QUANTUM

    def most_at(self, price: Decimal) -> Decimal:
        """Whole steps at `price` that the rest of the amount pays for."""
        return self._left // times(price, self._step) * self._step

    def take(self, price: Decimal, quantity: Decimal) -> None:
        """Count one trade."""
        self._left -= notional(price, quantity)


def offers(side: Side, limit: Decimal, parts: Iterable[Part], ladder: Iterable[tuple[Decimal, Decimal]]) -> Iterator[Offer]:
    """What an order on `side` could trade with, best first, not beyond `limit` (0 for none).

    `parts` are the resting orders of accounts; they stand before `ladder` liquidity at the same price.
    """
    buys = side is BUY
    if not ladder:
        for order, quantity in parts:
            price = order.limit
            if limit and (price > limit if buys else price < limit):
                return
            yield price, quantity, order
        return
    levels = iter(ladder)
    level = next(levels, None)
    for order, quantity in parts:
        price = order.limit
        while level is not None and (level[0] < price if buys else level[0] > price):
            if limit and not reaches(side, limit, level[0]):
                return
            yield level[0], level[1], None
            level = next(levels, None)
        if limit and not reaches(side, limit, price):
            return
        yield price, quantity, order
    while level is not None and (not limit or reaches(side, limit, level[0])):
        yield level[0], level[1], None
        level = next(levels, None)


def plan_of_one(first: ExchangeOrder, taker: ExchangeOrder, groups: TradeGroups) -> TakerPlan | None:
    """The plan where the `first` in line, whose price is good enough, has all that is wanted, as is usual; None where it is not so easy."""
    wanted = taker.remaining_quantity
    is_other = taker.self_trade_prevention is NO_PREVENTION or not groups.are_one(taker.account_id, first.account_id)
    if is_other and first.offered_quantity >= wanted:
        return TakerPlan((Step(first.limit, wanted, first),), is_satisfied=True)
    return None


def plan(found: Iterable[Offer], taker: ExchangeOrder, want: Want, groups: TradeGroups) -> TakerPlan:
    """Walk what was `found`, best first, until there is enough, or until self-trade prevention ends the taker."""
    steps: list[Step] = []
    gone: set[int] = set()
    prevents = taker.self_trade_prevention is not NO_PREVENTION
    for price, available, maker in found:
        most = want.most_at(price)
        if most <= 0:
            return TakerPlan(tuple(steps), is_satisfied=True)
        if prevents and maker is not None and groups.are_one(taker.account_id, maker.account_id):
            if maker.order_id in gone:
                continue
            step = _prevention(price, most, taker, maker)
            gone.add(maker.order_id)
            steps.append(step)
            if step.taker_loss is not None:
                want.take(price, step.taker_loss)
                if step.taker_loss == most:
                    return TakerPlan(tuple(steps), is_satisfied=True)
            continue
        quantity = available if available < most else most
        want.take(price, quantity)
        steps.append(Step(price, quantity, maker))
    # The last price tells whether what is still wanted amounts to anything.
    return TakerPlan(tuple(steps), is_satisfied=bool(steps) and want.most_at(steps[-1].price) <= 0)


def _prevention(price: Decimal, most: Decimal, taker: ExchangeOrder, maker: ExchangeOrder) -> Step:
    mode = effective_mode(taker.self_trade_prevention, maker.self_trade_prevention)
    left = maker.remaining_quantity
    taker_loss, maker_loss = losses(mode, most, left)
    return Step(price, min(most, left), maker, mode, taker_loss, maker_loss)
