"""The daemon listens to its account: what an event tells is looked up at once by REST and booked once, and without events all goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from far_side import KEY, Facts, FarSide, agent, book, far_side, until, verdicts
from far_websocket_api import FarApi, served

from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.domain.facts import (
    AccountEventCame,
    ApiSessionChanged,
    ApiSessionFailed,
    OrderSettled,
    PassFinished,
    Reconciled,
    RequestDone,
)
from binance_trade_agent.domain.order import OrderState
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon
from binance_trade_agent.simulation.faults.kinds import FaultKind as Kind
from binance_trade_agent.simulation.faults.kinds import Garbage
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.rest.face import FaceAnswer
from binance_trade_agent.wiring import Components

NEVER_S = 86_400


@pytest.fixture
async def far():
    async with far_side() as side:
        yield side


class Scene:
    """A daemon whose passes and timers are a day apart, so that only events move anything; `run_pass` runs one by hand."""

    def __init__(self, far: FarSide, components: Components, api: FarApi, facts: Facts) -> None:
        self.far, self.components, self.api, self.facts = far, components, api, facts
        self.parts = daemon_parts(components, metrics=lambda: b"")
        self.daemon = Daemon(self.parts)
        self.is_lossy = True

    async def run_pass(self) -> PassFinished:
        return await self.parts.run_pass()

    def lose_answers(self) -> None:
        """From now on, and while `is_lossy`, orders are carried out and their answers are lost."""
        handle = self.far.face.handle

        def lossy(method: str, path: str, *rest: Any) -> FaceAnswer:
            answer = handle(method, path, *rest)
            return FaceAnswer(502, {}, b"") if self.is_lossy and (method, path) == ("POST", "/api/v3/order") else answer

        self.far.face.handle = lossy

    @property
    def is_live(self) -> bool:
        stream = self.daemon.vitals.account_stream
        return stream is not None and stream.is_live

    def answered(self, method: str) -> int:
        """How many requests by this name had an answer."""
        return sum(isinstance(fact, RequestDone) and (fact.endpoint, fact.status) == (method, 200) for fact in self.facts.seen)

    def opened(self, session: str) -> int:
        """How often this session of the WebSocket API went live."""
        return sum(isinstance(fact, ApiSessionChanged) and fact.is_live and fact.session == session for fact in self.facts.seen)

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Method and path of every REST request that came."""
        return [(request.method, request.path) for request in self.far.face.received]

    @property
    def states(self) -> set[OrderState]:
        return {order.state for order in self.components.portfolio.open_orders()}


@asynccontextmanager
async def listening(far: FarSide, folder: Path, **overrides: Any) -> AsyncIterator[Scene]:
    api, facts = FarApi(), Facts()
    options = {"trading_interval_seconds": NEVER_S, "reconcile_interval_seconds": NEVER_S, "max_intent_age_seconds": 60}
    async with served(api) as url:
        options |= {"binance_websocket_api_url": url} | overrides
        async with agent(far, folder, observer=facts, **options) as components:
            scene = Scene(far, components, api, facts)
            running = asyncio.create_task(scene.daemon.run())
            await until(lambda: scene.daemon.vitals.reconciled)
            if components.settings.user_data_stream == "on":
                await until(lambda: api.open_connections and api.open_connections[0].is_subscribed)
                await asyncio.sleep(0.1)
            yield scene
            scene.daemon.request_stop("the test is over")
            assert await running is ExitCode.OK
            assert book(components) == far.held
            assert await components.store.verify() == ()
    assert api.open_connections == []


def execution_of(order: Any, trade: Any) -> dict[str, Any]:
    """What the exchange tells of one trade of an order of its own."""
    return {
        "e": "executionReport", "E": 1, "s": order.symbol, "c": order.client_order_id, "S": order.side, "o": order.type, "f": "GTC",
        "q": str(order.original_quantity), "p": "0.0", "P": "0.0", "F": "0.0", "g": -1, "C": "", "x": "TRADE", "X": order.status,
        "r": "NONE", "i": order.order_id, "l": str(trade.quantity), "z": str(order.executed_quantity), "L": str(trade.price),
        "n": str(trade.commission), "N": trade.commission_asset, "T": order.updated_ms, "t": trade.trade_id, "I": trade.trade_id,
        "w": False, "m": False, "O": order.time_ms, "Z": str(order.cumulative_quote_quantity), "Y": str(trade.price * trade.quantity),
        "Q": "0.0",
    }  # fmt: skip


def tell_everything(scene: Scene) -> int:
    """An event for each trade of the account; returns how many."""
    orders = {(order.symbol, order.order_id): order for order in scene.far.exchange.orders(KEY)}
    trades = scene.far.exchange.trades(KEY)
    for trade in trades:
        scene.api.emit(execution_of(orders[trade.symbol, trade.order_id], trade))
    return len(trades)


