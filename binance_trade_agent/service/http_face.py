"""The HTTP face: health, readiness, metrics, status and its changes, the status page and control, on loopback unless told otherwise."""

import errno
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.service.control import Control
from binance_trade_agent.service.equity_answer import EquityAnswer
from binance_trade_agent.service.json_answer import json_answer, refusal
from binance_trade_agent.service.known_names import KnownNames
from binance_trade_agent.service.live_status import LiveStatus
from binance_trade_agent.service.status_page import StatusPage
from binance_trade_agent.service.status_report import report_status
from binance_trade_agent.service.stop_stages import FACE_CLOSE_S
from binance_trade_agent.service.vitals import Report
from binance_trade_agent.telemetry.metrics import CONTENT_TYPE

MAX_BODY_BYTES = 4_096
BACKLOG = 64
IDLE_TIMEOUT_S = 30.0
"""How long a connection may stay open without a request."""
IDLE_TIMEOUT_VIRTUAL_S = 1e9
"""The same where the loop's time is virtual and races ahead while a real client is still writing its request."""

_COMMON_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the answers come from; `control` is None when no token is configured, and then nothing can be changed over HTTP.

    `names` are those under which it answers beside localhost and addresses. `is_live` tells that the loop's time is real: in time that
    jumps, nothing could be told at a steady pace.
    """

    health: Callable[[], Report]
    readiness: Callable[[], Report]
    status: Callable[[], Mapping[str, object]]
    metrics: Callable[[], bytes]
    control: Control | None
    equity: EquityAnswer | None = None
    is_live: bool = True
    names: tuple[str, ...] = ()


class HttpFace:
    """A small HTTP server; entering binds the port, leaving closes every connection."""

    def __init__(self, host: str, port: int, sources: Sources, idle_timeout_s: float = IDLE_TIMEOUT_S) -> None:
        """`port` 0 takes any free one; `address` tells which."""
        self._host = host
        self._port = port
        self._sources = sources
        self._page = StatusPage()
        self._live = LiveStatus(sources.status)
        self._runner = web.AppRunner(self._application(), access_log=None, keepalive_timeout=idle_timeout_s, shutdown_timeout=FACE_CLOSE_S)
        self.address = ""

    async def __aenter__(self) -> Self:
        """Raises ConfigurationError naming HTTP_HOST or HTTP_PORT when they cannot be listened on."""
        listener = _listen(self._host, self._port)
        try:
            await self._runner.setup()
            await web.SockSite(self._runner, listener, backlog=BACKLOG).start()
        except BaseException:
            listener.close()
            raise
        self.address = f"http://{self._host}:{listener.getsockname()[1]}/"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(
            client_max_size=MAX_BODY_BYTES, middlewares=[KnownNames((self._host, *self._sources.names)).middleware()]
        )
        application.on_response_prepare.append(_add_common_headers)
        application.on_shutdown.append(self._let_listeners_go)
        application.add_routes(
            [
                web.get("/healthz", self._health),
                web.get("/readyz", self._readiness),
                web.get("/metrics", self._metrics),
                web.get("/status", self._status),
                web.get("/events", self._live.answer if self._sources.is_live else _nothing_is_live),
                web.get("/equity", _no_equity if self._sources.equity is None else self._sources.equity.answer),
                web.get("/", self._status_page),
                web.post("/control/{action}", self._control()),
            ]
        )
        return application

    async def _health(self, _request: web.Request) -> web.Response:
        return _report_answer(self._sources.health())

    async def _readiness(self, _request: web.Request) -> web.Response:
        return _report_answer(self._sources.readiness())

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._sources.metrics(), headers={"Content-Type": CONTENT_TYPE})

    async def _status(self, _request: web.Request) -> web.Response:
        return json_answer(self._sources.status())

    async def _let_listeners_go(self, _application: web.Application) -> None:
        self._live.close()

    async def _status_page(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._page.html, content_type="text/html", headers={"Content-Security-Policy": self._page.policy})

    def _control(self) -> Callable[[web.Request], Awaitable[web.Response]]:
        return _control_is_off if self._sources.control is None else self._sources.control.answer


async def _control_is_off(_request: web.Request) -> web.Response:
    return refusal(404, "control is off: no control token is configured")


async def _nothing_is_live(_request: web.Request) -> web.Response:
    """204 is what tells an EventSource to ask no more."""
    return web.Response(status=204)


async def _no_equity(_request: web.Request) -> web.Response:
    return refusal(404, "no equity is recorded here")


def _report_answer(report: Report) -> web.Response:
    return json_answer(report_status(report), 200 if report.ok else 503)


async def _add_common_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_COMMON_HEADERS)


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket. Resolved and bound here, because the loop would resolve names in a thread, which virtual time cannot wait for."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise ConfigurationError(f"HTTP_HOST={host} is not known ({error.strerror}); allowed is an address of this machine") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Listening already here shows a port that another program has bound with SO_REUSEADDR too.
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from error
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return ConfigurationError(f"HTTP_PORT={port} is already in use on {host}; end the other program or choose another port")
    if error.errno == errno.EADDRNOTAVAIL:
        return ConfigurationError(f"HTTP_HOST={host} is no address of this machine; allowed is 127.0.0.1, or 0.0.0.0 in a container")
    return ConfigurationError(f"HTTP_PORT={port} on HTTP_HOST={host} cannot be listened on ({error.strerror})")
