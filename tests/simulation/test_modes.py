"""Modes of the account and of symbols, as the whole agent keeps them: who changes them, what is written of it, and what follows."""

import asyncio
from decimal import Decimal

import pytest
from virtual_pilot import Pilot, fly

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.domain.facts import DatabaseDone
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, RiskRule, TradingMode
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon
from binance_trade_agent.simulation.virtual_loop import run_virtual

AAA = "AAAUSDT"
PROTECTED = {"protection": "exchange", "risk_default_stop_loss_pct": "0.5", "risk_default_take_profit_pct": "0.5"}


def held(pilot):
    """Whether the book holds more of the symbol than the remainder that a fee leaves."""
    position = pilot.components.portfolio.view().positions.get(AAA)
    return position is not None and position.quantity > Decimal("0.01")


def resting(pilot):
    """Our orders that stand on the exchange."""
    return [order for order in pilot.exchange_orders if order.status.value in {"NEW", "PARTIALLY_FILLED"}]


async def journal(pilot):
    """(scope, mode, rule) of every change of mode in the book."""
    rows = await pilot.components.store._database.read(
        lambda connection: connection.execute("SELECT scope, mode, rule FROM mode_changes ORDER BY id").fetchall()
    )
    return [tuple(row) for row in rows]


async def bought(pilot):
    while not held(pilot):
        await pilot.passes(1)


async def until(condition):
    """Return once it holds; ten minutes of virtual time are enough for everything here."""
    async with asyncio.timeout(600):
        while not condition():  # noqa: ASYNC110 - virtual seconds cost nothing, and there is no event to wait for
            await asyncio.sleep(0.1)


def run_daemon(open_agent, act, **settings):
    """A daemon in virtual time; `act(pilot, verbs)` is what the operator does once it holds something."""

    async def main():
        async with open_agent(http_port=0, **settings) as components:
            pilot = Pilot(components)
            daemon = Daemon(daemon_parts(components, metrics=lambda: b""))

            async def during():
                try:
                    await pilot.warm_up()
                    await until(lambda: held(pilot))
                    await act(pilot, daemon._verbs())
                finally:
                    daemon.request_stop("a test")

            side = asyncio.ensure_future(during())
            await daemon.run()
            await side

    run_virtual(main())


@pytest.mark.parametrize(("settings", "rearms"), [({}, True), ({"risk_daily_drawdown_rearms": "off"}, False)])
def test_over_recorded_candles_a_new_day_resumes_where_nobody_said_otherwise(open_agent, settings, rearms):
    async def flight(pilot):
        assert (pilot.components.settings.risk_daily_drawdown_rearms == "on") is rearms

    fly(open_agent, flight, **settings)


@pytest.mark.parametrize("scope", [ACCOUNT_SCOPE, AAA])
@pytest.mark.parametrize("settings", [{}, PROTECTED], ids=["plain", "protected"])
def test_flatten_sells_at_once_and_nothing_is_bought_until_it_is_resumed(open_agent, scope, settings):
    async def act(pilot, verbs):
        clock = pilot.components.clock
        before_ms = clock.now_ms()
        told = await verbs.flatten(scope, "enough")
        assert AAA in told.selling
        await until(lambda: not held(pilot))
        assert clock.now_ms() - before_ms < 30_000, "it did not wait for the next slot"
        await pilot.next_candle()
        await pilot.next_candle()
        assert not held(pilot)
        assert resting(pilot) == []
        assert (scope, "REDUCING", RiskRule.FLATTEN) in await journal(pilot)
        await verbs.set_mode(scope, TradingMode.ACTIVE, "go on")
        await until(lambda: held(pilot))
        pilot.check_agreement()

    run_daemon(open_agent, act, strategy="Buying", **settings)


def test_flatten_outlives_a_restart(open_agent):
    async def main():
        async with open_agent(strategy="Buying", in_memory=False) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            await pilot.warm_up()
            await bought(pilot)
            await components.change_mode(ACCOUNT_SCOPE, TradingMode.REDUCING, RiskRule.FLATTEN, "enough")
        async with open_agent(strategy="Buying", in_memory=False) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            await pilot.passes(1)
            assert not held(pilot)
            await pilot.passes(2)
            assert not held(pilot)

    run_virtual(main())


