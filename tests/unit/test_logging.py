"""Logging: one chain for our lines and other libraries', no secret in any of them, and sentences that people understand."""

import io
import json
import logging
from dataclasses import replace
from decimal import Decimal

import pytest
import structlog
from msgspec import structs

from binance_trade_agent.domain import facts, limit_facts, stream_facts
from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.domain.order import (
    ExchangeStatus,
    Fill,
    JournaledOrder,
    OrderIntent,
    OrderReport,
    OrderState,
    OrderType,
    Purpose,
    Side,
)
from binance_trade_agent.domain.outcome import Accepted, NotSent, Rejected, Unknown
from binance_trade_agent.domain.portfolio import PortfolioSnapshot
from binance_trade_agent.domain.risk import ModeChange, Refused, RiskRule, TradingMode
from binance_trade_agent.domain.stream_facts import BookLoss, RotationReason, StreamEnd
from binance_trade_agent.telemetry.logging import configure_logging
from binance_trade_agent.telemetry.narration import LogObserver
from binance_trade_agent.telemetry.timing import current_observer

SECRET = "hmac-secret-0123456789"


@pytest.fixture(autouse=True)
def untouched_logging():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("httpx", "httpcore", "hpack", "aiosqlite"):
        logging.getLogger(name).setLevel(logging.NOTSET)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def configured(level="DEBUG", form="json", **options):
    stream = io.StringIO()
    configure_logging(level, form, stream, **options)
    return stream


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_has_time_level_event_and_correlation_id():
    stream = configured()
    with structlog.contextvars.bound_contextvars(correlation_id="pass-1"):
        structlog.get_logger().info("Hello", symbol="BTCUSDT", price=Decimal("1.50"))
    structlog.get_logger().info("Afterwards")
    first, second = lines(stream)
    assert first.pop("timestamp").endswith("Z")
    assert first == {"event": "Hello", "level": "info", "symbol": "BTCUSDT", "price": "1.50", "correlation_id": "pass-1"}
    assert "correlation_id" not in second


def test_levels_below_the_chosen_one_are_not_written():
    stream = configured("warning")
    structlog.get_logger().info("no")
    logging.getLogger("asyncio").info("no")
    logging.getLogger("asyncio").warning("yes")
    assert [line["event"] for line in lines(stream)] == ["yes"]


def test_other_libraries_pass_the_same_chain():
    stream = configured(secrets=[SECRET])
    logging.getLogger("aiohttp.access").info("GET /metrics %s", SECRET)
    (line,) = lines(stream)
    assert (line["logger"], line["level"], line["event"]) == ("aiohttp.access", "info", "GET /metrics [hidden]")


def test_libraries_that_log_signed_urls_are_capped_even_at_debug():
    stream = configured("DEBUG")
    logging.getLogger("httpx").info("HTTP Request: GET https://api.binance.com/api/v3/account?signature=abc")
    logging.getLogger("httpcore.http11").debug("send_request_headers")
    assert lines(stream) == []


@pytest.mark.parametrize("form", ["json", "console"])
def test_tracebacks_show_neither_local_variables_nor_secrets(form):
    stream = configured(form=form, secrets=[SECRET])

    def sign(payload):
        unregistered = "local-" + "variable"
        raise ValueError(f"cannot sign {payload} with {SECRET}, signature=c8db56{len(unregistered)}")

    try:
        sign("x=1")
    except ValueError:
        structlog.get_logger().exception("Signing failed", key=SECRET)
        logging.getLogger("asyncio").exception("Signing failed again")
    text = stream.getvalue()
    assert text.count("ValueError: cannot sign x=1") == 2
    assert text.count("in sign") == 2
    for hidden in (SECRET, "c8db56", "local-variable"):
        assert hidden not in text


def test_auto_is_console_on_a_terminal_and_json_elsewhere():
    terminal = Terminal()
    configure_logging("INFO", "auto", terminal)
    structlog.get_logger().info("Hello")
    assert "Hello" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    stream = configured(form="auto")
    structlog.get_logger().info("Hello")
    assert lines(stream)[0]["event"] == "Hello"


def test_configuring_twice_writes_no_line_twice():
    configured()
    stream = configured()
    logging.getLogger("asyncio").warning("once")
    assert len(lines(stream)) == 1


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="xml"):
        configure_logging("INFO", "xml", io.StringIO())


# -- sentences --

