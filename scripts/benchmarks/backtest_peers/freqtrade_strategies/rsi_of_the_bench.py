"""The strategy of the benchmark for freqtrade: Wilder's RSI of 14 candles, with levels that are set from outside."""

from typing import Any, ClassVar

import talib
from freqtrade.strategy import IStrategy
from pandas import DataFrame


class RsiOfTheBench(IStrategy):
    """With a stop-loss of 5 % and a take-profit of 10 %."""

    INTERFACE_VERSION = 3
    startup_candle_count = 114
    stoploss = -0.05
    minimal_roi: ClassVar[dict[str, float]] = {"0": 0.1}
    use_exit_signal = True
    process_only_new_candles = True
    oversold, overbought = 30, 70

    def populate_indicators(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """The RSI."""
        dataframe["rsi"] = talib.RSI(dataframe["close"].to_numpy(), timeperiod=14)
        return dataframe

    def populate_entry_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """What has fallen too fast."""
        dataframe.loc[dataframe["rsi"] <= self.oversold, "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe: DataFrame, metadata: dict[str, Any]) -> DataFrame:
        """What has risen too fast."""
        dataframe.loc[dataframe["rsi"] >= self.overbought, "exit_long"] = 1
        return dataframe
