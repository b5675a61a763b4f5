"""An exchange that has forgotten everything ends the book on a test network, and only halts where money is real."""

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from decimal import Decimal
from functools import partial

import pytest
from account_of_others import KEY, SharedAccount

from binance_trade_agent.cli import run_command
from binance_trade_agent.domain.errors import BookError, ExchangeResetError, ExitCode
from binance_trade_agent.domain.order import OrderState
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, RiskRule, TradingMode
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon
from binance_trade_agent.simulation.faults.incident import Incident, IncidentKind
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.storage.new_book import begin_anew
from binance_trade_agent.telemetry.trace_ids import TraceIds
from binance_trade_agent.wiring import open_components

RESET = RiskRule.EXCHANGE_RESET


def run(tmp_path, flight):
    async def main():
        await flight(SharedAccount(tmp_path / "data"))

    run_virtual(main())


def reset(account):
    account.exchange.let_happen(Incident(IncidentKind.RESET_ACCOUNTS))


def mode(pilot, scope=ACCOUNT_SCOPE):
    change = pilot.components.portfolio.modes.get(scope)
    return None if change is None else (change.mode, change.rule)


def test_a_reset_ends_the_book_and_the_next_process_trades_on_a_new_one(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            await pilot.passes(2)
            old_epoch = pilot.components.portfolio.epoch
            old_orders = {order.intent.client_order_id for order in await pilot.components.store.all_orders()}
            reset(account)
            with pytest.raises(ExchangeResetError):
                await pilot.orchestrator.reconcile()
            assert mode(pilot) == (TradingMode.HALTED, RESET)
            assert pilot.components.portfolio.balance("BTC") > 0  # nothing of it was explained away
        book = account.settings().book_path
        kept = begin_anew(book)
        assert kept.name == f"book.sqlite.epoch-{old_epoch}-1"
        with closing(sqlite3.connect(kept)) as connection:
            assert {name for (name,) in connection.execute("SELECT client_order_id FROM orders")} == old_orders
        async with account.opened() as pilot:
            assert pilot.components.portfolio.epoch != old_epoch
            assert mode(pilot) == (TradingMode.ACTIVE, RESET)
            assert old_epoch in pilot.components.portfolio.modes[ACCOUNT_SCOPE].reason
            await pilot.passes(2)
            assert set(await pilot.components.store.all_orders()) != set()
            assert (await pilot.orchestrator.reconcile()).differences == ()
            account.check_agreement(pilot)
            assert await pilot.components.store.verify() == ()
        assert [path.name for path in book.parent.glob("book.sqlite*fresh*")] == []

    run(tmp_path, flight)


def test_where_money_is_real_a_reset_halts_and_the_book_stays_as_it_is(tmp_path):
    async def flight(account):
        async with account.opened(trading_mode="binance-demo") as pilot:
            await pilot.passes(1)
            before = dict(pilot.components.portfolio.balances)
            reset(account)
            for _ in range(2):
                assert any("the exchange was reset" in text for text in (await pilot.orchestrator.reconcile()).differences)
            assert mode(pilot) == (TradingMode.HALTED, RESET)
            assert dict(pilot.components.portfolio.balances) == before
            orders = len(await pilot.components.store.all_orders())
            await pilot.passes(2)
            assert len(await pilot.components.store.all_orders()) == orders

    run(tmp_path, flight)


def test_trades_after_the_reset_do_not_hide_it_and_do_not_get_into_the_old_book(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            await pilot.passes(1)
            fills = await pilot.components.store.all_fills()
            reset(account)
        async with account.opened(data_dir=tmp_path / "other") as pilot:
            for _ in range(5):
                await pilot.passes(1)
            await pilot.orchestrator.reconcile()
        async with open_components(account.settings(), at=account.venue) as components:
            with pytest.raises(ExchangeResetError):
                await components.reconciler.reconcile()
            assert await components.store.all_fills() == fills

    run(tmp_path, flight)


def test_trade_lists_that_lag_are_no_reset_and_no_difference_is_explained_meanwhile(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            await pilot.passes(2)
            client = pilot.components.client
            get_my_trades, lists = client.get_my_trades, 0

            async def lagging(*args, **more):
                nonlocal lists
                lists += 1
                return ()

            client.get_my_trades = lagging
            account.exchange.deposit(KEY, "USDT", Decimal(100))
            differences = (await pilot.orchestrator.reconcile()).differences
            assert any("while the lists lag" in text for text in differences)
            assert not any("came or went" in text for text in differences)
            assert mode(pilot) is None
            client.get_my_trades = get_my_trades
            assert any("USDT: 100 came" in text for text in (await pilot.orchestrator.reconcile()).differences)

    run(tmp_path, flight)


def test_halts_go_on_in_the_new_book_but_for_those_about_orders_that_are_gone(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            await pilot.passes(1)
            await pilot.components.change_mode("ETHUSDT", TradingMode.HALTED, "operator", "I said so")
            await pilot.components.change_mode("BTCUSDT", TradingMode.HALTED, RiskRule.UNSETTLED_ORDER, "an order came back")
            await pilot.components.change_mode(ACCOUNT_SCOPE, TradingMode.HALTED, "operator", "holidays")
            reset(account)
            with pytest.raises(ExchangeResetError):
                await pilot.orchestrator.reconcile()
        begin_anew(account.settings().book_path)
        async with account.opened() as pilot:
            assert mode(pilot) == (TradingMode.HALTED, "operator")
            assert pilot.components.portfolio.modes[ACCOUNT_SCOPE].reason == "holidays"
            assert mode(pilot, "ETHUSDT") == (TradingMode.HALTED, "operator")
            assert mode(pilot, "BTCUSDT") is None
            await pilot.passes(1)
            assert await pilot.components.store.all_orders() == ()

    run(tmp_path, flight)


def test_a_book_that_says_nothing_of_a_reset_is_not_set_aside(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            await pilot.passes(1)
        book = account.settings().book_path
        before = book.read_bytes()
        with pytest.raises(BookError, match="does not say that its exchange was reset"):
            begin_anew(book)
        assert book.read_bytes() == before

    run(tmp_path, flight)


@pytest.mark.parametrize("resets", [1, run_command.MOST_RESETS + 1])
def test_the_command_goes_on_with_a_new_book_after_each_reset_up_to_a_bound(tmp_path, monkeypatch, resets):
    async def flight(account):
        monkeypatch.setattr(run_command, "open_components", partial(open_components, at=account.venue))
        settings = account.settings(reconcile_interval_seconds=30, trading_interval_seconds=20)
        command = asyncio.ensure_future(run_command._trade(settings, str, TraceIds()))
        for _ in range(resets):
            await asyncio.sleep(400)
            reset(account)
        await asyncio.sleep(400)
        kept = list(settings.book_path.parent.glob("book.sqlite.epoch-*-1"))
        assert len(kept) == min(resets, run_command.MOST_RESETS)
        if resets <= run_command.MOST_RESETS:
            assert not command.done()
            os.kill(os.getpid(), signal.SIGTERM)
        assert await command is (ExitCode.OK if resets <= run_command.MOST_RESETS else ExitCode.EXCHANGE_RESET)

    run(tmp_path, flight)


def test_the_daemon_ends_with_the_code_of_a_reset_while_it_runs_and_leaves_no_order_open(tmp_path):
    async def flight(account):
        settings = account.settings(reconcile_interval_seconds=30, trading_interval_seconds=20)
        async with open_components(settings, at=account.venue) as components:
            daemon = asyncio.ensure_future(Daemon(daemon_parts(components, metrics=lambda: b"")).run())
            await asyncio.sleep(200)
            assert await components.store.all_orders()
            reset(account)
            assert await asyncio.wait_for(daemon, 900) is ExitCode.EXCHANGE_RESET
            states = {order.state for order in await components.store.all_orders()}
            assert OrderState.SENT not in states

    run(tmp_path, flight)
