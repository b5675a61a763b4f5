"""Closed trades: each order that sold, with what it took from the position's cost and when that position was opened."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, ratio
from binance_trade_agent.domain.order import Fill, Side
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.symbol_rules import SymbolRules


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """One sale, whole or in part, against the average cost of what was held. Amounts in quote.

    `quantity` (base) is what left the position; `cost` is its share of what the position was bought for, commissions included;
    `proceeds` are net of commissions in base or quote. `opened_ms` is when the position was opened: the first buy after nothing
    was held but a rest too small to be sold.
    """

    symbol: str
    client_order_id: str
    opened_ms: int
    closed_ms: int
    quantity: Decimal
    cost: Decimal
    proceeds: Decimal

    @property
    def profit(self) -> Decimal:
        """Proceeds less cost."""
        return self.proceeds - self.cost

    @property
    def share(self) -> float:
        """The profit as a fraction of the cost; 0 when it cost nothing."""
        return float(ratio(self.profit, self.cost))


def flat(rules: SymbolRules) -> Position:
    """No position in the symbol."""
    return Position(rules.symbol, rules.base_asset, rules.quote_asset)


def closed_trades(rules: SymbolRules, fills: Iterable[Fill]) -> tuple[ClosedTrade, ...]:
    """The closed trades of one symbol's fills, which come in the order of their trade ids; in the order of their first sale.

    Fills of one order make one trade, whatever others are between them.
    """
    position, opened_ms = flat(rules), 0
    trades: dict[str, ClosedTrade] = {}
    for fill in fills:
        after = position.apply(fill)
        if fill.side is Side.BUY:
            if position.quantity < rules.smallest_quantity_at(fill.price):
                opened_ms = fill.time_ms
        else:
            trades[fill.client_order_id] = _joined(trades.get(fill.client_order_id), fill, position, after, opened_ms)
        position = after
    return tuple(trades.values())


def _joined(before: ClosedTrade | None, fill: Fill, position: Position, after: Position, opened_ms: int) -> ClosedTrade:
    cost = position.cost - after.cost
    return ClosedTrade(
        symbol=fill.symbol,
        client_order_id=fill.client_order_id,
        opened_ms=opened_ms if before is None else before.opened_ms,
        closed_ms=fill.time_ms,
        quantity=position.quantity - after.quantity + (ZERO if before is None else before.quantity),
        cost=cost + (ZERO if before is None else before.cost),
        proceeds=after.realized - position.realized + cost + (ZERO if before is None else before.proceeds),
    )
