"""Which sockets belong to which REST server: prices and orders of one exchange must never meet another's.

Sources: web-socket-streams.md, "General WSS information"; web-socket-api.md, "General API Information"; demo-mode/general-info.md;
testnet/general-info.md; faqs/market_data_only.md.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

_NUMBERED = frozenset(f"api{number}.binance.com" for number in range(1, 5))
_API_PATH = "/ws-api/v3"


@dataclass(frozen=True, slots=True)
class _Server:
    """REST servers of one exchange, where its streams are (the first address is taken), and its WebSocket API; empty for none."""

    rest_hosts: frozenset[str]
    streams: tuple[str, ...]
    websocket_api: str = ""


_SERVERS = (
    _Server(
        frozenset({"api.binance.com", "api-gcp.binance.com"}) | _NUMBERED,
        ("wss://stream.binance.com:9443", "wss://data-stream.binance.vision"),
        f"wss://ws-api.binance.com:443{_API_PATH}",
    ),
    _Server(frozenset({"data-api.binance.vision"}), ("wss://data-stream.binance.vision", "wss://stream.binance.com:9443")),
    _Server(
        frozenset({"testnet.binance.vision"}),
        ("wss://stream.testnet.binance.vision",),
        f"wss://ws-api.testnet.binance.vision{_API_PATH}",
    ),
    _Server(frozenset({"demo-api.binance.com"}), ("wss://demo-stream.binance.com:9443",), f"wss://demo-ws-api.binance.com{_API_PATH}"),
)
_BINANCE_DOMAINS = (".binance.com", ".binance.vision")


def stream_url_for(base_url: str) -> str:
    """The market streams of a REST server, without a path; empty for a server of Binance that is not known.

    Any other server is taken to have its streams on the same port, as the simulated exchange does.
    """
    known = _known(base_url)
    return _same_server(base_url) if known is None else known.streams[0]


def websocket_api_url_for(base_url: str) -> str:
    """The WebSocket API of a REST server; empty for a server of Binance that is not known, and for one that has none.

    Any other server is taken to have it on the same port, as the simulated exchange does.
    """
    known = _known(base_url)
    if known is not None:
        return known.websocket_api
    server = _same_server(base_url)
    return f"{server}{_API_PATH}" if server else ""


def is_other_exchange(base_url: str, url: str) -> bool:
    """Whether `url`, of streams or a WebSocket API, is a server of Binance that does not belong to the exchange of `base_url`."""
    host, known = _host(url), _known(base_url)
    hosts = {_host(belonging) for belonging in (*known.streams, known.websocket_api)} if known is not None else set()
    return _is_binance(host) and host not in hosts


def _same_server(base_url: str) -> str:
    server = urlsplit(base_url)
    if _is_binance(_host(base_url)):
        return ""
    return f"{'wss' if server.scheme == 'https' else 'ws'}://{server.netloc}"


def _known(base_url: str) -> _Server | None:
    return next((server for server in _SERVERS if _host(base_url) in server.rest_hosts), None)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _is_binance(host: str) -> bool:
    return f".{host}".endswith(_BINANCE_DOMAINS)
