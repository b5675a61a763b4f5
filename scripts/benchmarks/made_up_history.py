"""Made-up histories of candles of any length, by numpy from a seed: a year of 1-minute candles of ten symbols takes seconds.

Prices walk at random with volatility that comes and goes, and each open is the close before it. They are good for measuring and for
comparing programs on equal data, and say nothing of what a strategy would earn.
"""

import numpy as np
from numpy.random import Generator

from binance_trade_agent.domain.candle_columns import CandleColumns, Decimals, IntTable, Row
from binance_trade_agent.domain.candle_intervals import DAY_MS, INTERVALS_MS

YEAR_2025_MS = 1_735_689_600_000
DAYS_OF_A_YEAR = 365
DECIMALS = Decimals(price=4, volume=3, quote=7)
YEARLY_VOLATILITY = 0.8
SYMBOLS = tuple(f"{coin}USDT" for coin in ("BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "LTC", "LINK", "AVAX"))

_LEAST_PRICE = 100
_HOURS_OF_A_REGIME = 36


def made_up_history(
    symbol: str,
    interval: str = "1m",
    *,
    seed: int = 7,
    start_ms: int = YEAR_2025_MS,
    days: float = DAYS_OF_A_YEAR,
    price: float = 100.0,
    gap_share: float = 0.0,
) -> CandleColumns:
    """A history of one symbol; the same arguments give the same candles.

    `gap_share` of the candles are missing, in holes of 1 to 9. Prices have 4 decimals and never fall below 0.005.
    """
    interval_ms = INTERVALS_MS[interval]
    count = int(days * DAY_MS) // interval_ms
    rng = np.random.default_rng([seed, *symbol.encode("ascii")])
    table = np.empty((len(Row), count), dtype=np.int64)
    table[Row.OPEN_TIME] = start_ms + interval_ms * np.arange(count, dtype=np.int64)
    _walk(table, rng, interval_ms, price)
    _trade(table, rng, interval_ms)
    return CandleColumns(symbol, interval_ms, DECIMALS, table[:, _present(rng, count, gap_share)])


def made_up_year(interval: str = "1m", *, seed: int = 7, days: float = DAYS_OF_A_YEAR) -> dict[str, CandleColumns]:
    """Ten symbols at prices from cents to a hundred thousand."""
    prices = np.geomspace(0.2, 90_000, len(SYMBOLS))[::-1]
    return {
        symbol: made_up_history(symbol, interval, seed=seed, days=days, price=float(price))
        for symbol, price in zip(SYMBOLS, prices, strict=True)
    }


def _walk(table: IntTable, rng: Generator, interval_ms: int, price: float) -> None:
    count = table.shape[1]
    typical = YEARLY_VOLATILITY * (interval_ms / (DAYS_OF_A_YEAR * DAY_MS)) ** 0.5
    regime = max(1, _HOURS_OF_A_REGIME * DAY_MS // 24 // interval_ms)
    calm = np.repeat(np.exp(rng.normal(-0.1, 0.5, count // regime + 1)), regime)[:count]
    noise = rng.normal(0.0, typical, count) * calm
    logarithm = np.cumsum(noise - noise**2 / 2)
    unit = 10.0**DECIMALS.price
    closes = np.maximum(np.rint(price * unit * np.exp(logarithm)), _LEAST_PRICE).astype(np.int64)
    opens = np.empty_like(closes)
    opens[:1] = round(price * unit)
    opens[1:] = closes[:-1]
    reach = np.abs(rng.normal(0.0, typical / 2, (2, count))) * calm * closes
    table[Row.OPEN], table[Row.CLOSE] = opens, closes
    table[Row.HIGH] = np.maximum(opens, closes) + reach[0].astype(np.int64)
    table[Row.LOW] = np.maximum(np.minimum(opens, closes) - reach[1].astype(np.int64), _LEAST_PRICE // 2)


def _trade(table: IntTable, rng: Generator, interval_ms: int) -> None:
    count = table.shape[1]
    minutes = interval_ms / 60_000
    value = 20_000 * minutes * np.exp(rng.normal(0.0, 0.7, count))
    price = table[Row.CLOSE] / 10.0**DECIMALS.price
    volumes = np.maximum(value / price * 10.0**DECIMALS.volume, 1).astype(np.int64)
    bought = (volumes * rng.uniform(0.3, 0.7, count)).astype(np.int64)
    middle = (table[Row.HIGH] + table[Row.LOW]) // 2
    table[Row.VOLUME], table[Row.QUOTE_VOLUME] = volumes, volumes * middle
    table[Row.TAKER_BUY_VOLUME], table[Row.TAKER_BUY_QUOTE_VOLUME] = bought, bought * middle
    table[Row.TRADES] = np.maximum(value / 300, 1).astype(np.int64)


def _present(rng: Generator, count: int, gap_share: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    present = np.ones(count, dtype=np.bool_)
    holes = int(count * gap_share / 5)
    if holes:
        lengths = rng.integers(1, 10, holes)
        starts = rng.integers(1, max(2, count - 10), holes)
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            present[start : start + length] = False
    return present
