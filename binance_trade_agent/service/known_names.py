"""KnownNames: under which names the HTTP face answers, so that no page of elsewhere reads it through a name that points to this machine.

A browser that was sent to a page of an attacker's name asks that name again, and by then its DNS may say 127.0.0.1 ("DNS rebinding").
The `Host` header still has the attacker's name. An address in place of a name cannot be pointed elsewhere, so addresses are taken.
Source: RFC 9110, sections 7.2 (Host) and 15.5.20 (421).
"""

from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from binance_trade_agent.service.json_answer import refusal

_OWN_NAME = "localhost"
_SHOWN_CHARS = 100


class KnownNames:
    """Names that are ours: localhost, all addresses, and `names`."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset({_OWN_NAME, *(name.lower() for name in names)})

    def takes(self, host: str | None) -> bool:
        """Whether a request with this `Host` header is meant for us; one without it comes from no browser."""
        if host is None:
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or name.endswith(f".{_OWN_NAME}") or _is_address(name)

    def middleware(self) -> Middleware:
        """Refuses with 421 what is meant for another name, before anything looks at the request."""

        @web.middleware
        async def check(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.StreamResponse:
            host = request.headers.get("Host")
            if self.takes(host):
                return await handler(request)
            shown = ascii((host or "")[:_SHOWN_CHARS])
            return refusal(421, f"{shown} is no name of this daemon; ask by address or localhost, or add the name to HTTP_NAMES")

        return check


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
