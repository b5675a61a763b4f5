"""The user data stream stays subscribed for good, tells every event once, and says so whenever one may have been missed."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from far_websocket_api import KEY, ROUND_TRIP_S, START_MS, FarApi, Surroundings, refusal
from recorder import Recorder
from virtual_time import virtual

from binance_trade_agent.binance.reconnection import LONGEST_WAIT_S, MOST_CONNECTS
from binance_trade_agent.binance.signing import HmacSigner
from binance_trade_agent.binance.websocket_api.requests import signature_payload
from binance_trade_agent.binance.websocket_api.session_keeper import CHECK_S, OVERLAP_S, ROTATE_AFTER_S, STALL_S
from binance_trade_agent.binance.websocket_api.user_data_stream import MOST_REMEMBERED, UserDataStream
from binance_trade_agent.domain.account import Balance, ExternalChange, ExternalKind
from binance_trade_agent.domain.errors import RateLimitedError, UpgradeRefusedError
from binance_trade_agent.domain.facts import AccountEventCame, ApiSessionChanged, ApiSessionFailed, ApiSessionHeard
from binance_trade_agent.domain.order import ExchangeStatus, Fill, OrderReport

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parents[1] / "golden_websocket_api.json").read_text())["events"]
EVENTS = {name: message["event"] for name, message in GOLDEN.items()}
DAY_S = 86_400.0


class Told:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.orders: list[OrderReport] = []
        self.fills: list[Fill] = []
        self.balances: list[dict[str, Balance]] = []
        self.changes: list[ExternalChange] = []
        self.gaps: list[str] = []

    def on_order(self, report: OrderReport) -> None:
        self.orders.append(report)

    def on_fill(self, fill: Fill) -> None:
        self.fills.append(fill)

    def on_balances(self, balances: Any) -> None:
        self.balances.append(dict(balances))

    def on_external_change(self, change: ExternalChange) -> None:
        self.changes.append(change)

    def on_gap(self, reason: str) -> None:
        self.gaps.append(reason)


class Scene:
    """A stream that runs against a far side."""

    def __init__(self, far: FarApi | None = None) -> None:
        self.far = far or FarApi()
        self.around = Surroundings(self.far)
        self.told = Told()

    @asynccontextmanager
    async def running(self, **changes: Any) -> AsyncIterator[UserDataStream]:
        stream = UserDataStream(self.around.access(**changes), self.told)
        task = asyncio.ensure_future(stream.run())
        await asyncio.sleep(1)
        try:
            yield stream
        finally:
            assert not task.done(), task
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert self.far.open_connections == []

    @property
    def kinds(self) -> list[str]:
        return [fact.kind for fact in self.around.observer.of(AccountEventCame)]

    @property
    def observer(self) -> Recorder:
        return self.around.observer


def execution(number: int, **changes: Any) -> dict[str, Any]:
    return EVENTS["executionReport"] | {"I": number, "c": f"bta-a1-{number}"} | changes


# -- subscribing --------------------------------------------------------------------------------------------------------------


@virtual
async def test_any_key_subscribes_by_signature() -> None:
    scene = Scene()
    async with scene.running() as stream:
        assert stream.is_live
        (connection,) = scene.far.connections
        (request,) = connection.requests
        params = request["params"]
        signature = params.pop("signature")
        assert request["method"] == "userDataStream.subscribe.signature"
        assert params["apiKey"] == KEY
        assert signature == HmacSigner("S" * 64).sign(signature_payload(params))
        assert abs(params["timestamp"] - START_MS) < 1_000
        assert scene.around.weight.admitted == ["websocket_api.connect", "userDataStream.subscribe.signature"]
        assert scene.told.gaps == ["all before the beginning"]


@virtual
async def test_a_key_that_may_log_on_subscribes_on_its_session_without_a_signature() -> None:
    scene = Scene()
    async with scene.running(may_log_on=True):
        (connection,) = scene.far.connections
        assert connection.methods == ["session.logon", "userDataStream.subscribe"]
        assert "signature" in connection.requests[0]["params"]
        assert "params" not in connection.requests[1]


@virtual
async def test_a_refused_key_is_tried_again_and_again_at_long_intervals_and_never_live() -> None:
    scene = Scene()
    scene.far.scripts["userDataStream.subscribe.signature"] = lambda *_: refusal(401, -2015)
    async with scene.running() as stream:
        await asyncio.sleep(3_600)
        assert not stream.is_live
        assert scene.told.gaps == []
        assert 3_600 / LONGEST_WAIT_S <= len(scene.far.connections) <= 600
        assert len(scene.far.open_connections) <= 1
        assert "-2015" in scene.observer.of(ApiSessionFailed)[0].error
        assert KEY not in repr(scene.observer.facts)


@virtual
async def test_silence_that_the_exchange_asks_for_is_kept() -> None:
    scene = Scene()
    scene.far.scripts["userDataStream.subscribe.signature"] = lambda *_: refusal(429, -1003, serverTime=0, retryAfter=600_000)
    async with scene.running():
        await asyncio.sleep(590)
        assert len(scene.far.attempts) == 1
        assert [error.retry_after_s for error in scene.around.weight.limited] == [600.0]
        del scene.far.scripts["userDataStream.subscribe.signature"]
        await asyncio.sleep(20)
        assert scene.told.gaps == ["all before the beginning"]


@pytest.mark.parametrize(
    ("status", "retry_after", "quiet_s"), [(418, "900", 900.0), (429, None, 60.0)], ids=["a ban with its end", "a limit without"]
)
@virtual
async def test_silence_that_is_asked_for_by_refusing_the_upgrade_is_kept(status: int, retry_after: str | None, quiet_s: float) -> None:
    scene = Scene()
    scene.far.refusal = UpgradeRefusedError("ws://far.test: the upgrade was refused", status, retry_after)
    async with scene.running() as stream:
        (limited,) = scene.around.weight.limited
        assert (limited.status, limited.retry_after_s) == (status, quiet_s)
        await asyncio.sleep(quiet_s - 2)
        assert len(scene.far.attempts) == 1
        scene.far.refusal = None
        await asyncio.sleep(4)
        assert stream.is_live


@virtual
async def test_an_upgrade_that_is_refused_for_another_reason_silences_nobody() -> None:
    scene = Scene()
    scene.far.refusal = UpgradeRefusedError("ws://far.test: the upgrade was refused", 404, "900")
    async with scene.running():
        await asyncio.sleep(60)
        assert scene.around.weight.limited == []
        assert len(scene.far.attempts) > 2


@virtual
async def test_nothing_connects_while_the_weight_budget_says_no() -> None:
    scene = Scene()
    scene.around.weight.refused = RateLimitedError(-1003, "not sent", 429, 100.0)
    async with scene.running():
        await asyncio.sleep(95)
        assert scene.far.attempts == []
        scene.around.weight.refused = None
        await asyncio.sleep(10)
        assert scene.told.gaps == ["all before the beginning"]


@virtual
async def test_a_timestamp_called_wrong_has_the_clock_measured_before_the_next_attempt() -> None:
    scene = Scene()
    answers = [refusal(400, -1021), {"subscriptionId": 0}]
    scene.far.scripts["userDataStream.subscribe.signature"] = lambda *_: answers.pop(0)
    async with scene.running() as stream:
        await asyncio.sleep(2)
        assert stream.is_live
        assert scene.around.syncs == 2


# -- events -------------------------------------------------------------------------------------------------------------------


@virtual
async def test_events_are_told_in_domain_terms() -> None:
    scene = Scene()
    async with scene.running():
        trade = {"x": "TRADE", "X": "FILLED", "t": 7, "l": "1.0", "L": "0.1", "Y": "0.1", "z": "1.0", "Z": "0.1", "n": "0.001", "N": "ETH"}
        for event in (
            execution(1),
            execution(1, I=2, **trade),
            *(EVENTS[name] for name in EVENTS if name.startswith(("out", "bal", "ext"))),
        ):
            scene.far.emit(event)
        await asyncio.sleep(1)
        assert [(order.client_order_id, order.status) for order in scene.told.orders] == [
            ("bta-a1-1", ExchangeStatus.NEW),
            ("bta-a1-1", ExchangeStatus.FILLED),
        ]
        assert [(fill.trade_id, fill.commission, fill.commission_asset) for fill in scene.told.fills] == [(7, Decimal("0.001"), "ETH")]
        assert scene.told.balances == [{"ETH": Balance("ETH", Decimal(10_000), Decimal(0))}]
        assert scene.told.changes == [
            ExternalChange(ExternalKind.TRANSFER, "BTC", Decimal(100), 1573200697068),
            ExternalChange(ExternalKind.LOCK, "NEO", Decimal(10), 1581557507268),
        ]
        assert scene.kinds == ["executionReport", "executionReport", "outboundAccountPosition", "balanceUpdate", "externalLockUpdate"]


@virtual
async def test_an_unknown_event_is_counted_and_passed_over() -> None:
    scene = Scene()
    async with scene.running() as stream:
        scene.far.emit({"e": "eventOfTomorrow", "x": 1})
        scene.far.connections[0].send({"event": {"e": "connectionEventOfTomorrow"}})
        scene.far.emit(EVENTS["listStatus"])
        await asyncio.sleep(1)
        assert stream.is_live
        assert (scene.kinds, scene.told.gaps) == (["unknown", "unknown", "listStatus"], ["all before the beginning"])


@virtual
async def test_an_event_that_cannot_be_read_is_as_good_as_missed() -> None:
    scene = Scene()
    async with scene.running() as stream:
        scene.far.emit(execution(1, z="NaN"))
        await asyncio.sleep(1)
        assert stream.is_live
        assert scene.kinds == ["unreadable"]
        assert len(scene.told.gaps) == 2
        assert "an event could not be read: executionReport" in scene.told.gaps[1]


@virtual
async def test_a_message_that_is_none_ends_the_connection() -> None:
    scene = Scene()
    async with scene.running() as stream:
        scene.far.connections[0].send(b'{"neither":1}')
        await asyncio.sleep(2)
        assert stream.is_live
        assert len(scene.far.connections) == 2
        assert "BadAnswerError" in scene.told.gaps[1]


@virtual
async def test_what_came_is_remembered_within_a_bound() -> None:
    scene = Scene()
    async with scene.running():
        for number in range(MOST_REMEMBERED + 1):
            scene.far.emit(execution(number))
        scene.far.emit(execution(MOST_REMEMBERED))
        scene.far.emit(execution(0))
        await asyncio.sleep(1)
        assert scene.kinds.count("repeated") == 1
        assert len(scene.told.orders) == MOST_REMEMBERED + 2


# -- interruptions ------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_lost_connection_is_replaced_and_the_gap_told_once_events_come_again() -> None:
    scene = Scene()
    async with scene.running() as stream:
        scene.far.refuses = 3
        scene.far.connections[0].end("the connection was lost")
        assert not stream.is_live
        assert scene.told.gaps == ["all before the beginning"]
        await asyncio.sleep(30)
        assert stream.is_live
        assert scene.told.gaps == ["all before the beginning", "the connection was lost"]
        assert len(scene.far.attempts) == 5
        changes = [(fact.is_live, fact.reason) for fact in scene.observer.of(ApiSessionChanged)]
        assert changes == [(True, "all before the beginning"), (False, "the connection was lost"), (True, "the connection was lost")]


@virtual
async def test_a_connection_on_which_nothing_comes_is_given_up() -> None:
    scene = Scene()
    async with scene.running():
        await asyncio.sleep(3_600)
        assert len(scene.far.connections) == 1
        assert max(fact.silence_ms for fact in scene.observer.of(ApiSessionHeard)) == 0
        scene.far.silent_from_s = asyncio.get_running_loop().time()
        await asyncio.sleep(STALL_S + 2 * CHECK_S)
        assert "not even a ping" in scene.told.gaps[1]
        assert len(scene.far.connections) == 2
        assert len(scene.far.open_connections) == 1


@virtual
async def test_a_subscription_that_the_exchange_ends_is_made_anew() -> None:
    scene = Scene()
    async with scene.running() as stream:
        scene.far.emit(EVENTS["eventStreamTerminated"])
        await asyncio.sleep(2)
        assert stream.is_live
        assert scene.told.gaps == ["all before the beginning", "the exchange ended the subscription"]


@virtual
async def test_a_revoked_session_is_opened_anew() -> None:
    scene = Scene()
    async with scene.running(may_log_on=True) as stream:
        scene.far.connections[0].send({"id": None} | refusal(401, -2015))
        await asyncio.sleep(2)
        assert stream.is_live
        assert "status 401, code -2015" in scene.told.gaps[1]


@virtual
async def test_a_connection_that_ends_in_the_moment_of_its_subscription_was_never_live() -> None:
    scene = Scene()

    def subscribe(connection: Any, _request: Any) -> dict[str, int]:
        if len(scene.far.connections) == 1:
            # In the same turn of the loop as the answer arrives, and after it.
            asyncio.get_running_loop().call_later(ROUND_TRIP_S / 2 + 5e-7, connection.end, "cut")
        return {"subscriptionId": 0}

    scene.far.scripts["userDataStream.subscribe.signature"] = subscribe
    async with scene.running() as stream:
        await asyncio.sleep(2)
        assert stream.is_live
        assert len(scene.far.connections) == 2
        assert scene.told.gaps == ["all before the beginning"]
        assert "ended while it was prepared: cut" in scene.observer.of(ApiSessionFailed)[0].error


@virtual
async def test_a_server_that_ends_every_connection_at_once_is_not_stormed() -> None:
    scene = Scene()

    def end(connection: Any, _request: Any) -> dict[str, int]:
        asyncio.get_running_loop().call_later(0.5, connection.end, "go away")
        return {"subscriptionId": 0}

    scene.far.scripts["userDataStream.subscribe.signature"] = end
    async with scene.running():
        await asyncio.sleep(3_600)
        attempts = scene.far.attempts
        assert 100 <= len(attempts) <= 400
        assert max(sum(start <= at < start + 300 for at in attempts) for start in attempts) <= MOST_CONNECTS


# -- changing over ------------------------------------------------------------------------------------------------------------


def overlaps(far: FarApi) -> bool:
    """Whether the second connection was subscribed while the first was still open."""
    first, second = far.connections
    return first.is_open and second.is_subscribed


@virtual
async def test_a_session_is_renewed_before_its_day_is_over_without_a_gap() -> None:
    scene = Scene()
    async with scene.running() as stream:
        await asyncio.sleep(ROTATE_AFTER_S - 3_600)
        while len(scene.far.connections) < 2:
            assert stream.is_live
            await asyncio.sleep(1)
        await asyncio.sleep(1)
        assert overlaps(scene.far)
        scene.far.emit(execution(1))
        await asyncio.sleep(OVERLAP_S + 1)
        scene.far.emit(execution(2))
        await asyncio.sleep(1)
        assert [order.client_order_id for order in scene.told.orders] == ["bta-a1-1", "bta-a1-2"]
        assert scene.kinds.count("repeated") == 1
        assert len(scene.far.open_connections) == 1
        assert scene.told.gaps == ["all before the beginning"]
        assert scene.far.connections[1].opened_s < DAY_S - 1_800


@virtual
async def test_a_week_goes_by_without_a_gap() -> None:
    scene = Scene()
    async with scene.running():
        await asyncio.sleep(7 * DAY_S)
        lives = [
            later.opened_s - earlier.opened_s for earlier, later in zip(scene.far.connections, scene.far.connections[1:], strict=False)
        ]
        assert len(lives) == 7
        assert max(lives) < DAY_S - 1_800
        assert scene.told.gaps == ["all before the beginning"]


@virtual
async def test_an_announced_shutdown_is_forestalled() -> None:
    scene = Scene()
    async with scene.running():
        await asyncio.sleep(100)
        scene.far.connections[0].send(GOLDEN["serverShutdown"])
        await asyncio.sleep(1)
        assert overlaps(scene.far)
        scene.far.emit(execution(1))
        await asyncio.sleep(OVERLAP_S + 1)
        assert len(scene.told.orders) == 1
        assert scene.told.gaps == ["all before the beginning"]


@virtual
async def test_a_shutdown_that_is_announced_before_the_subscription_stands_counts_too() -> None:
    scene = Scene()
    announced = []

    def subscribe(connection: Any, _request: Any) -> dict[str, int]:
        if not announced:
            announced.append(True)
            connection.send(GOLDEN["serverShutdown"])
        return {"subscriptionId": 0}

    scene.far.scripts["userDataStream.subscribe.signature"] = subscribe
    async with scene.running():
        await asyncio.sleep(2)
        assert len(scene.far.connections) == 2
        assert scene.told.gaps == ["all before the beginning"]


@virtual
async def test_a_successor_that_will_not_come_up_leaves_the_old_session_in_use_until_it_ends() -> None:
    scene = Scene()
    async with scene.running() as stream:
        await asyncio.sleep(100)
        scene.far.refuses = 10
        scene.far.connections[0].send(GOLDEN["serverShutdown"])
        await asyncio.sleep(5)
        scene.far.emit(execution(1))
        await asyncio.sleep(1)
        assert stream.is_live
        assert len(scene.told.orders) == 1
        scene.far.connections[0].end("the server went away")
        assert not stream.is_live
        await asyncio.sleep(300)
        assert stream.is_live
        assert scene.told.gaps == ["all before the beginning", "the server went away"]


@virtual
async def test_an_old_session_that_is_cut_before_its_last_events_came_is_a_gap() -> None:
    scene = Scene()
    async with scene.running() as stream:
        await asyncio.sleep(100)
        scene.far.connections[0].send(GOLDEN["serverShutdown"])
        await asyncio.sleep(1)
        scene.far.connections[0].end("the server went away")
        assert stream.is_live
        assert len(scene.told.gaps) == 2
        assert "being replaced ended early: the server went away" in scene.told.gaps[1]


@virtual
async def test_an_old_session_that_dies_while_its_successor_will_not_come_up_is_given_up() -> None:
    scene = Scene()
    async with scene.running() as stream:
        await asyncio.sleep(100)
        scene.far.refuses = 100
        scene.far.connections[0].send(GOLDEN["serverShutdown"])
        await asyncio.sleep(1)
        scene.far.silent_from_s = asyncio.get_running_loop().time()
        await asyncio.sleep(STALL_S + 2 * CHECK_S)
        assert not stream.is_live
        scene.far.refuses = 0
        await asyncio.sleep(LONGEST_WAIT_S + 1)
        assert stream.is_live
        assert "not even a ping" in scene.told.gaps[1]


@virtual
async def test_an_old_session_that_was_dead_when_its_successor_came_is_a_gap() -> None:
    scene = Scene()
    async with scene.running() as stream:
        await asyncio.sleep(100)
        scene.far.connections[0].send(GOLDEN["serverShutdown"])
        scene.far.connections[0].silent_from_s = asyncio.get_running_loop().time() + ROUND_TRIP_S
        await asyncio.sleep(STALL_S + 2 * OVERLAP_S)
        assert stream.is_live
        assert len(scene.far.open_connections) == 1
        (_, gap) = scene.told.gaps
        assert "not even a ping" in gap


@virtual
async def test_an_old_session_is_kept_until_it_was_heard_of_once_more() -> None:
    scene = Scene()
    async with scene.running():
        await asyncio.sleep(100)
        old = scene.far.connections[0]
        old.send(GOLDEN["serverShutdown"])
        old.silent_from_s = asyncio.get_running_loop().time() + ROUND_TRIP_S
        await asyncio.sleep(2 * OVERLAP_S)
        scene.far.emit(execution(1))
        old.silent_from_s = math.inf
        await asyncio.sleep(OVERLAP_S)
        assert not old.is_open
        assert scene.kinds.count("repeated") == 1
        assert scene.told.gaps == ["all before the beginning"]
