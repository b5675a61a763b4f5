"""An order over the WebSocket API is written once; only an answer that is a documented one tells its fate, whatever the far side does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from far_websocket_api import KEY, START_MS, FarApi, FarConnection, Request, Surroundings, filled, refusal
from scripted_venue import Venue, always, connection
from virtual_time import virtual

from binance_trade_agent.binance import endpoints
from binance_trade_agent.binance.reconnection import ConnectBudget
from binance_trade_agent.binance.rest import RestCaller
from binance_trade_agent.binance.websocket_api.assembly import api_access
from binance_trade_agent.binance.websocket_api.conversation import MOST_OUTSTANDING
from binance_trade_agent.binance.websocket_api.order_entry import WebSocketOrderEntry
from binance_trade_agent.binance.websocket_api.session_keeper import OVERLAP_S
from binance_trade_agent.domain.errors import (
    ExchangeError,
    ExchangeRefusedError,
    FateUnknownError,
    NotSentError,
    RateLimitedError,
)
from binance_trade_agent.domain.facts import ApiSessionChanged, RequestDone
from binance_trade_agent.domain.order import ExchangeStatus, OrderReport

TIMEOUT_S = 10.0
PARAMS = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "MARKET",
    "quantity": "0.00100000",
    "newClientOrderId": "bta-a1-1",
    "newOrderRespType": "FULL",
}


class Rest:
    """The other way, which remembers what was handed to it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def change(self, endpoint: Any, params: Any, *, send_deadline_ms: int | None = None, last_look: Any = None) -> Any:
        self.asked.append(f"{endpoint.name} {send_deadline_ms}")
        return "by REST"


class Scene:
    def __init__(self, answer: Callable[[FarConnection, Request], Any] | None = None) -> None:
        self.far = FarApi()
        self.far.scripts["order.place"] = answer or (lambda _, request: filled(request))
        self.around = Surroundings(self.far)
        self.rest = Rest()
        self.entry: WebSocketOrderEntry

    @asynccontextmanager
    async def live(self, **changes: Any) -> AsyncIterator["Scene"]:
        entry = WebSocketOrderEntry(self.around.access(**{"request_timeout_s": TIMEOUT_S} | changes), self.rest)
        async with entry.running() as self.entry:
            await asyncio.sleep(1)
            yield self
        assert self.far.open_connections == []

    async def place(self, order_id: str = "bta-a1-1", deadline_ms: int | None = None) -> OrderReport:
        deadline_ms = START_MS + 5_000 if deadline_ms is None else deadline_ms
        return await self.entry.change(endpoints.NEW_ORDER, PARAMS | {"newClientOrderId": order_id}, send_deadline_ms=deadline_ms)

    @property
    def is_live(self) -> bool:
        return self.around.observer.of(ApiSessionChanged)[-1].is_live

    @property
    def placements(self) -> list[Request]:
        return [request for connection in self.far.connections for request in connection.requests if request["method"] == "order.place"]

    @property
    def request_facts(self) -> list[tuple[str, int | None, str | None]]:
        return [(fact.endpoint, fact.status, fact.error_code) for fact in self.around.observer.of(RequestDone)]


# -- what is sent and what comes back -----------------------------------------------------------------------------------------


@virtual
async def test_an_order_is_the_one_of_rest_in_another_envelope() -> None:
    async with Scene().live() as scene:
        report = await scene.place()
        (request,) = scene.placements
        sent = request["params"]
        assert {name: sent[name] for name in PARAMS} == PARAMS
        assert set(sent) - set(PARAMS) == {"timestamp", "recvWindow", "apiKey", "signature"}
        assert (report.client_order_id, report.status, report.executed_quantity) == ("bta-a1-1", ExchangeStatus.FILLED, Decimal("0.001"))
        assert [fill.trade_id for fill in report.fills] == [5]
        assert scene.request_facts == [("order.place", 200, None)]
        assert scene.around.weight.admitted == ["websocket_api.connect", "new_order"]
        assert scene.rest.asked == []


@virtual
async def test_a_halt_while_an_order_waits_for_room_keeps_it_at_home() -> None:
    async with Scene().live() as scene:
        weight, room, halted = scene.around.weight, asyncio.Event(), []
        admit = weight.admit

        async def wait_for_room(endpoint: Any, params: Any) -> Any:
            await room.wait()
            return await admit(endpoint, params)

        def look() -> None:
            if halted:
                raise NotSentError("stopped at the gate")

        weight.admit = wait_for_room  # type: ignore[method-assign] # this budget makes who asks wait
        params = PARAMS | {"newClientOrderId": "bta-a1-1"}
        order = asyncio.ensure_future(scene.entry.change(endpoints.NEW_ORDER, params, last_look=look))
        await asyncio.sleep(0)
        halted.append(True)
        room.set()
        with pytest.raises(NotSentError, match="stopped at the gate"):
            await order
        assert scene.placements == []
        assert (len(weight.unsent), len(weight.open)) == (1, 0)


