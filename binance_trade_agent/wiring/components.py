"""Components: every station of one agent, built and connected for its venue, and opened and closed in the right order."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import structlog

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.async_market_data_agent import AsyncMarketDataAgent
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.cancellation_agent import CancellationAgent
from binance_trade_agent.domain.account import AccountInfo
from binance_trade_agent.domain.errors import BookError, ConfigurationError, ModeUnwrittenError
from binance_trade_agent.domain.facts import DatabaseDone, ExternalBooked, Fact, FillBooked, PositionWrittenDown
from binance_trade_agent.domain.need import Needs
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, RiskRule, TradingMode
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.ports.cache import Cache
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.observer import Listener, NullObserver, Observer, Observers
from binance_trade_agent.protection_agent import ProtectionAgent
from binance_trade_agent.reconciler import Reconciler, ReconcilerRules
from binance_trade_agent.risk_management_agent import RiskManagementAgent
from binance_trade_agent.sending_desk import SendingDesk
from binance_trade_agent.settings import Settings, load_settings
from binance_trade_agent.settings.choices import Venue as Mode
from binance_trade_agent.signal_agent import SignalAgent
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.chosen_symbols import ChosenSymbols
from binance_trade_agent.storage.data_lock import data_folder_lock
from binance_trade_agent.trade_execution_agent import TradeExecutionAgent
from binance_trade_agent.wiring.another_daemon import AnotherDaemon
from binance_trade_agent.wiring.book_failures import BookFailures
from binance_trade_agent.wiring.key_permissions import require_safe_key
from binance_trade_agent.wiring.market_cache import cache_namespace, cache_ttls, open_cache
from binance_trade_agent.wiring.market_streams import close_wait_s, max_price_age_ms, open_market_streams
from binance_trade_agent.wiring.mode_journal import ModeJournal
from binance_trade_agent.wiring.needed_candles import needed_symbols, require_needed_candles
from binance_trade_agent.wiring.opening import book_opening_balances, learn_symbols_left_behind
from binance_trade_agent.wiring.patience import patiently
from binance_trade_agent.wiring.protection import protection_agent
from binance_trade_agent.wiring.stations import risk_limits, signal_agent
from binance_trade_agent.wiring.symbol_choice import with_chosen_symbols
from binance_trade_agent.wiring.traded_symbols import TradedSymbols
from binance_trade_agent.wiring.venue import Venue
from binance_trade_agent.wiring.venues import open_venue

OpenVenue = Callable[[Settings, Observer], AbstractAsyncContextManager[Venue]]
"""A place to trade at that the caller brings along."""


@dataclass(frozen=True, slots=True)
class Components:
    """The stations of one agent. `settings` are those of the venue; `traded` knows what passes go over.

    `streams` carry its market data, None where there are none; the market agent follows them.
    `protection` is None when positions are not protected on the exchange.
    """

    settings: Settings
    venue: Venue
    clock: Clock
    observer: Observer
    client: AsyncBinanceClient
    market: AsyncMarketDataAgent
    signals: SignalAgent
    risk: RiskManagementAgent
    desk: SendingDesk
    execution: TradeExecutionAgent
    portfolio: PortfolioManager
    reconciler: Reconciler
    cancellation: CancellationAgent
    traded: TradedSymbols
    store: SqliteBookStore
    mode_journal: ModeJournal
    log: Any
    streams: MarketStreams | None = None
    protection: ProtectionAgent | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is traded now: what is chosen, in its order, then what is only sold."""
        return self.traded.symbols

    async def change_mode(self, scope: str, mode: TradingMode, rule: RiskRule | str, reason: str) -> ModeChange:
        """Change the mode of a symbol or of the account (`*`): in force at once, durable when this returns.

        Raises ModeUnwrittenError when it cannot be written and stays in force, and another BookError when it does not, because it would
        loosen what stood. Which of them the book says is not known then, so what is in force is written again.
        """
        before = self.risk.modes.get(scope)  # what is in force, which the book may not have taken
        change = self.risk.change_mode(scope, mode, rule, reason, self.clock.now_ms())
        try:
            await self.journal_modes(change)
        except BookError as error:
            self.risk.take_back(change, before)
            stands = self.risk.modes[scope]
            self.mode_journal.owe(stands)
            if stands == change:
                raise ModeUnwrittenError(str(error)) from error
            raise
        return change

    async def tighten(self, scope: str, mode: TradingMode, rule: RiskRule, reason: str) -> None:
        """Put a symbol or the account (`*`) into a stricter mode, at once and in the journal; nothing when it is as strict already."""
        await _tightening(self.risk, self.mode_journal, self.clock)(scope, mode, rule, reason)

    async def drain_orders(self) -> tuple[str, ...]:
        """Wait for orders in flight, as long as one may take, however often it is asked; names those that are left to the next start."""
        return await self.desk.drain(self.settings.order_bound_seconds)

    async def journal_modes(self, *changes: ModeChange) -> None:
        """Make changes of mode that are already in force durable, and report them."""
        await self.mode_journal.record(*changes)


