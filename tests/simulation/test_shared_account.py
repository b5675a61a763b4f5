"""Deposits, withdrawals, trades and orders by other hands on the account of a running agent, against the simulated exchange."""

from decimal import Decimal

import pytest
from account_of_others import KEY, SharedAccount

from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.order import Purpose
from binance_trade_agent.simulation.virtual_loop import run_virtual

WAIT_MS = 60_000


def fly(tmp_path, flight, **balances):
    async def main():
        await flight(SharedAccount(tmp_path / "data", **balances))

    run_virtual(main())


async def compare(pilot):
    clock = pilot.components.clock
    await clock.sleep_until(clock.now_ms() + WAIT_MS)
    return (await pilot.orchestrator.reconcile()).differences


def position(pilot, symbol="BTCUSDT"):
    return pilot.components.portfolio.view().positions[symbol]


async def bought(account, pilot):
    """A position in each symbol; what is held of BTCUSDT."""
    await pilot.passes(1)
    account.check_agreement(pilot)
    return position(pilot)


def share(position, parts):
    return (position.quantity / parts).quantize(Decimal("1e-8"))


def test_a_withdrawal_of_what_was_bought_makes_the_position_smaller_at_its_average_price(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            before = await bought(account, pilot)
            gone = share(before, 4)
            account.exchange.deposit(KEY, "BTC", -gone)
            first = await compare(pilot)
            assert any("of what was bought is not on the account" in text for text in first)
            assert position(pilot) == before  # what is listed late may look like this
            await compare(pilot)
            after = position(pilot)
            assert after.quantity == before.quantity - gone
            assert after.realized == before.realized
            assert abs(after.average_price - before.average_price) < Decimal("1e-9")
            assert await compare(pilot) == ()
            account.check_agreement(pilot)
            assert await pilot.components.store.verify() == ()

    fly(tmp_path, flight)


def test_exits_sell_what_is_there_after_a_withdrawal(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            before = await bought(account, pilot)
            account.exchange.deposit(KEY, "BTC", -share(before, 3))
            await compare(pilot)
            await compare(pilot)
        async with account.opened("Selling") as pilot:
            left = position(pilot)
            assert left.quantity < before.quantity
            decisions = await pilot.passes(1)
            assert [each.verdict for each in decisions] == [Verdict.FILLED, Verdict.FILLED]
            assert position(pilot).quantity < Decimal("0.00001")
            account.check_agreement(pilot)

    fly(tmp_path, flight)


def test_a_withdrawal_of_nearly_all_leaves_dust_and_the_symbol_is_bought_again(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            await bought(account, pilot)
            dust = Decimal("0.0000012")
            account.exchange.deposit(KEY, "BTC", dust - account.balances["BTC"])
            await compare(pilot)
            await compare(pilot)
            assert position(pilot).quantity == dust
            decision = next(each for each in await pilot.passes(1) if each.symbol == "BTCUSDT")
            assert decision.verdict is Verdict.FILLED
            assert decision.risk.intent.purpose is Purpose.ENTRY
            assert position(pilot).quantity > dust
            account.check_agreement(pilot)

    fly(tmp_path, flight)


def test_what_was_on_the_account_before_goes_first(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            before = await bought(account, pilot)
            account.exchange.deposit(KEY, "BTC", Decimal(-1))
            await compare(pilot)
            await compare(pilot)
            assert position(pilot) == before
            account.exchange.deposit(KEY, "BTC", -account.balances["BTC"])
            await compare(pilot)
            await compare(pilot)
            assert position(pilot).quantity == 0
            assert position(pilot).cost == 0
            account.exchange.deposit(KEY, "BTC", Decimal(2))
            await compare(pilot)
            assert position(pilot).quantity == 0  # what is put in by hand is never sold
            account.check_agreement(pilot)
            assert await pilot.components.store.verify() == ()

    fly(tmp_path, flight, BTC="1")


def test_a_withdrawn_position_is_no_loss_for_the_breakers(tmp_path):
    async def flight(account):
        async with account.opened(risk_max_total_drawdown="0.02", risk_max_daily_drawdown="0.02") as pilot:
            before = await bought(account, pilot)
            await pilot.passes(1)
            account.exchange.deposit(KEY, "BTC", -account.balances["BTC"])
            await compare(pilot)
            await compare(pilot)
            assert position(pilot).quantity == 0
            assert before.cost > 4_000  # more than the breakers would bear
            await pilot.passes(1)
            assert pilot.components.portfolio.modes == {}

    fly(tmp_path, flight)


def test_a_written_down_position_is_the_same_after_a_restart(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            before = await bought(account, pilot)
            account.exchange.deposit(KEY, "BTC", -share(before, 7))
            await compare(pilot)
            await compare(pilot)
            await pilot.passes(1)
            after = position(pilot)
        async with account.opened("Holding") as pilot:
            assert position(pilot) == after
            assert await pilot.components.store.verify() == ()

    fly(tmp_path, flight)


@pytest.mark.parametrize("amount", ["5000", "-5000"])
def test_money_that_comes_or_goes_is_booked_once_and_changes_no_position(tmp_path, amount):
    async def flight(account):
        async with account.opened() as pilot:
            before = await bought(account, pilot)
            account.exchange.deposit(KEY, "USDT", Decimal(amount))
            assert any("came or went without a trade" in text for text in await compare(pilot))
            assert await compare(pilot) == ()
            assert position(pilot) == before
            account.check_agreement(pilot)

    fly(tmp_path, flight)
