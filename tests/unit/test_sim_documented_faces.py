"""The simulated exchange serves what Binance documents, in the documented shapes, or names it among what is left out on purpose."""

import inspect
import json
import re
from pathlib import Path
from urllib.parse import urlencode

import orjson
import pytest
from documented_faces import REST, STREAMS, USER_DATA, WEBSOCKET_API, assert_documented
from hand_clocks import HandClock

from binance_trade_agent import simulation
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.rest.face import ROUTES
from binance_trade_agent.simulation.streams.catalogue import StreamCatalogue
from binance_trade_agent.simulation.websocket_api import account_event_json
from binance_trade_agent.simulation.websocket_api.methods import METHODS

DOCUMENTED = json.loads((Path(__file__).parents[1] / "documented_errors.json").read_text())
NOW_MS = 1_790_000_047_123

LEFT_OUT = {"externalLockUpdate": "there is no system outside that could lock a balance"}
"""What Binance documents and this exchange does not serve, with the reason."""

FIX_CODES = {-1033, -1035, *range(-1190, -1168), -1224, -1225}
SBE_CODES = {-1152, -1153, -1161, -1221}
CODES_LEFT_OUT = {
    **dict.fromkeys(FIX_CODES, "of FIX sessions, which are not served"),
    **dict.fromkeys(SBE_CODES, "of SBE, which is not served: HTTP 406 says so"),
    **dict.fromkeys((-1001, -1002), "no request is documented to be answered with it"),
    -1014: "combinations that cannot be are told by the parameter that is missing or not required (-1102, -1106), or by -1013",
    -1034: "too many connections are turned away with HTTP 429 before there is a connection to tell it on",
    -1103: "unknown parameters are told by -1104, with their number",
    -1112: "an order that finds nobody to trade with expires, and says why",
    -1114: "timeInForce where it is not required is -1106, as every other parameter",
    **dict.fromkeys((-1118, -1119), "empty ids are -1105, as every other empty parameter"),
    -1125: "listen keys are gone",
}
"""Documented error codes that no answer of this exchange has, with the reason."""

SESSION_METHODS = {name for name in WEBSOCKET_API if name.startswith(("session.", "userDataStream."))}
"""About the connection itself; tests/contract/test_sim_websocket_api.py asks each of them."""

EXAMPLES = {"<symbol>": "btcusdt", "<interval>": "1m", "<window_size>": "1h", "<window-size>": "1h", "<levels>": "5"}


def exchange() -> SimulatedExchange:
    return SimulatedExchange(SyntheticMarket(("BTCUSDT", "ETHUSDT"), 7), HandClock(NOW_MS))


def unserved(documented, served) -> set[str]:
    return {name for name in documented if name not in served and name not in LEFT_OUT}


def test_every_documented_endpoint_is_served_or_left_out_on_purpose():
    assert unserved(REST, {f"{method} {path}" for path, methods in ROUTES.items() for method in methods}) == set()


def test_every_documented_method_is_served_or_left_out_on_purpose():
    assert unserved(WEBSOCKET_API, {*METHODS, *SESSION_METHODS}) == set()


def test_every_documented_stream_is_served_or_left_out_on_purpose():
    box = exchange()
    catalogue = StreamCatalogue(box.venue)
    served = set()
    for name in STREAMS:
        example = name
        for part, value in EXAMPLES.items():
            example = example.replace(part, value)
        if catalogue.open(example, NOW_MS) is not None:
            served.add(name)
    assert unserved(STREAMS, served) == set()
    box.close()


PUBLIC = [
    ("ping", {}),
    ("time", {}),
    ("executionRules", {"symbol": "BTCUSDT"}),
    ("referencePrice", {"symbol": "BTCUSDT"}),
    ("referencePrice/calculation", {"symbol": "BTCUSDT"}),
    ("depth", {"symbol": "BTCUSDT", "limit": 5}),
    ("trades", {"symbol": "BTCUSDT", "limit": 5}),
    ("historicalTrades", {"symbol": "BTCUSDT", "limit": 5, "fromId": 7}),
    ("historicalBlockTrades", {"symbol": "BTCUSDT", "fromId": 7}),
    ("aggTrades", {"symbol": "BTCUSDT", "limit": 5}),
    ("klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 5}),
    ("uiKlines", {"symbol": "BTCUSDT", "interval": "1M", "limit": 1}),
    ("avgPrice", {"symbol": "BTCUSDT"}),
    *[
        (path, {**which, **kind})
        for path in ("ticker/24hr", "ticker/tradingDay", "ticker")
        for which in ({"symbol": "BTCUSDT"}, {"symbols": '["BTCUSDT","ETHUSDT"]'})
        for kind in ({}, {"type": "MINI"})
    ],
    ("ticker/price", {"symbol": "BTCUSDT"}),
    ("ticker/price", {}),
    ("ticker/bookTicker", {"symbol": "BTCUSDT"}),
    ("ticker/bookTicker", {}),
]


@pytest.mark.parametrize(("path", "params"), PUBLIC, ids=[f"{path} {sorted(params.values(), key=str)}" for path, params in PUBLIC])
def test_a_public_answer_has_the_documented_fields_in_their_order(path, params):
    box = exchange()
    answer = box.face.handle("GET", f"/api/v3/{path}", urlencode(params), b"", {}, "1.1.1.1")
    assert answer.status == 200
    content = orjson.loads(answer.body)
    assert content or path in {"ping", "historicalBlockTrades"}
    assert_documented(content, REST[f"GET /api/v3/{path}"])
    box.close()


def test_every_documented_account_event_is_sent_or_left_out_on_purpose():
    assert unserved(USER_DATA, set(re.findall(r'"e": "(\w+)"', inspect.getsource(account_event_json)))) == set()


def test_every_documented_error_code_is_answered_or_left_out_on_purpose():
    sources = "".join(path.read_text() for path in Path(simulation.__file__).parent.rglob("*.py"))
    answered = {int(code) for code in re.findall(r"(?<![\w.])-[12]\d{3}\b", sources)}
    assert set(map(int, DOCUMENTED["codes"])) - answered == set(CODES_LEFT_OUT)
