"""Two daemons with books of their own on one account: who sees an order of the other takes no more entries."""

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


def settings(folder, address, name, symbol, appetite):
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
        "RISK_MAX_LOSS_STREAK": "0",
        "RISK_MAX_ORDERS_PER_MINUTE": "6000",
        "STRATEGY_PATH": f"{ROOT / 'scripts/simulating/restless.py'}:Restless",
        "STRATEGY_PARAMETERS": json.dumps({"seed": 1, "appetite": appetite}),
        "BACKUP_INTERVAL_SECONDS": "0",
        "TMPDIR": str(temporary),
        "LOG_FORMAT": "json",
    }


def last_mode(folder):
    with closing(sqlite3.connect(folder / "testnet" / "book.sqlite")) as book:
        return book.execute("SELECT scope, mode, rule, reason FROM mode_changes ORDER BY id DESC").fetchone()


def test_a_daemon_on_a_second_machine_finds_the_first_out_by_a_symbol_that_it_does_not_trade(tmp_path, monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    one, two = tmp_path / "one", tmp_path / "two"
    with served_exchange(tmp_path) as exchange:
        address = exchange.address("listens on")
        with (
            daemon(one, **settings(tmp_path, address, "one", "BTCUSDT", 80)) as first,
            daemon(two, **settings(tmp_path, address, "two", "ETHUSDT", 0)) as second,
        ):
            second.wait_for(lambda: "another daemon trades on this account" in second.log.read_text())
            assert (first.stop(), second.stop()) == (0, 0)
    assert last_mode(one) is None  # the second has sent nothing
    scope, mode, rule, reason = last_mode(two)
    assert (scope, mode, rule) == ("*", "REDUCING", "another_daemon")
    assert reason.startswith("BTCUSDT: order bta-")
    assert reason.endswith("cancel what it has left open, and resume")
