"""AccountMetrics: turns the facts about the book, its positions, its protection and its comparison with the exchange into metrics."""

from collections.abc import Callable, Mapping
from typing import Any

from binance_trade_agent.domain import facts
from binance_trade_agent.domain.portfolio import PortfolioSnapshot
from binance_trade_agent.domain.risk import TradingMode
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.metric_children import MetricChildren


class AccountMetrics:
    """A part of MetricsObserver."""

    def __init__(self, children: MetricChildren) -> None:
        self._counter, self._gauge, self._histogram = children.counter, children.gauge, children.histogram
        self._held: frozenset[str] = frozenset()

    def handlers(self) -> Mapping[type[facts.Fact], Callable[[Any], None]]:
        """What to do with each kind of fact."""
        return {
            facts.BookMarked: self._book_marked,
            facts.ExternalBooked: self._external_booked,
            facts.PositionWrittenDown: self._position_written_down,
            facts.PositionsProtected: self._positions_protected,
            facts.Reconciled: self._reconciled,
        }

    def _book_marked(self, fact: facts.BookMarked) -> None:
        snapshot = fact.snapshot
        for metric, amount in (
            (names.EQUITY, snapshot.equity),
            (names.CASH, snapshot.cash),
            (names.EXPOSURE, snapshot.equity - snapshot.cash),
            (names.INITIAL_VALUE, snapshot.initial_value),
            (names.REALIZED, snapshot.realized),
            (names.UNREALIZED, snapshot.unrealized),
        ):
            self._gauge(metric).set(float(amount))
        for scope, mode in snapshot.modes.items():  # those that an earlier process put in force are told by nobody else
            self._gauge(names.MODE, scope).set(TradingMode(mode).severity)
        self._mark_positions(snapshot)

    def _mark_positions(self, snapshot: PortfolioSnapshot) -> None:
        for position in snapshot.positions:
            self._gauge(names.POSITION_QUANTITY, position.symbol).set(float(position.quantity))
            self._gauge(names.POSITION_VALUE, position.symbol).set(float(position.value))
            self._gauge(names.POSITION_UNREALIZED, position.symbol).set(float(position.unrealized))
        held = frozenset(position.symbol for position in snapshot.positions)
        for symbol in self._held - held:
            for metric in (names.POSITION_QUANTITY, names.POSITION_VALUE, names.POSITION_UNREALIZED):
                self._gauge(metric, symbol).set(0)
        self._held = held

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
