"""TradingSettings: what is traded, where, and by which strategy."""

from typing import Annotated

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.settings.choices import LIVE_CONFIRMATION, Venue, interval_not_above
from binance_trade_agent.settings.fields import Group, Overrides, Parameters, StrategyFile, Symbols, setting

_DEFAULT_SYMBOLS = tuple(f"{base}USDT" for base in ("BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "TRX", "AVAX", "LINK"))
_INTERVALS = ", ".join(INTERVALS_MS)


class TradingSettings(BaseModel):
    """What is traded, where, and by which strategy."""

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
    symbol_overrides: Overrides = setting(
        {},
        Group.TRADING,
        "Settings of single symbols where they differ: a table for each symbol, with the settings that are called per symbol here.",
        allowed='a JSON object such as {"BTCUSDT": {"risk_default_stop_loss_pct": 0.02}}, or tables in TOML',
    )

    strategy_name: str = setting(
        "combined", Group.STRATEGY, "Strategy by name.", allowed="the name of a built-in or installed strategy", per_symbol=True
    )
    strategy_path: StrategyFile = setting(
        "", Group.STRATEGY, "A strategy of your own, used in place of STRATEGY_NAME.", allowed="empty, or file.py:Class", per_symbol=True
    )
    strategy_parameters: Parameters = setting(
        {}, Group.STRATEGY, "Parameters of the strategy by name.", allowed="a JSON object, or a table in TOML", per_symbol=True
    )
    signal_rsi_overbought: Annotated[float, Field(ge=1, le=99)] = setting(
        70.0, Group.STRATEGY, "RSI above which the market counts as overbought.", unit="RSI points", per_symbol=True
    )
    signal_rsi_oversold: Annotated[float, Field(ge=1, le=99)] = setting(
        30.0, Group.STRATEGY, "RSI below which the market counts as oversold.", unit="RSI points", per_symbol=True
    )

    @field_validator("candle_interval")
    @classmethod
    def _known_interval(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return interval_not_above(info.data.get("trading_interval_seconds", 60))
        if value not in INTERVALS_MS:
            raise ValueError("no such interval")
        return value
