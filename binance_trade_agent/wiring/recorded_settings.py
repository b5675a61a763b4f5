"""Settings that recorded markets bring with them: their symbols, their interval, and the asset they are quoted in."""

from collections.abc import Iterable

from binance_trade_agent.domain.candle_intervals import DAY_MS, INTERVALS_MS
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.quote_assets import quote_of
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import Switch
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles

RECONCILE_EVERY_MS = DAY_MS
"""Nobody else trades on recorded candles, so the book is compared once a day of market time, and at the end."""


def settings_for_candles(settings: Settings, recorded: RecordedCandles) -> Settings:
    """`settings` with what the candles decide; raises ConfigurationError when the folder's symbols are not quoted in one asset.

    Nobody looks on who could resume after a day's drawdown, so a new day does, unless that was set. Nobody waits for an answer either:
    unless a delay was set there is none, so that each order is of the very time of its pass.
    """
    latency_ms = settings.demo_latency_ms if "demo_latency_ms" in settings.model_fields_set else 0.0
    rearms = settings.risk_daily_drawdown_rearms if "risk_daily_drawdown_rearms" in settings.model_fields_set else Switch.ON
    interval = next(name for name, length_ms in INTERVALS_MS.items() if length_ms == recorded.interval_ms)
    return settings_for_symbols(settings, recorded.by_symbol, "the candles in CANDLES_DIR").model_copy(
        update={
            "trading_interval_seconds": recorded.interval_ms // 1000,
            "candle_interval": interval,
            "reconcile_interval_seconds": RECONCILE_EVERY_MS / 1000,
            "clock_sync_interval_seconds": RECONCILE_EVERY_MS / 1000,
            "risk_daily_drawdown_rearms": rearms,
            "demo_latency_ms": latency_ms,
        }
    )


def settings_for_symbols(settings: Settings, recorded: Iterable[str], what: str) -> Settings:
    """`settings` with recorded symbols and their quote asset; raises ConfigurationError, naming `what`, when there are several."""
    symbols = tuple(recorded)
    quotes = {symbol: quote_of(symbol) for symbol in symbols}
    if settings.quote_asset:
        quotes = {symbol: settings.quote_asset for symbol in symbols if symbol.endswith(settings.quote_asset)}
    if len(set(quotes.values())) != 1 or len(quotes) != len(symbols) or None in quotes.values():
        raise ConfigurationError(
            f"{what} must all be quoted in one asset, but are of {', '.join(symbols)}; split the folder or set QUOTE_ASSET"
        )
    return settings.model_copy(update={"trading_symbols": symbols, "quote_asset": next(iter(quotes.values()))})
