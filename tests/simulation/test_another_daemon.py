"""Two daemons with books of their own on one account: each finds the other out by its order ids, and both take no more entries."""

import json
import sqlite3
from contextlib import closing

import pytest
from reconciler_desk import open_desk
from running_daemon import daemon
from served_exchange import ROOT, served_exchange

from binance_trade_agent.domain.client_order_id import client_order_id
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, RiskRule, TradingMode
from binance_trade_agent.wiring.another_daemon import AnotherDaemon

KEYS = {"BINANCE_API_KEY": "key", "BINANCE_API_SECRET": "secret"}
OTHERS = client_order_id("f", 1)


class Account:
    """The mode of the account, as wiring changes it."""

    def __init__(self, desk):
        self.desk = desk
        self.stops = []

    async def tighten(self, scope, mode, rule, reason):
        assert (scope, mode, rule) == (ACCOUNT_SCOPE, TradingMode.REDUCING, RiskRule.ANOTHER_DAEMON)
        self.stops.append(reason)

    async def resume(self):
        await self.desk.portfolio.record_mode(ModeChange(self.desk.clock.now_ms(), ACCOUNT_SCOPE, TradingMode.ACTIVE, "operator", "alone"))


@pytest.fixture
async def account():
    async with open_desk() as desk:
        await desk.portfolio.set_initial(desk.portfolio.balance("USDT"), desk.clock.now_ms())
        account = Account(desk)

        async def meet(report):
            await AnotherDaemon(desk.portfolio, account.tighten).meet(report)

        desk.meet = meet
        await desk.restart()
        desk.pass_time(1)
        yield account


@pytest.mark.parametrize("fills", [0, 1])
async def test_an_order_of_another_book_stops_entries(account, fills):
    account.desk.exchange.place(OTHERS, fills=fills)
    await account.desk.reconciler.reconcile()
    assert OTHERS in account.stops[0]
    assert "another daemon" in account.stops[0]
    await account.desk.check_agreement()


@pytest.mark.parametrize("name", ["by-hand", "bta-e-9", "x-bta-f-1"])
async def test_orders_by_hand_and_of_this_book_are_none_of_another_daemon(account, name):
    account.desk.exchange.place(name, fills=0)
    await account.desk.reconciler.reconcile()
    assert account.stops == []


async def test_what_was_there_before_the_resume_is_a_leftover(account):
    account.desk.exchange.place(OTHERS, fills=0)
    account.desk.pass_time(1)
    await account.resume()
    await account.desk.reconciler.reconcile()
    assert account.stops == []
    account.desk.pass_time(1)
    account.desk.exchange.place(client_order_id("f", 2), fills=0)
    await account.desk.reconciler.reconcile()
    assert len(account.stops) == 1


def settings(folder, address, name, symbol):
    temporary = folder / f"machine-{name}"  # a lock of its own, as a container or another machine has
    temporary.mkdir()
    return {
        "TRADING_MODE": "testnet",
        "BINANCE_BASE_URL": address,
        **KEYS,
        "TRADING_SYMBOLS": symbol,
        "TRADING_INTERVAL_SECONDS": "1",
        "CANDLE_INTERVAL": "1s",
        "CANDLE_WINDOW": "20",
        "RISK_COOLDOWN_SECONDS": "0",
        "STRATEGY_PATH": f"{ROOT / 'scripts/simulating/restless.py'}:Restless",
        "STRATEGY_PARAMETERS": json.dumps({"seed": 1, "appetite": 80}),
        "BACKUP_INTERVAL_SECONDS": "0",
        "TMPDIR": str(temporary),
        "LOG_FORMAT": "json",
    }


def test_two_machines_on_one_account_find_each_other_out_also_by_symbols_that_they_do_not_share(tmp_path, monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with served_exchange(tmp_path) as exchange:
        address = exchange.address("listens on")
        with (
            daemon(tmp_path / "one", **settings(tmp_path, address, "one", "BTCUSDT")) as first,
            daemon(tmp_path / "two", **settings(tmp_path, address, "two", "ETHUSDT")) as second,
        ):
            for running in (first, second):
                running.wait_for(lambda running=running: "another daemon trades on this account" in running.log.read_text())
            assert (first.stop(), second.stop()) == (0, 0)
    for name in ("one", "two"):
        with closing(sqlite3.connect(tmp_path / name / "testnet" / "book.sqlite")) as book:
            change = book.execute("SELECT scope, mode, rule, reason FROM mode_changes ORDER BY id DESC").fetchone()
        assert change[:3] == ("*", "REDUCING", "another_daemon")
        assert "cancel what it has left open, and resume" in change[3]
