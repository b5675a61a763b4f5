"""The names that users' own programs call: the examples run as they are printed, from async code, from plain code and from threads."""

import asyncio
import json
import re
import subprocess
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from command_line import COMMAND, environment

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.demo_async_performance import main as demonstrate
from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.orchestrator import TradingOrchestrator
from binance_trade_agent.settings import load_settings
from binance_trade_agent.telemetry.metrics import MetricsObserver
from binance_trade_agent.telemetry.timing import async_time_function, use_observer
from binance_trade_agent.wiring import open_components

PYTHON = COMMAND[0]
PROJECT = Path(__file__).parents[2]


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


EXAMPLES = python_blocks(PROJECT / "docs" / "migration.md")
SCRIPTED = Path(__file__).parents[1] / "scripted_strategies.py"

# As it is printed for users, however long its lines.
ASYNC_EXAMPLE = """
async with AsyncTradingOrchestrator() as orchestrator:
    decision = await orchestrator.execute_trading_workflow(symbol="BTCUSDT", quantity=0.001)
    print(f"Executed in {decision.execution_duration_ms:.2f}ms")
    decisions = await orchestrator.execute_multi_symbol_workflow([{"symbol": "BTCUSDT", "quantity": 0.001}, {"symbol": "ETHUSDT", "quantity": 0.01}])
    snapshot = await orchestrator.get_portfolio_snapshot()
async with AsyncMarketDataAgent() as agent:
    prices = await agent.fetch_prices_batch(["BTCUSDT", "ETHUSDT", "BNBUSDT"])       # {symbol: price}
    for symbol, price in prices.items():
        print(f"{symbol}: ${price:,.2f}")
"""  # noqa: E501 - as above


def run_program(folder: Path, code: str, **settings: str) -> str:
    """What a program prints that is run in a folder of its own, with no setting but DATA_DIR and those given."""
    program = folder / "program.py"
    program.write_text(code)
    done = subprocess.run(
        [PYTHON, "-W", "error", str(program)],
        env=environment(folder / "data", **settings),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_async_example_runs_as_it_is_printed(tmp_path):
    imports = """
        import asyncio
        from binance_trade_agent.async_market_data_agent import AsyncMarketDataAgent
        from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator

        async def main():
    """
    code = textwrap.dedent(imports) + textwrap.indent(ASYNC_EXAMPLE, "    ") + "\nasyncio.run(main())\n"
    first, *prices = run_program(tmp_path, code).splitlines()
    assert re.fullmatch(r"Executed in \d+\.\d\dms", first)
    assert [line.partition(":")[0] for line in prices] == ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
    assert all(re.fullmatch(r"[A-Z]+: \$[\d,]*\d\.\d\d", line) for line in prices)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "BTCUSDT: held"), (1, "NOPEUSDT: "), (2, "BTCUSDT: held"), (3, "NOPEUSDT failed: MarketDataError")]
)
def test_the_examples_of_the_migration_page_run(tmp_path, number, said):
    assert len(EXAMPLES) == 4
    printed = run_program(tmp_path, EXAMPLES[number], STRATEGY_PATH=f"{SCRIPTED}:Holding")
    assert any(line.startswith(said) for line in printed.splitlines()), printed


