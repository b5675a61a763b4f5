"""The pages about strategies and risk: their example runs, and their tables are the code's."""

import re
import subprocess
import sys
from dataclasses import MISSING, fields
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import Candle, CandleWindow, MarketSnapshot
from binance_trade_agent.domain.risk import RiskRule
from binance_trade_agent.domain.signal import Action
from binance_trade_agent.risk_management_agent import RiskLimits
from binance_trade_agent.signal_agent import SignalAgent
from binance_trade_agent.strategies.catalogue import BUILT_IN, make_strategy
from binance_trade_agent.strategies.parameters import Between

DOCS = Path(__file__).parents[2] / "docs"
STRATEGIES = (DOCS / "strategies.md").read_text()
RISK = (DOCS / "risk.md").read_text()

CODE, TEST = re.findall(r"```python\n(.*?)```", STRATEGIES, re.DOTALL)


def table_rows(page):
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" |")] for line in lines]


@pytest.fixture
def example(tmp_path):
    path = tmp_path / "breakout.py"
    path.write_text(CODE)
    return f"{path}:Breakout"


def snapshot_of(closes):
    candles = [Candle(index * 1000, close, close + 1, close - 1, close, 1.0, index * 1000 + 999) for index, close in enumerate(closes)]
    return MarketSnapshot("BTCUSDT", 10**6, Decimal(100), CandleWindow("BTCUSDT", 1000, candles))


@pytest.mark.parametrize(("last", "expected"), [(103.5, Action.BUY), (96.5, Action.SELL), (100.5, Action.HOLD)])
def test_the_example_reads_candles(example, last, expected):
    agent = SignalAgent(make_strategy(example, {"candles": 10}))
    signal = agent.decide(snapshot_of([*[100.0 + index % 3 - 1 for index in range(20)], last]))
    assert (signal.strategy, signal.action) == ("breakout", expected)
    assert signal.reason
    assert agent.decide(snapshot_of([100.0, last])).action is Action.HOLD


def test_the_examples_own_test_passes_as_a_user_would_run_it(example, tmp_path):
    (tmp_path / "test_breakout.py").write_text(TEST)
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "test_breakout.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "1 passed" in told.stdout, told.stdout + told.stderr


def test_the_example_and_its_test_take_less_than_30_lines():
    assert len([line for line in (CODE + TEST).splitlines() if line]) < 30


def test_the_example_checks_its_parameters(example):
    with pytest.raises(StrategyError, match="breakout: parameter candles is 1; allowed are whole numbers from 2 to 500"):
        make_strategy(example, {"candles": 1})


def test_the_parameter_table_is_the_codes():
    rows = {(row[0], row[1]): row[2:] for row in table_rows(STRATEGIES) if len(row) == 4 and row[0] in BUILT_IN}
    documented = {key for key in rows if key[1].isidentifier()}
    coded = {(name, field.name) for name, kind in BUILT_IN.items() for field in fields(kind)}
    assert documented == coded
    for name, kind in BUILT_IN.items():
        hints = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            default, allowed = rows[(name, field.name)]
            if field.default is not MISSING:
                assert default == (f"{field.default:g}" if isinstance(field.default, float) else str(field.default))
            for bounds in (extra for extra in get_args(hints[field.name]) if isinstance(extra, Between)):
                assert allowed.startswith(f"{bounds.least:g} to {bounds.most:g}")


def test_every_risk_rule_is_described():
    described = {row[0] for row in table_rows(RISK)}
    assert set(RiskRule) <= described


SETTING_OF_LIMIT = {
    "stop_loss_pct": ("RISK_DEFAULT_STOP_LOSS_PCT", 1),
    "take_profit_pct": ("RISK_DEFAULT_TAKE_PROFIT_PCT", 1),
    "max_candle_age_ms": ("RISK_MAX_DATA_AGE_SECONDS", 1000),
    "cooldown_ms": ("RISK_COOLDOWN_SECONDS", 1000),
}
WITHOUT_A_ROW = {
    "volatility_candles",
    "loss_pause_ms",
    "taker_rate",
    "stop_offset_pct",
    "daily_drawdown_rearms",
    "correlation_threshold",
    "correlation_candles",
}
OF_SEVERAL_FIELDS = {"sizing", "locks", "per_symbol"}


def test_documented_defaults_are_the_codes():
    pairs = [pair for row in table_rows(RISK) for pair in pairwise(row) if pair[0].startswith("RISK_")]
    documented = {setting: default for setting, default in pairs if re.fullmatch(r"[\d.]+", default)}
    limits = RiskLimits()
    for field in fields(RiskLimits):
        if field.name not in WITHOUT_A_ROW | OF_SEVERAL_FIELDS:
            setting, unit = SETTING_OF_LIMIT.get(field.name, (f"RISK_{field.name.upper()}", 1))
            assert Decimal(documented[setting]) == Decimal(getattr(limits, field.name)) / unit, setting
