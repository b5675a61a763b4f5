"""Strategies that do as a test needs; loaded by path, as a user's own would be."""

from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.signal import Action, Opinion


class Alternating:
    """Buys in one candle and sells in the next."""

    name = "alternating"
    required_candles = 1

    def evaluate(self, window: CandleWindow) -> Opinion:
        number = window.candles[-1].open_time_ms // window.interval_ms
        action = Action.BUY if number % 2 == 0 else Action.SELL
        return Opinion(action, 1.0, f"candle {number}")


class Buying:
    """Buys in every candle."""

    name = "buying"
    required_candles = 1

    def evaluate(self, window: CandleWindow) -> Opinion:
        return Opinion(Action.BUY, 1.0, "it always buys")


class Selling:
    """Sells in every candle."""

    name = "selling"
    required_candles = 1

    def evaluate(self, window: CandleWindow) -> Opinion:
        return Opinion(Action.SELL, 1.0, "it always sells")


class Holding:
    """Never trades."""

    name = "holding"
    required_candles = 1

    def evaluate(self, window: CandleWindow) -> Opinion:
        return Opinion(Action.HOLD, 1.0, "it always holds")


class Rising:
    """Buys when the newest candle closed above its open, sells when below: what it says follows from the candles alone."""

    name = "rising"
    required_candles = 1

    def evaluate(self, window: CandleWindow) -> Opinion:
        newest = window.candles[-1]
        return Opinion(Action.BUY if newest.close > newest.open else Action.SELL, 1.0, f"closed at {newest.close}")


class Breaking:
    """Fails for one symbol."""

    name = "breaking"
    required_candles = 1

    def evaluate(self, window: CandleWindow) -> Opinion:
        if window.symbol == "AAAUSDT":
            raise ZeroDivisionError("a strategy with a fault")
        return Opinion(Action.BUY, 1.0, "well")
