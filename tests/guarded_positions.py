"""What stands on the exchange for the position of a pilot's agent, and faults put in its way."""

from decimal import Decimal

from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault

WIDE = {"protection": "exchange", "risk_default_stop_loss_pct": "0.5", "risk_default_take_profit_pct": "0.5"}
LOST = [FaultKind.LOSE_ANSWER, FaultKind.ANSWER_5XX_EXECUTED]
NEVER_ARRIVED = [FaultKind.LOSE_REQUEST, FaultKind.ANSWER_5XX_NOT_EXECUTED]


def fault(pilot, kind, request, **terms):
    pilot.components.venue.connection.transport.faults.append(Fault(kind, request, **terms))


def standing(pilot):
    """The orders that the exchange has open for the symbol."""
    return [order for order in pilot.exchange_orders if order.status.value in {"NEW", "PARTIALLY_FILLED"}]


def resting(pilot):
    """The orders that the book has open for the symbol, and those that the exchange has: the same, or the test is over."""
    ours = [order for order in pilot.components.portfolio.open_orders() if order.intent.symbol == "AAAUSDT"]
    assert {order.intent.client_order_id for order in ours if order.is_resting} == {order.client_order_id for order in standing(pilot)}
    return [order.intent for order in ours]


def held(pilot):
    position = pilot.components.portfolio.view().positions.get("AAAUSDT")
    return position.quantity if position else Decimal(0)
