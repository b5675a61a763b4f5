"""Who may ask, and how often: keys, signatures, timestamps and rate limits of the REST face, in the words of Binance's documents."""

from urllib.parse import urlencode

import orjson
import pytest
from golden import GOLDEN
from hand_clocks import HandClock
from one_quote_exchange import KEY, LIMIT, SECRET, START_MS, Client, D, OneQuoteMarket, code_of, sign

from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.rest.ip_bans import BAN_LENGTHS_MS, FORGIVEN_AFTER_MS, PATIENCE
from binance_trade_agent.simulation.rest.rate_limits import MOST_KEYS, ORDERS_SHORT, WEIGHT, WindowCounter

SECONDS_LEFT = 40  # START_MS is 20 s into its minute


@pytest.fixture
def client():
    client = Client()
    yield client
    client.exchange.close()


# --- security --------------------------------------------------------------------------------------------------------------------------


def test_api_keys(client):
    query = f"timestamp={START_MS}"
    query += f"&signature={sign(query)}"
    assert code_of(client.raw("GET", "account", query, key=None)) == (401, -2014)
    assert code_of(client.raw("GET", "account", query, key="not a key")) == (401, -2014)
    assert code_of(client.raw("GET", "account", query, key="unknown")) == (401, -2015)
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
        assert code_of(client.raw("POST", "order", f"{payload}&signature={sent}", key="documented")) == (400, -1121)
    client.exchange.close()


def test_signature_over_query_and_form_together(client):
    query, form = "symbol=BTCUSDT&side=SELL", f"type=MARKET&quantity=1&timestamp={START_MS}"
    body = f"{form}&signature={sign(query + form)}".encode()
    assert client.raw("POST", "order", query, body).status == 200
    query_with_signature = f"{query}&signature={sign(query + form)}"
    assert client.raw("POST", "order", query_with_signature, form.encode()).status == 200
    assert code_of(client.raw("POST", "order", query, f"{form}&signature={sign(form)}".encode())) == (400, -1022)


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
    assert code_of(client.raw("GET", "account", sent)) == (400, -1022)


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
    assert code_of(client.raw("GET", "account", f"{query}&signature={sign(query)}")) == (400, -1102)
    assert code_of(client.raw("GET", "account", f"timestamp={START_MS}")) == (400, -1102)


class CreepingClock(HandClock):
    """Time goes on with every look at it."""

    step_ms = 0

    def now_ms(self):
        self.time_ms += self.step_ms
        return self.time_ms


@pytest.mark.parametrize(("step_ms", "code"), [(100, None), (101, -1021)])
def test_a_request_that_grows_old_on_its_way_to_the_engine_is_refused(step_ms, code):
    """Young enough when it comes in, and looked at again before it is carried out."""
    clock = CreepingClock(START_MS)
    exchange = SimulatedExchange(OneQuoteMarket(), clock)
    exchange.open_account(KEY, SECRET, {"USDT": D(10_000)})
    query = urlencode({"symbol": "BTCUSDT", "side": "BUY", **LIMIT, "timestamp": clock.time_ms, "recvWindow": 200})
    clock.step_ms = step_ms
    answer = exchange.face.handle("POST", "/api/v3/order", f"{query}&signature={sign(query)}", b"", {"X-MBX-APIKEY": KEY}, "ip")
    assert orjson.loads(answer.body).get("code") == code
    assert len(exchange.orders(KEY)) == (code is None)
    limits = exchange.venue.limits
    assert [count for _, count in limits.order_counts(1, clock.time_ms)] == [1, 1]  # it counts, taken or not
    exchange.close()


def test_a_key_that_may_only_read(client):
    client.order(**LIMIT)
    client.exchange.keys.restrict(KEY, may_trade=False)
    for method, path, params in (
        ("POST", "order", {"symbol": "BTCUSDT", "side": "BUY", **LIMIT}),
        ("POST", "order/test", {"symbol": "BTCUSDT", "side": "BUY", **LIMIT}),
        ("DELETE", "order", {"symbol": "BTCUSDT", "orderId": 1}),
        ("DELETE", "openOrders", {"symbol": "BTCUSDT"}),
    ):
        assert code_of(client.signed_raw(method, path, **params)) == (401, -2015)
    assert len(client.signed("GET", "openOrders")) == 1