async def test_an_order_whose_answer_is_lost_is_settled_by_its_event_and_not_at_the_next_pass(far, tmp_path):
    async with listening(far, tmp_path) as scene:
        scene.lose_answers()
        await scene.run_pass()
        assert scene.states == {OrderState.UNKNOWN}
        assert book(scene.components) != far.held
        tell_everything(scene)
        await until(lambda: not scene.components.portfolio.open_orders())
        assert book(scene.components) == far.held
        assert scene.facts.count(OrderSettled) == len(far.exchange.orders(KEY))
        assert scene.facts.count(Reconciled) <= 2
        assert scene.components.risk.reservations == {}


async def test_events_of_orders_that_are_booked_ask_nothing_and_book_nothing_twice(far, tmp_path):
    async with listening(far, tmp_path) as scene:
        await scene.run_pass()
        fills = len(await scene.components.store.all_fills())
        before, asked = scene.facts.count(Reconciled), len(far.face.received)
        told = tell_everything(scene)
        tell_everything(scene)
        await until(lambda: scene.facts.count(AccountEventCame) == 2 * told)
        await asyncio.sleep(0.3)
        assert (scene.facts.count(Reconciled), len(far.face.received)) == (before, asked)
        assert len(await scene.components.store.all_fills()) == fills == told


async def test_a_trade_by_hand_is_booked_as_soon_as_it_is_told(far, tmp_path):
    async with listening(far, tmp_path) as scene:
        async with far.by_hand() as client:
            await client.create_order("BTCUSDT", "BUY", "MARKET", "0.01")
        assert book(scene.components) != far.held
        tell_everything(scene)
        await until(lambda: book(scene.components) == far.held)


async def test_a_gap_is_filled_by_a_comparison(far, tmp_path):
    async with listening(far, tmp_path) as scene:
        async with far.by_hand() as client:
            await client.create_order("BTCUSDT", "SELL", "MARKET", "0.01")
        scene.api.connections[0].end("cut")
        await until(lambda: book(scene.components) == far.held)


async def test_the_stream_shows_in_the_readiness_and_keeps_nobody_from_being_ready(far, tmp_path):
    async with listening(far, tmp_path) as scene:
        assert scene.daemon.vitals.readiness().checks["account_events"].detail == "live"
        scene.api.scripts["userDataStream.subscribe.signature"] = lambda *_: None
        scene.api.connections[0].end("cut")
        await until(lambda: not scene.daemon.vitals.account_stream.is_live)
        check = scene.daemon.vitals.readiness().checks["account_events"]
        assert (check.ok, check.detail) == (True, "down; orders are settled at each pass")


async def test_without_the_stream_the_daemon_goes_on_by_rest(far, tmp_path):
    async with listening(far, tmp_path, user_data_stream="off") as scene:
        assert scene.api.connections == []
        assert "account_events" not in scene.daemon.vitals.readiness().checks
        await scene.run_pass()
        assert len(await scene.components.store.all_fills()) > 0


async def test_a_server_without_a_websocket_api_is_traded_at_all_the_same(far, tmp_path):
    facts = Facts()
    async with agent(far, tmp_path, observer=facts, binance_websocket_api_url=f"ws://127.0.0.1:{far.port}/elsewhere") as components:
        running = asyncio.create_task(Daemon(daemon_parts(components, metrics=lambda: b"")).run())
        await until(lambda: facts.count(PassFinished) >= 2)
        assert not running.done()
        assert "refused with HTTP 404" in next(fact.error for fact in facts.seen if isinstance(fact, ApiSessionFailed))
        running.cancel()
        await asyncio.wait([running])


# -- the exchange's own WebSocket API ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def at_home(far: FarSide, folder: Path, **overrides: Any) -> AsyncIterator[Scene]:
    """A daemon on the simulated exchange's own WebSocket API, with passes by hand."""
    facts = Facts()
    options = {"trading_interval_seconds": NEVER_S, "reconcile_interval_seconds": NEVER_S, "max_intent_age_seconds": 60} | overrides
    async with agent(far, folder, observer=facts, **options) as components:
        scene = Scene(far, components, FarApi(), facts)
        running = asyncio.create_task(scene.daemon.run())
        await until(lambda: scene.daemon.vitals.reconciled and scene.is_live)
        yield scene
        scene.daemon.request_stop("the test is over")
        assert await running is ExitCode.OK
        assert book(components) == far.held
        assert await components.store.verify() == ()


async def test_the_exchange_tells_of_an_order_whose_answer_was_lost(far, tmp_path):
    async with at_home(far, tmp_path) as scene:
        scene.lose_answers()
        await scene.run_pass()
        await until(lambda: not scene.components.portfolio.open_orders())
        assert book(scene.components) == far.held
        assert scene.facts.count(OrderSettled) == len(far.exchange.orders(KEY)) > 0


async def test_the_exchange_tells_of_a_trade_by_hand(far, tmp_path):
    async with at_home(far, tmp_path) as scene:
        async with far.by_hand() as client:
            await client.create_order("BTCUSDT", "BUY", "MARKET", "0.01")
        await until(lambda: book(scene.components) == far.held)


