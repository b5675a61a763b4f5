"""Whatever bursts of calls come, the client keeps within what the simulated exchange allows, and orders go while reads wait."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import Recorder

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.binance.call_scope import in_background, within_deadline
from binance_trade_agent.domain.errors import ExchangeError, ExchangeRefusedError, NotSentError, RateLimitedError
from binance_trade_agent.domain.limit_facts import RequestHeldBack
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.virtual_loop import run_virtual

KEY, SECRET = "key-of-the-tests-0123456789", "secret-of-the-tests-9876543210"
START_MS = 1_750_000_000_000

CALLS: dict[str, Callable[[AsyncBinanceClient], Awaitable[object]]] = {
    "open_orders": lambda client: client.get_open_orders(),  # 80 of the 6,000 of a minute
    "account": lambda client: client.get_account(),
    "price": lambda client: client.get_latest_price("BTCUSDT"),
    "info": lambda client: client.get_exchange_info(("BTCUSDT",)),
    "order": lambda client: client.create_order("BTCUSDT", "BUY", "LIMIT", "0.001", price="30000"),
    "cancel": lambda client: client.cancel_order("BTCUSDT", "no-such-order"),
}
BURSTS = st.lists(
    st.tuples(st.sampled_from(sorted(CALLS)), st.sampled_from([0.0, 5.0, 19.9, 20.0, 21.0, 40.0, 79.9]), st.integers(1, 140)),
    min_size=1,
    max_size=5,
)


class Scene:
    """A client of an embedded exchange in virtual time; `answers` counts what the exchange answered by status."""

    def __init__(self, latency_ms: float = 40.0) -> None:
        clock = VirtualClock(START_MS)
        self.exchange = SimulatedExchange(SyntheticMarket(("BTCUSDT",), 7), clock)
        self.exchange.open_account(KEY, SECRET, {"USDT": Decimal(1_000_000)})
        self.observer = Recorder()
        transport = InProcessTransport(self.exchange, latency_ms=latency_ms)
        self.client = AsyncBinanceClient(
            Connection("http://here", transport, clock, KEY, SECRET, observer=self.observer, request_timeout_s=5.0, shares_clock=True)
        )

    async def burst(self, name: str, start_s: float, count: int) -> list[object]:
        await asyncio.sleep(start_s)
        return await asyncio.gather(*(CALLS[name](self.client) for _ in range(count)), return_exceptions=True)


@settings(max_examples=25, deadline=None)
@given(bursts=BURSTS, latency_ms=st.sampled_from([0.0, 40.0, 3_000.0]))
def test_no_burst_makes_the_exchange_say_that_it_is_too_much(bursts: list[tuple[str, float, int]], latency_ms: float) -> None:
    async def scenario() -> None:
        scene = Scene(latency_ms)
        async with scene.client:
            results = await asyncio.gather(*(scene.burst(*burst) for burst in bursts))
        for (name, _, _), outcomes in zip(bursts, results, strict=True):
            for outcome in outcomes:
                if isinstance(outcome, RateLimitedError):
                    assert outcome.message.startswith("not sent"), "the exchange itself answered that it is too much"
                elif isinstance(outcome, ExchangeRefusedError):
                    # No more than 200 orders may be open: that is a filter, and no limit of requests.
                    assert (name, outcome.code) in {("cancel", -2011), ("order", -1013)}
                else:
                    assert not isinstance(outcome, BaseException) or isinstance(outcome, NotSentError), repr(outcome)
        scene.exchange.close()

    run_virtual(scenario())


def test_while_reads_wait_for_the_next_minute_orders_and_cancels_go_at_once() -> None:
    async def scenario() -> None:
        scene = Scene()
        async with scene.client as client:
            await client.sync_clock()
            reads = asyncio.ensure_future(scene.burst("open_orders", 0.0, 90))  # 7,200: more than a minute holds
            await asyncio.sleep(1)
            before_s = asyncio.get_running_loop().time()
            await client.create_order("BTCUSDT", "BUY", "LIMIT", "0.001", price="30000")
            with pytest.raises(ExchangeRefusedError):
                await client.cancel_order("BTCUSDT", "no-such-order")
            assert asyncio.get_running_loop().time() - before_s < 0.2
            outcomes = await reads
        assert not any(isinstance(outcome, BaseException) for outcome in outcomes)
        assert sum(isinstance(fact, RequestHeldBack) and fact.admitted for fact in scene.observer.facts) == 90 - 5_900 // 80
        scene.exchange.close()

    run_virtual(scenario())


def test_what_a_caller_needs_by_a_certain_time_is_not_waited_for_any_longer() -> None:
    async def scenario() -> None:
        scene = Scene()
        async with scene.client as client:
            await client.sync_clock()
            await scene.burst("open_orders", 0.0, 73)
            before_s = asyncio.get_running_loop().time()
            with within_deadline(client.clock.monotonic_ms() + 5_000), pytest.raises(RateLimitedError) as caught:
                await client.get_open_orders()
            assert 10 < caught.value.retry_after_s < 20.2
            with within_deadline(client.clock.monotonic_ms() - 1), pytest.raises(ExchangeError):
                await client.get_latest_price("BTCUSDT")
            assert asyncio.get_running_loop().time() - before_s < 0.2
            with within_deadline(client.clock.monotonic_ms() + 25_000):
                await client.get_open_orders()
        scene.exchange.close()

    run_virtual(scenario())


def test_what_runs_in_the_background_leaves_the_rest_of_the_minute_to_others() -> None:
    async def scenario() -> None:
        scene = Scene()
        async with scene.client as client:
            await client.sync_clock()
            with in_background():
                task = asyncio.ensure_future(scene.burst("info", 0.0, 300))  # 6,000 in all, of which 4,500 are open to it
            await asyncio.sleep(2)
            assert not task.done()
            before_s = asyncio.get_running_loop().time()
            await scene.burst("account", 0.0, 50)
            assert asyncio.get_running_loop().time() - before_s < 0.2
            assert not any(isinstance(outcome, BaseException) for outcome in await task)
        scene.exchange.close()

    run_virtual(scenario())
