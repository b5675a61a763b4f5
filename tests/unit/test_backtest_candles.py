"""Which candles a backtest takes: what its plan says, else what the settings choose, as for the daemon, and in the daemon's order."""

from pathlib import Path

import pytest
from made_up_candles import candle_rows, write_candles

from binance_trade_agent.backtest.candles.importing import files_in, import_files
from binance_trade_agent.backtest.fast.histories import load_histories
from binance_trade_agent.backtest.fast.plan import BacktestPlan
from binance_trade_agent.domain.errors import CandleFileError
from binance_trade_agent.settings import Settings
from binance_trade_agent.storage.candles.store import CandleStore
from binance_trade_agent.wiring.candle_source import recorded_candles

SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDT")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for number, symbol in enumerate(SYMBOLS):
        write_candles(tmp_path / "files", symbol, candle_rows(number, 20))
    return tmp_path / "files"


@pytest.fixture
def store(files: Path, tmp_path: Path) -> Path:
    import_files(CandleStore(tmp_path / "kept"), files_in([files]), lambda _: None)
    return tmp_path / "kept"


def taken(candles: Path, *symbols: str, **settings: object) -> list[str]:
    return list(load_histories(BacktestPlan(candles=candles, settings=Settings(**settings), symbols=symbols)).columns)


@pytest.mark.parametrize("chosen", [{}, {"trading_symbols": "CCCUSDT,AAAUSDT"}])
def test_without_a_word_of_the_plan_they_are_those_that_the_daemon_plays(chosen: dict[str, object], store: Path) -> None:
    played = list(recorded_candles(store, Settings(**chosen)).by_symbol)
    assert taken(store, **chosen) == played
    assert len(played) == (2 if chosen else 3)


def test_the_plan_goes_before_the_settings_and_its_order_changes_nothing(files: Path, store: Path) -> None:
    for candles in (files, store):
        assert taken(candles, "CCCUSDT", "BBBUSDT", "CCCUSDT", trading_symbols="AAAUSDT") == ["BBBUSDT", "CCCUSDT"]


def test_what_the_store_lacks_is_named(store: Path) -> None:
    with pytest.raises(CandleFileError, match="no 1m candles of DDDUSDT; there are some of AAAUSDT, BBBUSDT, CCCUSDT"):
        taken(store, trading_symbols="DDDUSDT")
    with pytest.raises(CandleFileError, match="no 5m candles; there are some of 1m"):
        taken(store, candle_interval="5m")


def test_kline_files_that_are_not_there_are_named(files: Path) -> None:
    with pytest.raises(CandleFileError, match="there are no candles of DDDUSDT"):
        taken(files, "DDDUSDT")
    with pytest.raises(CandleFileError, match="its candles are of 1m, not of 5m"):
        load_histories(BacktestPlan(candles=files, settings=Settings(), interval="5m"))


@pytest.mark.parametrize(
    "other",
    [
        {"portfolio_initial_value": "500"},
        {"risk_sizing": "fixed"},
        {"risk_stop_guard_stops": "2"},
        {"risk_default_stop_loss_pct": "0.01"},
        {"demo_fee_rate": "0"},
        # Their defaults, which mean something else than nothing that was set: a new day resumes, and an account in BTC begins with 1.
        {"risk_daily_drawdown_rearms": "off"},
        {"portfolio_initial_value": "10000"},
    ],
)
def test_a_plan_with_other_settings_has_another_name_so_that_no_study_goes_on_with_it(files: Path, other: dict[str, object]) -> None:
    mine, theirs = (BacktestPlan(candles=files, settings=Settings(**given)) for given in ({}, other))
    assert mine.digest("candles") != theirs.digest("candles")


def test_what_only_a_daemon_needs_does_not_name_a_plan(files: Path) -> None:
    mine, theirs = (BacktestPlan(candles=files, settings=Settings(**given)) for given in ({}, {"http_port": 9999, "log_level": "DEBUG"}))
    assert mine.digest("candles") == theirs.digest("candles")
