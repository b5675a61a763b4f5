"""The WebSocket API of the simulated exchange, by an independent client over real sockets, against its REST answers."""

import asyncio
import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from documented_faces import REST, USER_DATA, WEBSOCKET_API, assert_documented
from socket_exchange import KEY, START_MS, D, ask, connect, receive, sign, socket_exchange
from websockets.exceptions import ConnectionClosed, InvalidStatus

from binance_trade_agent.binance.websocket_api.account_events import decode_account_event
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.simulation.rest.ip_bans import BAN_LENGTHS_MS
from binance_trade_agent.simulation.rest.key_verifiers import verifier_for
from binance_trade_agent.simulation.rest.rate_limits import ORDERS_SHORT, WEIGHT
from binance_trade_agent.simulation.websocket_api.requests import parse_request

GOLDEN = json.loads((Path(__file__).parent.parent / "golden_websocket_api.json").read_text())
LIMIT_BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "40000.00", "quantity": "0.01"}
WIDE = "\uff11\uff12\uff13\uff14\uff15\uff16"  # the document's symbol of full-width digits
MARKET_BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


def public_pem(key) -> str:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


class Trader:
    """A client with a key, written from web-socket-api.md."""

    def __init__(self, there, socket, key=KEY, sign_payload=sign) -> None:
        self.there = there
        self.socket = socket
        self.key = key
        self.sign_payload = sign_payload
        self.events = []
        self.requests = 0

    async def answer(self, request) -> dict:
        """The answer to `request`; events that come before it are kept."""
        await self.socket.send(request if isinstance(request, str) else json.dumps(request))
        while "event" in (message := await receive(self.socket)):
            self.events.append(message)
        return message

    async def call(self, method: str, **params) -> dict:
        self.requests += 1
        return await self.answer({"id": self.requests, "method": method, "params": params})

    def signed(self, **params) -> dict:
        params = {**params, "apiKey": self.key, "timestamp": self.there.clock.time_ms}
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
        return {**params, "signature": self.sign_payload(payload)}

    async def call_signed(self, method: str, **params) -> dict:
        return await self.call(method, **self.signed(**params))

    async def until(self, is_last) -> None:
        while not self.events or not is_last(self.events[-1]["event"]):
            message = await receive(self.socket)
            assert "event" in message
            self.events.append(message)

    def kinds(self) -> list[tuple]:
        return [
            (event["e"], event["x"], event["X"]) if event["e"] == "executionReport" else (event["e"],)
            for event in (message["event"] for message in self.events)
        ]


def trader(there, socket) -> Trader:
    return Trader(there, socket)


def ed25519_trader(there, socket, key="ed-key-of-the-tests") -> Trader:
    """A key of the same account that may log on."""
    private = ed25519.Ed25519PrivateKey.generate()
    there.exchange.keys.add(key, public_pem(private), 1)
    return Trader(there, socket, key, lambda payload: base64.b64encode(private.sign(payload.encode())).decode())


# --- requests and answers -----------------------------------------------------------------------------------------------------------


