"""Which venue a trading mode means."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import Venue as Mode
from binance_trade_agent.wiring.remote_venue import remote_venue
from binance_trade_agent.wiring.venue import Venue


def open_venue(
    settings: Settings, observer: Observer, *, in_memory: bool = False, read_symbols: Sequence[str] = ()
) -> AbstractAsyncContextManager[Venue]:
    """The venue of the settings; `in_memory` keeps an embedded exchange out of the data folder.

    `read_symbols` are those that strategies read besides, so that a made-up market has them too.
    """
    if settings.candles_dir is None and settings.trading_mode not in {Mode.DEMO, Mode.PAPER}:
        return remote_venue(settings, observer)
    # Here, because an exchange in a box takes 8 % of all imports, and a daemon that trades elsewhere should be ready sooner.
    from binance_trade_agent.wiring.embedded_venue import candles_venue, demo_venue, paper_venue

    if settings.candles_dir is not None:
        return candles_venue(settings, observer, in_memory=in_memory)
    if settings.trading_mode is Mode.DEMO:
        return demo_venue(settings, observer, in_memory=in_memory, read_symbols=read_symbols)
    return paper_venue(settings, observer, in_memory=in_memory)
