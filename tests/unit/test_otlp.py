"""OTLP: our bytes are what OpenTelemetry's own encoder makes of the same spans, and they reach a service as the standard names say."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.settings import load_settings
from binance_trade_agent.telemetry import otlp_posting
from binance_trade_agent.telemetry.otlp_encoding import SpanEncoder
from binance_trade_agent.telemetry.otlp_posting import OtlpPosting, TracesNotTakenError
from binance_trade_agent.telemetry.otlp_spans import OtlpSpans
from binance_trade_agent.telemetry.redaction import Redactor
from binance_trade_agent.telemetry.span import Span
from binance_trade_agent.telemetry.trace_ids import TraceIds
from binance_trade_agent.wiring.tracing import open_tracing

SPAN = Span("pass", 5, 6, None, 1_000, 2_000, {"pass.number": 1})
RESOURCE = {"service.name": "bench", "service.version": "1"}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
values = texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
numbers = st.integers(0, 2**64 - 1)
spans = st.builds(
    Span, texts, st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.none() | st.integers(1, 2**64 - 1), numbers, numbers,
    st.dictionaries(texts.filter(bool), values, max_size=5), texts, st.booleans(),
)  # fmt: skip


def readable(span: Span) -> ReadableSpan:
    """The span as the SDK has it."""

    def context(span_id: int) -> SpanContext:
        return SpanContext(span.trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    return ReadableSpan(
        span.name,
        context(span.span_id),
        None if span.parent_id is None else context(span.parent_id),
        Resource(RESOURCE),
        span.attributes,
        kind=SpanKind.CLIENT if span.is_call else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=InstrumentationScope("scope", "2"),
    )


@given(st.lists(spans, min_size=1, max_size=6))
def test_our_bytes_say_what_those_of_the_sdk_say(given_spans):
    ours = SpanEncoder(RESOURCE, "scope", "2", str).encode(given_spans)
    assert ExportTraceServiceRequest.FromString(ours) == encode_spans([readable(span) for span in given_spans])


def test_spans_that_are_alike_differ_in_ids_and_times():
    about = ("request klines", {"endpoint": "klines"}, "-1003", True)
    alike = [Span(about[0], 5, 6 + at, at or None, at, at + 9, about[1], about[2], is_call=about[3], alike="klines") for at in range(3)]
    ours = SpanEncoder(RESOURCE, "scope", "2", str).encode(alike)
    assert ExportTraceServiceRequest.FromString(ours) == encode_spans([readable(span) for span in alike])


def test_one_encoder_tells_figures_of_different_kinds_apart():
    encoder = SpanEncoder(RESOURCE, "scope", "2", str)
    kinds = []
    for value in (1, True, 1.0, "1", 2**70):
        told = ExportTraceServiceRequest.FromString(encoder.encode([Span("s", 1, 2, None, 1, 2, {"a": value})]))
        kinds.append(told.resource_spans[0].scope_spans[0].spans[0].attributes[0].value.WhichOneof("value"))
    assert kinds == ["int_value", "bool_value", "double_value", "string_value", "string_value"]


def test_secrets_in_texts_are_hidden_and_half_a_character_costs_no_batch():
    encoder = SpanEncoder(RESOURCE, "scope", "2", Redactor(["a-secret-key-1"]).text)
    told = encoder.encode([Span("s", 1, 2, 3, 1, 2, {"reason": "of a-secret-key-1 \ud800"}, "with a-secret-key-1")])
    (span,) = ExportTraceServiceRequest.FromString(told).resource_spans[0].scope_spans[0].spans
    assert b"a-secret-key-1" not in told
    assert span.status.message == "with [hidden]"


# -- how it is sent -----------------------------------------------------------------------------------------------------------


class Service:
    """A service of traces that answers with the statuses that it is given, 200 when there are none left."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self.cuts = False
        self.url = ""


