"""Connection: where the exchange is, through which transport, and on whose behalf."""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from binance_trade_agent.binance.keys import require_api_key, signer_for
from binance_trade_agent.binance.limits.circuit import CircuitRules
from binance_trade_agent.binance.limits.circuits import Circuits
from binance_trade_agent.binance.limits.silence import Silence
from binance_trade_agent.binance.limits.weight_governor import WeightGovernor
from binance_trade_agent.binance.rest_transport import RestTransport
from binance_trade_agent.binance.server_clock import ServerClock
from binance_trade_agent.binance.signing import Signer
from binance_trade_agent.binance.text_socket import OpenSocket
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.ports.ban_memory import BanMemory, ForgetfulBanMemory
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import NullObserver, Observer

_LONGEST_RECV_WINDOW_MS = 60_000


class OrderEntry(StrEnum):
    """How orders are placed and cancelled; everything else goes by REST."""

    REST = "rest"
    WEBSOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class Connection:
    """Everything an AsyncBinanceClient needs to talk.

    `transport` carries the requests. `request_timeout_s` bounds one request
    as a whole, from the wait for a connection to the last byte; `read_deadline_s` bounds a read with all its repetitions.
    Orders are not sent while the offset of the exchange's clock is known less exactly than `max_clock_error_ms`.
    With `shares_clock` the exchange reads the very clock that we do (the embedded exchange), so that its offset is known to be 0.
    With `owns_transport` the transport is closed together with the client. `websocket_api_url` is empty where there is no WebSocket
    API; orders can then only go by REST. WebSocket connections are made by `open_socket`,
    over the network when it is None. `market_speed` is how many milliseconds of `clock` pass in a real one. `ban_memory` outlives
    the process. Whoever talks over one connection shares its `server_clock`, its `governor` and its `circuits`, which are made with
    it. Key and secret show in no repr; `signer` is what the secret makes, None when either is empty. `api_key_passphrase` opens a
    secret that is an encrypted key in PEM.
    """

    base_url: str
    transport: RestTransport
    clock: Clock
    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    api_key_passphrase: str = field(default="", repr=False)
    observer: Observer = field(default_factory=NullObserver)
    recv_window_ms: int = 5_000
    request_timeout_s: float = 10.0
    read_deadline_s: float = 30.0
    max_clock_error_ms: int = 1_000
    owns_transport: bool = True
    shares_clock: bool = False
    websocket_api_url: str = ""
    open_socket: OpenSocket | None = None
    order_entry: OrderEntry = OrderEntry.REST
    market_speed: float = 1.0
    ban_memory: BanMemory = field(default_factory=ForgetfulBanMemory)
    signer: Signer | None = field(init=False, repr=False)
    server_clock: ServerClock = field(init=False, repr=False, compare=False)
    circuit_rules: CircuitRules = field(default_factory=CircuitRules)
    governor: WeightGovernor = field(init=False, repr=False, compare=False)
    circuits: Circuits = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what could only fail later, and never quote a key doing so."""
        require_api_key(self.api_key)
        signer = signer_for(self.api_secret, self.api_key_passphrase) if self.api_secret else None
        object.__setattr__(self, "signer", signer if self.api_key else None)
        if not 1 <= self.recv_window_ms <= _LONGEST_RECV_WINDOW_MS:
            raise ConfigurationError(f"recv_window_ms is {self.recv_window_ms}; allowed is 1 to {_LONGEST_RECV_WINDOW_MS}")
        for name in ("request_timeout_s", "read_deadline_s"):
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; it must be above 0")
        if not self.base_url.startswith(("https://", "http://")):
            raise ConfigurationError(f"base_url is {self.base_url[:80]!r}; it must start with https:// (or http:// on loopback)")
        if self.order_entry is OrderEntry.WEBSOCKET and not (self.websocket_api_url and self.signer):
            raise ConfigurationError("order_entry is websocket, which needs a websocket_api_url, an api_key and an api_secret")
        server_clock = ServerClock(self.clock.now_ms, None if self.shares_clock else self.clock.monotonic_ms)
        host, speed = urlsplit(self.base_url).netloc, self.market_speed
        silence = Silence(host, self.clock, self.ban_memory, self.observer, market_speed=speed)
        object.__setattr__(self, "server_clock", server_clock)
        object.__setattr__(self, "circuits", Circuits(self.circuit_rules, self.clock, self.observer))
        object.__setattr__(self, "governor", WeightGovernor(self.clock, server_clock, silence, self.observer, market_speed=speed))
