"""Requests are signed as Binance's examples show, and every message from the far side is what the documents call it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.binance import wire
from binance_trade_agent.binance.signing import HmacSigner
from binance_trade_agent.binance.websocket_api.conversation import Conversation
from binance_trade_agent.binance.websocket_api.messages import AccountMessage, Answer, Shutdown, read_message
from binance_trade_agent.binance.websocket_api.methods import ORDER_PLACE, SUBSCRIBE
from binance_trade_agent.binance.websocket_api.requests import signature_payload, signed
from binance_trade_agent.domain.errors import (
    AgentError,
    BadAnswerError,
    ExchangeRefusedError,
    FateUnknownError,
    NotSentError,
    RateLimitedError,
)

GOLDEN: dict[str, dict[str, Any]] = json.loads((Path(__file__).parents[1] / "golden_websocket_api.json").read_text())

# web-socket-api.md, "SIGNED request example (HMAC)": published example values, no real key.
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
DIGITS = "\uff11\uff12\uff13\uff14\uff15\uff16"
EXAMPLES = {
    "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24": {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01000000",
        "price": "52000.00",
        "recvWindow": 100,
        "timestamp": 1645423376532,
    },
    "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd": {
        "symbol": DIGITS,
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "1.00000000",
        "price": "0.10000000",
        "recvWindow": 5000,
        "timestamp": 1645423376532,
    },
}


def answer(name: str, **changes: Any) -> Answer:
    message = read_message(json.dumps(GOLDEN["answers"][name] | changes).encode())
    assert isinstance(message, Answer)
    return message


@pytest.mark.parametrize("signature", EXAMPLES)
def test_documented_signatures(signature: str) -> None:
    params = EXAMPLES[signature]
    assert signed(params, KEY, HmacSigner(SECRET)) == {**params, "apiKey": KEY, "signature": signature}


def test_what_is_signed_is_sorted_and_not_percent_encoded() -> None:
    assert signature_payload({"b": "x y&", "a": 1, "apiKey": DIGITS}) == f"a=1&apiKey={DIGITS}&b=x y&".encode()


def test_a_request_is_the_documented_json() -> None:
    _, text = Conversation[None]().begin(ORDER_PLACE, {"symbol": DIGITS, "timestamp": 5}, None)
    assert json.loads(text) == {"id": 1, "method": "order.place", "params": {"symbol": DIGITS, "timestamp": 5}}
    _, text = Conversation[None]().begin(SUBSCRIBE, {}, None)
    assert json.loads(text) == {"id": 1, "method": "userDataStream.subscribe"}


def test_results_are_those_of_rest() -> None:
    report = wire.decode_placed_order(answer("order_full").outcome(changes_orders=True, server_ms=0))
    assert (report.client_order_id, [fill.trade_id for fill in report.fills]) == (
        "4d96324ff9d44481926157ec08158a40",
        [1650422481, 1650422482],
    )
    canceled = wire.decode_canceled_order(answer("order_canceled").outcome(changes_orders=True, server_ms=0))
    assert canceled.client_order_id == "4d96324ff9d44481926157"


def test_the_used_weight_is_read_from_every_answer() -> None:
    assert answer("refused").used_weight == 322
    assert answer("subscribed").used_weight is None


def test_a_documented_refusal_is_a_no() -> None:
    with pytest.raises(ExchangeRefusedError) as refused:
        answer("refused").outcome(changes_orders=True, server_ms=0)
    assert (refused.value.code, refused.value.status) == (-2010, 400)


@pytest.mark.parametrize(
    ("changes", "wait_s"),
    [
        ({}, 3493.0),  # from 1659142907531 to 1659146400000, in whole seconds upwards
        ({"error": {"code": -1003, "msg": "", "data": {"retryAfter": 1659146400000}}}, 60.0),
        ({"error": {"code": -1003, "msg": "", "data": {"serverTime": 2, "retryAfter": 1}}}, 0.0),
        ({"error": {"code": -1003, "msg": ""}}, 120.0),
        ({"error": {"code": -1003, "msg": "", "data": ["strange"]}}, 120.0),
        ({"status": 429, "error": {"code": -1003, "msg": "", "data": {}}}, 60.0),
    ],
)
def test_silence_is_asked_for_by_a_moment(changes: dict[str, Any], wait_s: float) -> None:
    with pytest.raises(RateLimitedError) as limited:
        answer("banned", **changes).outcome(changes_orders=True, server_ms=1659146340001)
    assert limited.value.retry_after_s == wait_s


@pytest.mark.parametrize(
    "changes",
    [
        {"status": 500},
        {"status": 503, "error": {"code": -2010, "msg": "no"}},
        {"status": 409, "error": {"code": -2021, "msg": "partly"}},
        {"status": 400, "error": {"code": -987654, "msg": "a code of tomorrow"}},
        {"status": 400, "error": None},
        {"status": 0},
        {"status": 200, "error": {"code": -2010, "msg": "no"}, "result": {}},
        {"status": 200, "error": None},
    ],
)
def test_what_is_no_documented_no_leaves_an_order_unknown(changes: dict[str, Any]) -> None:
    with pytest.raises(FateUnknownError):
        answer("refused", **changes).outcome(changes_orders=True, server_ms=0)


def test_a_revoked_session_is_an_answer_to_nobody() -> None:
    conversation = Conversation[str]()
    conversation.begin(ORDER_PLACE, {}, "order")
    assert conversation.match(answer("revoked")) is None
    assert conversation.outstanding == 1


def test_events_are_told_from_answers() -> None:
    for name, message in GOLDEN["events"].items():
        told = read_message(json.dumps(message).encode())
        expected = Shutdown if name == "serverShutdown" else AccountMessage
        assert isinstance(told, expected)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"event":{}}', b"{}", b'{"id":{}}', b"\xff", b'{"id":1.5}', b"[" * 10_000])
def test_what_is_neither_is_a_bad_answer(text: bytes) -> None:
    with pytest.raises(BadAnswerError):
        read_message(text)


@given(
    st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda value: json.dumps(value).encode())
)
def test_no_message_breaks_the_reader(text: bytes) -> None:
    try:
        message = read_message(text)
    except AgentError:
        return
    assert isinstance(message, Answer | AccountMessage | Shutdown)


# -- matching -----------------------------------------------------------------------------------------------------------------


def answered(request_id: object) -> Answer:
    message = read_message(json.dumps({"id": request_id, "status": 200, "result": {}}).encode())
    assert isinstance(message, Answer)
    return message


def test_answers_find_their_requests_in_any_order_and_once() -> None:
    conversation = Conversation[str]()
    ids = [conversation.begin(ORDER_PLACE, {}, name)[0] for name in ("a", "b", "c")]
    assert [conversation.match(answered(request_id)) for request_id in reversed(ids)] == ["c", "b", "a"]
    assert [conversation.match(answered(request_id)) for request_id in (ids[0], 99, "1", None)] == [None] * 4
    assert conversation.unasked == 4


def test_an_answer_that_comes_too_late_is_nobodys() -> None:
    conversation = Conversation[str]()
    request_id, _ = conversation.begin(ORDER_PLACE, {}, "late")
    conversation.give_up(request_id)
    assert conversation.match(answered(request_id)) is None
    assert conversation.begin(ORDER_PLACE, {}, "next")[0] != request_id


def test_requests_that_wait_are_bounded() -> None:
    conversation = Conversation[int](most_outstanding=2)
    for number in range(2):
        conversation.begin(ORDER_PLACE, {}, number)
    with pytest.raises(NotSentError, match=r"order\.place was not sent: 2 requests"):
        conversation.begin(ORDER_PLACE, {}, 2)
    assert conversation.end() == (0, 1)
    assert conversation.begin(ORDER_PLACE, {}, 3)[0] == 3
