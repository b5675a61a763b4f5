"""Deposits, withdrawals, trades and orders by other hands on the account of a running agent, against the simulated exchange."""

from decimal import Decimal

import pytest
from account_of_others import KEY, SharedAccount
from msgspec.structs import replace
from virtual_pilot import approved

from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.order import OrderState, OrderType, Purpose, Side, TimeInForce
from binance_trade_agent.domain.risk import RiskRule
from binance_trade_agent.reconciler.missing_orders import MISSES_TO_BE_FORGOTTEN
from binance_trade_agent.simulation.faults.incident import Incident, IncidentKind
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


# -- orders ----------------------------------------------------------------------------------------------------------------------


async def resting(pilot):
    """An order of ours that waits far below the market; its client order id."""
    base = approved(pilot.components)
    price = (await pilot.components.client.get_latest_price("BTCUSDT") / 2).quantize(Decimal("0.01"))
    intent = replace(
        base.intent,
        symbol="BTCUSDT",
        type=OrderType.LIMIT,
        quantity=Decimal("0.001"),
        price=price,
        reference_price=price,
        time_in_force=TimeInForce.GTC,
    )
    await pilot.components.execution.execute(replace(base, intent=intent, reservation=replace(base.reservation, symbol="BTCUSDT")))
    assert await state_of(pilot, intent.client_order_id) is OrderState.NEW
    return intent.client_order_id


async def by_hand(pilot, name, share):
    """An order that is not of the book, to buy at a share of the price."""
    price = await pilot.components.client.get_latest_price("BTCUSDT") * share
    intent = replace(
        approved(pilot.components, "0.001").intent,
        symbol="BTCUSDT",
        client_order_id=name,
        type=OrderType.LIMIT,
        price=price.quantize(Decimal("0.01")),
        time_in_force=TimeInForce.GTC,
    )
    await pilot.components.client.place_order(intent, send_deadline_ms=pilot.components.client.server_time_ms() + 5_000)


async def state_of(pilot, name):
    stored = await pilot.components.store.find_order(name)
    return stored.state


def forget(account):
    """The account has not traded, so all that a reset takes from it are its orders."""
    account.exchange.let_happen(Incident(IncidentKind.RESET_ACCOUNTS))


def test_an_order_that_the_exchange_forgets_blocks_its_symbol_for_some_minutes_and_then_no_more(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            await by_hand(pilot, "hand-low", Decimal("0.5"))  # takes the first number, which is given again after the reset
            name = await resting(pilot)
            forget(account)
            assert any(name in text and "which it had accepted" in text for text in await compare(pilot))
            decisions = {each.symbol: each for each in await pilot.passes(1)}
            assert decisions["BTCUSDT"].risk.rule is RiskRule.UNSETTLED_ORDER
            assert decisions["ETHUSDT"].verdict is Verdict.FILLED
            for _ in range(MISSES_TO_BE_FORGOTTEN):
                await compare(pilot)
            assert await state_of(pilot, name) is OrderState.EXPIRED
            assert pilot.components.portfolio.modes == {}
            assert {each.symbol: each.verdict for each in await pilot.passes(1)}["BTCUSDT"] is Verdict.FILLED
            account.check_agreement(pilot)
            assert await pilot.components.store.verify() == ()

    fly(tmp_path, flight)


def test_an_operator_need_not_wait_for_that(tmp_path):
    async def flight(account):
        async with account.opened() as pilot:
            name = await resting(pilot)
            assert (await pilot.orchestrator.settle_by_hand(name, "a try")).state is OrderState.NEW  # the exchange has it
            forget(account)
            assert (await pilot.orchestrator.settle_by_hand(name, "gone after the reset")).state is OrderState.EXPIRED
            assert pilot.components.portfolio.open_orders() == ()
            assert {each.symbol: each.verdict for each in await pilot.passes(1)}["BTCUSDT"] is Verdict.FILLED

    fly(tmp_path, flight)


def test_an_order_by_hand_is_told_and_left_alone_and_its_trade_is_booked(tmp_path):
    async def flight(account):
        async with account.opened("Holding") as pilot:
            await by_hand(pilot, "hand-low", Decimal("0.5"))
            await by_hand(pilot, "hand-near", Decimal("1.01"))
            differences = await compare(pilot)
            assert any("is not ours" in text for text in differences)
            assert any("was made by somebody else and is booked" in text for text in differences)
            assert position(pilot).quantity == Decimal("0.001") - position_fee(pilot)
            assert len(account.exchange.venue.engine.open_orders(account.account_id)) == 1
            account.check_agreement(pilot)
            assert pilot.components.portfolio.modes == {}

    fly(tmp_path, flight)


def position_fee(pilot):
    return pilot.components.portfolio.snapshot().fees.get("BTC", Decimal(0))


def test_what_is_sold_by_hand_leaves_the_position_at_once(tmp_path):
    async def flight(account):
        async with account.opened("Holding") as pilot:
            other = replace(approved(pilot.components).intent, symbol="BTCUSDT", client_order_id="hand-buy", quantity=Decimal("0.01"))
            for intent in (other, replace(other, client_order_id="hand-sell", side=Side.SELL, quantity=Decimal("0.004"))):
                deadline_ms = pilot.components.client.server_time_ms() + 5_000
                await pilot.components.client.place_order(intent, send_deadline_ms=deadline_ms)
            await compare(pilot)
            assert position(pilot).quantity == Decimal("0.006") - position_fee(pilot)
            assert await compare(pilot) == ()
            account.check_agreement(pilot)

    fly(tmp_path, flight)


BOUGHT_BY_HAND = Incident(IncidentKind.FOREIGN_ORDER, target="1", value="BUY 0.5 BTCUSDT")
NAMED = ({}, {"trading_symbols": "ETHUSDT"})
CHOSEN = ({"symbol_selection": "top-volume", "symbol_min_age_days": 0}, {"symbol_whitelist": "ETH*"})


@pytest.mark.parametrize(("both", "one"), [NAMED, CHOSEN])
def test_what_was_bought_by_hand_while_a_symbol_was_left_out_is_not_ours_when_it_is_traded_again_after_a_restart(tmp_path, both, one):
    async def flight(account):
        async with account.opened("Selling", **both) as pilot:
            assert set(pilot.components.symbols) == {"BTCUSDT", "ETHUSDT"}
        async with account.opened("Selling", **(both | one)) as pilot:
            assert pilot.components.symbols == ("ETHUSDT",)
            account.exchange.let_happen(BOUGHT_BY_HAND)
            held = account.balances["BTC"]
        async with account.opened("Selling", **both) as pilot:
            await pilot.passes(2)
            assert account.balances["BTC"] == held > 0
            account.check_agreement(pilot)
            assert "BTCUSDT" not in pilot.components.portfolio.held_symbols
            account.exchange.let_happen(BOUGHT_BY_HAND)
            assert any("was made by somebody else and is booked" in text for text in await compare(pilot))
            assert pilot.components.portfolio.held_symbols == ("BTCUSDT",)

    fly(tmp_path, flight)
