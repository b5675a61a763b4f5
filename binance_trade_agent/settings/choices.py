"""The closed sets that settings choose from: venues, log formats and levels, candle intervals."""

from enum import StrEnum

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

        The embedded exchange of demo is reached in process. Its URL names a host that cannot exist (RFC 2606), so that a request
        that were sent over a network by mistake could reach nobody.
        """
        return _BASE_URLS[self]


_BASE_URLS = {
    Venue.DEMO: "https://embedded-exchange.invalid",
    Venue.PAPER: "https://data-api.binance.vision",
    Venue.TESTNET: "https://testnet.binance.vision",
    Venue.BINANCE_DEMO: "https://demo-api.binance.com",
    Venue.LIVE: "https://api.binance.com",
}


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


# Source: rest-api.md, "Kline/Candlestick data". The month is left out: it has no fixed length, so a window of months has no step.
INTERVAL_SECONDS = {
    "1s": 1,
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1_800,
    "1h": 3_600,
    "2h": 7_200,
    "4h": 14_400,
    "6h": 21_600,
    "8h": 28_800,
    "12h": 43_200,
    "1d": 86_400,
    "3d": 259_200,
    "1w": 604_800,
}


def interval_not_above(seconds: int) -> str:
    """The longest candle interval that is not longer than `seconds` (at least 1)."""
    return max((length, name) for name, length in INTERVAL_SECONDS.items() if length <= seconds)[1]


# Assets that others are quoted in at Binance Spot; a symbol's quote is read from its end before the exchange can be asked.
QUOTE_ASSETS = (
    "FDUSD",
    "USDT",
    "USDC",
    "TUSD",
    "USD1",
    "BUSD",
    "BTC",
    "ETH",
    "BNB",
    "EUR",
    "TRY",
    "BRL",
    "JPY",
    "GBP",
    "AUD",
    "DAI",
    "XRP",
    "TRX",
    "SOL",
    "DOGE",
)


def quote_of(symbol: str) -> str | None:
    """The quote asset that `symbol` ends with, the longest that fits, or None when none is known."""
    fitting = [asset for asset in QUOTE_ASSETS if symbol.endswith(asset) and symbol != asset]
    return max(fitting, key=len, default=None)
