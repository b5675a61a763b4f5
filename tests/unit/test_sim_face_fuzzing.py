"""Whatever a client sends, the simulated exchange's faces answer it: JSON, a documented status, never an exception."""

import json
from contextlib import suppress
from functools import cache
from urllib.parse import quote, urlencode

import orjson
import pytest
from hand_clocks import HandClock
from hypothesis import given, settings
from hypothesis import strategies as st
from one_quote_exchange import KEY, SECRET, D, sign
from socket_exchange import START_MS

from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.rest.face import ROUTES
from binance_trade_agent.simulation.streams.control import ControlError, parse_control
from binance_trade_agent.simulation.websocket_api.requests import UnreadableRequestError, parse_request

STATUSES = {200, 400, 401, 404, 405, 406, 409}
NAMES = sorted({name for methods in ROUTES.values() for endpoint in methods.values() for name in endpoint.parameters} - {"signature"})
TARGETS = sorted((method, path) for path, methods in ROUTES.items() for method in methods)

WORDS = (
    'BTCUSDT NONE ["BTCUSDT","ETHUSDT"] [] [1] 1 0 -1 5 1000 9223372036854775807 18446744073709551616 1e9 0.001 61000 \u0663 null NaN true '
    "false BUY SELL LIMIT MARKET STOP_LOSS GTC IOC FULL MINI TRADING HALT PRIMARY_PEG 1m 1M 1s 3d 7d 60m 8 -12:00 +14:00 05:45 "
    "1790000040000 1790000040000000"
)
likely = st.sampled_from(["", *WORDS.split()])
values = st.one_of(likely, st.text(max_size=12), st.integers(-(2**70), 2**70).map(str))
REASONABLE = {
    "symbol": "BTCUSDT",
    "interval": "1m",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "30000",
    "cancelReplaceMode": "ALLOW_FAILURE",
    "orderId": "1",
    "cancelOrderId": "1",
    "fromId": "1",
    "newQty": "0.005",
}
"""What makes most requests complete, before something is put in its place."""

pairs = st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=5)), values, max_size=7)


class Box:
    """One exchange for all examples; each request comes from another address, and orders have time to be counted anew."""

    def __init__(self) -> None:
        self.clock = HandClock(START_MS)
        self.exchange = SimulatedExchange(SyntheticMarket(("BTCUSDT", "ETHUSDT"), 7), self.clock)
        self.exchange.open_account(KEY, SECRET, {"USDT": D(10_000_000), "BTC": D(1_000)})
        self._asked = 0

    def answer(self, method: str, path: str, query: str, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self._asked += 1
        address = f"10.{self._asked >> 16 & 255}.{self._asked >> 8 & 255}.{self._asked & 255}"
        got = self.exchange.face.handle(method, path, query, body, headers or {"X-MBX-APIKEY": KEY}, address)
        content = orjson.loads(got.body)
        assert got.status in STATUSES
        if got.status != 200:
            assert isinstance(content["code"], int)
            assert content["msg"]


@cache
def box() -> Box:
    return Box()


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(TARGETS), pairs, st.sets(st.sampled_from(sorted(REASONABLE)), max_size=3))
def test_signed_nonsense_is_answered(target, given_pairs, left_out):
    box().clock.time_ms += 10_000
    method, path = target
    wanted = ROUTES[path][method].parameters - left_out
    complete = {name: value for name, value in REASONABLE.items() if name in wanted}
    query = urlencode({**complete, **given_pairs, "timestamp": box().clock.time_ms})
    box().answer(*target, f"{query}&signature={sign(query)}")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TARGETS), st.text(max_size=60), st.binary(max_size=60), st.text(max_size=20))
def test_bytes_that_are_no_request_are_answered(target, query, body, key):
    box().answer(*target, query, body, {"x-mbx-apikey": key, "Accept": key, "X-MBX-TIME-UNIT": key})
    box().answer(*target, quote(query), body)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=10), st.text(max_size=40))
def test_methods_and_paths_that_there_are_not(method, path):
    box().answer(method, path, "")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)
messages = st.one_of(
    st.text(max_size=40),
    st.fixed_dictionaries(
        {},
        optional={
            "id": json_values,
            "method": st.one_of(st.sampled_from(["SUBSCRIBE", "GET_PROPERTY", "SET_PROPERTY", "time", "v3/order.place"]), json_values),
            "params": st.one_of(json_values, st.dictionaries(st.text(max_size=5), json_values, max_size=3)),
        },
    ).map(json.dumps),
)


@settings(max_examples=300, deadline=None)
@given(messages)
def test_messages_are_read_or_refused(text):
    """Whatever else is raised fails the test."""
    with suppress(ControlError):
        assert parse_control(text).method
    with suppress(UnreadableRequestError):
        assert isinstance(parse_request(text).payload, str)


@pytest.fixture(scope="module", autouse=True)
def _closed_at_last():
    yield
    box().exchange.close()
    box.cache_clear()