_OF_RISK = frozenset({FillBooked, ExternalBooked, PositionWrittenDown, DatabaseDone})


class _RiskFeed:
    """Tells risk of every booking, whichever station made it: fills close winning or losing trades, what comes or goes is neither.

    A book that fails stops entries from that moment on, before anybody who waits for the same write goes on. It cannot be
    asked to remember that, so `failures` does until it can; the next start, which checks it, or a `resume` that it takes lets entries
    pass again.
    """

    def __init__(self, failures: BookFailures) -> None:
        self._failures = failures
        self.clock: Clock = WallClock()
        self.risk: RiskManagementAgent | None = None
        self.quote_asset = ""

    def listener(self, kind: type[Fact]) -> Listener | None:
        return self.observe if kind in _OF_RISK else None

    def observe(self, fact: Fact) -> None:
        if self.risk is None:
            return
        if isinstance(fact, FillBooked):
            self.risk.note_fill(fact.fill, fact.realized, fact.fill.time_ms)
        elif isinstance(fact, ExternalBooked) and fact.asset == self.quote_asset:
            self.risk.note_external(fact.amount)
        elif isinstance(fact, PositionWrittenDown):
            self.risk.note_external(-fact.value)
        elif isinstance(fact, DatabaseDone) and fact.failed:
            why = f"the book failed at a {fact.operation}; entries wait for a restart or a resume"
            change = self.risk.tighten(ACCOUNT_SCOPE, TradingMode.REDUCING, RiskRule.BOOK_FAILED, why, self.clock.now_ms())
            if change is not None:
                self._failures.remember(change)


@asynccontextmanager
async def open_components(
    settings: Settings | None = None, observer: Observer | None = None, *, in_memory: bool = False, at: OpenVenue | None = None
) -> AsyncIterator[Components]:
    """Everything for one agent, with its book open; closed again in reverse order. It trades where the settings say, or `at` a place.

    `in_memory` keeps book and embedded exchange out of the data folder (recorded candles only, where SQLite is used in line). Raises
    ConfigurationError, BookError (BookLockedError when another process has the folder) or ExchangeError.
    """
    wanted = settings or load_settings()
    signals = signal_agent(wanted)  # a wrong strategy is told before anything is opened or asked of the exchange
    async with AsyncExitStack() as stack:
        if not in_memory:
            stack.enter_context(data_folder_lock(wanted.book_path.parent))
        failures = BookFailures(None if in_memory else wanted.book_path.parent)
        feed = _RiskFeed(failures)
        observers = Observers([observer or NullObserver(), feed])
        read = needed_symbols(signals.needs)
        opening = open_venue(wanted, observers, in_memory=in_memory, read_symbols=read) if at is None else at(wanted, observers)
        venue = await stack.enter_async_context(opening)
        client = await stack.enter_async_context(AsyncBinanceClient(venue.connection))
        venue = await _first_contact(client, venue, signals.needs)
        cache = await stack.enter_async_context(open_cache(venue, observers))
        market = await stack.enter_async_context(_market_agent(venue, client, signals.needs, cache, observers))
        path = ":memory:" if in_memory else str(wanted.book_path)
        database = await stack.enter_async_context(
            venue.open_database(path, inline=venue.is_virtual, clock=venue.clock, observer=observers)
        )
        store = SqliteBookStore(database, new_epoch=partial(_new_epoch, venue))
        account = await patiently("the account", client.get_account, _log())
        if not account.can_trade:
            _log().warning("the exchange says that this account may not trade: it will refuse every order")
        await _require_same_account(store, account)
        portfolio, looked_at = await _open_portfolio(venue, client, store, observers)
        journal = ModeJournal(portfolio, failures, observers)
        await journal.begin(venue.clock.now_ms())
        risk = RiskManagementAgent(
            risk_limits(venue.settings, account.taker_rate), next_order_id=portfolio.next_client_order_id, observer=observers
        )
        asked = await store.asked_to_cancel([order.intent.client_order_id for order in portfolio.open_orders()])
        components = _connect(venue, client, market, signals, portfolio, risk, store, observers, asked, journal)
        feed.risk, feed.quote_asset, feed.clock = components.risk, portfolio.quote_asset, venue.clock
        await _begin_to_trade(components, looked_at, remembers=not in_memory)
        streams = await stack.enter_async_context(open_market_streams(venue, market, client, observers, components.symbols))
        try:
            yield replace(components, streams=streams)
        finally:
            left_behind = await components.drain_orders()
            if left_behind:
                components.log.error("orders were still on their way; the next start looks for them", orders=list(left_behind))


