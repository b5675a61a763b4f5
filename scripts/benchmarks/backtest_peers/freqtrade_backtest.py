"""freqtrade's backtest over candles from files, by itself, so that time and memory are nobody else's; prints JSON."""

import json
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from freqtrade.configuration import setup_utils_configuration
from freqtrade.enums import RunMode
from freqtrade.optimize.backtesting import Backtesting


def main(terms_file: str) -> None:
    """Backtest by the terms in a JSON file: candles, symbols, money, levels of the RSI, and an exchange that lists the symbols."""
    terms = json.loads(Path(terms_file).read_text())
    folder = Path(terms["folder"])
    _write_candles(folder, terms)
    config = _config(folder, terms)
    backtesting = Backtesting(deepcopy(config))
    strategy = backtesting.strategylist[0]
    strategy.oversold, strategy.overbought = terms["oversold"], terms["overbought"]
    data, timerange = backtesting.load_bt_data()
    began = time.process_time()
    backtesting.backtest_one_strategy(strategy, data, timerange)
    spent = time.process_time() - began
    trades = len(backtesting.all_bt_content["RsiOfTheBench"]["results"])
    print(json.dumps({"cpu_s": spent, "peak_mib": _peak_mib(), "trades": trades}))


def _write_candles(folder: Path, terms: dict[str, Any]) -> None:
    place = folder / "data" / "binance"
    place.mkdir(parents=True, exist_ok=True)
    for symbol in terms["symbols"]:
        columns = np.load(Path(terms["candles"]) / f"{symbol}.npy")
        frame = pd.DataFrame(columns.T, columns=["date", "open", "high", "low", "close", "volume"])
        frame["date"] = pd.to_datetime(frame["date"].astype("int64"), unit="ms", utc=True)
        frame.to_feather(place / f"{symbol[:-4]}_USDT-{terms['interval']}.feather")


def _config(folder: Path, terms: dict[str, Any]) -> dict[str, Any]:
    settings = {
        "strategy": "RsiOfTheBench",
        "timeframe": terms["interval"],
        "max_open_trades": len(terms["symbols"]),
        "stake_currency": "USDT",
        "stake_amount": terms["stake"],
        "dry_run_wallet": terms["cash"],
        "fee": terms["fee"],
        "dry_run": True,
        "trading_mode": "spot",
        "dataformat_ohlcv": "feather",
        "entry_pricing": {"price_side": "other", "use_order_book": False},
        "exit_pricing": {"price_side": "other", "use_order_book": False},
        "exchange": {
            "name": "binance",
            "pair_whitelist": [f"{symbol[:-4]}/USDT" for symbol in terms["symbols"]],
            "ccxt_config": {
                "options": {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot"]}},
                "urls": {"api": {"public": terms["exchange"], "private": terms["exchange"]}},
            },
        },
        "pairlists": [{"method": "StaticPairList"}],
    }
    (folder / "config.json").write_text(json.dumps(settings))
    options = {
        "config": [str(folder / "config.json")],
        "user_data_dir": str(folder),
        "strategy_path": str(Path(__file__).parent / "freqtrade_strategies"),
        "backtest_cache": "none",
        "exportfilename": None,
        "export": "none",
        "verbosity": 0,
    }
    return setup_utils_configuration(options, RunMode.BACKTEST)


def _peak_mib() -> float:
    """The most memory that this process ever held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) / 1024


if __name__ == "__main__":
    main(sys.argv[1])
