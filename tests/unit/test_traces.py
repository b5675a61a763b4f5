"""Traces: one of each pass from the candle's close to the fill, sent by a thread that nothing waits for and that loses little."""

import asyncio
import io
import json
import logging
import threading
from contextvars import copy_context
from decimal import Decimal

import pytest
import structlog
from msgspec.structs import replace
from span_tree import SpanTree

from binance_trade_agent.domain import facts
from binance_trade_agent.domain.decision import Stage, TradeDecision, Verdict
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.outcome import NotSent, Unknown
from binance_trade_agent.domain.service_facts import PassBegun
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.telemetry.logging import configure_logging
from binance_trade_agent.telemetry.metrics import MetricsObserver
from binance_trade_agent.telemetry.span import Span
from binance_trade_agent.telemetry.span_sending import CLOSE_WAIT_S, MOST_WAITING, SpanSending
from binance_trade_agent.telemetry.trace_ids import TraceIds
from binance_trade_agent.telemetry.traces import MOST_SPANS_A_PASS, TraceObserver

D = Decimal
INTENT = OrderIntent("bta-e-1", "BTCUSDT", Side.BUY, OrderType.MARKET, D("0.01"), D(60_000), Purpose.ENTRY, 1, "p-1", "it rose")
FILL = Fill("BTCUSDT", 7, 3, "bta-e-1", Side.BUY, D(60_000), D("0.01"), D(600), D("0.6"), "USDT", 1, is_maker=False)
SPAN = Span("pass", 5, 6, None, 1_000, 2_000, {"pass.number": 1})
PATIENCE_S = 20.0


def begun(number: int = 1) -> PassBegun:
    return PassBegun(number, f"p-{number}", 1)


def finished(verdict: Verdict = Verdict.HELD, number: int = 1, **about) -> facts.PassFinished:
    decision = TradeDecision("BTCUSDT", f"p-{number}", 1, verdict, 3.0, **about)
    return facts.PassFinished(number, f"p-{number}", 1, 5.0, (decision,), {Stage.MARKET: 2.0}, {Stage.MARKET: (1.0, 3.0)})


def traced(*seen: facts.Fact, ratio: float = 1.0) -> SpanTree:
    tree = SpanTree()
    observer = TraceObserver(TraceIds("e"), tree.take, ratio=ratio)

    def tell() -> None:
        for fact in seen:
            observer.observe(fact)

    copy_context().run(tell)  # as in a task of its own
    observer.close()
    return tree


# -- what is kept -------------------------------------------------------------------------------------------------------------


def test_a_quiet_pass_is_traced_by_the_share_that_is_wanted_and_all_others_always():
    assert traced(begun(), finished(), ratio=0.0).spans == []
    assert [span.name for span in traced(begun(), finished()).spans] == ["stage market", "pass"]
    for worth in (finished(Verdict.NOT_SENT), finished(Verdict.FAILED, error="TypeError: no"), facts.PassFailed("too long")):
        assert traced(begun(), worth, ratio=0.0).named("pass")
    assert traced(begun(), facts.OrderSent(INTENT, 9, 1.0), finished(), ratio=0.0).named("pass")


def test_the_share_is_kept_over_many_passes_and_the_same_passes_are_drawn_again():
    seen = [fact for number in range(1_000) for fact in (begun(number), finished(number=number))]
    first, again = (traced(*seen, ratio=0.2).named("pass") for _ in range(2))
    assert 140 < len(first) < 260
    assert [span.trace_id for span in first] == [span.trace_id for span in again]


def test_a_stage_stands_where_it_was_within_the_pass():
    tree = traced(begun(), finished())
    stage, whole = tree.one("stage market"), tree.one("pass")
    assert stage.parent_id == whole.span_id
    assert (stage.end_ns - stage.start_ns, stage.attributes["busy_ms"]) == (2_000_000, 2.0)
    assert whole.attributes["decisions.held"] == 1


def test_a_pass_that_fails_or_never_ends_says_so():
    assert traced(begun(), facts.PassFailed("a pass took longer than 3 s")).one("pass").error == "a pass took longer than 3 s"
    assert "in the middle" in traced(begun()).one("pass").error
    assert [span.error != "" for span in traced(begun(1), begun(2), finished(number=2)).named("pass")] == [True, False]


def test_an_order_whose_fate_is_unknown_is_an_error_with_its_reason():
    sent, answered = facts.OrderSent(INTENT, 9, 1.0), facts.OrderAnswered(INTENT, Unknown("no answer"), 5.0)
    order = traced(begun(), sent, answered, finished(Verdict.UNKNOWN)).one("order")
    assert (order.error, order.attributes["outcome"]) == ("no answer", "unknown")
    halted = facts.OrderAnswered(INTENT, NotSent("halted"), 5.0)
    assert traced(begun(), sent, halted, finished(Verdict.NOT_SENT)).one("order").error == "halted"


def test_what_is_sent_by_a_task_belongs_to_the_order_of_that_task():
    tree = SpanTree()
    observer = TraceObserver(TraceIds("e"), tree.take)

    async def send(intent: OrderIntent) -> None:
        observer.observe(facts.OrderSent(intent, 9, 1.0))
        await asyncio.sleep(0)  # the other order goes out meanwhile
        observer.observe(facts.RequestDone("order.place", 4.0, 200, None))
        observer.observe(facts.OrderAnswered(intent, Unknown("no answer"), 5.0))

    async def whole() -> None:
        observer.observe(begun())
        observer.observe(facts.RequestDone("klines", 4.0, 200, None))
        await asyncio.gather(send(INTENT), send(replace(INTENT, client_order_id="bta-e-2", symbol="ETHUSDT")))
        observer.observe(finished(Verdict.UNKNOWN))

    asyncio.run(whole())
    assert tree.way_to(tree.one("request klines")) == ["pass", "request klines"]
    requests = tree.named("request order.place")
    assert [tree.way_to(request) for request in requests] == [["pass", "order", "request order.place"]] * 2
    assert {request.parent_id for request in requests} == {TraceIds("e").order("bta-e-1"), TraceIds("e").order("bta-e-2")}


