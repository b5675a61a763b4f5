"""Needed candles: a start is refused when a strategy reads candles, beside its own, that cannot be had."""

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.symbols import check_symbol
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import ConfigurationError, ExchangeRefusedError, MarketDataError, RateLimitedError
from binance_trade_agent.domain.need import SPARE_CANDLES, Frame, Needs
from binance_trade_agent.settings import Settings


def needed_symbols(needs: Needs) -> tuple[str, ...]:
    """The symbols that strategies name, each once."""
    every = (need for needed in (needs.of_all, *needs.per_symbol.values()) for need in needed)
    return tuple(dict.fromkeys(need.symbol for need in every if need.symbol is not None))


async def require_needed_candles(needs: Needs, settings: Settings, client: AsyncBinanceClient) -> None:
    """Raise ConfigurationError when one of `needs` cannot be met: its interval, its number of candles, or its symbol."""
    require_room_for(needs, settings)
    for symbol in needed_symbols(needs):
        if symbol in settings.trading_symbols:
            continue
        try:
            check_symbol(symbol)
            await client.get_exchange_info((symbol,))
        except RateLimitedError:
            raise
        except (MarketDataError, ExchangeRefusedError) as error:
            raise ConfigurationError(f"a strategy reads candles of {symbol}, which cannot be had: {error}") from error


def require_room_for(needs: Needs, settings: Settings) -> None:
    """Raise ConfigurationError for an interval or a number of candles that cannot be had, the same for live and recorded candles.

    Only multiples of CANDLE_INTERVAL are taken, because longer candles can be made of recorded ones and shorter ones cannot.
    """
    own_ms = INTERVALS_MS[settings.candle_interval]
    for traded in settings.trading_symbols:
        for need in needs.of(traded):
            frame = need.of(Frame(traded, own_ms))
            if frame.interval_ms % own_ms:
                raise ConfigurationError(
                    f"the strategy of {traded} reads {need.interval} candles, but CANDLE_INTERVAL is {settings.candle_interval}; "
                    "they must be a multiple of it"
                )
            held = need.candles + SPARE_CANDLES
            if frame.interval_ms == own_ms and held > settings.candle_window:
                raise ConfigurationError(
                    f"CANDLE_WINDOW is {settings.candle_window}, but the strategy of {traded} needs {held} candles or more of {frame}"
                )
