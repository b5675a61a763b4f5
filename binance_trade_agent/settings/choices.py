"""The closed sets that settings choose from: venues, log formats and levels, candle intervals."""

from enum import StrEnum

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS

MAX_SYMBOLS = 500
LIVE_CONFIRMATION = "I accept that real money is traded"


class Venue(StrEnum):
    """Where market data comes from and where orders go (TRADING_MODE)."""

    DEMO = "demo"
    PAPER = "paper"
    TESTNET = "testnet"
    BINANCE_DEMO = "binance-demo"
    LIVE = "live"

    @property
    def needs_keys(self) -> bool:
        """True when orders go to a server of Binance, so that both keys must be set."""
        return self in {Venue.TESTNET, Venue.BINANCE_DEMO, Venue.LIVE}

    @property
    def base_url(self) -> str:
        """The REST server. Sources: rest-api.md, "General API Information"; demo-mode/general-info.md; faqs/market_data_only.md.

        The embedded exchange of demo is reached on loopback or in process. Its URL here names a host that cannot exist (RFC 2606), so
        that a request that were sent over a network by mistake could reach nobody.
        """
        return _BASE_URLS[self]


_BASE_URLS = {
    Venue.DEMO: "https://embedded-exchange.invalid",
    Venue.PAPER: "https://data-api.binance.vision",
    Venue.TESTNET: "https://testnet.binance.vision",
    Venue.BINANCE_DEMO: "https://demo-api.binance.com",
    Venue.LIVE: "https://api.binance.com",
}


class MarketData(StrEnum):
    """How prices and candles come."""

    STREAMS = "streams"
    REST = "rest"


class SymbolSelection(StrEnum):
    """Whether symbols are those that are named, or those that are traded most."""

    STATIC = "static"
    TOP_VOLUME = "top-volume"


class Switch(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


class Protection(StrEnum):
    """Whether a position's stop-loss and take-profit stand on the exchange.

    Where the exchange takes none for a position, that is sold (`exchange`), or its symbol is halted (`exchange-or-halt`).
    """

    OFF = "off"
    EXCHANGE = "exchange"
    EXCHANGE_OR_HALT = "exchange-or-halt"


class LockScope(StrEnum):
    """Whether a lock counts and rests each symbol by itself, or the account as a whole."""

    SYMBOL = "symbol"
    ACCOUNT = "account"


class OpenOrdersAtStop(StrEnum):
    """What becomes of our orders that stand on the exchange when the daemon stops.

    Entries are cancelled and what protects positions stays (`keep-protection`), everything stays, or everything is cancelled.
    """

    KEEP_PROTECTION = "keep-protection"
    KEEP_ALL = "keep-all"
    CANCEL_ALL = "cancel-all"


class LogFormat(StrEnum):
    """How log lines are written; `auto` is console on a terminal and json elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least severe log lines that are written."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


INTERVAL_SECONDS = {name: length_ms // 1000 for name, length_ms in INTERVALS_MS.items()}


def interval_not_above(seconds: int) -> str:
    """The longest candle interval that is not longer than `seconds` (at least 1)."""
    return max((length, name) for name, length in INTERVAL_SECONDS.items() if length <= seconds)[1]
