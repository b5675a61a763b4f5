"""Cancel-replace tells what became of the cancellation and of the new order, in every combination, or that it is not known."""

from typing import Any

import pytest
from golden import GOLDEN, assert_same
from hypothesis import given, settings
from hypothesis import strategies as st
from recorder import Recorder
from scripted_venue import always, one_after_another, opened, query_of, requests_of
from virtual_time import virtual

from binance_trade_agent.binance.answers.cancel_replace import CancelReplace, NotAttempted
from binance_trade_agent.binance.answers.orders import CanceledOrder, CanceledOrderList, PlacedOrder
from binance_trade_agent.binance.calls.order_terms import OrderKind, ResponseType, Terms
from binance_trade_agent.binance.calls.orders import CancelReplaceMode, CancelRestriction, OrderLimitMode
from binance_trade_agent.domain.errors import ExchangeError, ExchangeRefusedError, FateUnknownError, NotSentError, RateLimitedError
from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.outcome import Rejected, Unknown
from binance_trade_agent.simulation.virtual_loop import run_virtual

BOTH, CANCEL_FAILED, NEW_FAILED, ONLY_NEW, BOTH_FAILED, TOO_MANY, CANCEL_ONLY = range(7)
"""The documents' answers, in their order."""

OLD = {"symbol": "BTCUSDT", "orderId": 9, "origClientOrderId": "old"}
NEW = {"symbol": "BTCUSDT", "clientOrderId": "new"}


def golden(index: int) -> Any:
    """One of the documents' answers, with the ids that our test's request has."""
    body = GOLDEN["cancel_replace"][index]
    if index in {BOTH}:
        return body | {"cancelResponse": body["cancelResponse"] | OLD, "newOrderResponse": body["newOrderResponse"] | NEW}
    if "data" not in body:
        return body
    data = dict(body["data"])
    if data["cancelResult"] == "SUCCESS":
        data["cancelResponse"] = data["cancelResponse"] | OLD
    if data["newOrderResult"] == "SUCCESS":
        data["newOrderResponse"] = data["newOrderResponse"] | NEW
    return body | {"data": data}


def changed(index: int, **data: Any) -> Any:
    body = golden(index)
    return body | {"data": body["data"] | data}


async def replace(client: Any, response: ResponseType = ResponseType.ACK) -> CancelReplace:
    answer: CancelReplace = await client.orders.cancel_replace(
        "BTCUSDT",
        Side.BUY,
        Terms(kind=OrderKind.LIMIT, price="0.02", client_order_id="new"),
        quantity="0.04",
        mode=CancelReplaceMode.ALLOW_FAILURE,
        cancel_client_order_id="old",
        restriction=CancelRestriction.ONLY_NEW,
        limit_mode=OrderLimitMode.CANCEL_ONLY,
        response=response,
    )
    return answer


@virtual
async def test_both_halves_are_asked_for_in_one_request() -> None:
    async with opened(always(200, golden(BOTH))) as (client, venue):
        answer = await replace(client, ResponseType.FULL)
    (request,) = venue.requests
    query = query_of(request)
    assert (request.method, request.url.path) == ("POST", "/api/v3/order/cancelReplace")
    assert query.pop("cancelNewClientOrderId").startswith("manual-")
    assert {name: value for name, value in query.items() if name not in {"recvWindow", "timestamp", "signature"}} == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "price": "0.02",
        "quantity": "0.04",
        "newClientOrderId": "new",
        "newOrderRespType": "FULL",
        "cancelReplaceMode": "ALLOW_FAILURE",
        "cancelOrigClientOrderId": "old",
        "cancelRestrictions": "ONLY_NEW",
        "orderRateLimitExceededMode": "CANCEL_ONLY",
    }
    assert_same(answer.cancel, golden(BOTH)["cancelResponse"])
    assert_same(answer.new_order, golden(BOTH)["newOrderResponse"])


