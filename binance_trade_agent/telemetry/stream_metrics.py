"""StreamMetrics: turns the facts about market streams and local order books into their metrics."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from binance_trade_agent.domain import stream_facts
from binance_trade_agent.domain.facts import Fact
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.metric_children import MetricChildren


class StreamMetrics:
    """A part of MetricsObserver."""

    def __init__(self, children: MetricChildren) -> None:
        self._counter, self._gauge, self._histogram = children.counter, children.gauge, children.histogram
        # Begun at zero, as an increase from nothing to one is none for Prometheus.
        for end in stream_facts.StreamEnd:
            self._counter(names.STREAM_INTERRUPTIONS, end)
        for reason in stream_facts.RotationReason:
            self._counter(names.STREAM_ROTATIONS, reason)

    def handlers(self) -> Mapping[type[Fact], Callable[[Any], None]]:
        """What to do with each kind of fact."""
        return {
            stream_facts.StreamsConnected: self._streams_connected,
            stream_facts.StreamsInterrupted: self._streams_interrupted,
            stream_facts.StreamsRotated: self._streams_rotated,
            stream_facts.StreamRefused: self._stream_refused,
            stream_facts.StreamsSilent: self._streams_silent,
            stream_facts.StreamTraffic: self._stream_traffic,
            stream_facts.StreamLatency: self._stream_latency,
            stream_facts.OrderBookSynced: self._order_book_synced,
            stream_facts.OrderBookLost: self._order_book_lost,
            stream_facts.OrderBooksKept: self._order_books_kept,
        }

    def _streams_connected(self, _: stream_facts.StreamsConnected) -> None:
        self._counter(names.STREAM_CONNECTS).inc()

    def _streams_interrupted(self, fact: stream_facts.StreamsInterrupted) -> None:
        self._counter(names.STREAM_INTERRUPTIONS, fact.end).inc()

    def _streams_rotated(self, fact: stream_facts.StreamsRotated) -> None:
        self._counter(names.STREAM_ROTATIONS, fact.reason).inc()
        self._counter(names.STREAM_ROTATION_GAPS).inc(fact.gaps)

    def _stream_refused(self, _: stream_facts.StreamRefused) -> None:
        self._counter(names.STREAM_REFUSALS).inc()

    def _streams_silent(self, fact: stream_facts.StreamsSilent) -> None:
        self._counter(names.STREAM_SILENCES).inc(len(fact.streams))

    def _stream_traffic(self, fact: stream_facts.StreamTraffic) -> None:
        for kind, messages in fact.messages.items():
            self._counter(names.STREAM_MESSAGES, kind).inc(messages)
        for reason, number in (("unreadable", fact.faults), ("passed_over", fact.passed_over), ("listener", fact.listener_failures)):
            self._counter(names.STREAM_FAULTS, reason).inc(number)
        self._gauge(names.STREAM_CONNECTIONS).set(fact.connections)
        self._gauge(names.STREAMS_WANTED).set(fact.wanted)
        self._gauge(names.STREAMS_LIVE).set(fact.live)
        self._gauge(names.STREAM_NEWEST_AGE).set(math.nan if fact.newest_age_ms is None else fact.newest_age_ms / 1000)

    def _stream_latency(self, fact: stream_facts.StreamLatency) -> None:
        self._histogram(names.STREAM_LATENCY).observe(
            max(0, fact.latency_ms) / 1000
        )  # our idea of the exchange's clock can be a little behind

    def _order_book_synced(self, fact: stream_facts.OrderBookSynced) -> None:
        self._counter(names.ORDER_BOOK_SNAPSHOTS).inc(fact.snapshots)
        self._histogram(names.ORDER_BOOK_SYNC).observe(fact.duration_ms / 1000)

    def _order_book_lost(self, fact: stream_facts.OrderBookLost) -> None:
        self._counter(names.ORDER_BOOK_LOSSES, fact.loss).inc()

    def _order_books_kept(self, fact: stream_facts.OrderBooksKept) -> None:
        self._gauge(names.ORDER_BOOKS_KEPT).set(fact.kept)
        self._gauge(names.ORDER_BOOKS_IN_SYNC).set(fact.in_sync)