INTENT = OrderIntent(
    client_order_id="bta-a-1",
    symbol="BTCUSDT",
    side=Side.BUY,
    type=OrderType.MARKET,
    quantity=Decimal("0.00123"),
    reference_price=Decimal("60000"),
    purpose=Purpose.ENTRY,
    created_ms=1,
    correlation_id="c-1",
    reason="RSI is 25",
)
FILL = Fill("BTCUSDT", 7, 5, "bta-a-1", Side.BUY, *map(Decimal, ("60123.450", "0.00123", "73.95", "0.00000123")), "BTC", 1, False)
REPORT = OrderReport("BTCUSDT", 5, "bta-a-1", Side.BUY, "MARKET", ExchangeStatus.FILLED, *map(Decimal, ("0", "1", "1", "1")), 1)


def told(*given, level="DEBUG", **options):
    """(level, sentence) of every line that the facts make."""
    stream = configured(level)
    observer = LogObserver(quote_asset="USDT", **options)
    for fact in given:
        observer.observe(fact)
    return [(line["level"], line["event"]) for line in lines(stream)]


def decision(verdict, **changes):
    return replace(TradeDecision("BTCUSDT", "c-1", 1, verdict, 1.5, price=Decimal("60000.10")), **changes)


def finished(number, *decisions):
    return facts.PassFinished(number, "c-1", 1, 12.34, decisions)


def test_fills_are_told_exactly():
    sold = structs.replace(FILL, side=Side.SELL, commission=Decimal("0.07"), commission_asset="USDT")
    assert told(
        facts.FillBooked(FILL, Decimal(0), 0.0),
        facts.FillBooked(sold, Decimal("1.50"), 0.0),
        facts.FillBooked(structs.replace(sold, commission=Decimal(0)), Decimal("-2"), 0.0),
    ) == [
        ("info", "Bought 0.00123 BTCUSDT at 60123.45 for 73.95 USDT, fee 0.00000123 BTC"),
        ("info", "Sold 0.00123 BTCUSDT at 60123.45 for 73.95 USDT, fee 0.07 USDT, profit 1.5 USDT"),
        ("info", "Sold 0.00123 BTCUSDT at 60123.45 for 73.95 USDT, loss 2 USDT"),
    ]


def test_order_answers_are_told_by_how_bad_they_are():
    outcomes = (Accepted(REPORT), Rejected(-2010, "no balance"), NotSent("too old"), Unknown("read timeout"))
    assert told(*(facts.OrderAnswered(INTENT, outcome, 12.0) for outcome in outcomes)) == [
        ("debug", "The order to buy 0.00123 BTCUSDT was accepted in 12.0 ms: FILLED"),
        ("warning", "The order to buy 0.00123 BTCUSDT was rejected by the exchange with code -2010: no balance"),
        ("warning", "The order to buy 0.00123 BTCUSDT was not sent: too old"),
        ("error", "The fate of the order to buy 0.00123 BTCUSDT is unknown: read timeout; it is looked for and never sent again"),
    ]


def test_a_quiet_pass_is_told_now_and_then_and_a_busy_one_always():
    quiet = decision(Verdict.HELD)
    events = told(
        *(finished(number, quiet) for number in range(1, 8)), finished(8, decision(Verdict.FILLED)), level="INFO", summary_every=3
    )
    assert [text.split(":")[0] for _, text in events if text.startswith("Pass")] == ["Pass 1", "Pass 4", "Pass 7", "Pass 8"]
    assert ("info", "Pass 8: 1 symbol in 12.3 ms, 1 filled") in events


def test_the_summary_shows_equity_when_it_is_known():
    amounts = dict.fromkeys(("initial_value", "cash", "equity", "realized", "unrealized"), Decimal("10012.340"))
    snapshot = PortfolioSnapshot(1, "USDT", **amounts, balances={}, fees={}, positions=(), orders=1, fills=1, open_orders=0)
    events = told(facts.BookMarked(snapshot), finished(1, decision(Verdict.HELD), decision(Verdict.NOT_SENT)))
    assert events[-1] == ("info", "Pass 1: 2 symbols in 12.3 ms, 1 held, 1 not sent; equity 10012.34 USDT")


def test_decisions_are_told_by_what_they_are_and_a_refusal_once():
    cash = Refused(RiskRule.CASH, "no cash")
    rate = Refused(RiskRule.ORDER_RATE, "too many")
    refused = decision(Verdict.REFUSED, risk=cash)
    events = told(
        finished(2, decision(Verdict.HELD), refused),
        finished(3, refused),
        finished(4, replace(refused, risk=rate)),
        finished(5, decision(Verdict.FAILED, error="no candles")),
    )
    assert [event for event in events if not event[1].startswith("Pass")] == [
        ("debug", "BTCUSDT at 60000.1: held"),
        ("info", "BTCUSDT at 60000.1: refused: no cash"),
        ("debug", "BTCUSDT at 60000.1: refused: no cash"),
        ("info", "BTCUSDT at 60000.1: refused: too many"),
        ("warning", "BTCUSDT at 60000.1: no candles"),
    ]


