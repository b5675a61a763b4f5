"""The notifier by the settings; without NOTIFY_URLS it tells nobody."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.settings import Settings
from binance_trade_agent.telemetry.notice_lane import NoticeLane
from binance_trade_agent.telemetry.notices import NoticeWriter
from binance_trade_agent.telemetry.notifier import Notifier


@asynccontextmanager
async def open_notifier(settings: Settings, observer: Observer, masked: Callable[[str], str]) -> AsyncIterator[Notifier]:
    """Has messages sent as long as it is open. What becomes of them is told to `observer`; `masked` hides secrets."""
    writer = NoticeWriter(settings.accounting_asset, settings.notify_summary_hour)
    notifier = Notifier(_lanes(settings, observer), writer, frozenset(settings.notify_events), masked)
    async with notifier.running():
        yield notifier


def _lanes(settings: Settings, observer: Observer) -> list[NoticeLane]:
    if not settings.notice_addresses:
        return []
    from binance_trade_agent.telemetry.apprise_sending import addresses  # a fifth of a second that most never need

    found = addresses(settings.notice_addresses, f"Trade agent ({settings.trading_mode})")
    return [NoticeLane(address.name, address.send, observer, settings.notify_spacing_seconds) for address in found]
