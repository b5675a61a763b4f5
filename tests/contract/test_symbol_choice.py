"""Choosing symbols at the start: the same code on the demo, on a server and on paper, and the command that says what it would do."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from far_side import TURNS, Facts, agent, far_side, passes, verdicts
from structlog.testing import capture_logs

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.cli import commands
from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.facts import RequestDone
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.settings import Settings, load_settings, sources
from binance_trade_agent.simulation.engine.listing import TradingStatus
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.storage.chosen_symbols import ChosenSymbols
from binance_trade_agent.wiring import open_components, symbol_choice

LISTED = "BTCUSDT,ETHUSDT,BTCUPUSDT,USDCUSDT,SOLUSDT,XRPUSDT,ADAUSDT,JUPUSDT"
UNFIT = {"BTCUPUSDT", "USDCUSDT"}


@pytest.fixture(autouse=True)
def outside(tmp_path, monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "SECRETS_FOLDER", tmp_path / "run-secrets")


def demo(folder: Path, **more: object) -> Settings:
    path = folder / "turns.py"
    path.write_text(TURNS)
    values = {
        "trading_symbols": LISTED,
        "symbol_selection": "top-volume",
        "symbol_count": 3,
        "strategy_path": f"{path}:Turns",
        "candle_window": 20,
        "data_dir": folder / "data",
        "http_port": 0,
        "market_data": "rest",
        "risk_volatility_threshold": "0",
        **more,
    }
    return load_settings(**values)


async def test_the_demo_trades_what_is_chosen_and_keeps_what_it_holds(tmp_path):
    facts = Facts()
    async with open_components(demo(tmp_path), facts) as components:
        first = components.symbols
        assert len(first) == 3
        assert not UNFIT & set(first)
        assert components.settings.accounting_asset == "USDT"
        await AsyncTradingOrchestrator(components).start()
        (bought,) = await passes(components, 1)
        assert {decision.symbol for decision in bought.decisions} == set(first)
        held = set(components.portfolio.held_symbols)
        assert held
        memory = ChosenSymbols(components.venue.folder)
    asked = Counter(fact.endpoint for fact in facts.seen if isinstance(fact, RequestDone))
    assert asked["ticker_24h"] == 1
    assert memory.read() == set(first)

    against = ",".join(sorted(held))
    async with open_components(demo(tmp_path, symbol_blacklist=against, symbol_count=1)) as components:
        assert set(components.traded.exits_only) == set(components.portfolio.held_symbols) == held
        assert len(components.traded.chosen) == 1
        assert components.symbols == (*components.traded.chosen, *sorted(held))
        last = set(components.traded.chosen)
    async with open_components(demo(tmp_path, symbol_whitelist="NONE*")) as components:
        assert (components.traded.chosen, components.symbols) == ((), tuple(sorted(held)))
    assert memory.read() == last  # a start at which nothing passes, as in a maintenance, forgets no places


async def test_with_nothing_chosen_only_what_is_listed_is_said_to_be_sold(tmp_path, monkeypatch):
    async with open_components(demo(tmp_path, symbol_count=2)) as components:
        await AsyncTradingOrchestrator(components).start()
        await passes(components, 1)
        held = sorted(components.portfolio.held_symbols)
        assert len(held) == 2
    gone, every = set(), SyntheticMarket.rules.fget
    monkeypatch.setattr(
        SyntheticMarket, "rules", property(lambda market: {name: one for name, one in every(market).items() if name not in gone})
    )
    sold, stuck = "what is held is sold as ever", "what is held is not listed any more, so that nothing of it can be sold"
    for lost, rest in (([], sold), (held[:1], sold), (held, stuck)):
        gone.update(lost)
        with capture_logs() as logs:
            async with open_components(demo(tmp_path, symbol_whitelist="NONE*")) as components:
                assert components.traded.stranded == tuple(lost)
        (told,) = (entry for entry in logs if entry["event"].startswith("no symbol passes"))
        assert told["event"] == f"no symbol passes the filters, so nothing is bought; {rest}"
        assert (told["symbols"], told["stranded"]) == (sorted(set(held) - set(lost)), lost)


async def test_nothing_to_choose_from_stops_the_start_and_says_what_tells_why(tmp_path):
    with pytest.raises(ConfigurationError, match="no symbol quoted in USDT passes the filters; `binance-trade-agent symbols` says why"):
        async with open_components(demo(tmp_path, symbol_whitelist="NONE*")):
            pass


async def test_less_than_one_step_left_over_is_no_reason_to_start_with_nothing_to_trade(tmp_path, monkeypatch):
    """As it is none for a daemon that runs: nobody can sell it by itself."""
    async with open_components(demo(tmp_path, symbol_count=1), Facts()) as components:
        await AsyncTradingOrchestrator(components).start()
        await passes(components, 1)
        (held,) = components.portfolio.held_symbols
        step = components.portfolio.rules_of(held).quantity_step(market=True)
        book = components.settings.book_path
    with closing(sqlite3.connect(book)) as connection, connection:
        assert connection.execute("UPDATE positions SET quantity = ?", (str(step / 2),)).rowcount == 1
    with pytest.raises(ConfigurationError, match="no symbol quoted in USDT passes the filters"):
        async with open_components(demo(tmp_path, symbol_whitelist="NONE*")):
            pass
    monkeypatch.setenv("TRADING_SYMBOLS", LISTED)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SYMBOL_WHITELIST", "NONE*")
    result = await asyncio.to_thread(CliRunner().invoke, commands, ["symbols", "--json"])
    assert result.exit_code == 0, result.output
    assert not any(row["exits_only"] for row in msgspec.json.decode(result.stdout))


async def test_a_symbol_that_is_too_young_gives_its_place_to_the_next(tmp_path):
    days = 3_650  # the made-up market has not been there for ten years
    with pytest.raises(ConfigurationError, match="no symbol"):
        async with open_components(demo(tmp_path, symbol_min_age_days=days)):
            pass
    facts = Facts()
    async with open_components(demo(tmp_path, symbol_min_age_days=1), facts) as components:
        assert len(components.symbols) == 3
    assert Counter(fact.endpoint for fact in facts.seen if isinstance(fact, RequestDone))["klines"] == 3


async def test_ages_are_asked_for_within_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(symbol_choice, "SPARE_AGES", 1)
    facts = Facts()
    with pytest.raises(ConfigurationError, match="no symbol"):
        async with open_components(demo(tmp_path, symbol_min_age_days=3_650, symbol_count=1), facts):
            pass
    assert Counter(fact.endpoint for fact in facts.seen if isinstance(fact, RequestDone))["klines"] == 2


@pytest.mark.parametrize("mode", ["testnet", "paper"])
async def test_a_server_is_asked_by_the_same_code_and_what_it_has_halted_is_left_out(tmp_path, mode):
    async with far_side() as side:
        side.exchange.set_symbol_status("BTCUSDT", TradingStatus.HALT)
        chosen = {"trading_mode": mode, "symbol_selection": "top-volume", "symbol_count": 5, "trading_symbols": "DOGEUSDT"}
        async with agent(side, tmp_path, **chosen) as components:
            assert components.symbols == ("ETHUSDT",)
            await AsyncTradingOrchestrator(components).start()
            (bought,) = await passes(components, 1)
            assert verdicts(bought) == {Verdict.FILLED}
        side.exchange.set_symbol_status("BTCUSDT", TradingStatus.TRADING)
        side.exchange.set_symbol_status("ETHUSDT", TradingStatus.HALT)
        async with agent(side, tmp_path, **chosen) as components:
            assert components.traded.chosen == ("BTCUSDT",)
            assert components.traded.exits_only == components.portfolio.held_symbols == ("ETHUSDT",)


async def test_paper_trades_what_the_real_exchange_has_listed_since_the_start(tmp_path, monkeypatch):
    gone, every = {"ETHUSDT"}, SyntheticMarket.rules.fget
    here = property(lambda market: {symbol: rules for symbol, rules in every(market).items() if symbol not in gone})
    monkeypatch.setattr(SyntheticMarket, "rules", here)
    async with far_side() as side:
        chosen = {"trading_mode": "paper", "symbol_selection": "top-volume", "symbol_count": 5, "trading_symbols": "DOGEUSDT"}
        async with agent(side, tmp_path, **chosen) as components:
            assert components.symbols == ("BTCUSDT",)
            parts = daemon_parts(components, metrics=bytes)
            await parts.reconcile()
            gone.clear()
            assert (await parts.verbs.refresh()).joined == ("ETHUSDT",)
            finished = await parts.run_pass()
            assert Counter(decision.verdict for decision in finished.decisions) == {Verdict.FILLED: 2}
            assert set(components.portfolio.held_symbols) == {"BTCUSDT", "ETHUSDT"}
            assert (await parts.reconcile()).differences == ()


def test_the_command_says_what_would_be_chosen_and_why_nothing_else_is(tmp_path, monkeypatch):
    monkeypatch.setenv("TRADING_SYMBOLS", LISTED)
    monkeypatch.setenv("SYMBOL_COUNT", "3")
    monkeypatch.setenv("SYMBOL_BLACKLIST", "ADA*")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    result = CliRunner().invoke(commands, ["symbols", "--json"])
    assert result.exit_code == 0, result.output
    rows = {row["symbol"]: row for row in msgspec.json.decode(result.stdout)}
    assert sorted(rows) == sorted(LISTED.split(","))
    assert sum(row["chosen"] for row in rows.values()) == 3
    assert {name: row["obstacle"] for name, row in rows.items() if row["obstacle"] not in {None, "rank"}} == {
        "BTCUPUSDT": "leveraged",
        "USDCUSDT": "stable-pair",
        "ADAUSDT": "blacklisted",
    }
    text = CliRunner().invoke(commands, ["symbols"]).output
    assert "it is blacklisted by ADA*" in text
    assert "3 of 8 symbols quoted in USDT would be chosen. SYMBOL_SELECTION is static" in text
    assert not (tmp_path / "data" / "demo" / "book.sqlite").exists()
    only = CliRunner().invoke(commands, ["symbols", "--chosen"]).output
    assert only.count("rank") == 3
    assert "blacklisted" not in only
