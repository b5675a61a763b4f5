"""The portfolio's figures for people, from the book as it stands."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from binance_trade_agent.domain.money import ZERO, total
from binance_trade_agent.domain.portfolio import PortfolioSnapshot, PortfolioView, PositionSnapshot
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.risk import ModeChange
from binance_trade_agent.portfolio_manager.holdings import Holdings


def portfolio_snapshot(
    view: PortfolioView, holdings: Holdings, initial_value: Decimal | None, orders: int, modes: Mapping[str, ModeChange]
) -> PortfolioSnapshot:
    """The whole book; `initial_value` None stands for the equity itself, `orders` is how many were ever intended."""
    positions = tuple(_position_snapshot(view, position) for position in view.positions.values())
    equity = view.equity
    return PortfolioSnapshot(
        time_ms=view.time_ms,
        quote_asset=view.quote_asset,
        initial_value=equity if initial_value is None else initial_value,
        cash=view.cash,
        equity=equity,
        realized=total(position.realized for position in positions),
        unrealized=total(position.unrealized for position in positions),
        balances=MappingProxyType(dict(holdings.balances)),
        fees=MappingProxyType(dict(holdings.commissions)),
        positions=positions,
        orders=orders,
        fills=holdings.fills,
        open_orders=len(view.open_orders),
        modes=MappingProxyType({scope: change.mode.value for scope, change in modes.items()}),
        unknown_orders={order.intent.client_order_id: order.intent.created_ms for order in view.open_orders if order.is_unknown},
    )


def _position_snapshot(view: PortfolioView, position: Position) -> PositionSnapshot:
    mark = view.marks.get(position.symbol)
    return PositionSnapshot(
        symbol=position.symbol,
        quantity=position.quantity,
        average_price=position.average_price,
        mark_price=position.average_price if mark is None else mark,
        value=view.position_value(position.symbol),
        unrealized=ZERO if mark is None else position.unrealized(mark),
        realized=position.realized,
    )
