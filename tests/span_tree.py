"""Spans that were taken, read as trees."""

from collections.abc import Sequence

from binance_trade_agent.telemetry.span import Span


class SpanTree:
    """Takes spans, as what sends them would, and finds them by name and by what they belong to."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def take(self, spans: Sequence[Span]) -> None:
        self.spans.extend(spans)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> Span:
        (span,) = self.named(name)
        return span

    def way_to(self, span: Span) -> list[str]:
        """The names from the root of its trace down to a span."""
        parents = [other for other in self.spans if (other.trace_id, other.span_id) == (span.trace_id, span.parent_id)]
        assert len(parents) == (0 if span.parent_id is None else 1), f"{span} hangs in the air"
        return [*(self.way_to(parents[0]) if parents else []), span.name]