def test_modes_overruns_gaps_and_reconciliations_are_told():
    gap = facts.CandleGapFound("ADAUSDT", 1_517_000_000_000, 40, "1m")
    assert told(
        facts.ModeChanged(ModeChange(1, "*", TradingMode.HALTED, "total_drawdown", "equity fell 16 %")),
        facts.ModeChanged(ModeChange(1, "BTCUSDT", TradingMode.ACTIVE, "operator", "resumed")),
        facts.PassOverrun(2),
        gap,
        gap,
        facts.Reconciled(1, 0, (), 5.0),
        facts.Reconciled(0, 2, ("BTC differs by 1",), 5.0),
        facts.OrderSettled(JournaledOrder(INTENT, OrderState.NEVER_PLACED, 1, None, Decimal(0), 1)),
        facts.CacheFailed("get", "TimeoutError", 2.0),
        facts.CacheRecovered(),
    ) == [
        ("error", "Trading is now HALTED (total_drawdown): equity fell 16 %"),
        ("info", "Trading of BTCUSDT is now ACTIVE (operator): resumed"),
        ("warning", "A pass took longer than its interval; 2 slots skipped"),
        ("warning", "ADAUSDT lacks 40 1m candles after the one of 2018-01-26 20:53:20 UTC"),
        ("info", "The book agrees with the exchange (1 order settled, 0 fills found)"),
        ("warning", "The book and the exchange differ (0 orders settled, 2 fills found): BTC differs by 1"),
        ("info", "The order to buy 0.00123 BTCUSDT was found to be never placed"),
        ("warning", "The cache failed at get (TimeoutError); for 2 s the exchange is asked instead"),
        ("info", "The cache answers again"),
    ]


def test_sessions_of_the_websocket_api_are_told_and_a_failure_that_repeats_once():
    failed = facts.ApiSessionFailed("user_data", "ws://far: no connection came up")
    live = facts.ApiSessionChanged("user_data", True, "all before the beginning")
    lost = facts.ApiSessionChanged("user_data", False, "the connection was lost")
    assert told(failed, failed, live, facts.AccountEventsMissed("all before the beginning"), lost, failed, level="INFO") == [
        ("warning", "No user data session of the WebSocket API came up; it is tried again: ws://far: no connection came up"),
        ("info", "The user data session of the WebSocket API is live"),
        ("info", "Account events may have been missed (all before the beginning); the exchange is asked by REST"),
        ("warning", "The user data session of the WebSocket API was lost: the connection was lost"),
        ("warning", "No user data session of the WebSocket API came up; it is tried again: ws://far: no connection came up"),
    ]


def test_streams_are_told_of_when_they_come_and_go():
    measured = [(0, 0), (10, 10), (10, 7), (10, 4), (10, 3), (10, 9)]
    assert told(*(facts.MarketDataMeasured(followed, live, 5) for followed, live in measured)) == [
        ("info", "Market streams are live for 10 of 10 symbols"),
        ("warning", "Market streams are live for 4 of 10 symbols; the others are asked for by REST"),
        ("info", "Market streams are live for 9 of 10 symbols"),
    ]


def test_an_exchange_that_cannot_be_reached_is_told_once_and_again_after_it_was():
    lost = stream_facts.StreamsInterrupted(StreamEnd.LOST, "the connection was lost", 5, 100.0)
    failed = stream_facts.StreamsInterrupted(StreamEnd.NOT_OPENED, "ws://far: no connection came up", 5, 100.0)
    live = stream_facts.StreamsConnected(5, 10.0, False)
    facts_in_turn = [lost, failed, failed, failed, live, failed, live, lost, lost]
    assert [text.partition(";")[0] for level, text in told(*facts_in_turn, level="INFO") if level == "warning"] == [
        "5 market streams interrupted: the connection was lost",
        "5 market streams interrupted: ws://far: no connection came up",
        "5 market streams interrupted: ws://far: no connection came up",
        "5 market streams interrupted: the connection was lost",
        "5 market streams interrupted: the connection was lost",
    ]