@virtual
async def test_a_session_that_is_logged_on_sends_neither_key_nor_signature_with_an_order() -> None:
    async with Scene().live(may_log_on=True) as scene:
        await scene.place()
        assert set(scene.placements[0]["params"]) - set(PARAMS) == {"timestamp", "recvWindow"}


@virtual
async def test_a_cancellation_goes_the_same_way_and_all_else_by_rest() -> None:
    async with Scene().live() as scene:
        scene.far.scripts["order.cancel"] = lambda _, request: filled(
            {"params": PARAMS | {"timestamp": START_MS}},
            origClientOrderId=request["params"]["origClientOrderId"],
            clientOrderId="c",
            status="CANCELED",
        )
        report = await scene.entry.change(endpoints.CANCEL_ORDER, {"symbol": "BTCUSDT", "origClientOrderId": "bta-a1-1"})
        assert (report.client_order_id, report.status) == ("bta-a1-1", ExchangeStatus.CANCELED)
        await scene.entry.change(endpoints.CANCEL_OPEN_ORDERS, {"symbol": "BTCUSDT"})
        assert scene.rest.asked == ["cancel_open_orders None"]


@virtual
async def test_answers_in_another_order_find_their_own() -> None:
    held: list[tuple[FarConnection, Request]] = []
    async with Scene(lambda connection, request: held.append((connection, request))).live() as scene:
        placing = [asyncio.ensure_future(scene.place(f"bta-a1-{number}")) for number in range(5)]
        await asyncio.sleep(1)
        for connection, request in reversed(held):
            connection.send({"id": request["id"], "status": 200, "result": filled(request)})
        assert [report.client_order_id for report in await asyncio.gather(*placing)] == [f"bta-a1-{number}" for number in range(5)]


@virtual
async def test_a_second_answer_to_the_same_order_changes_nothing() -> None:
    def twice(connection: FarConnection, request: Request) -> dict[str, Any]:
        connection.send({"id": request["id"], "status": 200, "result": filled(request)})
        return refusal(400, -2010)

    async with Scene(twice).live() as scene:
        assert (await scene.place()).status is ExchangeStatus.FILLED
        assert (await scene.place("bta-a1-2")).client_order_id == "bta-a1-2"


# -- fates --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal(400, -2010), ExchangeRefusedError),
        (refusal(400, -1013), ExchangeRefusedError),
        (refusal(401, -2015), ExchangeRefusedError),
        (refusal(403, 0), ExchangeRefusedError),
        (refusal(429, -1015, retryAfter=START_MS + 5_000), RateLimitedError),
        (refusal(418, -1003, retryAfter=START_MS + 500_000), RateLimitedError),
        (refusal(409, -2021), FateUnknownError),
        (refusal(500, -1000), FateUnknownError),
        (refusal(503, -2010), FateUnknownError),
        (refusal(400, -1007), FateUnknownError),
        (refusal(400, -424242), FateUnknownError),
        ({"status": 400}, FateUnknownError),
        ({"status": 200}, FateUnknownError),
        ({"status": 200, "result": None}, FateUnknownError),
        ({"status": 200, "result": []}, FateUnknownError),
        ({"status": 200, "result": {"orderId": 11}}, FateUnknownError),
        ({"status": 200, "result": {}, "error": {"code": -2010, "msg": "no"}}, FateUnknownError),
    ],
)
def test_an_answer_is_a_no_only_where_the_documents_promise_it(answer: dict[str, Any], expected: type[ExchangeError]) -> None:
    @virtual
    async def play() -> None:
        async with Scene(lambda *_: answer).live() as scene:
            with pytest.raises(ExchangeError) as raised:
                await scene.place()
            assert type(raised.value) is expected
            assert scene.rest.asked == []
            assert [type(error) for error in scene.around.weight.limited] == [RateLimitedError] * (expected is RateLimitedError)
            assert KEY not in str(raised.value)

    play()


@virtual
async def test_an_order_whose_fills_do_not_add_up_is_unknown() -> None:
    async with Scene(lambda _, request: filled(request, executedQty="0.00200000")).live() as scene:
        with pytest.raises(FateUnknownError, match="do not add up"):
            await scene.place()


