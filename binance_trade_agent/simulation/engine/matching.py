"""How a taker walks the book: a plan of trades, made before anything changes.

A plan first, because an order that cannot be paid, or that must be filled whole or not at all, leaves no trace.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge
from typing import Protocol

from binance_trade_agent.domain.money import times
from binance_trade_agent.simulation.engine.amounts import QUANTUM, notional
from binance_trade_agent.simulation.engine.records import ExchangeOrder


@dataclass(frozen=True, slots=True)
class Offer:
    """Something a taker can trade with: one resting order of an account, or one ladder level (`maker` None)."""

    price: Decimal
    quantity: Decimal
    maker: ExchangeOrder | None = None


@dataclass(frozen=True, slots=True)
class TakerPlan:
    """Trades in the order they happen; `prevented` are the taker's own resting orders in the way; `complete` when all was found."""

    fills: tuple[Offer, ...]
    prevented: tuple[ExchangeOrder, ...]
    complete: bool

    @property
    def quantity(self) -> Decimal:
        """Base that will change hands."""
        return sum((fill.quantity for fill in self.fills), Decimal(0))

    @property
    def cost(self) -> Decimal:
        """Quote that will change hands."""
        return sum((notional(fill.price, fill.quantity) for fill in self.fills), Decimal(0))


class Want(Protocol):
    """How much a taker still wants, whether it counts in base or in quote."""

    def most_at(self, price: Decimal) -> Decimal:
        """The quantity still wanted at `price`; 0 when there is enough."""
        ...

    def take(self, price: Decimal, quantity: Decimal) -> None:
        """Count one trade."""
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


def merged(resting: Iterable[Offer], ladder: Iterable[Offer], *, ascending: bool) -> Iterator[Offer]:
    """Both sources by price, resting orders of accounts before ladder liquidity at the same price."""
    return merge(resting, ladder, key=lambda offer: offer.price if ascending else -offer.price)


def plan(offers: Iterable[Offer], account_id: int, want: Want) -> TakerPlan:
    """Walk `offers`, best first, until there is enough.

    Own resting orders do not trade: they are expired as the walk meets them (self-trade prevention mode EXPIRE_MAKER, faqs/stp_faq.md).
    """
    fills: list[Offer] = []
    prevented: list[ExchangeOrder] = []
    for offer in offers:
        most = want.most_at(offer.price)
        if most <= 0:
            return TakerPlan(tuple(fills), tuple(prevented), complete=True)
        if offer.maker is not None and offer.maker.account_id == account_id:
            prevented.append(offer.maker)
            continue
        quantity = min(most, offer.quantity)
        want.take(offer.price, quantity)
        fills.append(Offer(offer.price, quantity, offer.maker))
    # The last price tells whether what is still wanted amounts to anything.
    left = want.most_at(fills[-1].price) if fills else Decimal(1)
    return TakerPlan(tuple(fills), tuple(prevented), complete=left <= 0)
