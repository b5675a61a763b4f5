"""`doctor` against a server, a book and a daemon: what is well is called well, and every fault is named with its exit code."""

import asyncio
import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from far_side import KEY, SECRET, SYMBOLS, FarSide, agent, far_side, passes

from binance_trade_agent.cli import commands
from binance_trade_agent.cli.doctor import machine
from binance_trade_agent.cli.doctor.check_up import examine
from binance_trade_agent.cli.doctor.finding import Finding, Level, verdict
from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.service.http_face import HttpFace, Sources
from binance_trade_agent.service.vitals import Check, Report
from binance_trade_agent.settings import load_with_sources
from binance_trade_agent.settings.choices import LIVE_CONFIRMATION
from binance_trade_agent.simulation.engine.listing import TradingStatus
from binance_trade_agent.simulation.rest.face import FaceAnswer

REAL_MONEY = {"trading_mode": "live", "live_trading_confirmation": LIVE_CONFIRMATION}


@pytest.fixture
async def far():
    async with far_side() as side:
        yield side


async def looked_at(folder: Path, url: str, **settings: object) -> tuple[dict[str, Finding], ExitCode]:
    """Findings by point, and the exit code."""
    values: dict[str, object] = {
        "trading_mode": "testnet",
        "binance_api_key": KEY,
        "binance_api_secret": SECRET,
        "binance_base_url": url,
        "binance_stream_url": url.replace("http", "ws"),
        "trading_symbols": ",".join(SYMBOLS),
        "data_dir": folder / "data",
        "http_port": 0,
        **settings,
    }
    findings = await examine(load_with_sources(**values))
    shown = " ".join(finding.detail for finding in findings)
    assert KEY not in shown
    assert SECRET not in shown
    return {finding.point: finding for finding in findings}, verdict(findings)[1]


async def test_all_is_well_beside_a_daemon_that_trades_and_nothing_is_changed(far: FarSide, tmp_path: Path) -> None:
    async with agent(far, tmp_path) as components:
        await passes(components, 2)
        before = len(far.face.received)
        found, code = await looked_at(tmp_path, far.url)
        assert {request.method for request in far.face.received[before:]} == {"GET"}
        await passes(components, 1)
    assert code is ExitCode.OK
    levels = {point: finding.level for point, finding in found.items()}
    assert {point for point, level in levels.items() if level is not Level.WELL} == {"daemon", "key", "cache"}
    assert levels["daemon"] is levels["key"] is levels["cache"] is Level.SKIPPED
    assert " is sound: 4 orders and " in found["book"].detail
    assert "all 2 are traded" in found["symbols"].detail
    assert " of 6000 request weight is used" in found["limits"].detail


async def test_an_exchange_that_is_away_is_the_only_thing_told_of_it(far: FarSide, tmp_path: Path) -> None:
    await far.stop()
    found, code = await looked_at(tmp_path, far.url)
    assert code is ExitCode.EXCHANGE_UNREACHABLE
    assert found["exchange"].level is Level.FAILED
    assert not {"clock", "symbols", "account", "limits"} & set(found)


@pytest.mark.parametrize(
    ("settings", "point", "told"),
    [
        ({"binance_api_key": "key-that-nobody-has-0123"}, "account", "-2015"),
        ({"binance_api_secret": "secret-that-is-wrong-0123"}, "account", "-1022"),
        ({"trading_symbols": "BTCUSDT,NOPEUSDT"}, "symbols", "-1121"),
        ({"strategy_name": "lucky"}, "settings", "strategy 'lucky' is unknown"),
    ],
)
async def test_wrong_keys_symbols_and_strategies_are_named(
    far: FarSide, tmp_path: Path, settings: dict[str, str], point: str, told: str
) -> None:
    found, code = await looked_at(tmp_path, far.url, **settings)
    assert code is ExitCode.CONFIGURATION
    assert [each for each, finding in found.items() if finding.level is Level.FAILED] == [point]
    assert told in found[point].detail