@pytest.mark.parametrize("may_trade", [True, False])
def test_a_key_tells_what_it_may_do(client, may_trade):
    client.exchange.keys.restrict(KEY, may_trade=may_trade)
    query = f"timestamp={START_MS}"
    path = "/sapi/v1/account/apiRestrictions"
    answer = client.exchange.face.handle("GET", path, f"{query}&signature={sign(query)}", b"", {"X-MBX-APIKEY": KEY}, "ip")
    told = orjson.loads(answer.body)
    assert set(told) >= set(GOLDEN["api_restrictions"][0])
    assert [name for name, value in told.items() if value] == ["enableReading"] + ["enableSpotAndMarginTrading"] * may_trade


def test_who_takes_no_json_gets_none(client):
    for accept, status in (("application/sbe", 406), ("application/sbe, application/json", 200), ("*/*", 200)):
        assert client.exchange.face.handle("GET", "/api/v3/time", "", b"", {"Accept": accept}, "ip").status == status


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


@pytest.mark.plans_limits
def test_too_much_weight_is_429_until_the_next_minute(client):
    for _ in range(WEIGHT.most // 80):
        assert client.signed_raw("GET", "openOrders").status == 200
    answer = client.raw("GET", "ping")
    assert code_of(answer) == (429, -1003)
    assert answer.headers["Retry-After"] == str(SECONDS_LEFT)
    client.clock.time_ms += SECONDS_LEFT * 1_000
    assert client.raw("GET", "ping").status == 200


def _ask_until(client, status: int, at_most: int = 200):
    for _ in range(at_most):
        answer = client.raw("GET", "depth", "symbol=BTCUSDT&limit=5000")
        if answer.status == status:
            return answer
    raise AssertionError(f"never answered {status}")


@pytest.mark.plans_limits
def test_whoever_ignores_429_is_banned_and_longer_each_time(client):
    lengths = []
    for _ in range(len(BAN_LENGTHS_MS) + 1):
        answer = _ask_until(client, 418)
        assert orjson.loads(answer.body)["code"] == -1003
        now_ms, wait_s = client.clock.time_ms, int(answer.headers["Retry-After"])
        assert f"IP banned until {now_ms + wait_s * 1_000}." in orjson.loads(answer.body)["msg"]
        assert client.raw("GET", "ping").status == 418
        assert client.raw("GET", "ping", ip="2.2.2.2").status == 200
        client.clock.time_ms += wait_s * 1_000 - 1
        assert client.raw("GET", "ping").status == 418
        client.clock.time_ms += 1
        assert client.raw("GET", "ping").status == 200
        lengths.append(wait_s * 1_000)
    assert (lengths[0], lengths[-1]) == (2 * 60_000, 3 * 24 * 3_600_000)
    assert lengths == [*BAN_LENGTHS_MS, BAN_LENGTHS_MS[-1]]
    client.clock.time_ms += FORGIVEN_AFTER_MS
    assert int(_ask_until(client, 418).headers["Retry-After"]) == 120


@pytest.mark.plans_limits
def test_whoever_waits_after_429_is_never_banned(client):
    for _ in range(5):
        for _ in range(PATIENCE // 2):
            wait_s = int(_ask_until(client, 429).headers["Retry-After"])
        client.clock.time_ms += wait_s * 1_000
        assert client.raw("GET", "ping").status == 200


@pytest.mark.plans_limits
def test_unfilled_orders_are_counted_and_limited(client):
    filled = client.signed_raw("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.1")
    assert (filled.headers["X-MBX-ORDER-COUNT-10S"], filled.headers["X-MBX-ORDER-COUNT-1D"]) == ("0", "0")
    client.order(**LIMIT | {"price": "90.001"})
    params = LIMIT | {"quantity": "0.1"}
    for _ in range(ORDERS_SHORT.most):
        assert "code" not in client.order(**params)
    answer = client.signed_raw("POST", "order", symbol="BTCUSDT", side="BUY", **params)
    assert code_of(answer) == (429, -1015)
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
