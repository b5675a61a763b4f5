"""Shared ground of the tests: made-up recorded candles, and agents that trade on them in virtual time."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from made_up_candles import candle_rows, write_candles

from binance_trade_agent.domain.errors import RateLimitedError
from binance_trade_agent.settings import load_settings
from binance_trade_agent.wiring import Components, open_components

# Examples are drawn anew on every run of a person, so that the search goes on, and are the same on every run of CI.
hypothesis.settings.register_profile("person", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "person")

collect_ignore = ["peers"]  # other people's clients have an environment of their own: scripts/peers

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


@pytest.fixture(autouse=True)
def _no_limit_is_provoked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No embedded exchange of any test ever answers that something is too much, but where a test plans it (`plans_limits`)."""
    from binance_trade_agent.simulation.rest import rate_limits

    answered: list[int] = []
    limited = rate_limits.limited

    def counted(code: int, *more: Any) -> RateLimitedError:
        answered.append(code)
        return limited(code, *more)

    monkeypatch.setattr(rate_limits, "limited", counted)
    yield
    if request.node.get_closest_marker("plans_limits") is None:
        assert answered == []


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
    async def opened(
        strategy: str = "Alternating", observer: Any = None, in_memory: bool = True, **overrides: Any
    ) -> AsyncIterator[Components]:
        values = {
            "candles_dir": candles_dir,
            "data_dir": tmp_path / "data",
            "strategy_path": f"{STRATEGIES}:{strategy}",
            "candle_window": 20,
            "demo_latency_ms": 20,
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
