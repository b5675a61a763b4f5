"""Who may ask, and how often: keys, signatures, timestamps and rate limits of the REST face, in the words of Binance's documents."""

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.market import Ladder, Quote
from binance_trade_agent.simulation.rate_limits import MOST_KEYS, ORDERS_SHORT, WEIGHT, WindowCounter

D = Decimal
KEY, SECRET = "k" * 64, "s" * 64
START_MS = 1_700_000_000_000
SECONDS_LEFT = 40  # START_MS is 20 s into its minute


RULES = SymbolRules(
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    status=SymbolStatus.TRADING,
    tick_size=D("0.01"),
    min_price=D("0.01"),
    max_price=D(1_000_000),
    step_size=D("0.001"),
    min_quantity=D("0.001"),
    max_quantity=D(1_000),
)


class OneQuoteMarket:
    """The same book for all time."""

    rules: Mapping[str, SymbolRules] = {"BTCUSDT": RULES}

    def quote(self, symbol, time_ms):
        bids = ((D("99.5"), D(1)), (D(99), D(2)))
        asks = ((D("100.5"), D(1)), (D(101), D(2)))
        return Quote(START_MS, D(100), Ladder(bids, asks))

    def quotes(self, symbol, after_ms, until_ms):
        return iter(())

    def candles(self, symbol, interval_ms, *, start_ms, end_ms, limit, now_ms):
        return []


class HandClock:
    def __init__(self) -> None:
        self.time_ms = START_MS

    def now_ms(self):
        return self.time_ms

    def monotonic_ms(self):
        return float(self.time_ms)

    async def sleep_until(self, time_ms):
        self.time_ms = time_ms


