"""Months, days and stretches of time in milliseconds UTC, by which candles are kept and fetched."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from binance_trade_agent.domain.candle_intervals import DAY_MS


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start_ms` up to, not including, `end_ms`."""

    start_ms: int
    end_ms: int

    @property
    def days(self) -> float:
        """Its length in days."""
        return (self.end_ms - self.start_ms) / DAY_MS


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """One month of the calendar, UTC."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @classmethod
    def of(cls, time_ms: int) -> "Month":
        """The month that `time_ms` lies in."""
        moment = datetime.fromtimestamp(time_ms / 1000, UTC)
        return cls(moment.year, moment.month)

    @classmethod
    def named(cls, text: str) -> "Month":
        """The month that is written 2025-01; ValueError for any other text."""
        moment = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        return cls(moment.year, moment.month)

    @property
    def next(self) -> "Month":
        """The month after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def span(self) -> Span:
        """From its first millisecond to that of the next month."""
        return Span(_first_ms(self), _first_ms(self.next))


def months_of(span: Span) -> Iterator[Month]:
    """Every month that has a part in `span`, oldest first."""
    month = Month.of(span.start_ms)
    while month.span.start_ms < span.end_ms:
        yield month
        month = month.next


def days_of(span: Span) -> Iterator[Span]:
    """Every day, UTC, that has a part in `span`, whole, oldest first."""
    for start_ms in range(span.start_ms - span.start_ms % DAY_MS, span.end_ms, DAY_MS):
        yield Span(start_ms, start_ms + DAY_MS)


def date_text(time_ms: int) -> str:
    """The date of `time_ms`, UTC, as 2025-01-31."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d")


def merged_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same time in as few spans as there are stretches, oldest first; empty ones are left out."""
    merged: list[Span] = []
    for span in sorted(span for span in spans if span.start_ms < span.end_ms):
        if merged and span.start_ms <= merged[-1].end_ms:
            merged[-1] = Span(merged[-1].start_ms, max(merged[-1].end_ms, span.end_ms))
        else:
            merged.append(span)
    return tuple(merged)


def missing_spans(wanted: Span, covered: Iterable[Span]) -> tuple[Span, ...]:
    """What of `wanted` lies in none of `covered`, oldest first."""
    missing = []
    start_ms = wanted.start_ms
    for span in merged_spans(covered):
        if span.start_ms >= wanted.end_ms:
            break
        if span.start_ms > start_ms:
            missing.append(Span(start_ms, span.start_ms))
        start_ms = max(start_ms, span.end_ms)
    if start_ms < wanted.end_ms:
        missing.append(Span(start_ms, wanted.end_ms))
    return tuple(missing)


def _first_ms(month: Month) -> int:
    return int(datetime(month.year, month.month, 1, tzinfo=UTC).timestamp()) * 1000
