"""Terms: how one order is to trade, of whatever type, checked before anything of it is sent.

Source: rest-api.md, "New order" (which type takes which parameters), "Pegged Orders Info"; enums.md; faqs/pegged_orders.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from binance_trade_agent.binance.calls.parameters import given
from binance_trade_agent.domain.money import money, plain
from binance_trade_agent.domain.order import TimeInForce

Amount = Decimal | str | int
"""An exact amount; floats are refused."""

LEAST_STRATEGY_TYPE = 1_000_000
DEEPEST_PEG_LEVEL = 100


class OrderKind(StrEnum):
    """Every order type of the exchange (enums.md); the daemon itself places those of OrderType only."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"

    @property
    def has_price(self) -> bool:
        """True when the order rests at a price of its own."""
        return self not in {OrderKind.MARKET, OrderKind.STOP_LOSS, OrderKind.TAKE_PROFIT}

    @property
    def waits_for_trigger(self) -> bool:
        """True when the order does nothing until a stop price is reached or a trailing distance is run through."""
        return self.is_stop or self in {OrderKind.TAKE_PROFIT, OrderKind.TAKE_PROFIT_LIMIT}

    @property
    def is_stop(self) -> bool:
        """True when the trigger lies on the losing side of the market price."""
        return self in {OrderKind.STOP_LOSS, OrderKind.STOP_LOSS_LIMIT}

    @property
    def has_time_in_force(self) -> bool:
        """True when the order says how long it stays."""
        return self.has_price and self is not OrderKind.LIMIT_MAKER


class PegPrice(StrEnum):
    """Which side of the book a pegged price follows: PRIMARY our own, MARKET the other."""

    PRIMARY = "PRIMARY_PEG"
    MARKET = "MARKET_PEG"


class SelfTradePrevention(StrEnum):
    """What happens when orders of one account would match each other (enums.md, "STP Modes")."""

    NONE = "NONE"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"
    TRANSFER = "TRANSFER"


class ResponseType(StrEnum):
    """How much the answer to a placement tells (enums.md, "Order Response Type"); only FULL brings fills."""

    ACK = "ACK"
    RESULT = "RESULT"
    FULL = "FULL"


@dataclass(frozen=True, slots=True)
class Peg:
    """A limit price taken from the book, `level` price levels behind the best one (1 to 100) when that is given."""

    price: PegPrice
    level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How an order trades, apart from side and quantity, which are shared in some order lists.

    Prices are in quote per base. `trailing_delta` is in basis points (100 is 1 %). `iceberg_quantity` is what the book shows of a
    larger order. A time in force that is needed and not given is GTC. `strategy_type` is at least 1000000.
    Without `client_order_id` one is made when the order is sent, because an order without it could not be looked for.
    """

    kind: OrderKind
    price: Amount | None = None
    stop_price: Amount | None = None
    trailing_delta: int | None = None
    iceberg_quantity: Amount | None = None
    time_in_force: TimeInForce | None = None
    peg: Peg | None = None
    strategy_id: int | None = None
    strategy_type: int | None = None
    client_order_id: str | None = None

    def parameters(self, prefix: str, client_order_id: str) -> dict[str, str]:
        """As the exchange wants them, each name begun with `prefix` (`above`, say; empty for an order outside of lists).

        Raises ValueError, naming what is wrong, when they contradict each other, and MoneyError for what is no amount.
        """
        for problem in self._problems():
            raise ValueError(f"a {self.kind} order {problem}")
        params = given(
            type=self.kind,
            timeInForce=(self.time_in_force or TimeInForce.GTC) if self.kind.has_time_in_force else None,
            price=_positive("price", self.price),
            stopPrice=_positive("stop_price", self.stop_price),
            trailingDelta=self.trailing_delta,
            icebergQty=_positive("iceberg_quantity", self.iceberg_quantity),
            pegPriceType=self.peg.price if self.peg else None,
            pegOffsetType="PRICE_LEVEL" if self.peg and self.peg.level is not None else None,
            pegOffsetValue=self.peg.level if self.peg else None,
            strategyId=self.strategy_id,
            strategyType=self.strategy_type,
        )
        if not prefix:
            return params | {"newClientOrderId": client_order_id}
        return {prefix + name[0].upper() + name[1:]: value for name, value in params.items()} | {f"{prefix}ClientOrderId": client_order_id}

    def _problems(self) -> Iterator[str]:
        kind = self.kind
        if kind.has_price:
            if self.price is None and self.peg is None:
                yield "needs a price or a peg"
        elif self.price is not None or self.peg is not None:
            yield "takes neither price nor peg"
        if kind.waits_for_trigger:
            if self.stop_price is None and self.trailing_delta is None:
                yield "needs a stop_price, a trailing_delta, or both"
        elif self.stop_price is not None or self.trailing_delta is not None:
            yield "takes neither stop_price nor trailing_delta"
        if self.trailing_delta is not None and self.trailing_delta <= 0:
            yield "needs a trailing_delta above 0"
        if self.time_in_force is not None and not kind.has_time_in_force:
            yield "takes no time in force"
        yield from self._iceberg_problems()
        yield from self._peg_problems()
        if self.strategy_type is not None and self.strategy_type < LEAST_STRATEGY_TYPE:
            yield f"needs a strategy_type of {LEAST_STRATEGY_TYPE} or more"

    def _iceberg_problems(self) -> Iterator[str]:
        if self.iceberg_quantity is None:
            return
        if not self.kind.has_price:
            yield "cannot be an iceberg"
        if self.time_in_force not in {None, TimeInForce.GTC}:
            yield "that is an iceberg has to be GTC"

    def _peg_problems(self) -> Iterator[str]:
        if self.peg is None:
            return
        if self.peg.level is not None and not 1 <= self.peg.level <= DEEPEST_PEG_LEVEL:
            yield f"needs a peg level of 1 to {DEEPEST_PEG_LEVEL}"
        if self.kind is OrderKind.LIMIT_MAKER and self.peg.price is PegPrice.MARKET:
            yield "cannot be pegged to the other side of the book"
        is_immediate = self.time_in_force not in {None, TimeInForce.GTC}
        if self.kind is OrderKind.LIMIT and self.peg.price is PegPrice.PRIMARY and is_immediate:
            yield "that is pegged to its own side has to be GTC"


def quantity_parameter(name: str, quantity: Amount, terms: Terms) -> dict[str, str]:
    """The quantity of an order with `terms`; ValueError when it is not above 0 or less than its iceberg part."""
    text = _positive("quantity", quantity)
    if terms.iceberg_quantity is not None and money(terms.iceberg_quantity) > money(quantity):
        raise ValueError(f"the iceberg_quantity is above the quantity of {text}")
    return given(**{name: text})


def quote_quantity_parameter(quote_quantity: Amount, terms: Terms) -> dict[str, str]:
    """What a MARKET order is to spend or to receive, in quote; ValueError for every other kind."""
    if terms.kind is not OrderKind.MARKET:
        raise ValueError(f"a {terms.kind} order takes no quote_quantity; only a MARKET order does")
    return given(quoteOrderQty=_positive("quote_quantity", quote_quantity))


def _positive(name: str, amount: Amount | None) -> str | None:
    if amount is None:
        return None
    value = money(amount)
    if value <= 0:
        raise ValueError(f"{name} is {plain(value)}; it must be above 0")
    return plain(value)