def test_what_befalls_market_streams_is_told_once_each():
    assert told(
        stream_facts.StreamsConnected(1, 40.0, True),
        stream_facts.StreamsInterrupted(StreamEnd.LOST, "the connection was lost", 500, 250.0),
        stream_facts.StreamsConnected(500, 1_200.0, False),
        stream_facts.StreamsRotated(RotationReason.AGE, 500, 0, 4_000.0),
        stream_facts.StreamsRotated(RotationReason.SHUTDOWN_ANNOUNCED, 500, 2, 900.0),
        stream_facts.StreamRefused("btcusdt@trade", 2, "no"),
        stream_facts.StreamsSilent(tuple(f"coin{number}@kline_1m" for number in range(7)), 60.0),
        stream_facts.StreamTraffic({"trade": 7}, 1, 2, 3, 1, 4, 3, 1_500.0),
        stream_facts.StreamTraffic({"trade": 7}, 0, 2, 0, 1, 4, 3, 1_500.0),
        stream_facts.OrderBookLost("BTCUSDT", BookLoss.CROSSED),
        stream_facts.OrderBookLost("BTCUSDT", BookLoss.STREAM_INTERRUPTED),
        level="INFO",
    ) == [
        ("info", "1 market stream live on a connection, after 40 ms"),
        ("warning", "500 market streams interrupted: the connection was lost; the next try is in 250 ms"),
        ("info", "500 market streams live again on a connection, after 1200 ms"),
        ("info", "The connection of 500 market streams was replaced in 4000 ms without a gap"),
        ("warning", "The connection of 500 market streams was replaced in 900 ms; 2 of them may have missed events"),
        ("warning", "The exchange refused the market stream btcusdt@trade with code 2: no"),
        (
            "info",
            "Nothing came for 60 s on coin0@kline_1m, coin1@kline_1m, coin2@kline_1m, coin3@kline_1m, coin4@kline_1m and 2 more; "
            "held for not live until something does",
        ),
        ("warning", "1 stream message could not be understood, and for 3 the listener failed"),
        ("warning", "The local order book of BTCUSDT is made anew: crossed"),
        ("info", "The local order book of BTCUSDT is made anew: stream interrupted"),
    ]


def test_silences_circuits_and_jumps_of_the_clock_are_told():
    ban = limit_facts.SilenceAsked(120.0, 1, is_ban=True, orders_only=False, remembered=False)
    orders = limit_facts.SilenceAsked(10.0, 1, is_ban=False, orders_only=True, remembered=True)
    states = limit_facts.CircuitState
    changes = [limit_facts.CircuitChanged("order_care", state, pause_s) for state, pause_s in ((states.OPEN, 5.2), (states.CLOSED, 0.0))]
    assert told(ban, orders, *changes, facts.ClockJumped(-3_000)) == [
        (
            "error",
            "The exchange has banned this address: nothing at all is sent for 120 s; this could not be written down, "
            "so do not start the daemon anew before that is over",
        ),
        ("warning", "The exchange asked for silence: no new order is sent for 10 s"),
        ("warning", "The exchange does not answer requests for order care; none is sent for 5 s"),
        ("info", "The exchange answers requests for order care again"),
        ("warning", "This machine's clock was set back by 3000 ms; the exchange's is looked at anew before signing"),
    ]


def test_what_goes_well_in_the_engine_room_is_not_told():
    assert (
        told(
            facts.RequestDone("GET /api/v3/time", 3.0, 200, None),
            facts.DatabaseDone("write", 1.0, False),
            facts.LoopLagged(1.0),
            facts.PoolChanged(Lane.ORDERS, 100, 1, 0, 1),
            facts.FunctionDone("f", 1.0, False),
        )
        == []
    )
    assert told(
        facts.RequestDone("GET /api/v3/time", 3.0, 429, "-1003"), facts.DatabaseDone("write", 1.0, True), facts.LoopLagged(2000.0)
    ) == [
        ("warning", "Request GET /api/v3/time failed after 3 ms: -1003, HTTP 429"),
        ("error", "The database failed at write after 1.0 ms"),
        ("warning", "The event loop was held up for 2000 ms"),
    ]


def test_a_fact_that_cannot_be_told_never_reaches_the_reporter():
    (event,) = told(facts.FillBooked(None, Decimal(0), 0.0))
    assert event == ("error", "A fact of kind FillBooked could not be told")


def test_every_line_of_an_order_can_be_found_by_its_ids():
    stream = configured()
    LogObserver().observe(facts.OrderSent(INTENT, 1, 0.0))
    (line,) = lines(stream)
    assert (line["symbol"], line["client_order_id"], line["correlation_id"]) == ("BTCUSDT", "bta-a-1", "c-1")


def test_without_an_observer_facts_are_forgotten():
    current_observer().observe(facts.PassOverrun(1))
