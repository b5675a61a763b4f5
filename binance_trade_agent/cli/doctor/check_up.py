"""The whole check-up, point by point: what is near first, so that a full disk is not told after ten seconds of waiting for a network."""

from binance_trade_agent.cli.doctor import book
from binance_trade_agent.cli.doctor.cache import examine_cache
from binance_trade_agent.cli.doctor.exchange import examine_exchange
from binance_trade_agent.cli.doctor.finding import Finding, skipped
from binance_trade_agent.cli.doctor.machine import examine_machine
from binance_trade_agent.settings import LoadedSettings, Settings, Venue


async def examine(loaded: LoadedSettings, *, offline: bool = False) -> list[Finding]:
    """Every finding; machine and book are looked at in line, because there is nobody to keep waiting."""
    found = list(examine_machine(loaded))
    of_book, book_uid = book.examine(loaded.settings)
    found.append(of_book)
    if offline:
        return [*found, skipped("exchange", "not asked (--offline)"), skipped("cache", "not asked (--offline)")]
    return [*found, *await _exchange(loaded.settings, book_uid), await examine_cache(loaded.settings)]


async def _exchange(settings: Settings, book_uid: int | None) -> list[Finding]:
    if settings.trading_mode is Venue.DEMO:
        return [skipped("exchange", "the demo has its own inside the daemon, without keys and without a network")]
    return [finding async for finding in examine_exchange(settings, book_uid)]