def sign(payload: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


class Client:
    """A user with keys, written apart from the client that ships."""

    def __init__(self, start_ms: int = START_MS) -> None:
        self.clock = HandClock()
        self.clock.time_ms = start_ms
        self.exchange = SimulatedExchange(OneQuoteMarket(), self.clock)
        self.exchange.open_account(KEY, SECRET, {"USDT": D(10_000), "BTC": D(10)})

    def raw(self, method: str, path: str, query: str = "", body: bytes = b"", key: str | None = KEY, ip: str = "1.1.1.1"):
        headers = {} if key is None else {"X-MBX-APIKEY": key}
        return self.exchange.face.handle(method, f"/api/v3/{path}", query, body, headers, ip)

    def signed_raw(self, method: str, path: str, **params):
        query = urlencode({"timestamp": self.clock.time_ms, **params})
        return self.raw(method, path, f"{query}&signature={sign(query)}")

    def signed(self, method: str, path: str, **params) -> Any:
        return orjson.loads(self.signed_raw(method, path, **params).body)

    def order(self, **params) -> Any:
        return self.signed("POST", "order", **{"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", **params})


@pytest.fixture
def client():
    client = Client()
    yield client
    client.exchange.close()


def _code(answer) -> tuple[int, int]:
    return answer.status, orjson.loads(answer.body).get("code")


LIMIT = {"type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "90"}


# --- security --------------------------------------------------------------------------------------------------------------------------


def test_api_keys(client):
    query = f"timestamp={START_MS}"
    query += f"&signature={sign(query)}"
    assert _code(client.raw("GET", "account", query, key=None)) == (401, -2014)
    assert _code(client.raw("GET", "account", query, key="not a key")) == (401, -2014)
    assert _code(client.raw("GET", "account", query, key="unknown")) == (401, -2015)
    assert client.raw("GET", "account", query).status == 200


def test_header_names_have_no_case(client):
    query = f"timestamp={START_MS}"
    answer = client.exchange.face.handle("GET", "/api/v3/account", f"{query}&signature={sign(query)}", b"", {"x-mbx-apikey": KEY}, "ip")
    assert answer.status == 200


def test_the_documents_own_signature_example_is_accepted():
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    payload = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    client = Client(1499827319559)
    client.exchange.open_account("documented", secret, {})
    for sent in (signature, signature.upper()):
        # Signed correctly, so it fails only for the symbol, which does not exist here.
        assert _code(client.raw("POST", "order", f"{payload}&signature={sent}", key="documented")) == (400, -1121)
    client.exchange.close()


def test_signature_over_query_and_form_together(client):
    query, form = "symbol=BTCUSDT&side=SELL", f"type=MARKET&quantity=1&timestamp={START_MS}"
    body = f"{form}&signature={sign(query + form)}".encode()
    assert client.raw("POST", "order", query, body).status == 200
    query_with_signature = f"{query}&signature={sign(query + form)}"
    assert client.raw("POST", "order", query_with_signature, form.encode()).status == 200
    assert _code(client.raw("POST", "order", query, f"{form}&signature={sign(form)}".encode())) == (400, -1022)


def test_the_query_wins_over_the_form(client):
    query, form = "quantity=1", f"symbol=BTCUSDT&side=SELL&type=MARKET&quantity=2&timestamp={START_MS}"
    answer = client.raw("POST", "order", query, f"{form}&signature={sign(query + form)}".encode())
    assert orjson.loads(answer.body)["executedQty"] == "1.00000000"


@pytest.mark.parametrize("tamper", ["secret", "text", "order", "raw quotes", "raw non-ASCII", "broken percent"])
def test_bad_signatures(client, tamper):
    query = f"timestamp={START_MS}&omitZeroBalances=true"
    signature = sign(query, "wrong" if tamper == "secret" else SECRET)
    sent = f"{query}&signature={signature}"
    if tamper == "text":
        sent = sent.replace("true", "false")
    if tamper == "order":
        sent = f"signature={signature}&{query}"
    extra = {"raw quotes": '&a="x"', "raw non-ASCII": "&a=é", "broken percent": "&a=%2"}.get(tamper)
    if extra:
        sent = f"{query}{extra}&signature={sign(query + extra)}"
    assert _code(client.raw("GET", "account", sent)) == (400, -1022)


@pytest.mark.parametrize(
    ("age_ms", "window", "code"),
    [
        (5_000, None, None),
        (5_001, None, -1021),
        (60_000, "60000", None),
        (60_001, "60000", -1021),
        (0, "60001", -1102),
        (0, "1.2345", -1100),
        (10, "9.999", -1021),
        (-999, None, None),
        (-1_000, None, -1021),
    ],
)
def test_timestamps(client, age_ms, window, code):
    params = {"timestamp": START_MS - age_ms} | ({"recvWindow": window} if window else {})
    assert client.signed("GET", "account", **params).get("code") == code


def test_timestamps_in_microseconds_and_missing_ones(client):
    assert "code" not in client.signed("GET", "account", timestamp=START_MS * 1000)
    assert client.signed("GET", "account", timestamp=(START_MS + 1_000) * 1000)["code"] == -1021
    query = "recvWindow=5000"
    assert _code(client.raw("GET", "account", f"{query}&signature={sign(query)}")) == (400, -1102)
    assert _code(client.raw("GET", "account", f"timestamp={START_MS}")) == (400, -1102)


# --- limits ----------------------------------------------------------------------------------------------------------------------------


def _weight(answer) -> int:
    assert answer.headers["X-MBX-USED-WEIGHT"] == answer.headers["X-MBX-USED-WEIGHT-1M"]
    return int(answer.headers["X-MBX-USED-WEIGHT-1M"])


def test_weights_add_up_per_address_and_minute(client):
    used = [
        _weight(client.raw("GET", path, query))
        for path, query in [
            ("ping", ""),
            ("depth", "symbol=BTCUSDT"),
            ("depth", "symbol=BTCUSDT&limit=5000"),
            ("ticker/price", "symbol=BTCUSDT"),
            ("ticker/price", ""),
            ("exchangeInfo", ""),
            ("nothing", ""),
        ]
    ]
    assert used == [1, 6, 256, 258, 262, 282, 283]
    assert _weight(client.signed_raw("GET", "openOrders")) == 363
    assert _weight(client.raw("GET", "ping", ip="2.2.2.2")) == 1
    client.clock.time_ms += SECONDS_LEFT * 1_000
    assert _weight(client.raw("GET", "ping")) == 1


def test_orders_and_cancels_weigh_nothing_when_they_succeed(client):
    params = {"symbol": "BTCUSDT", "side": "BUY", **LIMIT}
    assert _weight(client.signed_raw("POST", "order", **params)) == 0
    assert _weight(client.signed_raw("DELETE", "order", symbol="BTCUSDT", orderId=1)) == 0
    assert _weight(client.signed_raw("DELETE", "order", symbol="BTCUSDT", orderId=1)) == 1
    assert _weight(client.signed_raw("POST", "order", **params | {"price": "90.001"})) == 2


def test_too_much_weight_is_429_until_the_next_minute(client):
    for _ in range(WEIGHT.most // 80):
        assert client.signed_raw("GET", "openOrders").status == 200
    answer = client.raw("GET", "ping")
    assert _code(answer) == (429, -1003)
    assert answer.headers["Retry-After"] == str(SECONDS_LEFT)
    client.clock.time_ms += SECONDS_LEFT * 1_000
    assert client.raw("GET", "ping").status == 200


def test_unfilled_orders_are_counted_and_limited(client):
    filled = client.signed_raw("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
    assert (filled.headers["X-MBX-ORDER-COUNT-10S"], filled.headers["X-MBX-ORDER-COUNT-1D"]) == ("0", "0")
    client.order(**LIMIT | {"price": "90.001"})
    params = LIMIT | {"quantity": "0.1"}
    for _ in range(ORDERS_SHORT.most):
        assert "code" not in client.order(**params)
    answer = client.signed_raw("POST", "order", symbol="BTCUSDT", side="BUY", **params)
    assert _code(answer) == (429, -1015)
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    assert [row["count"] for row in client.signed("GET", "rateLimit/order")] == [100, 100]
    client.clock.time_ms += 10_000
    assert "code" not in client.order(**params)


def test_invented_addresses_cannot_eat_the_memory():
    counter = WindowCounter(WEIGHT)
    for number in range(MOST_KEYS + 10):
        counter.add(number, 1, START_MS)
    assert counter.used(1, START_MS) == 1
    assert counter.used("somebody new", START_MS) == 10
