"""Choosing symbols: asks the exchange for what the rules of domain/symbol_selection.py need, and puts what they choose into the settings.

Request weight: exchange information (20), the tickers of all symbols (80), and one candle (2) for each age that is asked for, of at most
SYMBOL_COUNT + SPARE_AGES symbols; without SYMBOL_MIN_AGE_DAYS none.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.answers.market import PriceStatistics
from binance_trade_agent.domain.candle_intervals import DAY_MS
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.domain.symbol_selection import Candidate, ListingAge, Selection, SelectionRules, choose
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.choices import SymbolSelection
from binance_trade_agent.storage.chosen_symbols import ChosenSymbols
from binance_trade_agent.storage.held_symbols import held_in
from binance_trade_agent.wiring.venue import Venue

SPARE_AGES = 100
"""How many symbols may turn out too young before those that follow are refused unasked."""

_AGES_AT_ONCE = 10


def symbols_text(settings: Settings) -> str:
    """What will be traded by the settings, for people: names, or how they are chosen."""
    if settings.symbol_selection is SymbolSelection.STATIC:
        return ", ".join(settings.trading_symbols)
    if settings.symbol_count == 1:
        return f"the symbol that is traded most in {settings.accounting_asset}"
    return f"the {settings.symbol_count} symbols that are traded most in {settings.accounting_asset}"


def selection_rules(settings: Settings) -> SelectionRules:
    """What the settings say of the choice."""
    return SelectionRules(
        count=settings.symbol_count,
        slack=settings.symbol_slack,
        min_age_days=settings.symbol_min_age_days,
        max_spread=settings.symbol_max_spread,
        min_range=settings.symbol_min_range,
        max_range=settings.symbol_max_range,
        min_price=settings.symbol_min_price,
        max_price=settings.symbol_max_price,
        whitelist=settings.symbol_whitelist,
        blacklist=settings.symbol_blacklist,
    )


@dataclass(frozen=True, slots=True)
class Survey:
    """What would be chosen, the trading rules of everything that the exchange lists, and what is held or has an open order."""

    selection: Selection
    listed: Mapping[str, SymbolRules]
    kept: frozenset[str]


async def survey_at_start(client: AsyncBinanceClient, settings: Settings) -> Survey:
    """The survey by what the files of the settings say was chosen last and is held; less than one step is nothing. BookError as well."""
    previous, held = _chosen_last(settings), held_in(settings.book_path)
    listed = await client.get_exchange_info()
    return await _survey(client, settings, listed, previous, held.symbols(listed))


def _chosen_last(settings: Settings) -> frozenset[str]:
    """What has the advantage of the last choice: nothing where that is not known."""
    return ChosenSymbols(settings.book_path.parent).read() or frozenset()


async def survey(client: AsyncBinanceClient, settings: Settings, *, previous: Collection[str], kept: Collection[str]) -> Survey:
    """What would be chosen now of all that is quoted in the accounting asset, and why; the client's clock is synchronised.

    `previous` was chosen last and has its advantage, `kept` is held or has an open order. Raises ExchangeError.
    """
    return await _survey(client, settings, await client.get_exchange_info(), previous, frozenset(kept))


async def _survey(
    client: AsyncBinanceClient,
    settings: Settings,
    listed: Mapping[str, SymbolRules],
    previous: Collection[str],
    kept: frozenset[str],
) -> Survey:
    rules = selection_rules(settings)
    days = {ticker.symbol: ticker for ticker in await client.market.ticker_24h()}
    quoted = [_candidate(rule, days.get(rule.symbol)) for rule in listed.values() if rule.quote_asset == settings.accounting_asset]
    ages: dict[str, ListingAge] = {}
    while True:
        known = [replace(candidate, age=ages.get(candidate.symbol, ListingAge.NOT_ASKED)) for candidate in quoted]
        selection = choose(known, rules, previous=previous, kept=kept)
        due = _ages_due(selection, rules, ages)
        if not due:
            return Survey(selection, listed, kept)
        room = rules.count + SPARE_AGES - len(ages)
        ages |= await _ages(client, due[:room], rules.min_age_days)
        if len(due) >= room:
            ages |= {candidate.symbol: ListingAge.UNKNOWN for candidate in quoted if candidate.symbol not in ages}


def _candidate(rules: SymbolRules, day: PriceStatistics | None) -> Candidate:
    """A symbol without a ticker, or without a bid or ask, has zeros there, which the rules refuse."""
    if day is None:
        return Candidate(rules.symbol, rules.base_asset, rules.quote_asset, rules.status, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
    return Candidate(
        symbol=rules.symbol,
        base_asset=rules.base_asset,
        quote_asset=rules.quote_asset,
        status=rules.status,
        last_price=day.last_price,
        quote_volume=day.quote_volume,
        bid=day.bid_price or ZERO,
        ask=day.ask_price or ZERO,
        low=day.low_price,
        high=day.high_price,
    )


def _ages_due(selection: Selection, rules: SelectionRules, ages: Mapping[str, ListingAge]) -> list[str]:
    """Chosen symbols whose age decides and is not known yet."""
    if not rules.min_age_days:
        return []
    return [symbol for symbol in selection.symbols if symbol not in ages]


async def _ages(client: AsyncBinanceClient, symbols: Sequence[str], days: int) -> dict[str, ListingAge]:
    """Whether there was a daily candle so many days ago. The exchange does not tell when a symbol was listed."""
    until_ms = client.server_time_ms() - days * DAY_MS
    found: dict[str, ListingAge] = {}
    for first in range(0, len(symbols), _AGES_AT_ONCE):
        portion = symbols[first : first + _AGES_AT_ONCE]
        histories = await asyncio.gather(*(client.get_klines(symbol, "1d", limit=1, end_time_ms=until_ms) for symbol in portion))
        for symbol, candles in zip(portion, histories, strict=True):
            found[symbol] = ListingAge.OLD_ENOUGH if candles else ListingAge.TOO_YOUNG
    return found


async def with_chosen_symbols(venue: Venue, client: AsyncBinanceClient) -> Venue:
    """The venue with what SYMBOL_SELECTION chooses as its symbols; itself where they are named. Told in the log.

    Where nothing passes the filters and something is held, nothing is chosen, so that what is held can be sold; with nothing held that
    raises ConfigurationError.
    """
    settings = venue.settings
    if settings.symbol_selection is SymbolSelection.STATIC:
        return venue
    previous = _chosen_last(settings)
    found = await survey_at_start(client, settings)
    chosen, held, log = found.selection.symbols, found.kept, structlog.get_logger(component="pipeline")
    if not (chosen or held):
        raise ConfigurationError(
            f"SYMBOL_SELECTION is {settings.symbol_selection}, but no symbol quoted in {settings.accounting_asset} passes the filters; "
            "`binance-trade-agent symbols` says why"
        )
    if chosen:
        log.info("symbols chosen", symbols=list(chosen), new=sorted(set(chosen) - previous), gone=sorted(previous - set(chosen)))
    else:
        sold = held & found.listed.keys()
        rest = "what is held is sold as ever" if sold else "what is held is not listed any more, so that nothing of it can be sold"
        log.warning(f"no symbol passes the filters, so nothing is bought; {rest}", symbols=sorted(sold), stranded=sorted(held - sold))
    return replace(venue, settings=settings.model_copy(update={"trading_symbols": chosen, "quote_asset": settings.accounting_asset}))
