"""Made-up candles, and files of them as Binance publishes them."""

import random
import zipfile
from collections.abc import Sequence
from pathlib import Path

START_MS = 1_735_689_600_000  # 2025-01-01


def candle_rows(seed: int, count: int, *, start_ms: int = START_MS, interval_ms: int = 60_000, price: float = 100.0) -> list[list[str]]:
    """Rows of a kline file: a random walk with round prices."""
    rng = random.Random(seed)
    rows = []
    for index in range(count):
        open_ms = start_ms + index * interval_ms
        close = max(1.0, price * (1 + rng.gauss(0, 0.004)))
        high, low = max(price, close) * (1 + rng.random() / 500), min(price, close) * (1 - rng.random() / 500)
        values = [f"{price:.2f}", f"{high:.2f}", f"{low:.2f}", f"{close:.2f}", f"{rng.uniform(500, 5000):.3f}"]
        rows.append([str(open_ms), *values, str(open_ms + interval_ms - 1), "0", "0", "0", "0", "0"])
        price = float(f"{close:.2f}")
    return rows


def write_candles(
    folder: Path, symbol: str, rows: Sequence[Sequence[str]], *, zipped: bool = False, header: bool = False, interval: str = "1m"
) -> Path:
    """A kline file as Binance publishes them."""
    folder.mkdir(parents=True, exist_ok=True)
    titles = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"
    text = (titles if header else "") + "".join(",".join(row) + "\n" for row in rows)
    name = f"{symbol}-{interval}-2025-01"
    if not zipped:
        path = folder / f"{name}.csv"
        path.write_text(text)
        return path
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.csv", text)
    return path
