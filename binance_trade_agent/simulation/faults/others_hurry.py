"""Lets other people be faster than an order, where the plan of faults says so."""

from decimal import Decimal

from binance_trade_agent.simulation.engine.shortage import Shortage
from binance_trade_agent.simulation.faults.kinds import FaultKind, FaultPoint
from binance_trade_agent.simulation.faults.plan import FaultPlan


def hurry(shortage: Shortage, plan: FaultPlan) -> None:
    """Ask the plan before an order trades, from the first PARTIAL_FILL on: without one nobody is asked."""

    def share_of(symbol: str) -> Decimal | None:
        fault = plan.take(FaultPoint.TRADING, symbol)
        return None if fault is None else fault.share

    def prepare(kind: FaultKind) -> None:
        if kind is FaultKind.PARTIAL_FILL:
            shortage.share_of = share_of

    plan.watchers.append(prepare)
