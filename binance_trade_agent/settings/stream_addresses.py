"""Which market streams belong to which REST server: prices of one exchange must never decide about orders on another.

Sources: web-socket-streams.md, "General WSS information"; demo-mode/general-info.md; testnet/general-info.md; faqs/market_data_only.md.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

_NUMBERED = frozenset(f"api{number}.binance.com" for number in range(1, 5))


@dataclass(frozen=True, slots=True)
class _Server:
    """REST servers that show the same market, and where its streams are; the first address is taken."""

    rest_hosts: frozenset[str]
    streams: tuple[str, ...]


_SERVERS = (
    _Server(
        frozenset({"api.binance.com", "api-gcp.binance.com"}) | _NUMBERED,
        ("wss://stream.binance.com:9443", "wss://data-stream.binance.vision"),
    ),
    _Server(frozenset({"data-api.binance.vision"}), ("wss://data-stream.binance.vision", "wss://stream.binance.com:9443")),
    _Server(frozenset({"testnet.binance.vision"}), ("wss://stream.testnet.binance.vision",)),
    _Server(frozenset({"demo-api.binance.com"}), ("wss://demo-stream.binance.com:9443",)),
)
_BINANCE_DOMAINS = (".binance.com", ".binance.vision")


def stream_url_for(base_url: str) -> str:
    """The market streams of a REST server, without a path; empty for a server of Binance that is not known.

    Any other server is taken to have its streams on the same port, as the simulated exchange does.
    """
    server = urlsplit(base_url)
    known = _known(base_url)
    if known is not None:
        return known.streams[0]
    if _is_binance(server.hostname or ""):
        return ""
    return f"{'wss' if server.scheme == 'https' else 'ws'}://{server.netloc}"


def is_other_exchange(base_url: str, stream_url: str) -> bool:
    """Whether `stream_url` is a server of Binance that does not show the market of `base_url`."""
    host, known = urlsplit(stream_url).hostname or "", _known(base_url)
    hosts = {urlsplit(url).hostname for url in known.streams} if known is not None else set()
    return _is_binance(host) and host not in hosts


def _known(base_url: str) -> _Server | None:
    host = urlsplit(base_url).hostname
    return next((server for server in _SERVERS if host in server.rest_hosts), None)


def _is_binance(host: str) -> bool:
    return f".{host}".endswith(_BINANCE_DOMAINS)