def test_what_is_halted_by_itself_is_not_sold_with_the_account(open_agent):
    async def act(pilot, verbs):
        await verbs.set_mode(AAA, TradingMode.HALTED, "look at it first")
        told = await verbs.flatten(ACCOUNT_SCOPE, "enough")
        assert AAA in told.halted
        await pilot.next_candle()
        await pilot.next_candle()
        assert held(pilot)

    run_daemon(open_agent, act, strategy="Buying")


def test_cancel_takes_the_protection_off_a_halted_symbol(open_agent):
    async def act(pilot, verbs):
        await until(lambda: resting(pilot))
        await verbs.set_mode(AAA, TradingMode.HALTED, "by hand from here")
        told = await verbs.cancel(AAA, "by hand from here")
        assert (len(told.ended), told.still_open) == (2, ())
        await pilot.next_candle()
        await pilot.next_candle()
        assert resting(pilot) == []
        assert (await pilot.events()).count("ASK_CANCEL") == 2

    run_daemon(open_agent, act, strategy="Buying", **PROTECTED)


def fail(pilot):
    """What the database tells when a write failed."""
    pilot.components.observer.observe(DatabaseDone("write", 1.0, True))


def test_a_failure_of_the_book_is_written_when_the_book_takes_writes_again(open_agent):
    async def flight(pilot):
        fail(pilot)
        assert pilot.components.risk.mode_for(AAA) is TradingMode.REDUCING
        assert await journal(pilot) == []
        await pilot.passes(1)
        assert await journal(pilot) == [("*", "REDUCING", "book_failed")]
        await pilot.passes(2)
        assert not held(pilot), "entries stay stopped until somebody resumes"
        await pilot.components.change_mode(ACCOUNT_SCOPE, TradingMode.ACTIVE, RiskRule.OPERATOR, "there is room again")
        await bought(pilot)

    fly(open_agent, flight, strategy="Buying")


def test_what_is_newer_is_written_after_the_failure_that_came_before(open_agent):
    async def flight(pilot):
        fail(pilot)
        await pilot.components.change_mode(ACCOUNT_SCOPE, TradingMode.HALTED, RiskRule.OPERATOR, "to be sure")
        assert await journal(pilot) == [("*", "REDUCING", "book_failed"), ("*", "HALTED", "operator")]

    fly(open_agent, flight)


def test_a_resume_that_failed_although_it_was_written_does_not_outlive_the_process(open_agent, monkeypatch):
    async def flight(pilot):
        change_mode, real = pilot.components.change_mode, pilot.components.store.insert_mode

        async def fail_after_the_commit(change):
            await real(change)
            raise BookError("the disk failed after a commit")

        await change_mode(AAA, TradingMode.HALTED, RiskRule.OPERATOR, "to be sure")
        with monkeypatch.context() as patch:
            patch.setattr(type(pilot.components.store), "insert_mode", lambda _, change: fail_after_the_commit(change))
            with pytest.raises(BookError):
                await change_mode(AAA, TradingMode.ACTIVE, RiskRule.OPERATOR, "enough")
        assert (await journal(pilot))[-1] == (AAA, "ACTIVE", "operator")
        assert pilot.components.risk.mode_for(AAA) is TradingMode.HALTED
        await pilot.passes(1)
        assert (await journal(pilot))[-1] == (AAA, "HALTED", "operator")
        await pilot.passes(1)
        assert len(await journal(pilot)) == 3

    fly(open_agent, flight)


def test_a_failure_that_ended_the_process_is_in_the_book_after_the_next_start(open_agent):
    async def main():
        async with open_agent(strategy="Buying", in_memory=False) as components:
            fail(Pilot(components))
        for _ in range(2):
            async with open_agent(strategy="Buying", in_memory=False) as components:
                pilot = Pilot(components)
                assert await journal(pilot) == [("*", "REDUCING", "book_failed"), ("*", "ACTIVE", "book_failed")]
                assert components.risk.mode_for(AAA) is TradingMode.ACTIVE

    run_virtual(main())