@virtual
async def test_a_connection_that_ends_between_write_and_answer_leaves_every_order_on_it_unknown() -> None:
    async with Scene(lambda *_: None).live() as scene:
        placing = [asyncio.ensure_future(scene.place(f"bta-a1-{number}")) for number in range(3)]
        await asyncio.sleep(1)
        scene.far.connections[0].end("the connection was lost")
        fates = await asyncio.gather(*placing, return_exceptions=True)
        assert [type(fate) for fate in fates] == [FateUnknownError] * 3
        assert "the connection ended before an answer came (the connection was lost)" in str(fates[0])
        assert len(scene.placements) == 3
        assert scene.rest.asked == []


@virtual
async def test_an_order_in_a_message_that_cannot_be_read_is_unknown() -> None:
    async with Scene(lambda connection, _: connection.send(b'{"id":1,"status":"200"}')).live() as scene:
        with pytest.raises(FateUnknownError):
            await scene.place()


@virtual
async def test_a_revoked_session_leaves_its_orders_unknown() -> None:
    async with Scene(lambda connection, _: connection.send({"id": None} | refusal(401, -2015))).live(may_log_on=True) as scene:
        with pytest.raises(FateUnknownError, match="status 401, code -2015"):
            await scene.place()


@virtual
async def test_an_order_without_an_answer_in_time_is_unknown_and_its_late_answer_nobodys() -> None:
    def late(connection: FarConnection, request: Request) -> dict[str, Any] | None:
        if request["params"]["newClientOrderId"] != "bta-a1-1":
            return filled(request)
        answer = {"id": request["id"], "status": 200, "result": filled(request)}
        asyncio.get_running_loop().call_later(TIMEOUT_S + 1, connection.send, answer)
        return None

    async with Scene(late).live() as scene:
        with pytest.raises(FateUnknownError, match="no answer within 10 s"):
            await scene.place()
        await asyncio.sleep(2)
        assert scene.is_live
        assert (await scene.place("bta-a1-2", START_MS + 10**6)).client_order_id == "bta-a1-2"
        assert scene.request_facts[0] == ("order.place", None, "FateUnknownError")


@virtual
async def test_orders_that_were_given_up_take_no_room_from_later_ones() -> None:
    async with Scene(lambda _, request: None if request["params"]["newClientOrderId"] == "lost" else filled(request)).live() as scene:
        fates = await asyncio.gather(*(scene.place("lost") for _ in range(MOST_OUTSTANDING + 1)), return_exceptions=True)
        assert [type(fate) for fate in fates] == [FateUnknownError] * MOST_OUTSTANDING + [NotSentError]
        assert (await scene.place("bta-a1-2", START_MS + 10**6)).client_order_id == "bta-a1-2"


@virtual
async def test_an_answer_with_a_strange_id_is_no_answer() -> None:
    async with Scene(lambda connection, request: connection.send({"id": 999, "status": 200, "result": filled(request)})).live() as scene:
        with pytest.raises(FateUnknownError, match="no answer within"):
            await scene.place()


@pytest.mark.parametrize(
    ("answer", "retry_after_s"),
    [
        (refusal(418, -1003, retryAfter=START_MS + 90_000, serverTime=START_MS), 90),
        (refusal(429, -1008), 60),
        ({"status": 418}, 120),
        ({"id": None} | refusal(418, -1003), 120),
    ],
    ids=["in words", "with a code that leaves the fate open", "without a word", "of no request"],
)
@virtual
async def test_an_answer_that_asks_for_silence_is_heeded_whatever_it_says_of_the_order(answer: Any, retry_after_s: float) -> None:
    async with Scene(lambda *_: answer).live() as scene:
        with pytest.raises(ExchangeError):
            await scene.place()
        (limited,) = scene.around.weight.limited
        assert limited.retry_after_s == retry_after_s


@virtual
async def test_an_answer_that_asks_for_silence_is_heeded_when_nobody_waits_for_it_any_more() -> None:
    async with Scene(lambda *_: None).live(request_timeout_s=1.0) as scene:
        with pytest.raises(FateUnknownError):
            await scene.place()
        scene.far.connections[0].send({"id": scene.placements[0]["id"]} | refusal(418, -1003))
        await asyncio.sleep(1)
        (limited,) = scene.around.weight.limited
        assert (limited.status, limited.retry_after_s) == (418, 120)


@virtual
async def test_a_timestamp_called_wrong_makes_the_clock_doubtful() -> None:
    async with Scene(lambda *_: refusal(400, -1021)).live() as scene:
        with pytest.raises(ExchangeRefusedError):
            await scene.place()
        assert len(scene.placements) == 1


