"""Circuits give a part of the exchange that does not answer a rest, try it with one request at a time, and never keep safety at home."""

import asyncio
from collections import Counter
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import Recorder
from scripted_venue import FAR_DEADLINE_MS, PRICE, START_MS, Handler, accept, always, intent, opened, refusal
from virtual_time import virtual

from binance_trade_agent.binance import endpoints
from binance_trade_agent.binance.limits.circuit import Circuit, CircuitRules, Passage
from binance_trade_agent.binance.limits.circuits import CircuitGroup, Circuits, group_of
from binance_trade_agent.domain.errors import (
    BadAnswerError,
    CircuitOpenError,
    ConfigurationError,
    ExchangeError,
    ExchangeRefusedError,
    FateUnknownError,
    NotSentError,
    PoolTimeoutError,
    RateLimitedError,
)
from binance_trade_agent.domain.limit_facts import CircuitChanged, CircuitState
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.virtual_loop import run_virtual

RULES = CircuitRules(failures=3, lasting_s=2.0, pause_s=5.0)


def states(observer: Recorder, group: str) -> list[CircuitState]:
    return [fact.state for fact in observer.of(CircuitChanged) if isinstance(fact, CircuitChanged) and fact.group == group]


class Side:
    """A far side in parts that answer or do not: by path and method."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.received: Counter[str] = Counter()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.path.rpartition('/')[2]}"
        self.received[name] += 1
        if name in self.down:
            return httpx.Response(503)
        if name == "POST order":
            return accept(request)
        if name == "GET order":
            return httpx.Response(400, json={"code": -2013, "msg": "no"})
        if name == "DELETE order":
            return httpx.Response(400, json={"code": -2011, "msg": "no"})
        if name == "GET openOrders":
            return httpx.Response(200, json=[])
        answer = PRICE(request)
        assert isinstance(answer, httpx.Response)
        return answer


async def fails(call: Any) -> ExchangeError:
    with pytest.raises(ExchangeError) as caught:
        await call
    return caught.value


@virtual
async def test_a_part_that_does_not_answer_gets_a_rest_and_is_tried_by_one_request_alone() -> None:
    side, observer = Side(), Recorder()
    side.down = {"GET price"}
    async with opened(side, observer, circuit_rules=RULES, read_deadline_s=4.0) as (client, _):
        await fails(client.get_latest_price("BTCUSDT"))
        asked = side.received["GET price"]
        assert isinstance(await fails(client.get_latest_price("BTCUSDT")), CircuitOpenError)
        assert side.received["GET price"] == asked
        await asyncio.sleep(6)
        outcomes = await asyncio.gather(*(client.get_latest_price("BTCUSDT") for _ in range(20)), return_exceptions=True)
        assert side.received["GET price"] == asked + 1
        assert all(isinstance(outcome, CircuitOpenError) for outcome in outcomes)
        side.down = set()
        assert isinstance(await fails(client.get_latest_price("BTCUSDT")), CircuitOpenError)  # the second pause is twice as long
        await asyncio.sleep(11.5)
        await client.get_latest_price("BTCUSDT")
        await asyncio.gather(*(client.get_latest_price("BTCUSDT") for _ in range(20)))
    assert states(observer, "market_data") == [
        CircuitState.OPEN,
        CircuitState.HALF_OPEN,
        CircuitState.OPEN,
        CircuitState.HALF_OPEN,
        CircuitState.CLOSED,
    ]


@virtual
async def test_a_short_breath_of_the_exchange_is_left_to_repetition() -> None:
    side, observer = Side(), Recorder()
    side.down = {"GET price"}
    async with opened(side, observer, circuit_rules=RULES) as (client, _):
        asyncio.get_running_loop().call_later(1.5, side.down.clear)
        await asyncio.gather(*(client.get_latest_price("BTCUSDT") for _ in range(50)))
    assert states(observer, "market_data") == []


@virtual
async def test_trouble_with_market_data_keeps_no_order_no_query_and_no_cancel_at_home() -> None:
    side, observer = Side(), Recorder()
    side.down = {"GET price"}
    async with opened(side, observer, circuit_rules=RULES) as (client, _):
        assert isinstance(await fails(client.get_latest_price("BTCUSDT")), CircuitOpenError)
        assert await client.get_open_orders("BTCUSDT") == ()
        assert await client.get_order("BTCUSDT", "x") is None
        await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
        assert isinstance(await fails(client.cancel_order("BTCUSDT", "x")), ExchangeRefusedError)
        await client.sync_clock()


@virtual
async def test_a_cancel_is_sent_although_nothing_that_looks_after_orders_answers() -> None:
    side, observer = Side(), Recorder()
    side.down = {"GET openOrders", "DELETE order"}
    async with opened(side, observer, circuit_rules=RULES, read_deadline_s=4.0) as (client, _):
        await fails(client.get_open_orders("BTCUSDT"))
        assert states(observer, "order_care")[-1] is CircuitState.OPEN
        for count in (1, 2, 3):
            assert isinstance(await fails(client.cancel_order("BTCUSDT", "x")), FateUnknownError)
            assert side.received["DELETE order"] == count
        side.down = {"GET openOrders"}
        await fails(client.cancel_order("BTCUSDT", "x"))  # a refusal is an answer: the exchange is back
    assert states(observer, "order_care")[-1] is CircuitState.CLOSED


@virtual
async def test_an_order_is_no_blind_probe_it_leaves_again_when_a_query_was_answered() -> None:
    side, observer = Side(), Recorder()
    side.down = {"POST order", "GET openOrders"}
    async with opened(side, observer, circuit_rules=RULES, read_deadline_s=0.1) as (client, _):
        for _ in range(3):
            assert type(await fails(client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS))) is FateUnknownError
            await asyncio.sleep(1.0)
        for _ in range(3):
            error = await fails(client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS))
            assert isinstance(error, NotSentError)
            assert "circuit of orders is open" in str(error)
            await fails(client.get_open_orders("BTCUSDT"))
            await asyncio.sleep(100)
        assert side.received["POST order"] == 3
        side.down = {"POST order"}
        await client.get_open_orders("BTCUSDT")
        assert type(await fails(client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS))) is FateUnknownError
        await asyncio.sleep(100)
        side.down = set()
        assert isinstance(await fails(client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)), CircuitOpenError)
        await client.get_open_orders("BTCUSDT")
        await client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS)
    assert side.received["POST order"] == 5
    assert states(observer, "orders")[-1] is CircuitState.CLOSED


@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, -2010),
        refusal(400, -1121),
        always(403, b""),
        lambda _: NotSentError("no route"),
        lambda _: PoolTimeoutError("full"),
    ],
)
@virtual
async def test_orders_that_are_refused_or_did_not_leave_open_nothing(answer: Handler) -> None:
    observer = Recorder()
    async with opened(answer, observer, circuit_rules=RULES) as (client, venue):
        for _ in range(10):
            await fails(client.place_order(intent(), send_deadline_ms=FAR_DEADLINE_MS))
            await asyncio.sleep(1)
    assert len(venue.requests) == 10
    assert observer.of(CircuitChanged) == []


@virtual
async def test_turned_off_it_never_opens() -> None:
    async with opened(always(500), Recorder(), circuit_rules=CircuitRules(failures=0), read_deadline_s=2.0) as (client, _):
        for _ in range(5):
            assert type(await fails(client.get_latest_price("BTCUSDT"))) is FateUnknownError


@virtual
async def test_two_clients_of_one_connection_share_its_circuits_and_its_governor() -> None:
    from binance_trade_agent.async_binance_client import AsyncBinanceClient

    async with opened(always(500), Recorder(), circuit_rules=RULES, read_deadline_s=4.0) as (client, venue):
        await fails(client.get_latest_price("BTCUSDT"))
        asked = len(venue.requests)
        async with AsyncBinanceClient(client._connection) as other:
            assert isinstance(await fails(other.get_latest_price("BTCUSDT")), CircuitOpenError)
            assert other._rest.governor is client._rest.governor
        assert len(venue.requests) == asked


# -- the machine by itself ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "opens"),
    [
        (FateUnknownError("late"), True),
        (NotSentError("no route"), True),
        (PoolTimeoutError("full"), False),
        (RateLimitedError(-1003, "quiet", 429, 1.0), False),
        (ExchangeRefusedError(-1121, "no", 400), False),
        (BadAnswerError("no JSON"), False),
        (asyncio.CancelledError(), False),
    ],
)
@virtual
async def test_what_counts_as_a_failure(error: BaseException, opens: bool) -> None:
    clock = VirtualClock(START_MS)
    circuits = Circuits(CircuitRules(failures=3, lasting_s=0), clock, Recorder())
    for _ in range(3):
        circuits.leave(circuits.enter(endpoints.KLINES, clock.monotonic_ms()), error)
    if opens:
        with pytest.raises(CircuitOpenError):
            circuits.enter(endpoints.DEPTH, clock.monotonic_ms())
    else:
        assert circuits.enter(endpoints.DEPTH, clock.monotonic_ms()) is not None


@pytest.mark.parametrize("end", ["drop", "cancelled"])
@virtual
async def test_a_probe_that_tells_nothing_makes_way_for_the_next(end: str) -> None:
    clock = VirtualClock(START_MS)
    circuits = Circuits(CircuitRules(failures=1, lasting_s=0), clock, Recorder())
    circuits.leave(circuits.enter(endpoints.KLINES, clock.monotonic_ms()), FateUnknownError("late"))
    await asyncio.sleep(6)
    for _ in range(3):
        probe = circuits.enter(endpoints.KLINES, clock.monotonic_ms())
        with pytest.raises(CircuitOpenError, match="another request tries it"):
            circuits.enter(endpoints.KLINES, clock.monotonic_ms())
        circuits.leave(probe, RateLimitedError(-1003, "", 429, 1.0) if end == "drop" else asyncio.CancelledError())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["enter", "succeed", "fail", "drop"]), st.floats(0, 20), st.integers(0, 5)), max_size=60))
def test_whatever_comes_back_in_whatever_order_one_probe_at_a_time_and_no_lasting_stop(steps: list[tuple[str, float, int]]) -> None:
    async def scenario() -> None:
        clock = VirtualClock(START_MS)
        circuit = Circuit("x", RULES, clock, Recorder(), lambda: 1.0)
        out: list[Passage] = []
        for step, wait_s, which in steps:
            await asyncio.sleep(wait_s)
            if step == "enter":
                with suppress(CircuitOpenError):
                    out.append(circuit.enter("a request", clock.monotonic_ms()))
            elif out:
                getattr(circuit, step)(out.pop(which % len(out)))
            assert sum(passage.is_probe for passage in out) <= 1
        for passage in out:
            circuit.drop(passage)
        await asyncio.sleep(61)
        circuit.succeed(circuit.enter("a request", clock.monotonic_ms()))
        assert circuit.state is CircuitState.CLOSED

    run_virtual(scenario())


def test_groups_hold_safety_apart_from_all_else() -> None:
    groups = {endpoint.name: group_of(endpoint) for endpoint in endpoints.ENDPOINTS}
    assert groups["ping"] is None
    assert groups["time"] is None
    assert groups["klines"] is CircuitGroup.MARKET_DATA
    assert groups["account"] is CircuitGroup.ACCOUNT
    assert groups["test_order"] is CircuitGroup.ACCOUNT
    care = {name for name, group in groups.items() if group is CircuitGroup.ORDER_CARE}
    assert care >= {"cancel_order", "cancel_open_orders", "cancel_order_list", "query_order", "open_orders", "my_trades", "amend_order"}
    placing = {endpoint.name for endpoint in endpoints.ENDPOINTS if endpoint.new_orders}
    assert {name for name, group in groups.items() if group is CircuitGroup.ORDERS} == placing


@pytest.mark.parametrize("rules", [{"failures": -1}, {"lasting_s": -1}, {"pause_s": 0}, {"pause_s": 61}])
def test_rules_that_cannot_be_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="pause_s"):
        CircuitRules(**rules)