def test_the_example_of_the_readme_runs(tmp_path):
    (code,) = python_blocks(PROJECT / "README.md")
    assert "Executed in" in run_program(tmp_path, code, STRATEGY_PATH=f"{SCRIPTED}:Holding")


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The demo with two symbols that are always bought."""
    chosen = {"DATA_DIR": tmp_path / "data", "TRADING_SYMBOLS": "BTCUSDT,ETHUSDT", "DEMO_LATENCY_MS": 1, "RISK_COOLDOWN_SECONDS": 0}
    chosen["STRATEGY_PATH"] = f"{SCRIPTED}:Buying"
    for name, value in chosen.items():
        monkeypatch.setenv(name, str(value))


@pytest.fixture
def orchestrator(demo: None) -> Iterator[TradingOrchestrator]:
    with TradingOrchestrator() as opened:
        yield opened


def test_the_synchronous_orchestrator_works_from_plain_code(orchestrator):
    decision = orchestrator.execute_trading_workflow(symbol="BTCUSDT", quantity=0.001)
    assert decision.verdict is Verdict.FILLED
    assert sum(fill.quantity for fill in decision.fills) == Decimal("0.001")
    assert decision.execution_duration_ms > 0
    both = orchestrator.execute_multi_symbol_workflow([{"symbol": "ETHUSDT", "quantity": 0.01}, {"symbol": "BTCUSDT", "quantity": "0.002"}])
    assert [(one.symbol, one.verdict) for one in both] == [("ETHUSDT", Verdict.FILLED), ("BTCUSDT", Verdict.FILLED)]
    snapshot = orchestrator.get_portfolio_snapshot()
    assert snapshot.fills >= 3
    assert {position.symbol for position in snapshot.positions} == {"BTCUSDT", "ETHUSDT"}


def test_it_is_called_from_the_threads_of_a_running_loop(orchestrator):
    async def main() -> list:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(4) as threads:
            work = [
                loop.run_in_executor(threads, orchestrator.execute_trading_workflow, symbol, "0.001")
                for symbol in ("BTCUSDT", "ETHUSDT") * 4
            ]
            snapshots = [loop.run_in_executor(None, orchestrator.get_portfolio_snapshot) for _ in range(4)]
            await asyncio.gather(*snapshots)
            return await asyncio.gather(*work)

    decisions = asyncio.run(main())
    assert {decision.symbol for decision in decisions} == {"BTCUSDT", "ETHUSDT"}
    assert len({decision.correlation_id for decision in decisions}) == 8
    fills = [fill for decision in decisions for fill in decision.fills]
    assert len({(fill.symbol, fill.trade_id) for fill in fills}) == len(fills) == orchestrator.get_portfolio_snapshot().fills > 0


def test_it_is_used_inside_its_block_alone_and_can_be_opened_again(demo):
    orchestrator = TradingOrchestrator()
    with pytest.raises(RuntimeError, match="outside its `with` block"):
        orchestrator.get_portfolio_snapshot()
    for _ in range(2):
        with orchestrator:
            assert orchestrator.get_portfolio_snapshot().quote_asset == "USDT"
            with pytest.raises(RuntimeError, match="open already"):
                orchestrator.__enter__()
    with pytest.raises(RuntimeError, match="outside its `with` block"):
        orchestrator.execute_trading_workflow("BTCUSDT")


def test_an_orchestrator_that_could_not_open_leaves_nothing_behind(demo, monkeypatch):
    monkeypatch.setenv("STRATEGY_PATH", "nowhere.py:Nothing")
    orchestrator = TradingOrchestrator()
    with pytest.raises(Exception, match=r"nowhere\.py"), orchestrator:
        pytest.fail("it opened without its strategy")
    with pytest.raises(RuntimeError, match="outside its `with` block"):
        orchestrator.get_portfolio_snapshot()


async def test_functions_under_async_time_function_show_up_in_the_metrics(demo):
    metrics = MetricsObserver(version="test")

    @async_time_function("my_rebalancing")
    async def rebalance(orchestrator: AsyncTradingOrchestrator) -> None:
        await orchestrator.execute_trading_workflow("BTCUSDT", "0.001")

    async with open_components(load_settings(), metrics) as components:
        orchestrator = AsyncTradingOrchestrator(components)
        await orchestrator.start()
        with use_observer(metrics):
            await rebalance(orchestrator)
            with pytest.raises(ValueError, match="only once"):
                await async_time_function("my_failure")(orchestrator.execute_multi_symbol_workflow)([{"symbol": "BTCUSDT"}] * 2)
    text = metrics.render().decode()
    assert 'trade_agent_function_duration_seconds_count{function="my_rebalancing"} 1.0' in text
    assert 'trade_agent_function_failures_total{function="my_failure"} 1.0' in text


def demonstration(folder: Path, latency_ms: str, **settings: str) -> dict:
    done = subprocess.run(
        [PYTHON, "-m", "binance_trade_agent.demo_async_performance", "--json", "--runs", "1", "--latency-ms", latency_ms],
        env=environment(folder / "data", **settings),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_the_demonstration_prints_what_it_measured(tmp_path):
    # The settings of a daemon beside it do not matter: this one trades on the embedded exchange alone.
    result = demonstration(tmp_path, "20", BINANCE_TESTNET="true", QUOTE_ASSET="BTC", TRADING_SYMBOLS="ETHBTC")
    assert (result["latency_ms"], result["runs"]) == (20, 1)
    rows = {(row["symbols"], row["way"]): row for row in result["measured"]}
    assert set(rows) == {(size, way) for size in (5, 50) for way in ("sequential", "concurrent")}
    for (size, way), row in rows.items():
        assert sum(row["verdicts"].values()) == size
        assert row["fastest_ms"] <= row["median_ms"] <= row["slowest_ms"]
        assert row["per_symbol_ms"] == pytest.approx(row["median_ms"] / size)
        assert row["limit_ms"] == 20 * (size if way == "sequential" else 1)
        assert row["median_ms"] >= row["limit_ms"]
    assert rows[50, "concurrent"]["median_ms"] < rows[50, "sequential"]["median_ms"] / 3
    assert Decimal(result["portfolio"]["equity"]) > 0
    assert not (tmp_path / "data").exists()


def test_the_demonstration_works_at_a_short_latency(tmp_path):
    result = demonstration(tmp_path, "5")
    assert len(result["measured"]) == 4


@pytest.mark.parametrize("quantity", ["abc", "0", "-1", "NaN"])
def test_a_quantity_that_is_none_is_named(quantity):
    result = CliRunner().invoke(demonstrate, ["--quantity", quantity])
    assert result.exit_code == 2
    assert "--quantity" in result.output


def test_a_wrong_setting_ends_the_demonstration_with_one_line(monkeypatch):
    monkeypatch.setenv("STRATEGY_NAME", "lucky")
    result = CliRunner().invoke(demonstrate, ["--runs", "1"])
    assert result.exit_code == 3
    assert result.output.startswith("error: strategy 'lucky' is unknown")
