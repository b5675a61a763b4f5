"""Proof: the book held against the embedded exchange's own accounts, balance by balance, order by order and trade by trade."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.counts import counted, named
from binance_trade_agent.domain.money import ZERO, plain
from binance_trade_agent.domain.order import Fill, JournaledOrder
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade

DIFFERENCES_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Proof:
    """What was compared, and one sentence for each difference; the book is proven when there is none."""

    balances: int
    orders: int
    fills: int
    differences: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True when book and exchange agree exactly."""
        return not self.differences


def prove(
    *,
    balances: Mapping[str, Decimal],
    orders: Sequence[JournaledOrder],
    fills: Sequence[Fill],
    exchange_balances: Mapping[str, Decimal],
    exchange_orders: Sequence[ExchangeOrder],
    exchange_trades: Sequence[ExchangeTrade],
    audit: Sequence[str] = (),
) -> Proof:
    """Compare everything the book says with everything the exchange has; `audit` are differences within the book itself."""
    differences = [*audit]
    differences += _compare_balances(balances, exchange_balances)
    differences += _compare_orders(orders, exchange_orders)
    differences += _compare_trades(fills, exchange_trades)
    compared = len({*balances, *exchange_balances})
    return Proof(compared, len(exchange_orders), len(exchange_trades), tuple(differences[:DIFFERENCES_AT_MOST]))


def _compare_balances(book: Mapping[str, Decimal], exchange: Mapping[str, Decimal]) -> list[str]:
    pairs = ((asset, book.get(asset, ZERO), exchange.get(asset, ZERO)) for asset in sorted({*book, *exchange}))
    return [f"{asset}: the book has {plain(ours)}, the exchange {plain(theirs)}" for asset, ours, theirs in pairs if ours != theirs]


def _compare_orders(book: Sequence[JournaledOrder], exchange: Sequence[ExchangeOrder]) -> list[str]:
    placed = {order.intent.client_order_id: order for order in book if order.order_id is not None}
    seen: set[str] = set()
    differences = []
    for theirs in exchange:
        ours = placed.get(theirs.client_order_id)
        if theirs.client_order_id in seen:
            differences.append(f"the exchange has two orders {theirs.client_order_id}")
        elif ours is None:
            differences.append(f"the exchange has order {theirs.client_order_id}, which the book does not know as placed")
        elif (ours.executed_quantity, ours.order_id) != (theirs.executed_quantity, theirs.order_id):
            differences.append(f"order {theirs.client_order_id} differs in id or executed quantity")
        seen.add(theirs.client_order_id)
    return differences + [f"the book has order {name}, which the exchange does not" for name in placed if name not in seen]


def _compare_trades(book: Sequence[Fill], exchange: Sequence[ExchangeTrade]) -> list[str]:
    ours = {(fill.symbol, fill.trade_id): _terms(fill) for fill in book}
    theirs = {(trade.symbol, trade.trade_id): _terms(trade) for trade in exchange}
    twice = len(book) - len(ours)
    differences = [f"{counted(twice, 'trade')} {named(twice, 'is', 'are')} booked twice"] if twice else []
    for symbol, trade_id in sorted({*ours, *theirs}):
        if ours.get((symbol, trade_id)) != theirs.get((symbol, trade_id)):
            differences.append(f"{symbol} trade {trade_id} differs or is missing on one side")
    return differences


def _terms(trade: Fill | ExchangeTrade) -> tuple[object, ...]:
    return (
        trade.order_id,
        trade.side,
        trade.price,
        trade.quantity,
        trade.quote_quantity,
        trade.commission,
        trade.commission_asset,
        trade.time_ms,
        trade.is_maker,
    )
