"""How many trade ids a market has used: accounts' trades are numbered after them."""

from binance_trade_agent.simulation.markets.market import Market
from binance_trade_agent.simulation.markets.newest_taker import newest_taker

READ_ON_MS = 10_000
"""From the last time asked on, the market's trades are read; over longer spans the newest is looked for."""

_NEVER_MS = -READ_ON_MS


class MarketTradeCount:
    """The number after the newest trade of other people, by symbol and time, which must not go back; remembered for the last time asked."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._known: dict[str, tuple[int, int]] = {}

    def at(self, symbol: str, time_ms: int) -> int:
        """How many ids are taken at `time_ms`; 0 where the market numbers no trades."""
        known_ms, count = self._known.get(symbol, (_NEVER_MS, 0))
        if time_ms <= known_ms:
            return count
        if time_ms - known_ms <= READ_ON_MS:
            for order in self._market.taker_orders(symbol, known_ms, time_ms):
                count = order.first_trade_id + len(order.quantities)
        else:
            newest = newest_taker(self._market, symbol, time_ms)
            count = 0 if newest is None else newest.first_trade_id + len(newest.quantities)
        self._known[symbol] = (time_ms, count)
        return count