@pytest.mark.parametrize(
    ("settings", "level", "told"),
    [
        ({"symbol_count": 2}, Level.WELL, "2 would be chosen; 0 held ones would only be sold"),
        ({"symbol_count": 3}, Level.WARNING, "only 2 of SYMBOL_COUNT=3 would be chosen"),
        ({"symbol_whitelist": "NONE*"}, Level.FAILED, "nothing passes the filters"),
    ],
)
async def test_chosen_symbols_are_looked_at_in_place_of_named_ones(
    far: FarSide, tmp_path: Path, settings: dict[str, object], level: Level, told: str
) -> None:
    found, _ = await looked_at(tmp_path, far.url, trading_symbols="NOPEUSDT", symbol_selection="top-volume", **settings)
    assert found["symbols"].level is level
    assert told in found["symbols"].detail


@pytest.mark.parametrize(
    ("permissions", "level", "told"),
    [
        ({"enableWithdrawals": True}, Level.FAILED, "may withdraw"),
        ({"enableSpotAndMarginTrading": False}, Level.FAILED, "may not trade Spot"),
        ({"ipRestrict": False}, Level.WARNING, "works from any address"),
        ({}, Level.WELL, "may not withdraw"),
    ],
)
async def test_what_a_key_for_real_money_may_do_is_judged(
    far: FarSide, tmp_path: Path, permissions: dict[str, bool], level: Level, told: str
) -> None:
    far.face.key_permissions |= permissions
    found, code = await looked_at(tmp_path, far.url, **REAL_MONEY)
    assert found["key"].level is level
    assert told in found["key"].detail
    assert code is (ExitCode.CONFIGURATION if level is Level.FAILED else ExitCode.OK)


async def test_a_clock_that_is_off_a_symbol_that_rests_and_a_crowded_address_are_warned_of(tmp_path: Path) -> None:
    async with far_side(offset_ms=5_000) as far:
        far.exchange.set_symbol_status("ETHUSDT", TradingStatus.BREAK)
        far.face.script = lambda method, path: (
            FaceAnswer(200, {"X-MBX-USED-WEIGHT-1M": "5000"}, b'{"serverTime":%d}' % far.exchange.clock.now_ms())
            if path == "/api/v3/time"
            else None
        )
        found, code = await looked_at(tmp_path, far.url)
    assert code is ExitCode.OK
    assert {point for point, finding in found.items() if finding.level is Level.WARNING} == {"clock", "symbols", "limits"}
    assert "ahead of ours" in found["clock"].detail
    assert "ETHUSDT (BREAK)" in found["symbols"].detail


async def test_a_ban_is_told_and_not_made_longer(far: FarSide, tmp_path: Path) -> None:
    far.face.script = lambda method, path: FaceAnswer(418, {"Retry-After": "600"}, b"{}")
    assert (await looked_at(tmp_path, far.url))[1] is ExitCode.EXCHANGE_UNREACHABLE
    asked = len(far.face.received)
    found, code = await looked_at(tmp_path, far.url)
    assert code is ExitCode.EXCHANGE_UNREACHABLE
    assert "the exchange asked for silence" in found["exchange"].detail
    assert len(far.face.received) == asked


async def test_streams_that_cannot_be_reached_are_warned_of_because_trading_goes_on(far: FarSide, tmp_path: Path) -> None:
    found, code = await looked_at(tmp_path, far.url, binance_stream_url="ws://127.0.0.1:1", redis_host="127.0.0.1", redis_port=1)
    assert code is ExitCode.OK
    assert {point for point, finding in found.items() if finding.level is Level.WARNING} == {"market streams", "cache"}


async def test_paper_needs_no_key(far: FarSide, tmp_path: Path) -> None:
    found, code = await looked_at(tmp_path, far.url, trading_mode="paper", binance_api_key=None, binance_api_secret=None)
    assert code is ExitCode.OK
    assert not {"account", "key"} & set(found)
    assert found["market streams"].level is Level.WELL


async def test_a_book_of_another_account_and_one_that_does_not_add_up_are_told(far: FarSide, tmp_path: Path) -> None:
    async with agent(far, tmp_path) as components:
        await passes(components, 1)
    book = tmp_path / "data/testnet/book.sqlite"
    with closing(sqlite3.connect(book)) as connection, connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'account_uid'")
    found, code = await looked_at(tmp_path, far.url)
    assert code is ExitCode.CONFIGURATION
    assert "the book to account 99" in found["account"].detail
    with closing(sqlite3.connect(book)) as connection, connection:
        connection.execute("UPDATE wallet_balances SET amount = '1' WHERE asset = 'USDT'")
    found, code = await looked_at(tmp_path, far.url)
    assert code is ExitCode.BOOK_DAMAGED
    assert "wallet of USDT is kept as 1" in found["book"].detail


