"""How many trade ids a market has used: accounts' trades are numbered after them."""

from binance_trade_agent.simulation.markets.market import Market
from binance_trade_agent.simulation.markets.newest_taker import newest_taker


class MarketTradeCount:
    """The number after the newest trade of other people, by symbol and time, which must not go back; remembered for the last time asked."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._known: dict[str, tuple[int, int]] = {}

    def at(self, symbol: str, time_ms: int) -> int:
        """How many ids are taken at `time_ms`; 0 where the market numbers no trades."""
        known_ms, count = self._known.get(symbol, (-1, 0))
        if time_ms > known_ms:
            newest = newest_taker(self._market, symbol, time_ms)
            count = 0 if newest is None else newest.first_trade_id + len(newest.quantities)
            self._known[symbol] = (time_ms, count)
        return count