async def test_an_announced_shutdown_is_no_interruption(far, tmp_path):
    async with at_home(far, tmp_path) as scene:
        assert far.server is not None
        far.server.sockets.announce_shutdown()
        await until(lambda: scene.answered("userDataStream.subscribe.signature") == 2)
        assert scene.is_live
        async with far.by_hand() as client:
            await client.create_order("BTCUSDT", "BUY", "MARKET", "0.01")
        await until(lambda: book(scene.components) == far.held)
        assert [fact for fact in scene.facts.seen if isinstance(fact, ApiSessionChanged) and not fact.is_live] == []


async def test_what_happened_while_the_exchange_was_away_is_booked_once_it_is_back(far, tmp_path):
    async with at_home(far, tmp_path) as scene:
        await far.stop()
        await until(lambda: not scene.is_live)
        await far.start()
        async with far.by_hand() as client:
            await client.create_order("BTCUSDT", "SELL", "MARKET", "0.01")
        await until(lambda: book(scene.components) == far.held)
        await until(lambda: scene.is_live)


async def test_orders_go_over_the_websocket_api_and_are_booked_as_ever(far, tmp_path):
    async with at_home(far, tmp_path, order_entry="websocket") as scene:
        await until(lambda: scene.opened("orders") == 1)
        first, second = await scene.run_pass(), await scene.run_pass()
        assert verdicts(first) == verdicts(second) == {Verdict.FILLED}
        assert book(scene.components) == far.held
        assert {method for method, path in scene.calls if path == "/api/v3/order"} == set()


@pytest.mark.parametrize("kind", [Kind.LOSE_ANSWER, Kind.CUT_EXECUTED, Kind.ANSWER_5XX_EXECUTED])
async def test_an_order_that_was_carried_out_without_an_answer_is_found_and_booked_once(far, tmp_path, kind):
    async with at_home(far, tmp_path, order_entry="websocket", trading_symbols="BTCUSDT", request_timeout_seconds=1) as scene:
        await until(lambda: scene.opened("orders") == 1)
        far.server.sockets.faults.append(Fault(kind, "order.place"))
        assert verdicts(await scene.run_pass()) == {Verdict.UNKNOWN}
        assert len(far.exchange.orders(KEY)) == 1
        await until(lambda: not scene.components.portfolio.open_orders())
        assert book(scene.components) == far.held
        await until(lambda: scene.opened("orders") == (2 if kind is Kind.CUT_EXECUTED else 1))
        assert verdicts(await scene.run_pass()) == {Verdict.FILLED}
        assert len(far.exchange.orders(KEY)) == 2
        assert ("POST", "/api/v3/order") not in scene.calls


@pytest.mark.parametrize("kind", [Kind.LOSE_REQUEST, Kind.CUT_NOT_EXECUTED, Kind.ANSWER_5XX_NOT_EXECUTED])
async def test_an_order_that_never_was_carried_out_stays_unknown_and_is_sent_no_other_way(far, tmp_path, kind):
    async with at_home(far, tmp_path, order_entry="websocket", trading_symbols="BTCUSDT", request_timeout_seconds=1) as scene:
        await until(lambda: scene.opened("orders") == 1)
        far.server.sockets.faults.append(Fault(kind, "order.place"))
        assert verdicts(await scene.run_pass()) == {Verdict.UNKNOWN}
        await scene.run_pass()
        assert scene.states == {OrderState.UNKNOWN}
        assert len(scene.components.risk.reservations) == 1
        assert far.exchange.orders(KEY) == []
        assert ("POST", "/api/v3/order") not in scene.calls


async def test_events_that_come_twice_or_not_at_all_change_nothing_but_when(far, tmp_path):
    async with at_home(far, tmp_path, trading_symbols="BTCUSDT") as scene:
        scene.lose_answers()
        far.server.sockets.faults.append(Fault(Kind.DUPLICATE_EVENT, times=10))
        await scene.run_pass()
        await until(lambda: not scene.components.portfolio.open_orders())
        far.server.sockets.faults.append(Fault(Kind.DROP_EVENT, times=100))
        await scene.run_pass()
        await asyncio.sleep(0.3)
        assert scene.states == {OrderState.UNKNOWN}
        scene.is_lossy = False
        await scene.run_pass()
        assert book(scene.components) == far.held
        assert len(await scene.components.store.all_fills()) == len(far.exchange.trades(KEY))


@pytest.mark.parametrize("garbage", Garbage)
async def test_bytes_that_are_no_message_cost_the_connection_and_nothing_else(far, tmp_path, garbage):
    async with at_home(far, tmp_path) as scene:
        async with far.by_hand() as client:
            far.server.sockets.faults.append(Fault(Kind.DROP_EVENT, times=100))
            await client.create_order("BTCUSDT", "BUY", "MARKET", "0.01")
        far.server.sockets.send_garbage(garbage)
        await until(lambda: book(scene.components) == far.held)
        assert scene.opened("user_data") == 2