# -- what never leaves --------------------------------------------------------------------------------------------------------


@virtual
async def test_nothing_is_signed_after_the_send_deadline() -> None:
    async with Scene().live() as scene:
        with pytest.raises(NotSentError, match="its send deadline passed"):
            await scene.place(deadline_ms=START_MS)
        assert scene.placements == []


@virtual
async def test_nothing_leaves_against_the_weight_budget() -> None:
    async with Scene().live() as scene:
        scene.around.weight.refused = RateLimitedError(-1003, "not sent", 429, 10.0)
        with pytest.raises(NotSentError, match=r"order\.place was not sent"):
            await scene.place()
        assert scene.placements == []


@virtual
async def test_an_order_counts_in_the_limits_unless_it_surely_was_not_written() -> None:
    async with Scene(lambda *_: None).live(request_timeout_s=1.0) as scene:
        weight = scene.around.weight
        with pytest.raises(FateUnknownError):
            await scene.place()
        assert (len(weight.lost), len(weight.unsent), weight.open) == (1, 0, set())
        with pytest.raises(NotSentError):
            await scene.place("bta-a1-2", START_MS)
        scene.far.refuses_writes = True
        with pytest.raises(NotSentError):
            await scene.place("bta-a1-3")
        assert (len(weight.lost), len(weight.unsent), weight.open) == (1, 2, set())


@virtual
async def test_an_order_does_not_wait_for_room_and_a_cancel_does() -> None:
    here = replace(connection(Venue(always(200)), websocket_api_url="ws://far.test"), request_timeout_s=30.0)
    loop = asyncio.get_running_loop()
    weight = api_access(here, RestCaller(here), ConnectBudget(loop.time)).weight
    here.governor.record_limited(RateLimitedError(-1003, "quiet", 429, 2.0))
    started_s = loop.time()
    with pytest.raises(RateLimitedError):
        await weight.admit(endpoints.NEW_ORDER, {})
    assert loop.time() == started_s
    await weight.admit(endpoints.CANCEL_ORDER, {})
    assert loop.time() >= started_s + 2


@virtual
async def test_a_write_that_the_connection_refuses_is_not_sent_and_not_tried_another_way() -> None:
    async with Scene().live() as scene:
        scene.far.refuses_writes = True
        with pytest.raises(NotSentError):
            await scene.place()
        assert scene.placements == []
        assert scene.rest.asked == []


@virtual
async def test_without_a_live_session_orders_go_by_rest() -> None:
    async with Scene().live() as scene:
        scene.far.refuses = 3
        scene.far.connections[-1].end("lost")
        assert not scene.is_live
        assert await scene.place(deadline_ms=7) == "by REST"
        assert scene.rest.asked == ["new_order 7"]
        await asyncio.sleep(60)
        assert (await scene.place("bta-a1-2", START_MS + 10**6)).client_order_id == "bta-a1-2"


# -- changing over ------------------------------------------------------------------------------------------------------------


@virtual
async def test_a_server_that_goes_away_answers_what_it_has_and_the_next_order_takes_the_new_session() -> None:
    def slow(connection: FarConnection, request: Request) -> dict[str, Any] | None:
        if request["params"]["newClientOrderId"] != "bta-a1-1":
            return filled(request)
        answer = {"id": request["id"], "status": 200, "result": filled(request)}
        asyncio.get_running_loop().call_later(OVERLAP_S + 5, connection.send, answer)
        return None

    async with Scene(slow).live(request_timeout_s=OVERLAP_S + 10) as scene:
        await asyncio.sleep(100)
        placing = asyncio.ensure_future(scene.place(deadline_ms=START_MS + 10**6))
        await asyncio.sleep(0.1)
        scene.far.connections[0].send({"event": {"e": "serverShutdown", "E": 1}})
        await asyncio.sleep(1)
        assert (await scene.place("bta-a1-2", START_MS + 10**6)).client_order_id == "bta-a1-2"
        assert [len([m for m in connection.methods if m == "order.place"]) for connection in scene.far.connections] == [1, 1]
        assert (await placing).client_order_id == "bta-a1-1"
        await asyncio.sleep(3 * OVERLAP_S)
        assert len(scene.far.open_connections) == 1


@virtual
async def test_stopping_leaves_an_order_that_is_under_way_unknown() -> None:
    async with Scene(lambda *_: None).live() as scene:
        placing = asyncio.ensure_future(scene.place())
        await asyncio.sleep(1)
    with pytest.raises(FateUnknownError, match="we are stopping"):
        await placing
