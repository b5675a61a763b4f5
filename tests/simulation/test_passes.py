"""A pass over the stations: what users read from decisions, and that each station does its part and no other."""

import asyncio
import io
import json
from decimal import Decimal

import pytest
from made_up_candles import candle_rows, write_candles

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.domain.decision import Stage, Verdict
from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, Refused, RiskRule, TradingMode
from binance_trade_agent.domain.signal import Action
from binance_trade_agent.domain.trade_request import exact_quantity
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.telemetry.logging import configure_logging
from binance_trade_agent.telemetry.narration import LogObserver

WARM_UP_MS = 10 * 60_000


def fly(open_agent, flight, **settings):
    async def main():
        async with open_agent(**settings) as components:
            orchestrator = AsyncTradingOrchestrator(components)
            await orchestrator.start()
            await components.clock.sleep_until(components.clock.now_ms() + WARM_UP_MS)
            return await flight(components, orchestrator)

    return run_virtual(main())


async def next_candle(components):
    clock = components.clock
    await clock.sleep_until((clock.now_ms() // 60_000 + 1) * 60_000 + 1_000)


def test_a_workflow_tells_how_long_it_and_its_stages_took(open_agent):
    async def flight(components, orchestrator):
        decision = await orchestrator.execute_trading_workflow(symbol="AAAUSDT", quantity=0.5)
        assert decision.verdict is Verdict.FILLED
        assert set(decision.stage_duration_ms) == {Stage.MARKET, Stage.SIGNAL, Stage.RISK, Stage.EXECUTION}
        # In virtual time only the simulated 20 ms round trips pass: one for price and candles together, one for the order.
        assert decision.stage_duration_ms[Stage.MARKET] == pytest.approx(20)
        assert decision.stage_duration_ms[Stage.EXECUTION] == pytest.approx(20)
        assert decision.execution_duration_ms >= 40
        assert sum(fill.quantity for fill in decision.fills) == exact_quantity(0.5)

    fly(open_agent, flight, strategy="Buying")


def test_many_symbols_take_as_long_as_one(open_agent):
    async def flight(components, orchestrator):
        one = await orchestrator.execute_trading_workflow(symbol="AAAUSDT")
        both = await orchestrator.execute_multi_symbol_workflow([{"symbol": "BBBUSDT"}, {"symbol": "AAAUSDT", "quantity": "1"}])
        assert [decision.symbol for decision in both] == ["BBBUSDT", "AAAUSDT"]
        assert max(decision.execution_duration_ms for decision in both) == pytest.approx(one.execution_duration_ms, abs=21)

    fly(open_agent, flight, strategy="Holding")


def test_a_hold_reaches_neither_risk_refusals_nor_execution_nor_the_exchange(open_agent):
    class Facts(list):
        def observe(self, fact):
            self.append(type(fact).__name__)

    facts = Facts()

    async def flight(components, orchestrator):
        finished = await orchestrator.run_pass()
        assert {decision.verdict for decision in finished.decisions} == {Verdict.HELD}
        assert all(decision.outcome is None for decision in finished.decisions)
        assert await components.store.all_orders() == ()
        assert not components.venue.embedded.exchange.orders(components.venue.embedded.api_key)
        assert "RiskRefused" not in facts
        assert "OrderSent" not in facts

    fly(open_agent, flight, strategy="Holding", observer=facts)


def test_signals_follow_the_fetched_candles(open_agent):
    async def flight(components, orchestrator):
        for _ in range(20):
            await next_candle(components)
            finished = await orchestrator.run_pass()
            for decision in finished.decisions:
                recorded = components.venue.recorded.by_symbol[decision.symbol]
                newest = [candle for candle in recorded if candle.close_time_ms < decision.time_ms][-1]
                wanted = Action.BUY if newest.close > newest.open else Action.SELL
                assert decision.signal.action is wanted
                assert decision.signal.reason == f"closed at {float(newest.close)}"

    fly(open_agent, flight, strategy="Rising")


def test_one_bad_symbol_and_one_broken_strategy_leave_the_others_alone(open_agent):
    async def flight(components, orchestrator):
        requests = [{"symbol": "AAAUSDT"}, {"symbol": "NOPEUSDT"}, {"symbol": "BBBUSDT"}]
        broken, bad, good = await orchestrator.execute_multi_symbol_workflow(requests)
        assert (broken.verdict, bad.verdict, good.verdict) == (Verdict.FAILED, Verdict.FAILED, Verdict.FILLED)
        assert "a strategy with a fault" in broken.error
        assert "NOPEUSDT" in bad.error
        recorded = {decision.symbol: decision.verdict for decision in await components.store.decisions(10)}
        assert recorded == {"AAAUSDT": Verdict.FAILED, "NOPEUSDT": Verdict.FAILED, "BBBUSDT": Verdict.FILLED}

    fly(open_agent, flight, strategy="Breaking")


def test_wrong_requests_are_named(open_agent):
    async def flight(components, orchestrator):
        with pytest.raises(ValueError, match="needs a symbol"):
            await orchestrator.execute_multi_symbol_workflow([{"quantity": 1}])
        with pytest.raises(ValueError, match="unknown keys"):
            await orchestrator.execute_multi_symbol_workflow([{"symbol": "AAAUSDT", "amount": 1}])
        with pytest.raises(ValueError, match="only once"):
            await orchestrator.execute_multi_symbol_workflow([{"symbol": "AAAUSDT"}, {"symbol": "AAAUSDT"}])

    fly(open_agent, flight)


def test_an_emergency_stop_sends_nothing_until_somebody_resumes(open_agent):
    async def flight(components, orchestrator):
        await orchestrator.set_mode(ACCOUNT_SCOPE, TradingMode.HALTED, RiskRule.EMERGENCY_STOP, "a test")
        await next_candle(components)
        stopped = await orchestrator.run_pass()
        assert {decision.risk.rule for decision in stopped.decisions} == {RiskRule.HALTED}
        await orchestrator.set_mode(ACCOUNT_SCOPE, TradingMode.ACTIVE, RiskRule.EMERGENCY_STOP, "all clear")
        await next_candle(components)
        assert {decision.verdict for decision in (await orchestrator.run_pass()).decisions} == {Verdict.FILLED}

    fly(open_agent, flight, strategy="Buying")


def test_an_emergency_stop_and_the_book_survive_a_restart(open_agent):
    async def first():
        async with open_agent(strategy="Buying", in_memory=False) as components:
            orchestrator = AsyncTradingOrchestrator(components)
            await orchestrator.start()
            await components.clock.sleep_until(components.clock.now_ms() + WARM_UP_MS)
            await orchestrator.run_pass()
            await orchestrator.set_mode(ACCOUNT_SCOPE, TradingMode.HALTED, RiskRule.EMERGENCY_STOP, "a test")
            return dict(components.portfolio.balances), components.portfolio.epoch, components.clock.now_ms()

    async def second():
        async with open_agent(strategy="Buying", in_memory=False) as components:
            orchestrator = AsyncTradingOrchestrator(components)
            reconciled = await orchestrator.start()
            assert reconciled.differences == ()
            await next_candle(components)
            decisions = (await orchestrator.run_pass()).decisions
            assert {decision.risk.rule for decision in decisions} == {RiskRule.HALTED}
            return dict(components.portfolio.balances), components.portfolio.epoch, components.clock.now_ms()

    balances, epoch, stopped_ms = run_virtual(first())
    again, same_epoch, later_ms = run_virtual(second())
    assert (again, same_epoch) == (balances, epoch)
    assert later_ms >= stopped_ms


def test_what_risk_remembers_survives_a_restart(open_agent):
    async def first():
        async with open_agent(strategy="Buying", in_memory=False) as components:
            orchestrator = AsyncTradingOrchestrator(components)
            await orchestrator.start()
            await components.clock.sleep_until(components.clock.now_ms() + WARM_UP_MS)
            for _ in range(3):
                await orchestrator.run_pass()
                await next_candle(components)
            return components.risk.state

    async def second():
        async with open_agent(strategy="Buying", in_memory=False) as components:
            return components.risk.state

    remembered = run_virtual(first())
    assert remembered.peak_prices
    assert run_virtual(second()) == remembered


def test_a_lock_outlives_a_process_that_ends_before_the_pass_that_brought_it_about(open_agent, monkeypatch):
    """What closed is kept right after its fills; the end of the pass, which would keep it as well, never comes."""
    locking = {"in_memory": False, "risk_low_profit_orders": 1, "risk_low_profit_least": "1"}

    async def cut_off(*_):
        raise BookError("the process ended here")

    async def first():
        async with open_agent(**locking) as components:
            orchestrator = AsyncTradingOrchestrator(components)
            await orchestrator.start()
            await components.clock.sleep_until(components.clock.now_ms() + WARM_UP_MS)
            while not components.portfolio.held_symbols:
                await next_candle(components)
                await orchestrator.run_pass()
            await next_candle(components)
            monkeypatch.setattr(components.portfolio, "finish_pass", cut_off)
            with pytest.raises(BookError):
                await orchestrator.run_pass()
            return components.risk.state

    async def second():
        async with open_agent(**locking) as components:
            orchestrator = AsyncTradingOrchestrator(components)
            await orchestrator.start()
            restored = components.risk.state
            while True:
                await next_candle(components)
                decisions = (await orchestrator.run_pass()).decisions
                if any(decision.signal.action is Action.BUY for decision in decisions if decision.signal):
                    return restored, {decision.symbol: decision.risk.rule for decision in decisions if isinstance(decision.risk, Refused)}

    told = run_virtual(first())
    restored, refused = run_virtual(second())
    assert told.locks
    assert (restored.closed, restored.locks) == (told.closed, told.locks)
    assert {lock.scope for lock in told.locks} <= {symbol for symbol, rule in refused.items() if rule is RiskRule.LOW_PROFIT}


def test_every_log_line_of_a_pass_carries_its_correlation_id(open_agent):
    stream = io.StringIO()
    configure_logging("DEBUG", "json", stream)

    async def flight(components, orchestrator):
        stream.truncate(0)
        stream.seek(0)
        finished = await orchestrator.run_pass()
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert len(lines) >= 4
        assert {line.get("correlation_id") for line in lines} == {finished.correlation_id}
        assert any("Bought" in line["event"] and "USDT" in line["event"] for line in lines)

    fly(open_agent, flight, strategy="Buying", observer=LogObserver(quote_asset="USDT"))


def test_a_float_quantity_is_read_as_it_is_written():
    assert str(exact_quantity(0.1)) == "0.1"
    assert str(exact_quantity("0.10")) == "0.10"


def test_the_budget_holds_when_everything_says_buy(open_agent, tmp_path):
    for number in range(8):
        write_candles(tmp_path / "many", f"S{number}USDT", candle_rows(number + 10, 120, price=10.0 + number))

    async def flight(components, orchestrator):
        for _ in range(30):
            await next_candle(components)
            await orchestrator.run_pass()
            view = components.portfolio.view()
            assert view.cash >= 0
            # Prices move after a purchase, by a few per cent over these candles; what is bought at once never passes the limit.
            assert view.exposure <= view.equity * components.settings.risk_max_total_exposure * Decimal("1.05")
        assert view.exposure >= view.equity * components.settings.risk_max_total_exposure * Decimal("0.90")

    limits = {"risk_max_total_exposure": "0.30", "risk_max_orders_per_minute": 100}
    fly(open_agent, flight, strategy="Buying", candles_dir=tmp_path / "many", **limits)


def test_an_orchestrator_of_components_is_usable_without_entering_it_but_an_empty_one_is_not():
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(AsyncTradingOrchestrator().run_pass())