def test_a_book_from_before_is_sound_and_brought_up_to_date_by_the_next_start(tmp_path: Path) -> None:
    book = tmp_path / "data/demo/book.sqlite"
    book.parent.mkdir(parents=True)
    with closing(sqlite3.connect(book)) as connection:
        connection.executescript((Path(__file__).parents[1] / "released_books/v1.sql").read_text())
    said = ask(tmp_path)
    assert said["exit_code"] == ExitCode.OK
    assert "of schema version 1, which the next start brings up to date" in said["points"]["book"]["detail"]
    book.write_bytes(b"no database at all, but text")
    said = ask(tmp_path)
    assert said["exit_code"] in {ExitCode.BOOK_FAILED, ExitCode.BOOK_DAMAGED}
    assert said["points"]["book"]["level"] == "failed"


def ask(folder: Path, *words: str, **settings: str) -> dict[str, object]:
    """What the command says as JSON, points by name."""
    done = CliRunner(env={"DATA_DIR": str(folder / "data"), "HTTP_PORT": "0", **settings}).invoke(commands, ["doctor", "--json", *words])
    said = orjson.loads(done.output)
    assert said["exit_code"] == done.exit_code
    return {**said, "points": {finding["point"]: finding for finding in said["findings"]}}


def test_a_disk_that_is_nearly_full_is_told_before_the_daemon_meets_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LEAST_FREE_BYTES", 1 << 60)
    assert ask(tmp_path)["exit_code"] == ExitCode.DISK_FULL
    monkeypatch.setattr(machine, "LEAST_FREE_BYTES", 0)
    monkeypatch.setattr(machine, "WANTED_FREE_BYTES", 1 << 60)
    assert ask(tmp_path)["verdict"] == "fit to trade, but look at: disk"


def test_a_data_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    said = ask(tmp_path)
    assert said["exit_code"] == ExitCode.CONFIGURATION
    assert "cannot be written" in said["points"]["disk"]["detail"]
    assert not os.path.isdir(tmp_path / "data")


def test_wrong_settings_are_the_whole_answer(tmp_path: Path) -> None:
    said = ask(tmp_path, TRADING_MODE="live", BINANCE_API_KEY=KEY)
    assert said["exit_code"] == ExitCode.CONFIGURATION
    assert list(said["points"]) == ["settings"]
    assert "BINANCE_API_SECRET is not set" in said["points"]["settings"]["detail"]
    assert KEY not in str(said)


def test_offline_asks_nobody_and_people_get_lines(tmp_path: Path) -> None:
    done = CliRunner(env={"DATA_DIR": str(tmp_path), "HTTP_PORT": "0", "REDIS_HOST": "127.0.0.1"}).invoke(commands, ["doctor", "--offline"])
    assert done.exit_code == ExitCode.OK
    lines = done.output.splitlines()
    assert lines[-1] == "Verdict: fit to trade."
    assert [line.split()[:2] for line in lines[-3:-1]] == [["skipped", "exchange"], ["skipped", "cache"]]
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("healthy", "ready", "level", "code"),
    [
        (True, True, Level.WELL, ExitCode.OK),
        (True, False, Level.WARNING, ExitCode.OK),
        (False, False, Level.FAILED, ExitCode.FAILED),
    ],
)
async def test_a_daemon_that_runs_is_asked_how_it_is(
    far: FarSide, tmp_path: Path, healthy: bool, ready: bool, level: Level, code: ExitCode
) -> None:
    def report(ok: bool) -> Report:
        return Report({"passes": Check(ok, "so they say")})

    served, done = threading.Event(), threading.Event()
    port = []

    async def serve() -> None:
        async with HttpFace("127.0.0.1", 0, Sources(lambda: report(healthy), lambda: report(ready), dict, lambda: b"", None)) as face:
            port.append(int(face.address.rstrip("/").rpartition(":")[2]))
            served.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        await asyncio.to_thread(served.wait)
        found, ended = await looked_at(tmp_path, far.url, http_port=port[0])
    finally:
        done.set()
        thread.join()
    assert (found["daemon"].level, ended) == (level, code)
