"""Traces of whole passes: from the market's price to the fill, in the daemon's own words, received by a real HTTP server."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from running_daemon import daemon
from span_tree import SpanTree
from virtual_pilot import fly

from binance_trade_agent.telemetry.trace_ids import TraceIds
from binance_trade_agent.telemetry.traces import TraceObserver

TRADING = {"DEMO_SPEED": "600", "TRADING_INTERVAL_SECONDS": "60", "LOG_LEVEL": "DEBUG"}


def test_a_purchase_is_one_trace_from_the_price_to_the_fill(open_agent) -> None:
    tree = SpanTree()
    observer = TraceObserver(TraceIds(), tree.take)

    async def flight(pilot) -> None:
        observer.begin_book(pilot.components.portfolio.epoch, 1.0)
        await pilot.passes(1)

    fly(open_agent, flight, strategy="Buying", observer=observer)
    fills = tree.named("fill")
    assert fills
    for fill in fills:
        assert tree.way_to(fill) == ["pass", "order", "fill"]
    (request,) = [span for span in tree.named("request new_order") if span.trace_id == fills[0].trace_id][:1]
    assert tree.way_to(request) == ["pass", "order", "request new_order"]
    assert request.is_call
    for name in ("signal of a symbol", "execution of a symbol"):
        assert tree.way_to(tree.named(name)[0]) == ["pass", f"stage {name.split()[0]}", name]
    assert tree.way_to(tree.named("market to order")[0]) == ["pass", "order", "market to order"]
    whole = next(span for span in tree.named("pass") if span.trace_id == fills[0].trace_id)
    stages = {span.name for span in tree.spans if span.parent_id == whole.span_id and span.name.startswith("stage ")}
    assert {"stage settle", "stage market", "stage signal", "stage risk", "stage execution", "stage book"} <= stages


class Receiver:
    """A service of traces: it keeps what is posted to it."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self.spans: list = []
        self.services: set[str] = set()

    def take(self, path: str, body: bytes) -> None:
        self.paths.add(path)
        for told in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services |= {about.value.string_value for about in told.resource.attributes if about.key == "service.name"}
            self.spans.extend(span for scope in told.scope_spans for span in scope.spans)


@contextmanager
def receiving() -> Iterator[tuple[Receiver, str]]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield receiver, f"http://127.0.0.1:{server.server_port}/v1/traces"
        server.shutdown()


def test_the_daemon_sends_traces_and_its_log_names_them(tmp_path: Path) -> None:
    with receiving() as (receiver, address), daemon(tmp_path / "data", TRACING_ENDPOINT=address, **TRADING) as running:
        running.find_address()
        running.wait_for(lambda: running.trades() and any(span.name == "fill" for span in receiver.spans))
        assert running.stop() == 0
        assert receiver.paths == {"/v1/traces"}
        assert receiver.services == {"binance-trade-agent"}
        fill = next(span for span in receiver.spans if span.name == "fill")
        of_it = [span for span in receiver.spans if span.trace_id == fill.trace_id]
        assert {"pass", "order", "request new_order", "fill"} <= {span.name for span in of_it}
        lines = [line for line in running.lines() if line.get("trace_id") == fill.trace_id.hex()]
        assert any(line["event"].startswith(("Bought", "Sold")) for line in lines)
        assert len({line["correlation_id"] for line in lines}) == 1


def test_where_nobody_takes_traces_the_daemon_trades_on_and_says_so_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with daemon(tmp_path / "data", TRACING_ENDPOINT=f"http://127.0.0.1:{port}/v1/traces", **TRADING) as running:
        running.find_address()
        running.wait_for(lambda: running.trades() and any("Traces cannot be sent" in line["event"] for line in running.lines()))
        passes = len(running.trades())
        running.wait_for(lambda: len(running.trades()) > passes)
        assert running.stop() == 0
        assert sum("Traces" in json.dumps(line) for line in running.lines()) == 1
