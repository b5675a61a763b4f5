"""backtesting.py over candles from files, by itself, so that time and memory are nobody else's; prints JSON. Run it with its Python.

It knows one symbol at a time, so each is run alone, with an account of its own.
"""

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import talib
from backtesting import Backtest, Strategy

CASH = 100_000_000
"""Enough for whole units of the dearest coin, which is what it buys."""


class RsiOfTheBench(Strategy):
    """Wilder's RSI of 14 candles, with a stop-loss of 5 % and a take-profit of 10 %."""

    oversold, overbought = 30, 70

    def init(self) -> None:
        """The RSI."""
        self.rsi = self.I(talib.RSI, self.data.Close, 14)

    def next(self) -> None:
        """One candle."""
        if self.position:
            if self.rsi[-1] >= self.overbought:
                self.position.close()
        elif self.rsi[-1] <= self.oversold:
            price = self.data.Close[-1]
            self.buy(size=0.05, sl=price * 0.95, tp=price * 1.1)


def main(terms_file: str) -> None:
    """Backtest by the terms in a JSON file: where candles are, and symbols."""
    warnings.simplefilter("ignore")
    terms: dict[str, Any] = json.loads(Path(terms_file).read_text())
    frames = {symbol: _frame(Path(terms["candles"]) / f"{symbol}.npy") for symbol in terms["symbols"]}
    began, trades = time.process_time(), 0
    for frame in frames.values():
        found = Backtest(frame, RsiOfTheBench, cash=CASH, commission=terms["fee"], finalize_trades=True).run(
            oversold=terms["oversold"], overbought=terms["overbought"]
        )
        trades += int(found["# Trades"])
    print(json.dumps({"cpu_s": time.process_time() - began, "peak_mib": _peak_mib(), "trades": trades}))


def _frame(path: Path) -> pd.DataFrame:
    columns = np.load(path)
    frame = pd.DataFrame(columns[1:].T, columns=["Open", "High", "Low", "Close", "Volume"])
    frame.index = pd.to_datetime(columns[0].astype("int64"), unit="ms")
    return frame


def _peak_mib() -> float:
    """The most memory that this process ever held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / 1024


if __name__ == "__main__":
    main(sys.argv[1])