async def test_public_methods_answer_what_rest_answers():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        for method, path, params in (
            ("ping", "ping", {}),
            ("time", "time", {}),
            ("executionRules", "executionRules", {"symbols": '["BTCUSDT","ETHUSDT"]'}),
            ("referencePrice.calculation", "referencePrice/calculation", {"symbol": "BTCUSDT"}),
            ("depth", "depth", {"symbol": "BTCUSDT", "limit": 5}),
            ("klines", "klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 3}),
            ("ticker.price", "ticker/price", {"symbol": "BTCUSDT"}),
            ("ticker.book", "ticker/bookTicker", {}),
            ("v3/ticker.book", "ticker/bookTicker", {"symbol": "ETHUSDT"}),
        ):
            answer = await api.call(method, **params)
            assert (answer["status"], answer["result"]) == (200, there.get(path, **params)), method
        symbols = (await api.call("ticker.price", symbols=["ETHUSDT", "BTCUSDT"]))["result"]
        assert [row["symbol"] for row in symbols] == ["ETHUSDT", "BTCUSDT"]


async def test_exchange_information_differs_from_rest_in_one_limit():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        by_socket = (await trader(there, socket).call("exchangeInfo", permissions=["SPOT"], symbolStatus="TRADING"))["result"]
        by_rest = there.get("exchangeInfo")
        assert [limit["rateLimitType"] for limit in by_rest.pop("rateLimits")] == ["REQUEST_WEIGHT", "ORDERS", "ORDERS", "RAW_REQUESTS"]
        assert by_socket.pop("rateLimits")[3] == {"rateLimitType": "CONNECTIONS", "interval": "MINUTE", "intervalNum": 5, "limit": 300}
        assert by_socket == by_rest


async def test_account_methods_answer_what_rest_answers():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        there.market("BUY", "0.05")
        order = there.limit("BUY", "40000.00", "0.01")
        for method, path, params in (
            ("account.status", "account", {"omitZeroBalances": "true"}),
            ("account.commission", "account/commission", {"symbol": "BTCUSDT"}),
            ("account.rateLimits.orders", "rateLimit/order", {}),
            ("order.status", "order", {"symbol": "BTCUSDT", "orderId": order["orderId"]}),
            ("openOrders.status", "openOrders", {"symbol": "BTCUSDT"}),
            ("allOrders", "allOrders", {"symbol": "BTCUSDT"}),
            ("myTrades", "myTrades", {"symbol": "BTCUSDT"}),
        ):
            answer = await api.call_signed(method, **params)
            assert (answer["status"], answer["result"]) == (200, there.signed("GET", path, **params)), method
        assert (await api.call_signed("order.test", **LIMIT_BUY))["result"] == {}


async def test_orders_are_placed_and_cancelled():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        placed = (await api.call_signed("order.place", **LIMIT_BUY, newClientOrderId="mine"))["result"]
        assert there.signed("GET", "order", symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "NEW"
        canceled = (await api.call_signed("order.cancel", symbol="BTCUSDT", origClientOrderId="mine"))["result"]
        assert (canceled["orderId"], canceled["origClientOrderId"], canceled["status"]) == (placed["orderId"], "mine", "CANCELED")
        await api.call_signed("order.place", **LIMIT_BUY)
        await api.call_signed("order.place", **LIMIT_BUY)
        assert len((await api.call_signed("openOrders.cancelAll", symbol="BTCUSDT"))["result"]) == 2
        filled = (await api.call_signed("order.place", **MARKET_BUY))["result"]
        assert (filled["status"], len(there.exchange.trades(KEY))) == ("FILLED", len(filled["fills"]))


async def test_the_two_parts_of_a_cancel_replace_are_told_apart():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        replacing = {**LIMIT_BUY, "cancelReplaceMode": "ALLOW_FAILURE"}
        answer = await api.call_signed("order.cancelReplace", **replacing, cancelOrigClientOrderId="nobody")
        assert (answer["status"], answer["error"]["code"]) == (409, -2021)
        assert answer["error"]["data"]["cancelResponse"]["code"] == -2011
        order_id = answer["error"]["data"]["newOrderResponse"]["orderId"]
        answer = await api.call_signed("order.cancelReplace", **replacing, cancelOrderId=order_id)
        assert answer["status"] == 200
        assert list(answer["result"]) == list(WEBSOCKET_API["order.cancelReplace"][0])


@pytest.mark.parametrize("request_id", [1, -5, "a text", None, 2**63])
async def test_ids_come_back_as_they_went(request_id):
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        answer = await ask(socket, {"id": request_id, "method": "ping"})
        assert answer == {"id": request_id, "status": 200, "result": {}, "rateLimits": answer["rateLimits"]}


@pytest.mark.parametrize(
    ("request_", "request_id", "status", "code"),
    [
        ("no json", None, 400, -1135),
        ("[1]", None, 400, -1135),
        ('{"id":1,"method":"ping","params":{"a":NaN}}', None, 400, -1135),
        ({"method": "ping"}, None, 400, -1102),
        ({"id": 1.5, "method": "ping"}, None, 400, -1102),
        ({"id": 4}, 4, 400, -1102),
        ({"id": 4, "method": "ping", "params": [1]}, 4, 400, -1102),
        ({"id": 4, "method": "order.replace"}, 4, 400, -1020),
        ({"id": 4, "method": "ping", "params": {"a": 1}}, 4, 400, -1104),
        ({"id": 4, "method": "depth", "params": {"symbol": "NOPE"}}, 4, 400, -1121),
        ({"id": 4, "method": "depth", "params": {"symbol": None}}, 4, 400, -1102),
        ({"id": 4, "method": "account.status", "params": {"timestamp": START_MS}}, 4, 400, -1102),
        ({"id": 4, "method": "account.status", "params": {"timestamp": START_MS, "apiKey": "x", "signature": "a"}}, 4, 401, -2015),
        ({"id": 4, "method": "account.status", "params": {"timestamp": START_MS, "apiKey": KEY, "signature": "a"}}, 4, 400, -1022),
    ],
)
async def test_mistakes_are_answered_with_the_codes_of_rest(request_, request_id, status, code):
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        answer = await ask(socket, request_)
        assert (answer["id"], answer["status"], answer["error"]["code"]) == (request_id, status, code)
        assert answer["rateLimits"][-1]["rateLimitType"] == "REQUEST_WEIGHT"
        assert (await ask(socket, {"id": 5, "method": "ping"}))["status"] == 200


async def test_a_stale_request_and_a_signature_over_other_text_are_refused():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        params = api.signed(**MARKET_BUY)
        assert (await api.call("order.place", **{**params, "quantity": "0.02"}))["error"]["code"] == -1022
        there.clock.move(5_001)
        assert (await api.call("order.place", **params))["error"]["code"] == -1021
        assert there.exchange.orders(KEY) == []


# --- signatures -----------------------------------------------------------------------------------------------------


async def test_numbers_are_signed_as_they_were_written():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        payload = (
            f"apiKey={KEY}&price=40000.00&quantity=0.010&recvWindow=5000&side=BUY&symbol=BTCUSDT&timeInForce=GTC"
            f"&timestamp={START_MS}&type=LIMIT"
        )
        text = (
            f'{{"id":1,"method":"order.place","params":{{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","timeInForce":"GTC","price":40000.00,'
            f'"quantity":0.010,"recvWindow":5000,"timestamp":{START_MS},"apiKey":"{KEY}","signature":"{sign(payload).upper()}"}}}}'
        )
        assert (await api.answer(text))["result"]["origQty"] == "0.01000000"


@pytest.mark.parametrize(
    ("symbol", "side", "quantity", "price", "recv_window", "signature"),
    [
        ("BTCUSDT", "SELL", "0.01000000", "52000.00", 100, "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
        (WIDE, "BUY", "1.00000000", "0.10000000", 5000, "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"),
    ],
)
def test_the_signatures_of_the_document_are_valid(symbol, side, quantity, price, recv_window, signature):
    key, secret = (
        "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
        "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
    )
    params = {"symbol": symbol, "side": side, "type": "LIMIT", "timeInForce": "GTC", "quantity": quantity, "price": price}
    params |= {"recvWindow": recv_window, "timestamp": 1645423376532, "apiKey": key, "signature": signature}
    request = parse_request(json.dumps({"id": "x", "method": "order.place", "params": params}))
    assert verifier_for(secret).is_valid(request.payload.encode(), signature)
    assert not verifier_for(secret[:-1]).is_valid(request.payload.encode(), signature)


@pytest.mark.parametrize("kind", ["RSA", "Ed25519"])
async def test_asymmetric_keys_sign_for_both_faces(kind):
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        if kind == "RSA":
            private = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
            api = Trader(
                there,
                socket,
                "rsa-key",
                lambda payload: base64.b64encode(private.sign(payload.encode(), padding.PKCS1v15(), hashes.SHA256())).decode(),
            )
            there.exchange.keys.add("rsa-key", public_pem(private), 1)
        else:
            api = ed25519_trader(there, socket, "ed-key")
        assert (await api.call_signed("account.status"))["result"]["uid"] == 1
        wrong = api.signed()
        assert (await api.call("account.status", **{**wrong, "signature": wrong["signature"].swapcase()}))["error"]["code"] == -1022
        assert (await api.call("account.status", **{**wrong, "signature": "no base64!"}))["error"]["code"] == -1022
        query = f"timestamp={there.clock.time_ms}"
        signature = api.sign_payload(query).replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        answer = there.exchange.face.handle(
            "GET", "/api/v3/account", f"{query}&signature={signature}", b"", {"X-MBX-APIKEY": api.key}, "1.1.1.1"
        )
        assert json.loads(answer.body)["uid"] == 1


async def test_keys_that_nobody_could_use_are_refused_when_they_are_added():
    weak = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
    async with socket_exchange() as there:
        for pem in (public_pem(weak), "-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n"):
            with pytest.raises(ConfigurationError) as refused:
                there.exchange.open_account("some-key", pem, {})
            with pytest.raises(LookupError):
                there.exchange.balances("some-key")
            assert "nonsense" not in str(refused.value)


# --- limits -------------------------------------------------------------------------------------------------------------------------


async def test_weight_is_counted_with_that_of_rest_and_shown_unless_not_wanted():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)

        def weight_of(answer) -> int:
            (limit,) = [row for row in answer["rateLimits"] if row["rateLimitType"] == "REQUEST_WEIGHT"]
            assert (limit["interval"], limit["intervalNum"], limit["limit"]) == ("MINUTE", 1, WEIGHT.most)
            return limit["count"]

        assert weight_of(await api.call("ping")) == 2 + 1
        rest = there.exchange.face.handle("GET", "/api/v3/depth", "symbol=BTCUSDT", b"", {}, "127.0.0.1")
        assert rest.headers["X-MBX-USED-WEIGHT-1M"] == "8"
        assert weight_of(await api.call("time")) == 9
        placed = await api.call_signed("order.place", **LIMIT_BUY)
        assert weight_of(placed) == 9  # what succeeds costs nothing
        assert [(row["interval"], row["count"]) for row in placed["rateLimits"][:2]] == [("SECOND", 1), ("DAY", 1)]
        assert "rateLimits" not in await api.call("time", returnRateLimits=False)
        async with connect(f"{there.url}/ws-api/v3?returnRateLimits=false") as quiet:
            assert "rateLimits" not in await ask(quiet, {"id": 1, "method": "time"})
            assert "rateLimits" in await ask(quiet, {"id": 1, "method": "time", "params": {"returnRateLimits": True}})


@pytest.mark.plans_limits
async def test_too_much_is_answered_with_the_time_to_come_back():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        answer = await api.call("time")
        while answer["status"] == 200:
            answer = await api.call("depth", symbol="BTCUSDT", limit=5000)
        assert (answer["status"], answer["error"]["code"]) == (429, -1003)
        assert answer["error"]["data"] == {"serverTime": START_MS, "retryAfter": START_MS + 60_000}
        there.clock.move(60_000)
        assert (await api.call("time"))["status"] == 200


@pytest.mark.plans_limits
async def test_whoever_goes_on_asking_is_banned_and_disconnected():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        answer = await api.call("time")
        while answer["status"] != 418:
            answer = await api.call("depth", symbol="BTCUSDT", limit=5000)
        until_ms = START_MS + BAN_LENGTHS_MS[0]
        assert answer["error"]["code"] == -1003
        assert f"IP banned until {until_ms}." in answer["error"]["msg"]
        assert answer["error"]["data"] == {"serverTime": START_MS, "retryAfter": until_ms}
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{there.url}/ws-api/v3")
        assert refused.value.response.status_code == 418


@pytest.mark.plans_limits
async def test_too_many_orders_are_refused_with_both_counts():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        for _ in range(ORDERS_SHORT.most):
            there.limit("BUY", "40000.00", "0.001")
        answer = await api.call_signed("order.place", **LIMIT_BUY)
        assert (answer["status"], answer["error"]["code"]) == (429, -1015)
        assert [row["count"] for row in answer["rateLimits"][:2]] == [100, 100]


# --- sessions -----------------------------------------------------------------------------------------------------------------------


async def test_a_session_needs_no_more_signatures():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = ed25519_trader(there, socket)
        there.clock.move(10)
        logon = (await api.call_signed("session.logon"))["result"]
        expected = {
            "apiKey": api.key,
            "authorizedSince": START_MS + 10,
            "connectedSince": START_MS,
            "returnRateLimits": True,
            "serverTime": START_MS + 10,
            "userDataStream": False,
        }
        assert logon == (await api.call("session.status"))["result"] == expected
        now = there.clock.time_ms
        assert (await api.call("order.place", **LIMIT_BUY, timestamp=now))["status"] == 200
        assert (await api.call("order.place", **LIMIT_BUY))["error"]["code"] == -1102
        assert (await api.call("order.place", **LIMIT_BUY, timestamp=now - 5_001))["error"]["code"] == -1021
        assert (await trader(there, socket).call_signed("account.status"))["status"] == 200  # another key for one request
        out = (await api.call("session.logout"))["result"]
        assert (out["apiKey"], out["authorizedSince"]) == (None, None)
        assert (await api.call("account.status", timestamp=now))["error"]["code"] == -1102


async def test_only_ed25519_keys_log_on():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        answer = await trader(there, socket).call_signed("session.logon")
        assert (answer["status"], answer["error"]["code"]) == (401, -2015)


async def test_a_revoked_key_ends_the_session_with_the_next_request():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = ed25519_trader(there, socket)
        await api.call_signed("session.logon")
        there.exchange.keys.revoke(api.key)
        assert await api.call("account.status", timestamp=there.clock.time_ms) == {
            "id": None,
            "status": 401,
            "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
        }
        assert (await api.call("session.status"))["result"]["apiKey"] is None


# --- account events -----------------------------------------------------------------------------------------------------------------


async def test_subscriptions_are_counted_listed_and_ended():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = ed25519_trader(there, socket)
        there.exchange.open_account("other-key", "other-secret", {"USDT": D(5)})
        other = Trader(there, socket, "other-key", lambda payload: sign(payload, "other-secret"))
        assert (await api.call("userDataStream.subscribe"))["error"]["code"] == -2015
        await api.call_signed("session.logon")
        assert (await api.call("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
        assert (await api.call_signed("userDataStream.subscribe.signature"))["error"]["code"] == -2035
        assert (await other.call_signed("userDataStream.subscribe.signature"))["result"] == {"subscriptionId": 1}
        assert (await api.call("session.subscriptions"))["result"] == [{"subscriptionId": 0}, {"subscriptionId": 1}]
        assert (await api.call("session.status"))["result"]["userDataStream"] is True
        assert (await api.call("userDataStream.unsubscribe", subscriptionId=7))["error"]["code"] == -2036
        await api.call("session.logout")
        ended = {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": START_MS}}
        assert await receive(socket) == ended
        there.exchange.deposit("other-key", "USDT", D(1))
        assert [(await receive(socket))["event"]["e"] for _ in range(2)] == ["balanceUpdate", "outboundAccountPosition"]
        assert (await api.call("userDataStream.unsubscribe"))["result"] == {}
        assert await receive(socket) == {**ended, "subscriptionId": 1}
        assert (await api.call("session.subscriptions"))["result"] == []
        there.market("BUY", "0.01")
        there.exchange.deposit("other-key", "USDT", D(1))
        assert (await api.call("ping"))["status"] == 200
        assert api.events == []


async def test_every_way_an_order_can_go_is_told_in_order():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        await api.call_signed("userDataStream.subscribe.signature")

        async def told(step) -> list[tuple]:
            api.events.clear()
            step()
            await api.call("ping")
            return api.kinds()

        new, position = ("executionReport", "NEW", "NEW"), ("outboundAccountPosition",)
        best = there.get("ticker/bookTicker", symbol="BTCUSDT")
        assert await told(lambda: there.limit("BUY", "40000.00", "0.01", newClientOrderId="resting")) == [new, position]
        cancel = {"symbol": "BTCUSDT", "origClientOrderId": "resting", "newClientOrderId": "the-cancel"}
        assert await told(lambda: there.signed("DELETE", "order", **cancel)) == [("executionReport", "CANCELED", "CANCELED"), position]
        event = api.events[0]["event"]
        assert (event["c"], event["C"], event["w"]) == ("the-cancel", "resting", False)
        kinds = await told(lambda: there.market("BUY", "0.2"))
        assert kinds[0] == new
        assert set(kinds[1:-2]) == {("executionReport", "TRADE", "PARTIALLY_FILLED")}
        assert kinds[-2:] == [("executionReport", "TRADE", "FILLED"), position]
        assert await told(lambda: there.limit("BUY", "40000.00", "0.01", timeInForce="FOK")) == [
            new,
            ("executionReport", "EXPIRED", "EXPIRED"),
        ]
        assert api.events[1]["event"]["eR"] == "UNFILLED_FOK_ORDER_EXPIRED"
        kinds = await told(lambda: there.limit("BUY", D(best["askPrice"]) * D("1.001") // D("0.01") * D("0.01"), "5", timeInForce="IOC"))
        assert [kinds[0], kinds[-2], kinds[-1]] == [new, ("executionReport", "EXPIRED", "EXPIRED"), position]
        assert await told(lambda: there.limit("SELL", "1", "0.001", type="LIMIT_MAKER", timeInForce="")) == []  # refused: nothing happened
        there.limit("SELL", "50000", "0.5", timeInForce="IOC")
        kinds = await told(lambda: there.exchange.deposit(KEY, "BTC", D("-0.5")))
        assert kinds[-2:] == [("balanceUpdate",), position]
        assert api.events[-2]["event"]["d"] == "-0.50000000"


async def test_a_prevented_match_is_told_with_its_fields():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        best = there.get("ticker/bookTicker", symbol="BTCUSDT")
        inside = D(best["bidPrice"]) + 1
        resting = there.limit("BUY", inside, "0.03")
        await api.call_signed("userDataStream.subscribe.signature")
        taker = there.market("SELL", "0.01")
        await api.until(lambda event: event["e"] == "outboundAccountPosition")
        assert api.kinds()[:2] == [("executionReport", "NEW", "NEW"), ("executionReport", "TRADE_PREVENTION", "EXPIRED_IN_MATCH")]
        event = api.events[1]["event"]
        shown = there.signed("GET", "order", symbol="BTCUSDT", orderId=resting["orderId"])
        assert (event["i"], event["U"], event["v"]) == (resting["orderId"], taker["orderId"], shown["preventedMatchId"])
        assert (event["A"], event["B"], event["Cs"]) == (shown["preventedQuantity"], "0.03000000", "BTCUSDT")


async def test_a_resting_order_is_filled_by_the_market_and_told_without_being_asked():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        await api.call_signed("userDataStream.subscribe.signature")
        best = there.get("ticker/bookTicker", symbol="BTCUSDT")
        placed = there.limit("BUY", best["bidPrice"], "0.001")
        await api.until(lambda event: event["e"] == "outboundAccountPosition")
        api.events.clear()
        for _ in range(60):  # an hour, in which the market comes by
            there.clock.move(60_000)
            await asyncio.sleep(0.11)
            if there.exchange._engine.resting_symbols() == ():  # looking by REST would fill it
                break
        await api.until(lambda event: event["e"] == "outboundAccountPosition")
        assert api.kinds() == [("executionReport", "TRADE", "FILLED"), ("outboundAccountPosition",)]
        event = api.events[0]["event"]
        (trade,) = there.signed("GET", "myTrades", symbol="BTCUSDT", orderId=placed["orderId"])
        assert (event["T"], event["t"], event["m"], event["L"]) == (trade["time"], trade["id"], True, trade["price"])
        assert event["E"] >= event["T"]


async def test_what_is_told_adds_up_to_what_rest_shows():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        await api.call_signed("userDataStream.subscribe.signature")
        held = {row["asset"]: (row["free"], row["locked"]) for row in there.signed("GET", "account", omitZeroBalances="true")["balances"]}
        for turn in range(25):
            best = there.get("ticker/bookTicker", symbol="BTCUSDT")
            there.limit("BUY", best["askPrice"] if turn % 4 else best["bidPrice"], "0.06")
            there.limit("SELL", D(best["askPrice"]) + 5, "0.02")
            await api.call_signed("order.place", **MARKET_BUY)
            if turn % 5 == 0:
                await api.call_signed("openOrders.cancelAll", symbol="BTCUSDT")
            there.clock.move(4_000)
        await api.call("ping")
        orders, trades = {}, []
        for event in (message["event"] for message in api.events):
            if event["e"] == "outboundAccountPosition":
                held.update({row["a"]: (row["f"], row["l"]) for row in event["B"]})
            else:
                orders[event["i"]] = (event["X"], event["z"], event["Z"], event["q"], event["T"])
                if event["x"] == "TRADE":
                    trades.append((event["t"], event["i"], event["L"], event["l"], event["n"], event["N"], event["m"], event["T"]))
        executions = [message["event"]["I"] for message in api.events if message["event"]["e"] == "executionReport"]
        assert executions == sorted(set(executions))
        rows = there.signed("GET", "account", omitZeroBalances="true")["balances"]
        assert held == {row["asset"]: (row["free"], row["locked"]) for row in rows}
        shown = there.signed("GET", "allOrders", symbol="BTCUSDT", limit=1000)
        assert orders == {
            row["orderId"]: (row["status"], row["executedQty"], row["cummulativeQuoteQty"], row["origQty"], row["updateTime"])
            for row in shown
        }
        rows = there.signed("GET", "myTrades", symbol="BTCUSDT", limit=1000)
        names = ("id", "orderId", "price", "qty", "commission", "commissionAsset", "isMaker", "time")
        assert sorted(trades) == [tuple(row[name] for name in names) for row in rows]
        assert len(trades) > 50


async def test_events_have_exactly_the_documented_fields():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        await api.call_signed("userDataStream.subscribe.signature")
        there.exchange.deposit(KEY, "BTC", D(1))
        there.market("BUY", "0.01")
        await api.call("userDataStream.unsubscribe")
        api.events.append(await receive(socket))
        for message in api.events:
            kind = message["event"]["e"]
            documented = GOLDEN["events"][kind]
            assert set(message) == set(documented)
            assert set(message["event"]) == set(documented["event"]) - {"v"}, kind  # v appears only for a prevented match
            assert decode_account_event(json.dumps(message["event"]).encode()) is not None
        assert {message["event"]["e"] for message in api.events} == {
            "balanceUpdate",
            "executionReport",
            "outboundAccountPosition",
            "eventStreamTerminated",
        }


async def test_a_routed_order_is_answered_with_an_array_and_told_as_routed():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        await api.call_signed("userDataStream.subscribe.signature")
        (placed,) = (await api.call_signed("sor.order.place", **MARKET_BUY))["result"]
        assert (placed["workingFloor"], placed["usedSor"]) == ("EXCHANGE", True)
        assert {(event["k"], event["uS"]) for event in (message["event"] for message in api.events) if "x" in event} == {("EXCHANGE", True)}
        assert (await api.call_signed("sor.order.test", **MARKET_BUY))["result"] == {}


async def test_order_lists_are_placed_shown_and_told():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        api = trader(there, socket)
        await api.call_signed("userDataStream.subscribe.signature")
        stop = {"aboveType": "STOP_LOSS_LIMIT", "aboveStopPrice": "150000", "abovePrice": "150000", "aboveTimeInForce": "GTC"}
        placed = await api.call_signed(
            "orderList.place.oco", symbol="BTCUSDT", side="BUY", quantity="0.01", belowType="LIMIT_MAKER", belowPrice="40000", **stop
        )
        assert placed["status"] == 200, placed
        assert_documented(placed["result"], WEBSOCKET_API["orderList.place.oco"])
        list_id = placed["result"]["orderListId"]
        for method, params in (("orderList.status", {"orderListId": list_id}), ("openOrderLists.status", {}), ("allOrderLists", {})):
            answer = await api.call_signed(method, **params)
            assert_documented(answer["result"], WEBSOCKET_API[method])
        canceled = await api.call_signed("orderList.cancel", symbol="BTCUSDT", orderListId=list_id)
        assert_documented(canceled["result"], REST["DELETE /api/v3/orderList"])
        assert api.kinds() == [
            ("executionReport", "NEW", "NEW"),
            ("executionReport", "NEW", "NEW"),
            ("listStatus",),
            ("outboundAccountPosition",),
            ("executionReport", "CANCELED", "CANCELED"),
            ("executionReport", "CANCELED", "CANCELED"),
            ("listStatus",),
            ("outboundAccountPosition",),
        ]
        told = [message["event"] for message in api.events if message["event"]["e"] == "listStatus"]
        assert [(event["l"], event["L"]) for event in told] == [("EXEC_STARTED", "EXECUTING"), ("ALL_DONE", "ALL_DONE")]
        for event in told:
            assert_documented(event, [USER_DATA["listStatus"]])
            assert decode_account_event(json.dumps(event).encode()) is not None


async def test_two_connections_hear_the_same():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as one, connect(f"{there.url}/ws-api/v3") as other:
        for socket in (one, other):
            await trader(there, socket).call_signed("userDataStream.subscribe.signature")
        there.market("BUY", "0.01")
        for _ in range(3):
            assert await receive(one) == await receive(other)


async def test_the_end_of_the_server_is_announced():
    async with socket_exchange() as there, connect(f"{there.url}/ws-api/v3") as socket:
        there.server.sockets.announce_shutdown()
        assert await receive(socket) == {"event": {"e": "serverShutdown", "E": START_MS}}
        assert (await ask(socket, {"id": 1, "method": "ping"}))["status"] == 200


async def test_latency_holds_answers_back_and_keeps_their_order():
    async with socket_exchange(latency_ms=100) as there, connect(f"{there.url}/ws-api/v3") as socket:
        began_s = asyncio.get_running_loop().time()
        for number in range(5):
            await socket.send(json.dumps({"id": number, "method": "ping"}))
        assert [(await receive(socket))["id"] for _ in range(5)] == [0, 1, 2, 3, 4]
        assert asyncio.get_running_loop().time() - began_s >= 0.1
