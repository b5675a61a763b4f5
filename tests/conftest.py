"""Shared ground of the tests: made-up recorded candles, and agents that trade on them in virtual time."""

import random
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from binance_trade_agent.settings import load_settings
from binance_trade_agent.wiring import Components, open_components

START_MS = 1_735_689_600_000  # 2025-01-01
STRATEGIES = Path(__file__).parent / "scripted_strategies.py"

OpenAgent = Callable[..., AbstractAsyncContextManager[Components]]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the person who runs the tests gets in: neither from the environment nor from files beside the project."""
    from binance_trade_agent.settings import Settings

    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)


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


def write_candles(folder: Path, symbol: str, rows: Sequence[Sequence[str]], *, zipped: bool = False, header: bool = False) -> Path:
    """A kline file as Binance publishes them."""
    folder.mkdir(parents=True, exist_ok=True)
    titles = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"
    text = (titles if header else "") + "".join(",".join(row) + "\n" for row in rows)
    name = f"{symbol}-1m-2025-01"
    if not zipped:
        path = folder / f"{name}.csv"
        path.write_text(text)
        return path
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.csv", text)
    return path


@pytest.fixture
def candles_dir(tmp_path: Path) -> Path:
    """Three hours of 1-minute candles of two symbols."""
    folder = tmp_path / "candles-in"
    write_candles(folder, "AAAUSDT", candle_rows(1, 180))
    write_candles(folder, "BBBUSDT", candle_rows(2, 180, price=40.0), zipped=True, header=True)
    return folder


@pytest.fixture
def open_agent(tmp_path: Path, candles_dir: Path) -> OpenAgent:
    """`async with open_agent(strategy="Alternating", ...) as components`: an agent over the candles; use it within run_virtual."""

    @asynccontextmanager
    async def opened(strategy: str = "Alternating", observer: Any = None, in_memory: bool = True, **overrides: Any) -> AsyncIterator[Components]:
        values = {
            "candles_dir": candles_dir,
            "data_dir": tmp_path / "data",
            "strategy_path": f"{STRATEGIES}:{strategy}",
            "candle_window": 20,
            "risk_cooldown_seconds": 0,
            "risk_default_stop_loss_pct": "0",
            "risk_default_take_profit_pct": "0",
            "risk_trailing_stop_pct": "0",
            "risk_volatility_threshold": "1",
            "risk_max_loss_streak": 1000,
            "risk_max_daily_drawdown": "1",
            "risk_max_total_drawdown": "1",
            **overrides,
        }
        async with open_components(load_settings(**values), observer, in_memory=in_memory) as components:
            yield components

    return opened
