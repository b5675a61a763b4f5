"""A strategy that trades a lot: what it says follows from the symbol, the candle and its seed alone."""

from zlib import crc32

from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.signal import Action, Opinion


class Restless:
    """Buys, sells or holds as chance has it; `appetite` percent of the opinions are orders, half of them to buy."""

    name = "restless"
    required_candles = 1

    def __init__(self, seed: int = 0, appetite: int = 80) -> None:
        self._seed = seed
        self._appetite = appetite

    def evaluate(self, window: CandleWindow) -> Opinion:
        """See Strategy.evaluate."""
        drawn = crc32(f"{self._seed}:{window.symbol}:{window.candles[-1].open_time_ms}".encode()) % 200
        if drawn >= 2 * self._appetite:
            return Opinion(Action.HOLD, 1.0, f"drew {drawn}")
        return Opinion(Action.BUY if drawn % 2 else Action.SELL, 1.0, f"drew {drawn}")
