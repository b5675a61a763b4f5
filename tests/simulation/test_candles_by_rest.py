"""Candles by REST into the store: page by page, exact, only closed ones, and only what is missing."""

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from benchmarks.made_up_history import YEAR_2025_MS, made_up_history
from command_line import COMMAND, environment
from served_exchange import served_exchange

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.backtest.candles import rest_klines
from binance_trade_agent.backtest.candles.rest_klines import fill_by_rest
from binance_trade_agent.domain.candle_columns import CandleColumns
from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles
from binance_trade_agent.simulation.markets.exact_candles import market_candles
from binance_trade_agent.simulation.markets.recorded import RecordedMarket
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.storage.candles.calendar import Span
from binance_trade_agent.storage.candles.store import CandleStore, SeriesName

NAME = SeriesName("BTCUSDT", "5m")
DAY_MS = 86_400_000
STEP_MS = 300_000


def filled(store: CandleStore, history: CandleColumns, spans: Sequence[Span], *, now_ms: int, name: SeriesName = NAME) -> list[int]:
    """How many candles came for each of `spans`, asked of an exchange that plays `history`."""

    async def fill() -> list[int]:
        clock = VirtualClock(now_ms)
        market = RecordedMarket(RecordedCandles(history.interval_ms, {history.symbol: market_candles(history)}))
        connection = Connection("https://exchange.test", InProcessTransport(SimulatedExchange(market, clock)), clock)
        async with AsyncBinanceClient(connection) as client:
            return [await fill_by_rest(store, client, name, span, lambda *_: None) for span in spans]

    return run_virtual(fill())


def test_pages_add_up_to_the_history_and_the_open_candle_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest_klines, "PAGE", 100)
    history = made_up_history("BTCUSDT", "5m", days=3, gap_share=0.05)
    now_ms = YEAR_2025_MS + 2 * DAY_MS + 7 * STEP_MS + 1_000
    store = CandleStore(tmp_path)
    whole = Span(YEAR_2025_MS, YEAR_2025_MS + 3 * DAY_MS)
    closed = history.between(0, now_ms - 1_000)
    assert filled(store, history, [whole, whole], now_ms=now_ms) == [len(closed), 0]
    found = store.read("BTCUSDT", "5m")
    assert np.array_equal(found.table, closed.rescaled(found.decimals).table)
    assert store.covered(NAME) == (Span(YEAR_2025_MS, now_ms - 1_000),)


def test_only_what_the_store_lacks_is_asked_for(tmp_path: Path) -> None:
    history = made_up_history("BTCUSDT", "5m", days=3)
    store = CandleStore(tmp_path)
    middle = Span(YEAR_2025_MS + DAY_MS, YEAR_2025_MS + 2 * DAY_MS)
    store.add(history.between(middle.start_ms, middle.end_ms), middle)
    whole = Span(YEAR_2025_MS, YEAR_2025_MS + 3 * DAY_MS)
    assert filled(store, history, [whole], now_ms=whole.end_ms) == [2 * 288]
    found = store.read("BTCUSDT", "5m")
    assert np.array_equal(found.table, history.rescaled(found.decimals).table)


def test_what_the_exchange_does_not_know_is_refused_by_it(tmp_path: Path) -> None:
    history = made_up_history("BTCUSDT", "5m", days=1)
    with pytest.raises(ExchangeRefusedError, match="-1121"):
        filled(CandleStore(tmp_path), history, [Span(0, DAY_MS)], now_ms=YEAR_2025_MS, name=SeriesName("NOSUCHUSDT", "5m"))


def test_the_command_fetches_until_now(tmp_path: Path) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
    with served_exchange(tmp_path) as served:
        address = served.address("listens on")
        done = subprocess.run(
            [*COMMAND, "candles", "download", "BTCUSDT", "--interval", "5m", "--from", yesterday, "--source", "rest"],
            env=environment(tmp_path / "data", BINANCE_BASE_URL=address, TRADING_MODE="paper"),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    held = CandleStore(tmp_path / "candles").read("BTCUSDT", "5m")
    assert len(held) >= 288
    assert held.gaps() == ()
    assert f"{len(held)} candles added to candles by REST" in done.stdout
