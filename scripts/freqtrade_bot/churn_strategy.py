"""A strategy of freqtrade that buys with every new candle and sells two minutes later: it is there to trade, not to earn."""

from typing import Any, ClassVar

from freqtrade.strategy import IStrategy
from pandas import DataFrame


class ChurnStrategy(IStrategy):
    """Long at once, out after two minutes or with a small profit, and a stop-loss on the exchange in between."""

    INTERFACE_VERSION = 3
    timeframe = "1m"
    startup_candle_count = 20
    stoploss = -0.03
    minimal_roi: ClassVar[dict[str, float]] = {"2": -1, "0": 0.0005}

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """None are needed."""
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Whenever somebody traded."""
        dataframe.loc[dataframe["volume"] > 0, "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """Left to minimal_roi."""
        return dataframe