@pytest.mark.parametrize(
    ("status", "body", "cancel", "new_order"),
    [
        (200, golden(BOTH), CanceledOrder, PlacedOrder),
        (400, golden(CANCEL_FAILED), -2011, NotAttempted),
        (429, golden(CANCEL_FAILED), -2011, NotAttempted),
        (409, golden(NEW_FAILED), CanceledOrder, -2010),
        (409, golden(ONLY_NEW), -2011, PlacedOrder),
        (400, golden(BOTH_FAILED), -2011, -2010),
        (429, golden(CANCEL_ONLY), CanceledOrder, -1015),
        (409, golden(CANCEL_ONLY), CanceledOrder, -1015),
        (400, changed(BOTH_FAILED, newOrderResponse={"code": -1007, "msg": "Timeout"}), -2011, Unknown),
        (400, changed(BOTH_FAILED, newOrderResponse={"code": -9999, "msg": "new"}), -2011, Unknown),
        (409, changed(ONLY_NEW, cancelResponse={"code": -1006, "msg": "?"}), Unknown, PlacedOrder),
        (409, changed(NEW_FAILED, cancelResponse=GOLDEN["cancel"][1] | {"symbol": "BTCUSDT"}), CanceledOrderList, -2010),
    ],
)
@virtual
async def test_each_half_has_a_fate_of_its_own(status: int, body: Any, cancel: Any, new_order: Any) -> None:
    async with opened(always(status, body)) as (client, venue):
        if cancel is CanceledOrderList:
            answer = await client.orders.cancel_replace(
                "BTCUSDT",
                Side.BUY,
                Terms(kind=OrderKind.LIMIT, price="1", client_order_id="new"),
                quantity=1,
                mode=CancelReplaceMode.STOP_ON_FAILURE,
                cancel_order_id=12569099453,
            )
        else:
            answer = await replace(client)
    assert len(venue.requests) == 1
    for half, expected in ((answer.cancel, cancel), (answer.new_order, new_order)):
        if isinstance(expected, int):
            assert isinstance(half, Rejected)
            assert half.code == expected
        else:
            assert type(half) is expected


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (429, golden(TOO_MANY), RateLimitedError),  # DO_NOTHING: looked at before either half
        (400, {"code": -1013, "msg": "Filter failure: LOT_SIZE"}, ExchangeRefusedError),
        (400, {"code": -2022, "msg": "Order cancel-replace failed."}, FateUnknownError),  # failed, but nobody says how
        (409, {"code": -2021, "msg": "Order cancel-replace partially failed."}, FateUnknownError),
        (500, golden(BOTH_FAILED), FateUnknownError),  # a 5xx promises nothing, whatever its body
        (503, golden(CANCEL_FAILED), FateUnknownError),
        (404, golden(BOTH_FAILED), FateUnknownError),
        (409, changed(NEW_FAILED, cancelResponse=None), FateUnknownError),
        (409, changed(NEW_FAILED, cancelResponse={"code": -2011, "msg": "x"}), FateUnknownError),
        (409, changed(NEW_FAILED, cancelResult="PERHAPS"), FateUnknownError),
        (409, changed(ONLY_NEW, newOrderResponse=None), FateUnknownError),
        (409, changed(ONLY_NEW, newOrderResponse=GOLDEN["new"][0]), FateUnknownError),  # another order of ours
        (409, changed(NEW_FAILED, cancelResponse=GOLDEN["cancel"][0]), FateUnknownError),
        (200, golden(NEW_FAILED)["data"] | {"newOrderResult": "SUCCESS"}, FateUnknownError),
        (200, {}, FateUnknownError),
    ],
)
@virtual
async def test_what_does_not_tell_both_fates_is_an_error(status: int, body: Any, error: type[ExchangeError]) -> None:
    async with opened(always(status, body)) as (client, venue):
        with pytest.raises(error) as caught:
            await replace(client)
    assert type(caught.value) is error
    assert len(venue.requests) == 1
    if error is FateUnknownError:
        assert "old" in str(caught.value)
        assert "new" in str(caught.value)


@virtual
async def test_a_new_order_over_the_order_limit_holds_back_orders_and_nothing_else() -> None:
    limited = always(429, golden(CANCEL_ONLY), **{"Retry-After": "60"})
    async with opened(one_after_another(limited, always(200, GOLDEN["open_order_lists"][0]))) as (client, venue):
        await replace(client)
        with pytest.raises(NotSentError, match="no new orders"):
            await replace(client)
        assert len(venue.requests) == 1
        await client.account.open_order_lists()
    assert len(venue.requests) == 2


@virtual
async def test_a_partial_failure_is_reported_with_its_status_and_code() -> None:
    observer = Recorder()
    async with opened(always(409, golden(NEW_FAILED)), observer) as (client, _):
        await replace(client)
    (done,) = requests_of(observer, "cancel_replace")
    assert (done.status, done.error_code) == (409, "-2021")


@pytest.mark.parametrize(("status", "body"), [(418, golden(NEW_FAILED)), (429, {"code": -2021, "msg": "no data"})])
@virtual
async def test_whatever_became_of_the_halves_a_limit_is_heeded(status: int, body: Any) -> None:
    async with opened(always(status, body, **{"Retry-After": "60"}), read_deadline_s=1.0) as (client, venue):
        with pytest.raises(FateUnknownError):
            await replace(client)
        with pytest.raises(RateLimitedError):
            await client.account.open_order_lists()
    assert len(venue.requests) == 1


FAILURES = st.one_of(st.integers(-3000, 0), st.sampled_from([-2010, -2011, -1007, -1015, -1013]))


@settings(max_examples=60, deadline=None)
@given(
    status=st.sampled_from([200, 400, 409, 418, 429, 500, 503]),
    results=st.tuples(st.sampled_from(["SUCCESS", "FAILURE"]), st.sampled_from(["SUCCESS", "FAILURE", "NOT_ATTEMPTED"])),
    codes=st.tuples(FAILURES, FAILURES),
)
def test_a_half_is_never_said_to_have_failed_when_it_may_have_been_done(
    status: int, results: tuple[str, str], codes: tuple[int, int]
) -> None:
    successes = (golden(BOTH)["cancelResponse"], golden(BOTH)["newOrderResponse"])
    halves = [
        success if result == "SUCCESS" else None if result == "NOT_ATTEMPTED" else {"code": code, "msg": ""}
        for result, success, code in zip(results, successes, codes, strict=True)
    ]
    data = {"cancelResult": results[0], "newOrderResult": results[1], "cancelResponse": halves[0], "newOrderResponse": halves[1]}

    async def scenario() -> None:
        async with opened(always(status, {"code": -2021, "msg": "", "data": data})) as (client, venue):
            try:
                answer = await replace(client)
            except FateUnknownError:
                assert status in {418, 500, 503}
            else:
                assert isinstance(answer.cancel, CanceledOrder) is (results[0] == "SUCCESS")
                assert isinstance(answer.new_order, PlacedOrder) is (results[1] == "SUCCESS")
                assert not (isinstance(answer.new_order, Rejected) and codes[1] in {-1007, -1006, -1000})
            assert len(venue.requests) == 1

    run_virtual(scenario())
