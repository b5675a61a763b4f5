"""What is asked of an order list beyond its orders: that the symbol takes such lists, and that the prices of a pair lie right."""

from decimal import Decimal
from itertools import pairwise

from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.list_records import NewOrderList
from binance_trade_agent.simulation.engine.listing import Features
from binance_trade_agent.simulation.engine.records import ExchangeOrder
from binance_trade_agent.simulation.engine.refusals import refused, rejected
from binance_trade_agent.simulation.engine.terms import OrderType

_PRICED_TARGETS = frozenset({OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT_LIMIT})


def require_supported(request: NewOrderList, features: Features) -> None:
    """Raise -1013 for a kind of list that the symbol does not take."""
    if request.working is not None and not features.oto:
        raise refused(-1013, "OTO orders are not supported for this symbol.")
    if len(request.others) > 1 and not features.oco:
        raise refused(-1013, "OCO orders are not supported for this symbol")  # as errors.md spells it
    if request.working_pays and not features.opo:
        raise refused(-1013, "OPO orders are not supported for this symbol.")


def require_straddle(stop_loss: ExchangeOrder, target: ExchangeOrder, last_price: Decimal | None) -> None:
    """Raise -2010 unless the prices of a pair lie on both sides of the last price (rest-api.md, "New Order list - OCO").

    A price that an order does not name, because it is pegged or follows the market, is not asked for.
    """
    stop = stop_loss.stop_price
    goal = (target.price or None) if target.type in _PRICED_TARGETS else target.stop_price
    levels = [level for level in (stop, last_price, goal) if level is not None]
    if target.side is Side.BUY:
        levels.reverse()
    if any(lower >= higher for lower, higher in pairwise(levels)):
        raise rejected("The relationship of the prices for the orders is not correct.")
