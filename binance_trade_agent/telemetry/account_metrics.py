"""AccountMetrics: turns the facts about the book, its positions, its protection and its comparison with the exchange into metrics."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from binance_trade_agent.domain import facts, symbol_facts
from binance_trade_agent.domain.portfolio import PortfolioSnapshot
from binance_trade_agent.domain.risk import TradingMode
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.metric_children import MetricChildren


class AccountMetrics:
    """A part of MetricsObserver."""

    def __init__(self, children: MetricChildren) -> None:
        self._counter, self._gauge, self._histogram = children.counter, children.gauge, children.histogram
        self._held: frozenset[str] = frozenset()
        self._drop = children.drop_gauge
        # What each pass changes, looked up beforehand.
        self._equity, self._cash, self._exposure = (self._gauge(metric) for metric in (names.EQUITY, names.CASH, names.EXPOSURE))
        self._initial, self._realized = self._gauge(names.INITIAL_VALUE), self._gauge(names.REALIZED)
        self._unrealized, self._modes = self._gauge(names.UNREALIZED), children.gauges(names.MODE)
        self._quantities, self._values = children.gauges(names.POSITION_QUANTITY), children.gauges(names.POSITION_VALUE)
        self._gains = children.gauges(names.POSITION_UNREALIZED)

    def handlers(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with each kind of fact."""
        return {
            facts.BookMarked: self._book_marked,
            facts.ExternalBooked: self._external_booked,
            facts.PositionWrittenDown: self._position_written_down,
            facts.PositionsProtected: self._positions_protected,
            facts.Reconciled: self._reconciled,
            symbol_facts.SymbolsTraded: self._symbols_traded,
        }

    def of_many(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with all facts of a kind."""
        return {facts.BookMarked: self._books_marked}

    def _book_marked(self, fact: facts.BookMarked) -> None:
        for scope, mode in fact.snapshot.modes.items():  # those that an earlier process put in force are told by nobody else
            self._modes(scope).set(TradingMode(mode).severity)

    def _books_marked(self, marked: Sequence[facts.BookMarked]) -> None:
        """The last is what is shown."""
        snapshot = marked[-1].snapshot
        self._equity.set(float(snapshot.equity))
        self._cash.set(float(snapshot.cash))
        self._exposure.set(float(snapshot.equity - snapshot.cash))
        self._initial.set(float(snapshot.initial_value))
        self._realized.set(float(snapshot.realized))
        self._unrealized.set(float(snapshot.unrealized))
        self._mark_positions(snapshot)

    def _mark_positions(self, snapshot: PortfolioSnapshot) -> None:
        """The book has a position, of nothing in the end, for whatever was ever traded: too many for figures of their own."""
        shown = [position for position in snapshot.positions if position.quantity]
        for position in shown:
            self._quantities(position.symbol).set(float(position.quantity))
            self._values(position.symbol).set(float(position.value))
            self._gains(position.symbol).set(float(position.unrealized))
        held = frozenset(position.symbol for position in shown)
        for symbol in self._held - held:
            for gauges in (self._quantities, self._values, self._gains):
                gauges(symbol).set(0)
        self._held = held

    def _symbols_traded(self, fact: symbol_facts.SymbolsTraded) -> None:
        """What is traded no more makes room for what comes: label values are bounded."""
        for symbol in fact.dropped:
            self._held -= {symbol}
            for metric in (names.POSITION_QUANTITY, names.POSITION_VALUE, names.POSITION_UNREALIZED):
                self._drop(metric, symbol)

    def _external_booked(self, fact: facts.ExternalBooked) -> None:
        self._counter(names.EXTERNAL_ENTRIES, fact.asset).inc()

    def _position_written_down(self, fact: facts.PositionWrittenDown) -> None:
        self._counter(names.WRITE_DOWNS, fact.symbol).inc()

    def _positions_protected(self, fact: facts.PositionsProtected) -> None:
        self._gauge(names.POSITIONS_UNPROTECTED).set(len(fact.unprotected))

    def _reconciled(self, fact: facts.Reconciled) -> None:
        self._counter(names.RECONCILIATIONS).inc()
        self._histogram(names.RECONCILIATION_DURATION).observe(fact.duration_ms / 1000)
        self._counter(names.RECONCILIATION_DIFFERENCES).inc(len(fact.differences))
        self._gauge(names.RECONCILIATION_LAST_DIFFERENCES).set(len(fact.differences))