def test_work_for_no_pass_is_not_traced():
    assert traced(facts.RequestDone("time", 4.0, 200, None), facts.DatabaseDone("write", 1.0, failed=False)).spans == []


def test_a_fill_that_comes_after_a_restart_finds_the_trace_of_the_pass_that_wanted_it():
    wanted = traced(begun(), facts.OrderSent(INTENT, 9, 1.0), finished()).one("pass")
    order = JournaledOrder(INTENT, OrderState.FILLED, 9, 3, D("0.01"), 9)
    later = traced(begun(2), facts.FillBooked(FILL, D(0), 9.0), facts.OrderSettled(order), finished(number=2))
    assert {later.one("fill").trace_id, later.one("order settled").trace_id} == {wanted.trace_id}
    assert later.one("pass").trace_id != wanted.trace_id


def test_a_pass_that_does_very_much_is_cut_and_says_how_much_is_missing():
    many = [facts.DatabaseDone("write", 1.0, failed=False)] * (MOST_SPANS_A_PASS + 5)
    tree = traced(begun(), *many, finished())
    assert tree.one("pass").attributes["spans.left_out"] == 5
    assert len(tree.spans) == MOST_SPANS_A_PASS + 2


def test_a_defect_in_tracing_never_reaches_who_reports_and_is_told_once():
    def broken(_):
        raise ZeroDivisionError

    stream = io.StringIO()
    configure_logging("INFO", "json", stream)
    observer = TraceObserver(TraceIds("e"), broken)
    for number in range(3):
        observer.observe(begun(number))
        observer.observe(finished(number=number))
    structlog.reset_defaults()
    (line,) = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (line["level"], line["error_class"]) == ("error", "ZeroDivisionError")


def test_a_line_of_the_log_names_the_trace_of_its_pass():
    stream = io.StringIO()
    configure_logging("INFO", "json", stream, trace_ids=TraceIds("e"))
    structlog.get_logger().info("one", correlation_id="p-1")
    structlog.get_logger().info("two")
    structlog.reset_defaults()
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert int(first["trace_id"], 16) == traced(begun(), finished()).one("pass").trace_id
    assert "trace_id" not in second


# -- how it is sent -----------------------------------------------------------------------------------------------------------


class Service:
    """Somebody who takes batches, or does not, and may be slow."""

    def __init__(self) -> None:
        self.got: list[Span] = []
        self.is_up = True
        self.may_answer = threading.Event()
        self.may_answer.set()

    def export(self, spans) -> None:
        self.may_answer.wait(PATIENCE_S)
        if not self.is_up:
            raise ConnectionError("nobody there")
        self.got.extend(spans)


async def until(what) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not what():  # noqa: ASYNC110 - a thread is waited for
            await asyncio.sleep(0.005)


async def test_spans_are_sent_and_what_is_left_goes_at_the_end():
    service = Service()
    sending = SpanSending(service.export, "http://there/v1/traces", NullObserver(), gather_s=0.01)
    async with sending.running():
        sending.take([SPAN])
        await until(lambda: service.got)
        sending.take([SPAN, SPAN])
    assert len(service.got) == 3


async def test_what_was_sent_and_lost_is_counted():
    metrics, service = MetricsObserver(), Service()
    sending = SpanSending(service.export, "http://there/v1/traces", metrics, gather_s=0.01)
    async with sending.running():
        sending.take([SPAN] * 3)
        await until(lambda: service.got)
        service.is_up = False
        sending.take([SPAN] * 2)
        await until(lambda: sending.lost == 2)
    page = metrics.render().decode()
    assert 'trade_agent_spans_total{result="sent"} 3.0' in page
    assert 'trade_agent_spans_total{result="lost"} 2.0' in page


async def test_a_service_that_is_down_is_told_once_and_its_return_once():
    stream, service = io.StringIO(), Service()
    configure_logging("INFO", "json", stream)
    service.is_up = False
    sending = SpanSending(service.export, "http://there/v1/traces", NullObserver(), gather_s=0.01)
    async with sending.running():
        for lost in range(1, 6):
            sending.take([SPAN])
            await until(lambda lost=lost: sending.lost == lost)
        service.is_up = True
        sending.take([SPAN])
        await until(lambda: service.got and sending.lost == 0)
    structlog.reset_defaults()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["level"], line.get("lost")) for line in lines] == [("warning", None), ("info", 5)]
    assert "http://there/v1/traces" in lines[0]["event"]


async def test_a_service_that_hangs_holds_nothing_up_and_no_more_waits_than_is_stated():
    service = Service()
    service.may_answer.clear()
    sending = SpanSending(service.export, "http://there/v1/traces", NullObserver(), gather_s=0.001)
    async with asyncio.timeout(CLOSE_WAIT_S + PATIENCE_S):
        async with sending.running():
            for _ in range(20):
                sending.take([SPAN] * 500)
                await asyncio.sleep(0.005)
            assert 20 * 500 - MOST_WAITING - 512 <= sending.lost <= 20 * 500 - MOST_WAITING
    service.may_answer.set()
    await until(lambda: not any(thread.name == "traces" for thread in threading.enumerate()))


@pytest.fixture(autouse=True)
def untouched_logging():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
