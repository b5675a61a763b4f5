"""Strategies that read other intervals and symbols, in the whole daemon: what they say live is what they say over the history."""

import asyncio

import pytest
from made_up_candles import candle_rows, write_candles

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.market import Candle, CandleWindow
from binance_trade_agent.domain.signal import Action
from binance_trade_agent.settings import load_settings
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.strategies.histories import histories_with_needs
from binance_trade_agent.strategies.over_history import CODES, actions_over
from binance_trade_agent.wiring import open_components

RSI = {"name": "rsi", "period": 2, "oversold": 45, "overbought": 55}
FAST = {"period": 2}
MINUTE_MS = 60_000


def read_by(name, parameters):
    return {"strategy_path": "", "strategy_name": name, "strategy_parameters": parameters}


def histories(components):
    """The recording as the strategies of a backtest see it."""
    windows = {}
    for symbol, recorded in components.venue.recorded.by_symbol.items():
        rows = [
            (candle.open_time_ms, *map(float, (candle.open, candle.high, candle.low, candle.close, candle.volume)), candle.close_time_ms)
            for candle in recorded
        ]
        windows[symbol] = CandleWindow(symbol, MINUTE_MS, [Candle(*row) for row in rows])
    return histories_with_needs(windows, components.signals.needs)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("trend_filter", {"interval": "5m", "period": 4, "strategy": RSI}),
        ("benchmark_filter", {"symbol": "BBBUSDT", "period": 8, "strategy": RSI}),
        ("benchmark_filter", {"symbol": "BBBUSDT", "interval": "3m", "period": 5, "strategy": RSI}),
        (
            "combined",
            {"threshold": 0.1, "members": {"trend_filter": {"interval": "15m", "period": 3, "strategy": RSI}, "rsi": {"period": 2}}},
        ),
    ],
)
def test_the_daemon_says_what_the_strategy_says_over_the_history(open_agent, tmp_path, name, parameters):
    holes = candle_rows(5, 180, price=40.0)
    del holes[60:64], holes[100]
    write_candles(tmp_path / "in", "AAAUSDT", candle_rows(4, 180))
    write_candles(tmp_path / "in", "BBBUSDT", holes)

    async def flight():
        said = set()
        async with open_agent(candles_dir=tmp_path / "in", **read_by(name, parameters)) as components:
            orchestrator, whole = AsyncTradingOrchestrator(components), histories(components)
            await orchestrator.start()
            actions = {symbol: actions_over(components.signals.strategy_for(symbol), window) for symbol, window in whole.items()}
            for _ in range(178):
                clock = components.clock
                await clock.sleep_until((clock.now_ms() // MINUTE_MS + 1) * MINUTE_MS + 1_000)
                for decision in (await orchestrator.run_pass()).decisions:
                    closed = int((whole[decision.symbol].close_times_ms < decision.time_ms).sum())
                    assert CODES[decision.signal.action] == actions[decision.symbol][closed - 1], decision.signal.reason
                    said.add(decision.signal.action)
        assert said == set(Action)

    run_virtual(flight())


def test_a_symbol_that_the_exchange_does_not_list_stops_the_start(open_agent):
    async def start(symbol):
        async with open_agent(**read_by("benchmark_filter", {"symbol": symbol, "period": 3, "strategy": RSI})):
            raise AssertionError("it started")

    with pytest.raises(ConfigurationError, match=r"a strategy reads candles of NOPEUSDT, which cannot be had: .*-1121"):
        run_virtual(start("NOPEUSDT"))
    with pytest.raises(ConfigurationError, match=r"a strategy reads candles of NO/PE, which cannot be had: 'NO/PE' is no symbol"):
        run_virtual(start("NO/PE"))


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"interval": "1s"}, "the strategy of AAAUSDT reads 1s candles, but CANDLE_INTERVAL is 1m; they must be a multiple of it"),
        ({"interval": "1m", "period": 20}, "CANDLE_WINDOW is 20, but the strategy of AAAUSDT needs 21 candles or more of AAAUSDT 1m"),
    ],
)
def test_candles_that_cannot_be_held_stop_the_start(open_agent, parameters, text):
    async def start():
        async with open_agent(**read_by("trend_filter", {"strategy": RSI} | parameters)):
            raise AssertionError("it started")

    with pytest.raises(ConfigurationError, match=text):
        run_virtual(start())


def test_a_made_up_market_has_the_benchmark_that_is_not_traded(tmp_path):
    """By real streams: it comes with the traded symbols, and it alone has no price of its own asked for."""

    async def flight():
        settings = load_settings(
            data_dir=tmp_path,
            trading_symbols="ETHUSDT,BNBUSDT",
            demo_speed=600,
            candle_window=30,
            **read_by("benchmark_filter", {"symbol": "BTCUSDT", "interval": "5m", "period": 3, "strategy": RSI}) | {"strategy_path": ""},
        )
        async with open_components(settings) as components:
            orchestrator = AsyncTradingOrchestrator(components)
            await orchestrator.start()
            finished = await orchestrator.run_pass()
            assert {decision.verdict for decision in finished.decisions} <= {Verdict.HELD, Verdict.REFUSED, Verdict.FILLED}
            snapshots = await components.market.fetch_snapshots(components.symbols)
            read = [snapshot.candles.other(interval="5m", symbol="BTCUSDT") for snapshot in snapshots.values()]
            assert [len(window) for window in read] == [4, 4]
            assert components.streams.is_live("btcusdt@kline_5m")
            assert not components.streams.is_live("btcusdt@miniTicker")

    asyncio.run(flight())
