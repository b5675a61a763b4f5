"""Market data agent: prices, books, candles and trading rules of many symbols at once, and one snapshot of each for a pass."""

from binance_trade_agent.async_market_data_agent.agent import LONGEST_WINDOW, AsyncMarketDataAgent
from binance_trade_agent.async_market_data_agent.market_cache import CacheTtls, MarketCache

__all__ = ["LONGEST_WINDOW", "AsyncMarketDataAgent", "CacheTtls", "MarketCache"]