async def _first_contact(client: AsyncBinanceClient, venue: Venue, needs: Needs) -> Venue:
    """The venue with the symbols that are traded there; what strategies need of them can be had."""
    await patiently("first contact", client.sync_clock, _log())
    chosen = await with_chosen_symbols(venue, client)
    await require_needed_candles(needs, chosen.settings, client)
    return chosen


def _market_agent(venue: Venue, client: AsyncBinanceClient, needs: Needs, cache: Cache, observer: Observer) -> AsyncMarketDataAgent:
    settings = venue.settings
    return AsyncMarketDataAgent(
        client,
        clock=venue.clock,
        observer=observer,
        interval=settings.candle_interval,
        window=settings.candle_window,
        max_concurrency=settings.max_concurrent_symbols,
        server_time_ms=client.server_time_ms,
        ensure_time=client.ensure_synced,
        max_price_age_ms=max_price_age_ms(venue),
        close_wait_s=close_wait_s(venue),
        cache=cache,
        cache_ttls=cache_ttls(venue),
        cache_namespace=cache_namespace(venue),
        needs=needs,
    )


async def _open_portfolio(
    venue: Venue, client: AsyncBinanceClient, store: SqliteBookStore, observer: Observer
) -> tuple[PortfolioManager, frozenset[str] | None]:
    """The portfolio, and the symbols whose trade lists are known up to now or up to the end of the process before; None: not known."""
    settings = venue.settings
    rules = await client.get_exchange_info(settings.trading_symbols) if settings.trading_symbols else {}
    quote_asset = settings.quote_asset or rules[settings.trading_symbols[0]].quote_asset
    strangers = [symbol for symbol in settings.trading_symbols if rules[symbol].quote_asset != quote_asset]
    if strangers:
        raise ConfigurationError(
            f"TRADING_SYMBOLS must all be quoted in one asset, because the book is kept in it; {', '.join(strangers)} "
            f"are not quoted in {quote_asset}"
        )
    portfolio = PortfolioManager(store, quote_asset=quote_asset, rules=rules, observer=observer, clock=venue.clock)
    await portfolio.open()
    # A book that was put back from a copy must not give the numbers again that were used since: time has gone on in any case.
    portfolio.number_orders_from(venue.clock.now_ms())
    if settings.trading_mode is Mode.LIVE:
        await require_safe_key(client, _log(), is_first_start=portfolio.opened_ms is None)
    if portfolio.opened_ms is None:
        await book_opening_balances(portfolio, client, settings.trading_symbols)
        return portfolio, frozenset(settings.trading_symbols)
    return portfolio, ChosenSymbols(settings.book_path.parent).read()


async def _begin_to_trade(components: Components, looked_at: frozenset[str] | None, *, remembers: bool) -> None:
    """What the settings name or have chosen is traded from now on, as from a choice on while the daemon runs."""
    chosen = components.settings.trading_symbols
    left = await learn_symbols_left_behind(components.portfolio, components.client, chosen)
    if looked_at is not None:  # else each goes on from what the book has seen: it may be a copy that was put back, and lack trades of ours
        await components.traded.expect(chosen, looked_at=looked_at)
    components.reconciler.watch((*chosen, *left))
    components.traded.begin()
    if remembers and chosen:  # last, so that a start that was cut off begins with the lists once more; nothing chosen forgets no places
        ChosenSymbols(components.settings.book_path.parent).write(chosen)


