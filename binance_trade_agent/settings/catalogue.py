"""The one catalogue of settings: each with its default, its bounds, its unit and what it means.

The environment name of a setting is its name in upper case. docs/settings.md and config/.env.example are written from here by
scripts/settings_docs. Fractions are shares of one: 0.05 is 5 %.
"""

import math
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from binance_trade_agent.binance.connection import OrderEntry
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.quote_assets import quote_of
from binance_trade_agent.settings import checks
from binance_trade_agent.settings.choices import (
    LIVE_CONFIRMATION,
    LogFormat,
    LogLevel,
    MarketData,
    Protection,
    Switch,
    Venue,
    interval_not_above,
)
from binance_trade_agent.settings.fields import (
    Amount,
    Folder,
    Fraction,
    FractionAboveZero,
    FractionBelowOne,
    Group,
    HostName,
    Parameters,
    Seconds,
    SecondsAboveZero,
    ServerUrl,
    Share,
    Speed,
    StrategyFile,
    Symbols,
    WebSocketServer,
    WebSocketUrl,
    setting,
)
from binance_trade_agent.settings.server_addresses import stream_url_for, websocket_api_url_for
from binance_trade_agent.settings.sources import OutsideSource

_DEFAULT_SYMBOLS = tuple(f"{base}USDT" for base in ("BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "TRX", "AVAX", "LINK"))
_INTERVALS = ", ".join(INTERVALS_MS)


class Settings(BaseSettings):
    """Every setting, frozen and checked as a whole.

    Sources, the first that names a setting wins: arguments, environment, `.env` in the working directory, secret files, TOML file,
    defaults. Build it with `load_settings`, which turns every problem into one line of a ConfigurationError.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)

    settings_file: str = setting(
        "",
        Group.MODE,
        "TOML file with settings; without it config/settings.toml is read when it exists.",
        allowed="empty, or the path of a file",
    )
    trading_mode: Venue = setting(
        Venue.DEMO,
        Group.MODE,
        "Where prices come from and orders go: the embedded exchange (demo), live prices with simulated orders (paper), Binance's "
        "test network, Binance's Demo Mode, or the real exchange with real money (live).",
    )
    live_trading_confirmation: str = setting(
        "",
        Group.MODE,
        "The second key to real money: live mode starts only with exactly this sentence.",
        allowed=f'empty, or "{LIVE_CONFIRMATION}"',
    )
    binance_api_key: SecretStr | None = setting(None, Group.MODE, "API key; needed by testnet, binance-demo and live.")
    binance_api_secret: SecretStr | None = setting(
        None,
        Group.MODE,
        "Secret of the API key; needed by testnet, binance-demo and live. For an Ed25519 or RSA key it is the private key.",
        allowed=r"an HMAC secret, or a PKCS#8 private key in PEM, whose line breaks may be written as \n",
    )
    binance_api_key_passphrase: SecretStr | None = setting(
        None, Group.MODE, "Opens a BINANCE_API_SECRET that is an encrypted private key.", allowed="empty, or the passphrase of the key"
    )
    binance_testnet: bool | None = setting(None, Group.MODE, "Older name: true means TRADING_MODE=testnet.")
    demo_mode: bool | None = setting(None, Group.MODE, "Older name: true means TRADING_MODE=demo, and wins over BINANCE_TESTNET.")

    trading_symbols: Symbols = setting(
        _DEFAULT_SYMBOLS, Group.TRADING, "What is traded.", allowed="1 to 500 symbols, comma separated, upper case, none twice"
    )
    trading_interval_seconds: Annotated[int, Field(ge=1, le=86_400)] = setting(
        60, Group.TRADING, "Time from one pass to the next.", unit="s"
    )
    candle_interval: str = setting(
        "",
        Group.TRADING,
        "Length of the candles that strategies see; empty: the longest one that is not above the trading interval.",
        allowed=f"one of {_INTERVALS}",
    )
    candle_window: Annotated[int, Field(ge=2, le=999)] = setting(200, Group.TRADING, "Closed candles that a strategy sees.", unit="candles")
    quote_asset: str = setting(
        "",
        Group.TRADING,
        "Asset that the book is kept in; every symbol must be quoted in it. Empty: the quote asset that all symbols share.",
        allowed="an asset such as USDT",
    )

    strategy_name: str = setting("combined", Group.STRATEGY, "Strategy by name.", allowed="the name of a built-in or installed strategy")
    strategy_path: StrategyFile = setting(
        "", Group.STRATEGY, "A strategy of your own, used in place of STRATEGY_NAME.", allowed="empty, or file.py:Class"
    )
    strategy_parameters: Parameters = setting(
        {}, Group.STRATEGY, "Parameters of the strategy by name.", allowed="a JSON object, or a table in TOML"
    )
    signal_rsi_overbought: Annotated[float, Field(ge=1, le=99)] = setting(
        70.0, Group.STRATEGY, "RSI above which the market counts as overbought.", unit="RSI points"
    )
    signal_rsi_oversold: Annotated[float, Field(ge=1, le=99)] = setting(
        30.0, Group.STRATEGY, "RSI below which the market counts as oversold.", unit="RSI points"
    )

    risk_max_position_per_symbol: FractionAboveZero = setting(
        "0.10", Group.RISK, "Most that may be held of one symbol.", unit="fraction of equity"
    )
    risk_max_total_exposure: FractionAboveZero = setting(
        "0.80", Group.RISK, "Most that may be held of all symbols together.", unit="fraction of equity"
    )
    risk_max_single_trade_size: FractionAboveZero = setting(
        "0.05", Group.RISK, "Most that one order may buy for.", unit="fraction of equity"
    )
    risk_cash_reserve: FractionBelowOne = setting("0.005", Group.RISK, "Cash that is never spent.", unit="fraction of equity")
    risk_max_daily_drawdown: FractionAboveZero = setting(
        "0.05", Group.RISK, "Loss since the day began (UTC) that stops new entries.", unit="fraction of equity"
    )
    risk_max_total_drawdown: FractionAboveZero = setting(
        "0.15", Group.RISK, "Loss from the highest equity that halts trading.", unit="fraction of equity"
    )
    risk_volatility_threshold: Share = setting(
        "0.05",
        Group.RISK,
        "Volatility from candle to candle above which a symbol is not entered; 0 turns it off.",
        unit="fraction of price",
    )
    risk_min_confidence: Fraction = setting("0", Group.RISK, "Least confidence of a signal that may trade.", unit="fraction")
    risk_cooldown_seconds: Seconds = setting(60.0, Group.RISK, "Rest of a symbol after an order, before its next entry.", unit="s")
    risk_max_orders_per_minute: Annotated[int, Field(ge=1, le=6000)] = setting(
        30, Group.RISK, "Most orders of all symbols in any minute.", unit="orders"
    )
    risk_max_loss_streak: Annotated[int, Field(ge=0, le=1000)] = setting(
        5, Group.RISK, "Closing orders at a loss in a row that pause entries; 0 turns it off.", unit="orders"
    )
    risk_loss_pause_seconds: Seconds = setting(3600.0, Group.RISK, "How long entries pause after a loss streak.", unit="s")
    risk_max_data_age_seconds: Seconds = setting(
        0.0,
        Group.RISK,
        "Age of the newest closed candle above which a symbol is not entered; 0: three candle intervals.",
        unit="s",
    )

    risk_default_stop_loss_pct: FractionBelowOne = setting(
        "0.05", Group.EXITS, "Fall below the average price that sells; 0 turns it off.", unit="fraction of price"
    )
    risk_default_take_profit_pct: Share = setting(
        "0.10", Group.EXITS, "Rise above the average price that sells; 0 turns it off.", unit="fraction of price"
    )
    risk_trailing_stop_pct: FractionBelowOne = setting(
        "0", Group.EXITS, "Fall from the highest price while held that sells; 0 turns it off.", unit="fraction of price"
    )

    protection: Protection = setting(Protection.OFF, Group.EXITS, "Whether both also stand on the exchange, and what if it takes none.")

    portfolio_initial_value: Amount = setting(
        "10000",
        Group.BOOK,
        "What a simulated account starts with; unless it is set, an account in BTC starts with 1, in ETH with 10, in BNB with 20.",
        unit="quote asset",
    )
    data_dir: Path = setting(
        Path("data"), Group.BOOK, "Folder of the book; one daemon at a time may use it.", allowed="a folder, made when missing"
    )

    binance_base_url: ServerUrl = setting(
        "", Group.CONNECTION, "Server in place of the mode's own.", allowed="empty, or https://host (http on loopback only)"
    )
    binance_websocket_api_url: WebSocketUrl = setting(
        "",
        Group.CONNECTION,
        "WebSocket API; empty: the one that belongs to the REST server.",
        allowed="empty, or wss://host/path (ws on loopback only) of the same exchange",
    )
    binance_stream_url: WebSocketServer = setting(
        "",
        Group.CONNECTION,
        "Server of the market streams; empty: the one that belongs to the REST server.",
        allowed="empty, or wss://host (ws on loopback only) of the same exchange",
    )
    market_data: MarketData = setting(
        MarketData.STREAMS,
        Group.CONNECTION,
        "How prices and candles come; with streams a pass asks nothing by REST but what they did not bring. Recorded candles have none.",
    )
    user_data_stream: Switch = setting(
        Switch.ON,
        Group.CONNECTION,
        "Whether account events are listened to, so that orders are settled as soon as they move; modes without a WebSocket API have none.",
    )
    order_entry: OrderEntry = setting(
        OrderEntry.REST, Group.CONNECTION, "How orders are sent; over the WebSocket API they go by REST while its session is down."
    )
    pool_max_connections: Annotated[int, Field(ge=1, le=1000)] = setting(
        100, Group.CONNECTION, "Most connections at once.", unit="connections"
    )
    pool_order_connections: Annotated[int, Field(ge=0, le=999)] = setting(
        10,
        Group.CONNECTION,
        "Connections of those that market data never takes: they are kept for orders, cancellations and account queries.",
        unit="connections",
        allowed="0 or more, less than POOL_MAX_CONNECTIONS",
    )
    pool_max_keepalive: Annotated[int, Field(ge=0, le=1000)] = setting(
        20, Group.CONNECTION, "Idle connections that are kept.", unit="connections"
    )
    pool_timeout_seconds: SecondsAboveZero = setting(5.0, Group.CONNECTION, "Longest wait for a free connection.", unit="s")
    request_timeout_seconds: SecondsAboveZero = setting(10.0, Group.CONNECTION, "Whole time that a request may take.", unit="s")
    recv_window_ms: Annotated[int, Field(ge=1, le=60_000)] = setting(
        5000, Group.CONNECTION, "How long a signed request stays valid (recvWindow).", unit="ms"
    )

    unknown_order_grace_seconds: Seconds = setting(
        30.0, Group.TIMING, "Wait beyond recvWindow before an unanswered order may count as never placed.", unit="s"
    )
    max_intent_age_seconds: SecondsAboveZero = setting(
        5.0, Group.TIMING, "Age of a decision above which its order is not sent any more.", unit="s"
    )
    max_price_age_seconds: SecondsAboveZero = setting(
        3.0, Group.TIMING, "Age of a streamed price above which it is asked for by REST.", unit="s"
    )
    pass_deadline_seconds: SecondsAboveZero = setting(30.0, Group.TIMING, "Whole time that a pass may take.", unit="s")
    max_concurrent_symbols: Annotated[int, Field(ge=1, le=500)] = setting(
        50, Group.TIMING, "Symbols that are worked on at once.", unit="symbols"
    )
    reconcile_interval_seconds: SecondsAboveZero = setting(
        300.0, Group.TIMING, "Time between comparisons of the book with the exchange.", unit="s"
    )
    clock_sync_interval_seconds: SecondsAboveZero = setting(300.0, Group.TIMING, "Time between looks at the exchange's clock.", unit="s")
    circuit_failures: Annotated[int, Field(ge=0, le=1000)] = setting(
        5,
        Group.TIMING,
        "Requests in a row that the exchange did not answer, over three seconds or more, after which this group of endpoints gets a "
        "rest; 0 turns it off.",
        unit="requests",
    )
    circuit_pause_seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = setting(
        5.0, Group.TIMING, "First rest of such a group before one request tries it again; it doubles up to a minute.", unit="s"
    )
    max_clock_error_ms: Annotated[int, Field(ge=10, le=1000)] = setting(
        500, Group.TIMING, "How far the exchange's clock may be known wrongly while orders are sent.", unit="ms"
    )
    shutdown_timeout_seconds: SecondsAboveZero = setting(20.0, Group.TIMING, "Time to finish work after a stop signal.", unit="s")

    demo_seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = setting(
        42, Group.DEMO, "Seed of the market and of chance: same seed, same market."
    )
    demo_speed: Annotated[float, Field(gt=0, le=600, allow_inf_nan=False)] = setting(
        120.0, Group.DEMO, "How many times faster than real time the demo market runs.", unit="times"
    )
    demo_latency_ms: Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)] = setting(
        20.0, Group.DEMO, "Delay of every answer of the embedded exchange.", unit="ms"
    )
    demo_fee_rate: Annotated[Fraction, Field(le=0.1)] = setting(
        "0.001", Group.DEMO, "Commission that the embedded exchange takes.", unit="fraction of value"
    )

    candles_dir: Folder = setting(
        None,
        Group.CANDLES,
        "Folder of Binance kline files that the demo plays in place of its own market.",
        allowed="empty, or a folder that exists",
    )
    candles_speed: Speed = setting(
        "max", Group.CANDLES, "How many times faster than recorded the candles run.", unit="times", allowed="max, or a number above 0"
    )

    http_host: str = setting(
        "127.0.0.1", Group.SERVICE, "Address that health, metrics and status are served on.", allowed="an address of this machine"
    )
    http_port: Annotated[int, Field(ge=0, le=65_535)] = setting(8080, Group.SERVICE, "Port of the same; 0 takes any free one.")
    control_token: SecretStr | None = setting(
        None, Group.SERVICE, "Bearer token of the control calls (halt, reduce, resume); without it they are off."
    )
    log_level: LogLevel = setting(LogLevel.INFO, Group.SERVICE, "Least severe log lines that are written.")
    log_format: LogFormat = setting(LogFormat.AUTO, Group.SERVICE, "Form of log lines; auto: console on a terminal, json elsewhere.")

    cache_price_ttl_seconds: Seconds = setting(
        0.5, Group.CACHE, "How old a price may be that is not asked for again, in market time; 0: always ask.", unit="s"
    )
    cache_book_ttl_seconds: Seconds = setting(
        0.5, Group.CACHE, "How old an order book may be that is not asked for again, in market time; 0: always ask.", unit="s"
    )
    cache_candles_ttl_seconds: Seconds = setting(
        60.0, Group.CACHE, "How long closed candles are kept in Redis for other processes; 0: not at all.", unit="s"
    )
    redis_host: HostName = setting(
        "",
        Group.CACHE,
        "Redis server that several processes share as their cache; empty: each keeps its own in memory.",
        allowed="empty, or a host name or address alone; its port is REDIS_PORT",
    )
    redis_port: Annotated[int, Field(ge=1, le=65_535)] = setting(6379, Group.CACHE, "Port of the Redis server.")
    redis_db: Annotated[int, Field(ge=0, le=1_000_000)] = setting(0, Group.CACHE, "Number of the database in Redis.")
    redis_password: SecretStr | None = setting(None, Group.CACHE, "Password of the Redis server.")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then everything from outside in the order of sources.py."""
        return init_settings, OutsideSource(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _mode_by_older_names(cls, values: Any) -> Any:
        return checks.with_mode_by_older_names(values)

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper_case_level(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("candle_interval")
    @classmethod
    def _known_interval(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return interval_not_above(info.data.get("trading_interval_seconds", 60))
        if value not in INTERVALS_MS:
            raise ValueError("no such interval")
        return value

    @field_validator("http_host")
    @classmethod
    def _some_host(cls, value: str) -> str:
        if not value or any(character.isspace() for character in value):
            raise ValueError("no address")
        return value

    @model_validator(mode="after")
    def _agreeing(self) -> "Settings":
        checks.check_together(self)
        return self

    @property
    def base_url(self) -> str:
        """The REST server of this mode, or BINANCE_BASE_URL."""
        return self.binance_base_url or self.trading_mode.base_url

    @property
    def websocket_api_url(self) -> str:
        """The WebSocket API that belongs to `base_url`, or BINANCE_WEBSOCKET_API_URL; empty where there is none, and without keys."""
        if self.binance_websocket_api_url or not self.trading_mode.needs_keys:
            return self.binance_websocket_api_url
        return websocket_api_url_for(self.base_url)

    @property
    def stream_url(self) -> str:
        """The market streams that belong to `base_url`, or BINANCE_STREAM_URL; empty where there are none."""
        return self.binance_stream_url or stream_url_for(self.base_url)

    @property
    def candle_interval_ms(self) -> int:
        """Length of a candle in milliseconds."""
        return INTERVALS_MS[self.candle_interval]

    @property
    def accounting_asset(self) -> str:
        """The asset that the book is kept in: QUOTE_ASSET, or what all symbols are quoted in."""
        return self.quote_asset or quote_of(self.trading_symbols[0]) or ""

    @property
    def book_path(self) -> Path:
        """The book's file. Each mode has a folder and a book of its own: simulated money must never be taken for real."""
        return self.data_dir / ("candles" if self.candles_dir else self.trading_mode) / "book.sqlite"

    @property
    def candles_speed_factor(self) -> float:
        """CANDLES_SPEED as a number; infinite for `max`."""
        return math.inf if self.candles_speed == "max" else float(self.candles_speed)

    @property
    def secret_values(self) -> tuple[str, ...]:
        """The plain values of all secrets that are set, for the log redactor alone."""
        found = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in found if isinstance(value, SecretStr))
