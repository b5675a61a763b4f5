"""Reconciler: makes our book agree with the exchange, at start, after gaps and on a timer, and never sends an order."""

from binance_trade_agent.reconciler.case import Halt, ReconcilerRules
from binance_trade_agent.reconciler.reconciler import Reconciler
from binance_trade_agent.reconciler.trade_lists import NO_TRADE, newest_trade_ids

__all__ = ["NO_TRADE", "Halt", "Reconciler", "ReconcilerRules", "newest_trade_ids"]
