"""Route: where requests go, and the header lines that all of them carry, checked and encoded once."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from binance_trade_agent.binance.http.request import HeaderLines, encode_headers
from binance_trade_agent.domain.errors import ConfigurationError

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Where a connection leads: `scheme` is http or https."""

    scheme: str
    host: str
    port: int


class Route:
    """A base address and the headers of every request to it. Its repr shows no header, because one of them holds the API key.

    Raises ConfigurationError for an address that cannot be used, NotSentError or UnicodeEncodeError for a header that HTTP does not allow.
    """

    __slots__ = ("base_path", "headers", "lines", "origin")

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self.origin, host, self.base_path = _parts(base_url)
        self.headers: Mapping[str, str] = MappingProxyType({name.lower(): value for name, value in headers.items()})
        raw = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
        self.lines: HeaderLines = encode_headers(host.encode("ascii"), raw)

    def __repr__(self) -> str:
        return f"Route({self.origin.scheme}://{self.origin.host}:{self.origin.port}{self.base_path})"


def _parts(base_url: str) -> tuple[Origin, str, str]:
    """Origin, value of the Host header, and path without a slash at its end."""
    try:
        url = urlsplit(base_url)
        port = url.port
    except ValueError:
        url, port = urlsplit(""), None
    default_port = DEFAULT_PORTS.get(url.scheme)
    host = url.hostname or ""
    if default_port is None or not host or not host.isascii() or url.username is not None or url.query or url.fragment:
        raise ConfigurationError(f"base_url is {base_url[:80]!r}; it must be http(s)://host, with a port and a path where needed")
    name = f"[{host}]" if ":" in host else host
    netloc = name if port in {None, default_port} else f"{name}:{port}"
    return Origin(url.scheme, host, port or default_port), netloc, url.path.rstrip("/")