async def _require_same_account(store: SqliteBookStore, account: AccountInfo) -> None:
    """Keys may change, the account may not: positions of another account would be sold out of this one's own holdings."""
    if account.uid is None:
        return
    known = await store.bind_account(account.uid)
    if known != account.uid:
        raise ConfigurationError(
            f"BINANCE_API_KEY belongs to account {account.uid}, but the book was made with account {known}; set the key of that account, "
            "or choose another DATA_DIR"
        )


def _connect(
    venue: Venue,
    client: AsyncBinanceClient,
    market: AsyncMarketDataAgent,
    signals: SignalAgent,
    portfolio: PortfolioManager,
    risk: RiskManagementAgent,
    store: SqliteBookStore,
    observer: Observer,
    asked: tuple[str, ...],
    journal: ModeJournal,
) -> Components:
    settings, clock = venue.settings, venue.clock
    _go_on(risk, portfolio)
    desk = _sending_desk(venue, client, portfolio, risk, observer)
    execution = TradeExecutionAgent(client, desk)
    tighten = _tightening(risk, journal, clock)

    async def halt(symbol: str, rule: RiskRule, reason: str) -> None:
        await tighten(symbol, TradingMode.HALTED, rule, reason)

    rules = _reconciler_rules(venue, portfolio.epoch)
    reconciler = Reconciler(
        client,
        portfolio,
        rules,
        clock=clock,
        in_flight=lambda: desk.in_flight,
        halt=halt,
        observer=observer,
        meet=AnotherDaemon(portfolio, tighten).meet,
        record_mode=journal.record,
    )
    protection = protection_agent(
        settings, client, portfolio, risk, reconciler, desk=desk, tighten=tighten, record_mode=journal.record, observer=observer
    )
    cancellation = CancellationAgent(
        client,
        client.protective_orders,
        portfolio,
        clock=clock,
        in_flight=lambda: desk.in_flight,
        follow=reconciler.follow,
        asked=asked,
    )
    traded = TradedSymbols(settings, portfolio, risk, reconciler, market, observer)
    stations = (client, market, signals, risk, desk, execution, portfolio, reconciler, cancellation, traded)
    return Components(settings, venue, clock, observer, *stations, store, journal, _log(), None, protection)


def _go_on(risk: RiskManagementAgent, portfolio: PortfolioManager) -> None:
    risk.restore(
        state=portfolio.risk_state,
        modes=portfolio.modes,
        open_orders=portfolio.open_orders(),
        missed=portfolio.uncounted.fills,
        booked=portfolio.booked_fills,
        loosened_ms=portfolio.uncounted.loosened_ms,
    )


def _reconciler_rules(venue: Venue, epoch: str) -> ReconcilerRules:
    settings = venue.settings
    return ReconcilerRules(
        symbols=(),  # until it is known where their trade lists begin
        epoch=epoch,
        grace_ms=round(settings.unknown_order_grace_seconds * 1000),
        external_entries=venue.embedded is None,
        resets_end_book=venue.embedded is not None or settings.trading_mode is Mode.TESTNET,
    )


def _sending_desk(
    venue: Venue, client: AsyncBinanceClient, portfolio: PortfolioManager, risk: RiskManagementAgent, observer: Observer
) -> SendingDesk:
    return SendingDesk(
        portfolio,
        gate=risk.gate,
        server_time_ms=client.server_time_ms,
        clock=venue.clock,
        observer=observer,
        max_send_delay_ms=round(venue.settings.max_intent_age_seconds * 1000 * max(1.0, venue.speed)),
    )


def _tightening(
    risk: RiskManagementAgent, journal: ModeJournal, clock: Clock
) -> Callable[[str, TradingMode, RiskRule, str], Awaitable[None]]:
    """What puts a symbol or the account into a stricter mode, at once and in the journal."""

    async def tighten(symbol: str, mode: TradingMode, rule: RiskRule, reason: str) -> None:
        change = risk.tighten(symbol, mode, rule, reason, clock.now_ms())
        if change is not None:
            await journal.record(change)

    return tighten


def _log() -> Any:
    return structlog.get_logger(component="pipeline")


def _new_epoch(venue: Venue) -> str:
    """A name that no earlier book can have: milliseconds in base 36, of the wall clock, because market time may be made up.

    Where time jumps a run is to repeat exactly, and its market has never been there before.
    """
    clock = venue.clock if venue.is_virtual and venue.embedded is None else WallClock()
    return np.base_repr(clock.now_ms(), 36).lower()
