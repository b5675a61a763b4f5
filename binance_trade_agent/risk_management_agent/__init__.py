"""RiskManagementAgent: decides which signals may become orders, how large they may be, and when trading must stop."""

from binance_trade_agent.risk_management_agent.agent import RiskManagementAgent
from binance_trade_agent.risk_management_agent.limits import RiskLimits

__all__ = ["RiskLimits", "RiskManagementAgent"]
