"""The one catalogue of settings: what the topics say, checked as a whole, and what follows from it.

Each setting is in topics/, with its default, its bounds, its unit and what it means. Its environment name is its name in upper case.
docs/settings.md and config/.env.example are written from here by scripts/settings_docs. Fractions are shares of one: 0.05 is 5 %.
"""

import math
from pathlib import Path
from typing import Any

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.quote_assets import quote_of
from binance_trade_agent.settings import checks
from binance_trade_agent.settings.overrides import settings_of_symbol
from binance_trade_agent.settings.server_addresses import stream_url_for, websocket_api_url_for
from binance_trade_agent.settings.sources import OutsideSource
from binance_trade_agent.settings.topics.connection import ConnectionSettings
from binance_trade_agent.settings.topics.locks import LockSettings
from binance_trade_agent.settings.topics.notices import NoticeSettings
from binance_trade_agent.settings.topics.operation import OperationSettings
from binance_trade_agent.settings.topics.risk import RiskSettings
from binance_trade_agent.settings.topics.selection import SelectionSettings
from binance_trade_agent.settings.topics.sizing import SizingSettings
from binance_trade_agent.settings.topics.tracing import TracingSettings
from binance_trade_agent.settings.topics.trading import TradingSettings

BACKUPS = "backups"
"""The folder of backups beside a book."""


class Settings(
    TracingSettings,
    NoticeSettings,
    OperationSettings,
    ConnectionSettings,
    LockSettings,
    SizingSettings,
    RiskSettings,
    SelectionSettings,
    TradingSettings,
    BaseSettings,
):
    """Every setting, frozen and checked as a whole.

    Sources, the first that names a setting wins: arguments, environment, `.env` in the working directory, secret files, TOML file,
    defaults. Build it with `load_settings`, which turns every problem into one line of a ConfigurationError.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)

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

    @model_validator(mode="after")
    def _agreeing(self) -> "Settings":
        checks.check_together(self)
        return self

    def for_symbol(self, symbol: str) -> "Settings":
        """The settings as they hold for `symbol`, SYMBOL_OVERRIDES taken in; itself where nothing differs."""
        return settings_of_symbol(self, symbol)

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
    def order_bound_seconds(self) -> float:
        """How long an order may be on its way, in real time: until it has a connection, and until it is answered."""
        return self.pool_timeout_seconds + self.request_timeout_seconds

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
    def backup_folder(self) -> Path:
        """Where scheduled backups go, apart for each mode as the books are."""
        return Path(self.backup_dir) / self.book_path.parent.name if self.backup_dir else self.book_path.parent / BACKUPS

    @property
    def candles_speed_factor(self) -> float:
        """CANDLES_SPEED as a number; infinite for `max`."""
        return math.inf if self.candles_speed == "max" else float(self.candles_speed)

    @property
    def secret_values(self) -> tuple[str, ...]:
        """The plain values of all secrets that are set, for the log redactor alone."""
        found = (getattr(self, name) for name in type(self).model_fields)
        return (*(value.get_secret_value() for value in found if isinstance(value, SecretStr)), *self.notice_secrets)
