"""MarketMetrics: turns the facts about traded symbols, candles, their holes and sources, and the cache of market data into metrics."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from binance_trade_agent.domain import facts, symbol_facts
from binance_trade_agent.domain.market_sources import CandleSource
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.metric_children import MetricChildren


class MarketMetrics:
    """A part of MetricsObserver."""

    def __init__(self, children: MetricChildren) -> None:
        self._counter, self._gauge = children.counter, children.gauge
        self._gauge(names.CACHE_USABLE).set(1)
        for result in symbol_facts.RefreshResult:  # begun at zero, as an increase from nothing to one is none for Prometheus
            self._counter(names.SYMBOL_REFRESHES, result)
        self._candles_by_source = children.counters(names.CANDLES_TAKEN)  # changed for every symbol of a pass

    def handlers(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with each kind of fact."""
        return {
            facts.CandleGapFound: self._candle_gap_found,
            facts.MarketDataFellBack: self._market_data_fell_back,
            symbol_facts.SymbolsTraded: self._symbols_traded,
            symbol_facts.SymbolRefreshEnded: self._symbol_refresh_ended,
            facts.CacheRead: self._cache_read,
            facts.CacheFailed: self._cache_failed,
            facts.CacheRecovered: self._cache_recovered,
        }

    def _candle_gap_found(self, fact: facts.CandleGapFound) -> None:
        self._counter(names.CANDLE_GAPS, fact.symbol).inc()
        self._counter(names.CANDLES_MISSING, fact.symbol).inc(fact.missing)

    def of_many(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with all facts of a kind."""
        return {facts.CandlesTaken: self._candles_taken, facts.MarketDataMeasured: self._market_data_measured}

    def _candles_taken(self, taken: Sequence[facts.CandlesTaken]) -> None:
        counts = Counter[CandleSource]()
        for fact in taken:
            counts[fact.source] += fact.count
        for source, count in counts.items():
            self._candles_by_source(source).inc(count)

    def _market_data_fell_back(self, fact: facts.MarketDataFellBack) -> None:
        self._counter(names.FALLBACKS, fact.kind, fact.reason).inc(fact.symbols)

    def _market_data_measured(self, measured: Sequence[facts.MarketDataMeasured]) -> None:
        """The last is what is shown."""
        fact = measured[-1]
        self._gauge(names.STREAMED_SYMBOLS).set(fact.followed)
        self._gauge(names.LIVE_SYMBOLS).set(fact.live)
        self._gauge(names.CANDLES_HELD).set(fact.candles)

    def _symbols_traded(self, fact: symbol_facts.SymbolsTraded) -> None:
        self._gauge(names.SYMBOLS, symbol_facts.Standing.CHOSEN).set(len(fact.chosen))
        self._gauge(names.SYMBOLS, symbol_facts.Standing.EXITS_ONLY).set(len(fact.exits_only))
        self._gauge(names.SYMBOLS, symbol_facts.Standing.STRANDED).set(len(fact.stranded))

    def _symbol_refresh_ended(self, fact: symbol_facts.SymbolRefreshEnded) -> None:
        self._counter(names.SYMBOL_REFRESHES, fact.result).inc()

    def _cache_read(self, fact: facts.CacheRead) -> None:
        self._counter(names.CACHE_HITS, fact.kind).inc(fact.hits)
        self._counter(names.CACHE_MISSES, fact.kind).inc(fact.misses)

    def _cache_failed(self, fact: facts.CacheFailed) -> None:
        self._counter(names.CACHE_FAILURES, fact.operation).inc()
        self._gauge(names.CACHE_USABLE).set(0)

    def _cache_recovered(self, _: facts.CacheRecovered) -> None:
        self._gauge(names.CACHE_USABLE).set(1)
