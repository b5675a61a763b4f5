"""OtlpSpans: spans in OpenTelemetry's form, by OTLP over HTTP; it needs the extra `tracing`.

What the SDK calls a tracer is not used: ids and times come from the facts. The standard names OTEL_SERVICE_NAME,
OTEL_RESOURCE_ATTRIBUTES and OTEL_EXPORTER_OTLP_HEADERS (and _TRACES_HEADERS, _CERTIFICATE, _COMPRESSION) are heeded by the SDK.
Source: OpenTelemetry specification, "OTLP Exporter" and "Resource SDK".
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from binance_trade_agent.telemetry.span import FREE_TEXT, AttributeValue, Span

SEND_TIMEOUT_S = 5.0
SERVICE_NAME = "binance-trade-agent"


class TracesNotTakenError(Exception):
    """The service of traces could not be reached or did not take a batch."""


class OtlpSpans:
    """Sends spans to `exporter`, all of one process described by `about`; `masked` hides secrets in texts."""

    def __init__(self, exporter: SpanExporter, about: Mapping[str, str], masked: Callable[[str], str]) -> None:
        self._exporter = exporter
        self._masked = masked
        self._sampled = TraceFlags(TraceFlags.SAMPLED)
        self._resource = Resource.create({"service.name": SERVICE_NAME, **about})
        self._scope = InstrumentationScope(SERVICE_NAME, about.get("service.version"))

    def export(self, spans: Sequence[Span]) -> None:
        """Send a batch; takes SEND_TIMEOUT_S at most. Raises TracesNotTakenError."""
        result = self._exporter.export([self._readable(span) for span in spans])
        if result is not SpanExportResult.SUCCESS:
            raise TracesNotTakenError("no answer, or one that refuses them")

    def close(self) -> None:
        """Give up what is being sent."""
        self._exporter.shutdown()

    def _context(self, trace_id: int, span_id: int) -> SpanContext:
        return SpanContext(trace_id, span_id, is_remote=False, trace_flags=self._sampled)

    def _masked_texts(self, attributes: Mapping[str, AttributeValue]) -> Mapping[str, AttributeValue]:
        """Ids, names and numbers are ours; texts may quote what others wrote."""
        text = attributes.get(FREE_TEXT)
        return {**attributes, FREE_TEXT: self._masked(text)} if isinstance(text, str) else attributes

    def _readable(self, span: Span) -> ReadableSpan:
        parent = None if span.parent_id is None else self._context(span.trace_id, span.parent_id)
        return ReadableSpan(
            span.name,
            self._context(span.trace_id, span.span_id),
            parent,
            self._resource,
            self._masked_texts(span.attributes),
            kind=SpanKind.CLIENT if span.is_call else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, self._masked(span.error)) if span.error else Status(StatusCode.UNSET),
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=self._scope,
        )


def otlp_exporter(url: str) -> SpanExporter:
    """An exporter to an address of OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces."""
    # What it would log of each batch that fails is told once by who sends them.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    return OTLPSpanExporter(endpoint=url, timeout=SEND_TIMEOUT_S)
