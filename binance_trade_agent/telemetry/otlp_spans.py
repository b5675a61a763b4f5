"""OtlpSpans: spans to a service of traces by OTLP over HTTP, described as OpenTelemetry has it; it needs the extra `tracing`.

What the SDK calls a tracer, an exporter and a span is not used: ids and times come from the facts, and its encoder cost ten times as much
as making the spans. The standard names OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are heeded by the SDK's Resource.
Source: OpenTelemetry specification, "Resource SDK".
"""

import os
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.sdk.resources import Resource

from binance_trade_agent.telemetry.otlp_encoding import SpanEncoder
from binance_trade_agent.telemetry.otlp_posting import OtlpPosting
from binance_trade_agent.telemetry.span import AttributeValue, Span

SERVICE_NAME = "binance-trade-agent"


class OtlpSpans:
    """Sends spans to `url`, all of one process described by `about`; `masked` hides secrets in texts.

    Raises ValueError when the standard names ask for what cannot be had.
    """

    def __init__(self, url: str, about: Mapping[str, str], masked: Callable[[str], str]) -> None:
        described = Resource.create({"service.name": SERVICE_NAME, **about}).attributes
        resource: dict[str, AttributeValue] = {
            key: value if isinstance(value, AttributeValue) else str(value) for key, value in described.items()
        }
        self._encoder = SpanEncoder(resource, SERVICE_NAME, about.get("service.version", ""), masked)
        self._posting = OtlpPosting(url, os.environ)

    def export(self, spans: Sequence[Span]) -> None:
        """Send a batch; takes about SEND_TIMEOUT_S at most. Raises TracesNotTakenError."""
        self._posting.post(self._encoder.encode(spans))

    def close(self) -> None:
        """Give up what is being sent."""
        self._posting.close()
