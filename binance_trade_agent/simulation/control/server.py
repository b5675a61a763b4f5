"""ControlServer: the exchange's control address, on loopback only and on a port of its own, so that no client of the exchange meets it.

Bodies and answers are JSON; an error is `{"error": "..."}`, which names the field and what would be right. The addresses stand in
docs/exchange.md, "Faults and control".
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from aiohttp import web

from binance_trade_agent.domain.errors import AgentError, ServiceError
from binance_trade_agent.simulation.control.requests import ConnectionsRequest
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.incident import Incident
from binance_trade_agent.simulation.faults.plan import Fault

if TYPE_CHECKING:
    from binance_trade_agent.simulation.sockets.doors import SocketDoors

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
MOST_BODY_BYTES = 16 * 1024
SHUTDOWN_TIMEOUT_S = 1.0

_BAD_REQUEST, _FORBIDDEN, _NOT_FOUND = 400, 403, 404

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControlServer:
    """Answers whoever may open connections on this machine; `doors` are the WebSocket side of the exchange's server."""

    def __init__(self, exchange: SimulatedExchange, doors: "SocketDoors") -> None:
        self._exchange = exchange
        self._doors = doors
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def open(self, port: int) -> None:
        """Listen; `port` 0 takes any free one. Raises ServiceError when it cannot be listened on."""
        application = web.Application(client_max_size=MOST_BODY_BYTES, middlewares=[_guarded])
        application.add_routes(
            [
                web.get("/", self._status),
                web.get("/faults", self._faults),
                web.post("/faults", self._add_fault),
                web.delete("/faults", self._clear_faults),
                web.delete("/faults/{number:[0-9]+}", self._lift_fault),
                web.get("/incidents", self._incidents),
                web.post("/incidents", self._add_incident),
                web.delete("/incidents", self._clear_incidents),
                web.delete("/incidents/{number:[0-9]+}", self._lift_incident),
                web.get("/history", self._history),
                web.post("/connections", self._touch_connections),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, LOOPBACK, port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ServiceError(f"the control address cannot listen on {LOOPBACK}:{port}: {error.strerror}") from error
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _status(self, _request: web.Request) -> web.Response:
        exchange = self._exchange
        return _json(
            {
                "time_ms": exchange.present_ms(),
                "clock_skew_ms": exchange.clock.skew_ms,
                "accounts": exchange.account_ids(),
                "connections": self._doors.connections,
                "struck": exchange.faults.struck,
                "happened": exchange.incidents.struck,
            }
        )

    async def _faults(self, _request: web.Request) -> web.Response:
        plan = self._exchange.faults
        waiting = [{"number": entry.number, "left": entry.left, "fault": entry.fault} for entry in plan.waiting]
        return _json({"waiting": waiting, "struck": plan.struck})

    async def _add_fault(self, request: web.Request) -> web.Response:
        return _json({"number": self._exchange.faults.append(await _read(request, Fault))})

    async def _clear_faults(self, _request: web.Request) -> web.Response:
        self._exchange.faults.clear()
        return _json({})

    async def _lift_fault(self, request: web.Request) -> web.Response:
        return _json({"fault": self._exchange.faults.lift(int(request.match_info["number"]))})

    async def _incidents(self, _request: web.Request) -> web.Response:
        incidents = self._exchange.incidents
        waiting = [{"number": number, "incident": incident} for number, incident in incidents.repeated.items()]
        return _json({"waiting": waiting, "happened": incidents.struck})

    async def _add_incident(self, request: web.Request) -> web.Response:
        return _json({"number": self._exchange.let_happen(await _read(request, Incident))})

    async def _clear_incidents(self, _request: web.Request) -> web.Response:
        self._exchange.incidents.clear()
        return _json({})

    async def _lift_incident(self, request: web.Request) -> web.Response:
        self._exchange.incidents.lift(int(request.match_info["number"]))
        return _json({})

    async def _history(self, _request: web.Request) -> web.Response:
        return web.Response(body=b"".join(self._exchange.history()), content_type="application/x-ndjson")

    async def _touch_connections(self, request: web.Request) -> web.Response:
        wanted = await _read(request, ConnectionsRequest)
        before = self._exchange.faults.struck.total()
        wanted.carry_out(self._doors)
        return _json({"struck": self._exchange.faults.struck.total() - before})


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No page in a browser may give orders here, whatever name it has for this address; and what goes wrong is told in one sentence."""
    if "Origin" in request.headers or (request.url.host or "") not in {LOOPBACK, "localhost"}:
        return _refusal(_FORBIDDEN, f"the control address is for programs of this machine: http://{LOOPBACK}")
    try:
        return await handler(request)
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
        return _refusal(_BAD_REQUEST, str(error))
    except LookupError as error:
        return _refusal(_NOT_FOUND, str(error.args[0]) if error.args else "there is no such thing")
    except AgentError as error:
        return _refusal(_BAD_REQUEST, str(error))
    except web.HTTPException as error:
        return _refusal(error.status, error.reason)


async def _read(request: web.Request, kind: type[T]) -> T:
    return msgspec.json.decode(await request.read(), type=kind)


def _json(content: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(content), content_type="application/json")


def _refusal(status: int, why: str) -> web.Response:
    return _json({"error": why}, status)
