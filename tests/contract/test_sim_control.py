"""The control address: what it takes, what it refuses, and that faults put in there strike at the exchange's own address."""

from contextlib import asynccontextmanager

import aiohttp
import pytest
from socket_exchange import START_MS, connect, receive, socket_exchange

from binance_trade_agent.domain.errors import ServiceError
from binance_trade_agent.simulation.control.server import ControlServer
from binance_trade_agent.simulation.faults.delay import Delay, DelayShape
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault


@asynccontextmanager
async def controlled():
    async with socket_exchange() as there:
        control = ControlServer(there.exchange, there.server.sockets)
        await control.open(0)
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{control.port}") as session:

                async def ask(method: str, path: str, body=None, status: int = 200, **options):
                    async with session.request(method, path, json=body, **options) as answer:
                        assert answer.status == status, await answer.text()
                        return await answer.json()

                yield there, ask
        finally:
            await control.close()


async def test_a_fault_is_put_in_strikes_is_counted_and_is_lifted():
    async with controlled() as (there, ask), aiohttp.ClientSession() as client:
        delay = {"typical_ms": 20, "shape": "lognormal", "spread": 1.0}
        assert await ask("POST", "/faults", {"kind": "latency", "times": None, "delay": delay}) == {"number": 1}
        assert await ask("POST", "/faults", {"kind": "overloaded", "target": "GET /api/v3/ping", "times": 2}) == {"number": 2}
        ping = f"http://127.0.0.1:{there.server.port}/api/v3/ping"
        async with client.get(ping) as answer:
            assert (answer.status, (await answer.json())["code"]) == (503, -1008)
        seen = await ask("GET", "/faults")
        assert seen["struck"] == {"latency": 1, "overloaded": 1}
        assert [(entry["number"], entry["left"], entry["fault"]["kind"]) for entry in seen["waiting"]] == [
            (1, None, "latency"),
            (2, 1, "overloaded"),
        ]
        assert there.exchange.faults.waiting[0].fault == Fault(FaultKind.LATENCY, times=None, delay=Delay(20, DelayShape.LOGNORMAL, 1.0))
        assert (await ask("DELETE", "/faults/2"))["fault"]["target"] == "GET /api/v3/ping"
        assert await ask("DELETE", "/faults") == {}
        async with client.get(ping) as answer:
            assert answer.status == 200
        assert await ask("DELETE", "/faults/2", status=404) == {"error": "no fault 2 waits"}


async def test_incidents_happen_at_once_or_again_and_again():
    async with controlled() as (there, ask):
        halt = {"kind": "symbol_status", "target": "BTCUSDT", "value": "HALT"}
        assert await ask("POST", "/incidents", halt) == {"number": None}
        assert there.market("BUY", "0.1")["code"] == -1013
        assert (await ask("POST", "/incidents", {"kind": "shift_clock", "every_ms": 60_000}))["number"] == 1
        assert await ask("GET", "/incidents") == {
            "waiting": [
                {"number": 1, "incident": {"kind": "shift_clock", "target": None, "value": None, "every_ms": 60_000, "lasts_ms": 0}}
            ],
            "happened": {"symbol_status": 1},
        }
        assert await ask("DELETE", "/incidents/1") == {}
        assert await ask("DELETE", "/incidents/1", status=404) == {"error": "no incident 1 is to happen"}
        assert await ask("DELETE", "/incidents") == {}


async def test_the_state_is_told():
    async with controlled() as (there, ask):
        assert await ask("GET", "/") == {
            "time_ms": START_MS,
            "clock_skew_ms": 0,
            "accounts": [1],
            "connections": 0,
            "struck": {},
            "happened": {},
        }
        assert there.exchange.account_ids() == [1]


async def test_connections_are_touched_by_path():
    async with controlled() as (there, ask), connect(f"{there.url}/ws") as socket:
        await socket.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        await receive(socket)
        assert await ask("POST", "/connections", {"action": "cut", "path": "/stream"}) == {"struck": 0}
        assert await ask("POST", "/connections", {"action": "garbage", "garbage": "not_an_object", "path": "/ws"}) == {"struck": 1}
        assert await receive(socket) == []
        assert await ask("POST", "/connections", {"action": "shutdown"}) == {"struck": 0}
        assert (await receive(socket))["e"] == "serverShutdown"


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("/faults", {"kind": "bad_mood"}, "bad_mood"),
        ("/faults", {"kind": "lose_answer", "chances": 1}, "chances"),
        ("/faults", {"kind": "lose_answer", "chance": 2}, "the chance of a fault"),
        ("/faults", {"kind": "lose_answer", "delay": {"typical_ms": -1}}, "a delay is"),
        ("/faults", {}, "kind"),
        ("/incidents", {"kind": "foreign_cancel"}, "account 1 has no open order"),
        ("/incidents", {"kind": "symbol_status", "target": "NOSUCH"}, "Invalid symbol."),
        ("/connections", {"action": "garbage", "garbage": "pearls"}, "garbage is one of broken_frame"),
        ("/connections", {"action": "love"}, "love"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_name_of_what_is_wrong(path, body, error):
    async with controlled() as (there, ask):
        assert error in (await ask("POST", path, body, status=400))["error"]
        assert len(there.exchange.faults) == 0


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.invalid"}, {"Host": "evil.invalid"}])
async def test_pages_of_a_browser_give_no_orders(headers):
    async with controlled() as (there, ask):
        assert "programs of this machine" in (await ask("POST", "/faults", {"kind": "latency"}, status=403, headers=headers))["error"]
        assert len(there.exchange.faults) == 0


async def test_a_port_that_is_taken_is_named():
    async with socket_exchange() as there:
        control = ControlServer(there.exchange, there.server.sockets)
        with pytest.raises(ServiceError, match=str(there.server.port)):
            await control.open(there.server.port)


async def test_unknown_addresses_and_methods_are_told_as_json():
    async with controlled() as (_, ask):
        assert await ask("GET", "/nowhere", status=404) == {"error": "Not Found"}
        assert await ask("PUT", "/faults", {}, status=405) == {"error": "Method Not Allowed"}
