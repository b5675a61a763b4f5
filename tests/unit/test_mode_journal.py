"""ModeJournal: what the book says last of a scope is what is in force, whoever writes at the same time, and whatever failed before."""

import asyncio
from decimal import Decimal
from types import SimpleNamespace

import pytest
from risk_desk import view_of

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.domain.errors import BookError, ModeUnwrittenError
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, RiskRule, TradingMode
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.risk_management_agent import RiskLimits, RiskManagementAgent
from binance_trade_agent.wiring import Components
from binance_trade_agent.wiring.book_failures import BookFailures
from binance_trade_agent.wiring.mode_journal import ModeJournal

ETH = "ETHUSDT"


class SlowBook:
    """Takes one change after the other, in the order in which they came, as long as it does not fail."""

    def __init__(self):
        self.fails = False
        self.written = []
        self.modes = {}
        self._one_at_a_time = asyncio.Lock()

    async def record_mode(self, change):
        async with self._one_at_a_time:
            for _ in range(3):
                await asyncio.sleep(0)
            if self.fails:
                raise BookError("no room")
            self.written.append(change)
            self.modes[change.scope] = change


def change(scope, mode, time_ms, rule=RiskRule.OPERATOR):
    return ModeChange(time_ms, scope, mode, str(rule), "a reason")


def journal_of(book):
    return ModeJournal(book, BookFailures(None), NullObserver())


@pytest.mark.parametrize("late", range(1, 30))
async def test_what_came_into_force_last_is_written_last_while_others_write_what_is_owed(late):
    book = SlowBook()
    journal = journal_of(book)
    journal.owe(change(ETH, TradingMode.HALTED, 1))
    journal.owe(change(ACCOUNT_SCOPE, TradingMode.REDUCING, 2))
    resume, halt = change(ACCOUNT_SCOPE, TradingMode.ACTIVE, 3), change(ACCOUNT_SCOPE, TradingMode.HALTED, 4)
    a_pass, resumed = asyncio.ensure_future(journal.catch_up()), asyncio.ensure_future(journal.record(resume))
    for _ in range(late):
        await asyncio.sleep(0)
    await journal.record(halt)
    await asyncio.gather(a_pass, resumed)
    assert book.modes[ACCOUNT_SCOPE] == halt
    assert [each for each in book.written if each.scope == ACCOUNT_SCOPE][-2:] == [resume, halt]


async def test_a_change_whose_writer_was_cancelled_while_others_wrote_is_written_later():
    book = SlowBook()
    journal = journal_of(book)
    journal.owe(change(ETH, TradingMode.HALTED, 1))
    halt = change(ACCOUNT_SCOPE, TradingMode.HALTED, 2)
    writer = asyncio.ensure_future(journal.record(halt))
    await asyncio.sleep(0)
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    await journal.catch_up()
    assert book.modes[ACCOUNT_SCOPE] == halt


def components_of(book, risk):
    """As far as changes of mode need them."""
    parts = {"risk": risk, "portfolio": book, "clock": SimpleNamespace(now_ms=lambda: 1), "mode_journal": journal_of(book)}
    return Components(**(dict.fromkeys(Components.__dataclass_fields__) | parts))


async def test_a_resume_that_the_book_does_not_take_leaves_a_halt_in_force_that_it_did_not_take_either():
    book, risk = SlowBook(), RiskManagementAgent(RiskLimits(), next_order_id=lambda: "")
    components = components_of(book, risk)
    book.fails = True
    for mode in (TradingMode.HALTED, TradingMode.ACTIVE):
        with pytest.raises(BookError):
            await components.change_mode(ETH, mode, RiskRule.OPERATOR, "a reason")
    assert risk.mode_for(ETH) is TradingMode.HALTED
    book.fails = False
    await components.mode_journal.catch_up()
    assert book.modes[ETH].mode is TradingMode.HALTED


async def test_what_stays_in_force_unwritten_is_told_apart_from_what_is_taken_back():
    components = components_of(book := SlowBook(), risk := RiskManagementAgent(RiskLimits(), next_order_id=lambda: ""))

    async def failure(mode, rule=RiskRule.OPERATOR):
        with pytest.raises(BookError) as raised:
            await components.change_mode(ETH, mode, rule, "a reason")
        return raised.type

    book.fails = True
    assert await failure(TradingMode.REDUCING) is ModeUnwrittenError
    assert await failure(TradingMode.REDUCING, RiskRule.FLATTEN) is ModeUnwrittenError
    assert risk.is_to_be_sold(ETH)
    assert await failure(TradingMode.ACTIVE) is BookError
    assert risk.is_to_be_sold(ETH)
    assert await failure(TradingMode.HALTED) is ModeUnwrittenError
    assert await failure(TradingMode.REDUCING, RiskRule.FLATTEN) is BookError
    assert risk.mode_for(ETH) is TradingMode.HALTED


async def test_a_resume_that_the_book_does_not_take_forgives_no_loss():
    book, risk = SlowBook(), RiskManagementAgent(RiskLimits(), next_order_id=lambda: "")
    components = components_of(book, risk)
    risk.begin_pass(view_of("1000"))
    await components.change_mode(ACCOUNT_SCOPE, TradingMode.HALTED, RiskRule.OPERATOR, "a holiday")
    book.fails = True
    with pytest.raises(BookError):
        await components.change_mode(ACCOUNT_SCOPE, TradingMode.ACTIVE, RiskRule.OPERATOR, "back")
    risk.begin_pass(view_of("800"))
    assert risk.state.peak_equity == Decimal(1000)
    book.fails = False
    await components.change_mode(ACCOUNT_SCOPE, TradingMode.ACTIVE, RiskRule.OPERATOR, "back")
    risk.begin_pass(view_of("800"))
    assert risk.state.peak_equity == Decimal(800)


async def test_all_that_breakers_changed_in_a_pass_is_owed_when_the_book_takes_none_of_it():
    book, risk = SlowBook(), RiskManagementAgent(RiskLimits(), next_order_id=lambda: "")
    components = components_of(book, risk)
    risk.begin_pass(view_of("1000"))
    book.view, book.fails = lambda _: view_of("800"), True
    with pytest.raises(BookError):
        await AsyncTradingOrchestrator(components)._begin()
    book.fails = False
    await components.mode_journal.catch_up()
    assert book.modes[ACCOUNT_SCOPE] == risk.modes[ACCOUNT_SCOPE]
    assert book.modes[ACCOUNT_SCOPE].mode is TradingMode.HALTED