@contextmanager
def serving() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            service.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(service.statuses.pop(0) if service.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if service.cuts:  # without a word, as a server does that has kept a connection long enough
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        service.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def posting(service: Service, **names: str) -> Iterator[OtlpPosting]:
    opened = OtlpPosting(service.url, names)
    try:
        yield opened
    finally:
        opened.close()


def test_batches_go_over_one_connection():
    with serving() as service, posting(service) as sender:
        sender.post(b"one")
        sender.post(b"two")
        assert [(path, body) for path, _, body in service.got] == [("/v1/traces", b"one"), ("/v1/traces", b"two")]
        assert service.got[0][1]["content-type"] == "application/x-protobuf"
        assert service.connections == 1


def test_a_kept_connection_that_was_closed_costs_no_batch():
    with serving() as service, posting(service) as sender:
        service.cuts = True
        for batch in (b"one", b"two", b"three"):
            sender.post(batch)
            time.sleep(0.05)
        assert [body for _, _, body in service.got] == [b"one", b"two", b"three"]


def test_the_standard_names_are_heeded():
    names = {
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20ours%2C1, x-team = desk",
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "gzip",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
    }
    with serving() as service, posting(service, **names) as sender:
        sender.post(b"one")
        (_, headers, body) = service.got[0]
    assert (headers["authorization"], headers["x-team"], headers["content-encoding"]) == ("Bearer ours,1", "desk", "gzip")
    assert gzip.decompress(body) == b"one"


@pytest.mark.parametrize("status", [429, 503])
def test_a_service_that_is_busy_is_asked_again(status, monkeypatch):
    monkeypatch.setattr(otlp_posting, "FIRST_PAUSE_S", 0.01)
    with serving() as service, posting(service) as sender:
        service.statuses = [status, status]
        sender.post(b"one")
        assert len(service.got) == 3


def test_a_batch_that_is_refused_or_finds_nobody_is_an_error():
    with serving() as service, posting(service) as sender:
        service.statuses = [400]
        with pytest.raises(TracesNotTakenError, match="HTTP 400"):
            sender.post(b"one")
        assert len(service.got) == 1
    with posting(service) as sender, pytest.raises(TracesNotTakenError, match="refused"):
        sender.post(b"one")


def test_closing_ends_a_wait_for_a_service_that_hangs():
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = OtlpPosting(f"http://127.0.0.1:{server.getsockname()[1]}/v1/traces", {})
        failed = threading.Event()

        def send() -> None:
            with pytest.raises(TracesNotTakenError):
                sender.post(b"one")
            failed.set()

        thread = threading.Thread(target=send)
        thread.start()
        accepted, _ = server.accept()
        accepted.recv(100)
        sender.close()
        assert failed.wait(otlp_posting.SEND_TIMEOUT_S - 1)
        thread.join()
        accepted.close()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "brotli"}, "allowed: none, gzip, deflate"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=b,a-secret-key-1"}, "header 2"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=a-secret-key-1%0Aof-two-lines"}, "header 1"),
    ],
)
def test_standard_names_that_make_no_sense_are_refused_without_showing_a_token(names, said):
    with pytest.raises(ValueError, match=said) as refusal:
        OtlpPosting("http://127.0.0.1:1/v1/traces", names)
    assert "a-secret-key-1" not in str(refusal.value)


async def test_a_start_with_such_a_name_ends_with_a_clear_word(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem")
    settings = load_settings(tracing_endpoint="https://127.0.0.1:1/v1/traces")
    with pytest.raises(ConfigurationError, match="OTEL_EXPORTER_OTLP_CERTIFICATE"):
        async with open_tracing(settings, TraceIds(), str):
            pass


def test_the_process_is_described_as_the_standard_names_say(monkeypatch):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=desk-1")
    with serving() as service:
        opened = OtlpSpans(service.url, {"service.version": "1"}, str)
        opened.export([SPAN])
        opened.close()
    (told,) = ExportTraceServiceRequest.FromString(service.got[0][2]).resource_spans
    about = {pair.key: pair.value.string_value for pair in told.resource.attributes}
    assert (about["service.name"], about["service.version"], about["service.instance.id"]) == ("binance-trade-agent", "1", "desk-1")
    assert told.scope_spans[0].spans[0].name == "pass"
