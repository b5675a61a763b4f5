"""The check-up of the exchange: connection, clock, symbols, key, limits and WebSockets; nothing is placed, and no lock is taken."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.connection import OrderEntry
from binance_trade_agent.binance.streams.bounds import StreamBounds
from binance_trade_agent.binance.websocket import open_websocket
from binance_trade_agent.cli.doctor.finding import Finding, failed, skipped, warning, well
from binance_trade_agent.domain.errors import (
    AgentError,
    ConfigurationError,
    ExchangeError,
    ExchangeRefusedError,
    ExitCode,
    NotSentError,
    RateLimitedError,
)
from binance_trade_agent.domain.facts import ClockSynced, Fact, WeightUsed
from binance_trade_agent.domain.limit_facts import RateLimitsKnown
from binance_trade_agent.domain.symbol_rules import SymbolStatus
from binance_trade_agent.settings import Settings, Venue
from binance_trade_agent.settings.choices import SymbolSelection
from binance_trade_agent.wiring.key_permissions import WORKS_FROM_ANYWHERE, fault_of
from binance_trade_agent.wiring.remote_venue import remote_connection, wanted_streams
from binance_trade_agent.wiring.symbol_choice import survey_at_start

MOST_OFFSET_MS = 1_000
"""A clock that is further from the exchange's than this makes slots and candles late, though requests are signed in the exchange's time."""

WEIGHT_SHARE = 0.8
"""Above this share of the limit, other programs on this address leave the daemon little room."""


class _Heard:
    """What the connection told while it was used."""

    def __init__(self) -> None:
        self.clock: ClockSynced | None = None
        self.weight_used = 0
        self.weight_limit = 0

    def observe(self, fact: Fact) -> None:
        if isinstance(fact, ClockSynced):
            self.clock = fact
        elif isinstance(fact, WeightUsed):
            self.weight_used = max(self.weight_used, fact.used)
        elif isinstance(fact, RateLimitsKnown):
            self.weight_limit = fact.weight


async def examine_exchange(settings: Settings, book_uid: int | None) -> AsyncIterator[Finding]:
    """Every point at which the exchange is asked; `book_uid` is the account that the book was made with, None when there is none yet.

    When it does not answer at all, that is the only finding.
    """
    heard = _Heard()
    try:
        connection = replace(remote_connection(settings, heard), order_entry=OrderEntry.REST)
    except ConfigurationError as error:
        yield failed("key", error)
        return
    async with AsyncBinanceClient(connection) as client:
        try:
            await client.sync_clock()
        except ExchangeError as error:
            yield failed("exchange", error)
            return
        yield well("exchange", f"{settings.base_url} answers{_in_time(heard)}")
        yield _clock(settings, heard, client.clock_error_ms())
        if settings.symbol_selection is SymbolSelection.STATIC:
            yield await _symbols(client, settings.trading_symbols)
        else:
            yield await _choice(client, settings)
        if settings.trading_mode.needs_keys:
            yield await _account(client, book_uid)
            yield await _permissions(client, settings)
        yield _weight(heard)
    streams = wanted_streams(settings)
    yield await _websocket("market streams", f"{streams}/stream" if streams else "")
    yield await _websocket("WebSocket API", settings.websocket_api_url)


def _in_time(heard: _Heard) -> str:
    return f" in {heard.clock.round_trip_ms:.0f} ms" if heard.clock else ""


def _clock(settings: Settings, heard: _Heard, error_ms: float) -> Finding:
    offset_ms = heard.clock.offset_ms if heard.clock else 0
    known = f"the exchange's clock is {abs(offset_ms)} ms {'ahead of' if offset_ms >= 0 else 'behind'} ours, known to {error_ms:.0f} ms"
    if error_ms > settings.max_clock_error_ms:
        return failed("clock", f"{known}; no order leaves above MAX_CLOCK_ERROR_MS={settings.max_clock_error_ms}")
    if abs(offset_ms) > MOST_OFFSET_MS:
        return warning("clock", f"{known}; look at this machine's time service")
    return well("clock", known)


async def _symbols(client: AsyncBinanceClient, wanted: Sequence[str]) -> Finding:
    try:
        rules = await client.get_exchange_info(wanted)
    except RateLimitedError as error:
        return failed("symbols", error)
    except ExchangeRefusedError as error:
        return failed("symbols", f"TRADING_SYMBOLS: {error}", ExitCode.CONFIGURATION)
    except ExchangeError as error:
        return failed("symbols", error)
    shut = [f"{symbol} ({rules[symbol].status})" for symbol in wanted if rules[symbol].status is not SymbolStatus.TRADING]
    return warning("symbols", f"not traded now: {', '.join(shut)}") if shut else well("symbols", f"all {len(wanted)} are traded")


async def _choice(client: AsyncBinanceClient, settings: Settings) -> Finding:
    """What SYMBOL_SELECTION would choose; it places nothing and remembers nothing."""
    try:
        survey = await survey_at_start(client, settings)
    except AgentError as error:
        return failed("symbols", error)
    found, told = len(survey.selection.symbols), f"{len(survey.selection.exits_only)} held ones would only be sold"
    if not (found or survey.kept):
        return failed("symbols", "nothing passes the filters; `binance-trade-agent symbols` says why", ExitCode.CONFIGURATION)
    if found < settings.symbol_count:
        return warning("symbols", f"only {found} of SYMBOL_COUNT={settings.symbol_count} would be chosen; {told}")
    return well("symbols", f"{found} would be chosen; {told}")


async def _account(client: AsyncBinanceClient, book_uid: int | None) -> Finding:
    try:
        account = await client.get_account()
    except RateLimitedError as error:
        return failed("account", error)
    except ExchangeRefusedError as error:
        return failed("account", f"BINANCE_API_KEY and BINANCE_API_SECRET: {error}", ExitCode.CONFIGURATION)
    except ExchangeError as error:
        return failed("account", error)
    if None not in (book_uid, account.uid) and book_uid != account.uid:
        why = f"the key belongs to account {account.uid}, the book to account {book_uid}; set its key, or another DATA_DIR"
        return failed("account", why, ExitCode.CONFIGURATION)
    if not account.can_trade:
        return failed("account", "the exchange says that this account may not trade")
    return well("account", f"may trade, holds {len(account.balances)} assets, pays {account.taker_rate:%} as taker")


async def _permissions(client: AsyncBinanceClient, settings: Settings) -> Finding:
    """Only the real exchange tells them."""
    if settings.trading_mode is not Venue.LIVE:
        return skipped("key", f"{settings.trading_mode} does not tell what a key may do")
    try:
        may = await client.account.api_restrictions()
    except ExchangeError as error:
        return failed("key", error)
    if (fault := fault_of(may)) is not None:
        return failed("key", fault, ExitCode.CONFIGURATION)
    if not may.ip_restrict:
        return warning("key", WORKS_FROM_ANYWHERE)
    return well("key", "may trade Spot, may not withdraw, works from listed addresses only")


def _weight(heard: _Heard) -> Finding:
    told = f"{heard.weight_used} of {heard.weight_limit} request weight is used in this minute, what other programs here use included"
    return warning("limits", told) if heard.weight_used > WEIGHT_SHARE * heard.weight_limit else well("limits", told)


class _Deaf:
    """A listener for a connection that is only opened and closed."""

    def on_text(self, message: bytes) -> None:
        """Nothing was asked for."""

    def on_close(self, reason: str) -> None:
        """That is our doing."""


async def _websocket(point: str, url: str) -> Finding:
    """Trading goes on without either: REST is asked."""
    if not url:
        return skipped(point, "not used with these settings")
    bounds = StreamBounds()
    try:
        socket = await open_websocket(url, _Deaf(), connect_timeout_s=bounds.connect_timeout_s, max_message_bytes=bounds.most_message_bytes)
    except NotSentError as error:
        return warning(point, f"{error}; REST does its work meanwhile")
    socket.close()
    await socket.wait_closed()
    return well(point, f"{url.partition('?')[0]} can be reached")
