"""Portfolio manager: the account's book in memory and its only writer."""

from binance_trade_agent.portfolio_manager.manager import PortfolioManager

__all__ = ["PortfolioManager"]
