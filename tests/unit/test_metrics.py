"""Metrics: every fact becomes the figures that the catalogue names, bounded in number, and never an exception."""

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from binance_trade_agent.domain import facts, limit_facts, notice_facts, risk_facts, service_facts, stream_facts, symbol_facts
from binance_trade_agent.domain.decision import Stage, TradeDecision, Verdict
from binance_trade_agent.domain.lane import Lane
from binance_trade_agent.domain.market_sources import CacheKind, CandleSource, FallbackReason, StreamedKind
from binance_trade_agent.domain.order import Fill, JournaledOrder, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.outcome import NotSent, Rejected, Unknown
from binance_trade_agent.domain.portfolio import PortfolioSnapshot, PositionSnapshot
from binance_trade_agent.domain.risk import EntryLock, ModeChange, Refused, RiskRule, TradingMode
from binance_trade_agent.domain.risk_facts import LimitName, LimitUse
from binance_trade_agent.domain.stream_facts import BookLoss, RotationReason, StreamEnd
from binance_trade_agent.domain.symbol_facts import RefreshResult
from binance_trade_agent.service.daemon import RECONCILE_DEADLINE_S
from binance_trade_agent.settings import Settings
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.metric import Emitter, MetricKind
from binance_trade_agent.telemetry.metric_children import MetricChildren
from binance_trade_agent.telemetry.metrics import MetricsObserver

PACKAGE = Path(__file__).parents[2] / "binance_trade_agent"
INTENT = OrderIntent("bta-a-1", "BTCUSDT", Side.BUY, OrderType.MARKET, Decimal(1), Decimal(1), Purpose.ENTRY, 1, "c", "r")
FILL = Fill("BTCUSDT", 7, 5, "bta-a-1", Side.BUY, Decimal(1), Decimal(1), Decimal(1), Decimal("0.25"), "BNB", 1, False)


def snapshot(equity, *positions, **more):
    held = tuple(PositionSnapshot(symbol, Decimal(2), Decimal(1), Decimal(3), Decimal(6), Decimal(4), Decimal(0)) for symbol in positions)
    return PortfolioSnapshot(1, "USDT", Decimal(1000), Decimal(900), Decimal(equity), Decimal(7), Decimal(4), {}, {}, held, 1, 1, 3, **more)


EVERY_FACT = (
    facts.RequestDone("GET /api/v3/time", 20.0, 200, None),
    facts.RequestDone("GET /api/v3/time", 20.0, 429, "-1003"),
    facts.PoolChanged(Lane.ORDERS, 100, 3, 1, 2),
    facts.PoolAcquired(Lane.ORDERS, 1.0, True),
    facts.PoolAcquired(Lane.MARKET_DATA, 1.0, False),
    facts.PoolTimedOut(Lane.ORDERS, 5000.0),
    facts.WeightUsed(120),
    limit_facts.OrdersCounted("10S", 7),
    limit_facts.RateLimitsKnown(6_000, 500),
    limit_facts.RequestsWaiting("market", 3),
    limit_facts.RequestHeldBack("market", 1_500.0, admitted=True),
    limit_facts.RequestHeldBack("background", 0.0, admitted=False),
    limit_facts.SilenceAsked(120.0, 1_750_000_120_000, is_ban=True, orders_only=False, remembered=True),
    limit_facts.SilenceAsked(10.0, 1_750_000_010_000, is_ban=False, orders_only=True, remembered=True),
    limit_facts.CircuitChanged("account", limit_facts.CircuitState.OPEN, 5.0),
    limit_facts.CircuitChanged("account", limit_facts.CircuitState.HALF_OPEN, 0.0),
    facts.ClockSynced(-250, 10.0, 6.0, -20.0),
    facts.ClockJumped(-3_000),
    facts.StageDone(Stage.MARKET, 3.0),
    facts.PassFinished(1, "c", 1, 30.0, (TradeDecision("BTCUSDT", "c", 1, Verdict.HELD, 1.0),), {Stage.MARKET: 20.0, Stage.BOOK: 5.0}),
    facts.PassFailed("ExchangeError: away"),
    facts.PassOverrun(2),
    facts.RiskRefused("BTCUSDT", Refused(RiskRule.CASH, "none")),
    facts.ModeChanged(ModeChange(1, "*", TradingMode.HALTED, "r", "r")),
    risk_facts.RiskApproved(INTENT, 1_000),
    risk_facts.RiskMeasured(
        (LimitUse(LimitName.EXPOSURE, 0.4, 0.8), LimitUse(LimitName.LOSS_STREAK, 3.0, 0.0), LimitUse(LimitName.TOTAL_DRAWDOWN, 0.01, 0.15))
    ),
    risk_facts.EntriesLocked(EntryLock(RiskRule.STOP_GUARD, "*", 1, 2, "why")),
    facts.OrderSent(INTENT, 1_250, 5_000.0),
    facts.OrderAnswered(INTENT, Unknown("timeout"), 100.0),
    facts.OrderAnswered(structs.replace(INTENT, client_order_id="bta-a-2"), Rejected(-2010, "no"), 10.0),
    facts.OrderAnswered(structs.replace(INTENT, client_order_id="bta-a-3"), NotSent("old"), 10.0),
    facts.FillBooked(FILL, Decimal(0), 5_040.0),
    facts.OrderSettled(JournaledOrder(INTENT, OrderState.NEVER_PLACED, 1, None, Decimal(0), 1)),
    facts.ExternalBooked("USDT", Decimal(5)),
    facts.PositionWrittenDown("BTCUSDT", Decimal("0.5"), Decimal(25_000)),
    facts.BookMarked(snapshot(951, modes={"ETHUSDT": "REDUCING"}, unknown_orders={"bta-a-4": -999})),
    facts.BookMarked(snapshot(950, "BTCUSDT")),
    facts.Reconciled(1, 1, ("a", "b"), 40.0),
    facts.PositionsProtected(2, ("BTCUSDT",)),
    facts.CandleGapFound("ADAUSDT", 1, 40, "1m"),
    facts.ApiSessionFailed("orders", "refused"),
    facts.ApiSessionChanged("user_data", True, "all before the beginning"),
    facts.ApiSessionChanged("user_data", False, "lost"),
    facts.ApiSessionChanged("user_data", True, "lost"),
    facts.ApiSessionHeard("user_data", 1_500.0),
    facts.AccountEventCame("executionReport"),
    facts.AccountEventsMissed("lost"),
    facts.CandlesTaken(CandleSource.REST, 100),
    facts.CandlesTaken(CandleSource.STREAM, 1),
    facts.MarketDataFellBack(StreamedKind.PRICE, FallbackReason.TOO_OLD, 4),
    facts.MarketDataMeasured(10, 9, 2000),
    symbol_facts.SymbolsTraded(("BTCUSDT", "ETHUSDT"), ("ADAUSDT",), ("SOLUSDT",), dropped=("XRPUSDT",)),
    symbol_facts.SymbolRefreshEnded(RefreshResult.FAILED, "away"),
    facts.CacheRead(CacheKind.PRICE, 3, 2),
    facts.CacheRecovered(),
    facts.CacheFailed("get", "TimeoutError", 1.0),
    stream_facts.StreamsConnected(3, 40.0, True),
    stream_facts.StreamsInterrupted(StreamEnd.STALLED, "nothing came", 3, 250.0),
    stream_facts.StreamsRotated(RotationReason.AGE, 3, 1, 4_000.0),
    stream_facts.StreamRefused("btcusdt@trade", 2, "no"),
    stream_facts.StreamsSilent(("btcusdt@kline_1m", "ethusdt@kline_1m"), 60.0),
    stream_facts.StreamTraffic({"trade": 7}, 1, 2, 3, 1, 4, 3, 1_500.0),
    stream_facts.StreamLatency(20),
    stream_facts.OrderBookSynced("BTCUSDT", 2, 300.0),
    stream_facts.OrderBookLost("BTCUSDT", BookLoss.GAP),
    stream_facts.OrderBooksKept(2, 1),
    facts.DatabaseDone("write", 1.0, True),
    service_facts.BackupsPlanned(86_400.0, 1_700_000_000.0),
    service_facts.BackupDone(1_700_000_100.0, 1_500.0, path="backups/scheduled-abc-20231114T221500Z.sqlite"),
    facts.LoopLagged(2.0),
    facts.FunctionDone("load", 5.0, True),
    service_facts.PassBegun(1, "p-1", 2),
    service_facts.PassesScheduled(60.0),
    service_facts.ReadinessChecked({"reconciled": True, "first_pass": False}),
    service_facts.ProcessMeasured(12, 3, 2),
    service_facts.DiskMeasured(4_096, 1_000, 5_000),
    notice_facts.NoticesSent("tgram-1", 3, was_sent=True),
    notice_facts.NoticesSent("tgram-1", 2, was_sent=False),
    notice_facts.NoticesDropped("tgram-1", 1),
    notice_facts.SpansSent(20, 3),
)


def figures(observer):
    """{name or name{label=value}: figure} of everything that is rendered."""
    found = {}
    for family in text_string_to_metric_families(observer.render().decode()):
        for sample in family.samples:
            labels = ",".join(f"{key}={value}" for key, value in sorted(sample.labels.items()))
            found[sample.name.removeprefix("trade_agent_") + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def after(*given):
    observer = MetricsObserver(version="1.2.3")
    for fact in given:
        observer.observe(fact)
    return figures(observer)


def test_every_kind_of_fact_is_counted_without_failure():
    assert {type(fact) for fact in EVERY_FACT} == set(facts.Fact.__args__)
    assert after(*EVERY_FACT)["observer_failures_total"] == 0


@pytest.mark.parametrize(
    ("figure", "value"),
    [
        ("log_writes_lost_total", 2),
        ("spans_total{result=lost}", 3),
        ("request_duration_seconds_count{endpoint=GET /api/v3/time}", 2),
        ("request_duration_seconds_sum{endpoint=GET /api/v3/time}", 0.04),
        ("request_errors_total{code=-1003,endpoint=GET /api/v3/time}", 1),
        ("pool_limit_connections{lane=orders}", 100),
        ("pool_in_use_connections{lane=orders}", 3),
        ("pool_idle_connections", 2),
        ("pool_waiting_requests{lane=orders}", 1),
        ("pool_acquire_duration_seconds_count{lane=orders}", 2),
        ("pool_acquire_duration_seconds_count{lane=market_data}", 1),
        ("pool_connections_opened_total", 1),
        ("pool_connections_reused_total", 1),
        ("pool_timeouts_total{lane=orders}", 1),
        ("pool_timeouts_total{lane=market_data}", 0),
        ("request_weight_used", 120),
        ("request_weight_limit", 6000),
        ("request_weight_reserve", 500),
        ("orders_counted{window=10S}", 7),
        ("limit_waiting_requests{priority=market}", 3),
        ("limit_wait_seconds_sum{priority=market}", 1.5),
        ("limit_refusals_total{priority=background}", 1),
        ("silences_total{kind=ban}", 1),
        ("silences_total{kind=orders}", 1),
        ("silence_until_timestamp_seconds", 1_750_000_120),
        ("circuit_state{group=account}", 1),
        ("circuit_openings_total{group=account}", 1),
        ("clock_offset_seconds", -0.25),
        ("clock_round_trip_seconds", 0.01),
        ("clock_error_bound_seconds", 0.006),
        ("clock_drift_ppm", -20),
        ("clock_jumps_total", 1),
        ("passes_total", 1),
        ("pass_duration_seconds_sum", 0.03),
        ("passes_failed_total", 1),
        ("external_entries_total{asset=USDT}", 1),
        ("position_write_downs_total{symbol=BTCUSDT}", 1),
        ("pass_overruns_total", 1),
        ("pass_slots_missed_total", 2),
        ("stage_duration_seconds_count{stage=market}", 1),
        ("decisions_total{verdict=held}", 1),
        ("risk_refusals_total{rule=cash}", 1),
        ("trading_mode{scope=*}", 2),
        ("orders_sent_total", 1),
        ("orders_total{outcome=unknown}", 1),
        ("orders_total{outcome=rejected}", 1),
        ("orders_total{outcome=not_sent}", 1),
        ("orders_total{outcome=accepted}", 0),
        ("order_rejections_total{code=-2010}", 1),
        ("order_duration_seconds_count", 3),
        ("orders_settled_total{state=NEVER_PLACED}", 1),
        ("orders_unknown", 0),
        ("orders_open", 3),
        ("fills_total{side=BUY}", 1),
        ("fees_total{asset=BNB}", 0.25),
        ("equity", 950),
        ("cash", 900),
        ("exposure", 50),
        ("initial_value", 1000),
        ("realized_profit", 7),
        ("unrealized_profit", 4),
        ("position_quantity{symbol=BTCUSDT}", 2),
        ("position_value{symbol=BTCUSDT}", 6),
        ("position_unrealized_profit{symbol=BTCUSDT}", 4),
        ("reconciliations_total", 1),
        ("reconciliation_duration_seconds_sum", 0.04),
        ("reconciliation_differences_total", 2),
        ("reconciliation_last_differences", 2),
        ("candle_gaps_total{symbol=ADAUSDT}", 1),
        ("candles_missing_total{symbol=ADAUSDT}", 40),
        ("websocket_api_up{session=user_data}", 1),
        ("websocket_api_up{session=orders}", 0),
        ("websocket_api_interruptions_total{session=user_data}", 1),
        ("websocket_api_failures_total{session=orders}", 1),
        ("websocket_api_silence_seconds{session=user_data}", 1.5),
        ("account_events_total{kind=executionReport}", 1),
        ("account_event_gaps_total", 1),
        ("candles_taken_total{source=rest}", 100),
        ("candles_taken_total{source=stream}", 1),
        ("market_data_fallbacks_total{kind=price,reason=too_old}", 4),
        ("streamed_symbols", 10),
        ("streamed_symbols_live", 9),
        ("candles_held", 2000),
        ("cache_hits_total{kind=price}", 3),
        ("cache_misses_total{kind=price}", 2),
        ("cache_failures_total{operation=get}", 1),
        ("cache_usable", 0),
        ("stream_connects_total", 1),
        ("stream_interruptions_total{reason=stalled}", 1),
        ("stream_rotations_total{reason=age}", 1),
        ("stream_rotation_gaps_total", 1),
        ("stream_refusals_total", 1),
        ("stream_silences_total", 2),
        ("stream_messages_total{kind=trade}", 7),
        ("stream_faults_total{reason=unreadable}", 1),
        ("stream_faults_total{reason=passed_over}", 2),
        ("stream_faults_total{reason=listener}", 3),
        ("stream_connections", 1),
        ("streams_wanted", 4),
        ("streams_live", 3),
        ("stream_newest_age_seconds", 1.5),
        ("stream_latency_seconds_sum", 0.02),
        ("order_book_snapshots_total", 2),
        ("order_book_sync_seconds_sum", 0.3),
        ("order_book_losses_total{reason=gap}", 1),
        ("order_books_kept", 2),
        ("order_books_in_sync", 1),
        ("database_duration_seconds_count{operation=write}", 1),
        ("database_failures_total{operation=write}", 1),
        ("loop_lag_seconds_sum", 0.002),
        ("function_duration_seconds_count{function=load}", 1),
        ("function_failures_total{function=load}", 1),
        ("risk_approvals_total", 1),
        ("risk_limit{limit=exposure}", 0.8),
        ("risk_limit_used_ratio{limit=exposure}", 0.5),
        ("risk_limit_used_ratio{limit=loss_streak}", 0),
        ("market_to_order_seconds_sum", 0.25),
        ("order_to_fill_seconds_sum", 0.04),
        ("pass_stage_duration_seconds_sum{stage=market}", 0.02),
        ("pass_interval_seconds", 60),
        ("ready{check=reconciled}", 1),
        ("ready{check=first_pass}", 0),
        ("ready{check=all}", 0),
        ("event_loop_tasks", 12),
        ("process_threads", 3),
        ("book_bytes", 4096),
        ("disk_free_bytes", 1000),
        ("disk_size_bytes", 5000),
        ("notices_total{result=sent,service=tgram-1}", 3),
        ("notices_total{result=failed,service=tgram-1}", 2),
        ("notices_total{result=dropped,service=tgram-1}", 1),
    ],
)
def test_facts_become_figures(figure, value):
    assert after(*EVERY_FACT)[figure] == pytest.approx(value)


def test_the_catalogue_is_what_is_served():
    served = after(*EVERY_FACT)
    for metric in names.CATALOGUE:
        suffix = "_count" if metric.kind is MetricKind.HISTOGRAM else ""
        assert any(figure.partition("{")[0] == metric.name + suffix for figure in served), metric.name
    assert len({metric.name for metric in names.CATALOGUE}) == len(names.CATALOGUE)


def test_a_symbol_that_is_traded_no_more_makes_room():
    held = facts.BookMarked(snapshot(950, "BTCUSDT", "XRPUSDT"))
    observer = MetricsObserver()
    observer.observe(held)
    assert figures(observer)["position_quantity{symbol=XRPUSDT}"] == 2
    observer.observe(symbol_facts.SymbolsTraded(("BTCUSDT",), (), dropped=("XRPUSDT",)))
    observer.observe(facts.BookMarked(snapshot(950, "BTCUSDT")))
    shown = figures(observer)
    assert (shown["symbols{standing=chosen}"], shown["position_quantity{symbol=BTCUSDT}"]) == (1, 2)
    assert not [name for name in shown if "XRPUSDT" in name]


def test_what_is_dropped_stays_away_although_the_book_keeps_a_position_of_nothing():
    held, observer = snapshot(950, "BTCUSDT", "XRPUSDT"), MetricsObserver()
    sold = replace(held, positions=(held.positions[0], replace(held.positions[1], quantity=Decimal(0))))
    for book, shown in ((held, 2), (sold, 0)):
        observer.observe(facts.BookMarked(book))
        assert figures(observer)["position_quantity{symbol=XRPUSDT}"] == shown
    for fact in (facts.BookMarked(sold), symbol_facts.SymbolsTraded(("BTCUSDT",), (), dropped=("XRPUSDT",)), facts.BookMarked(sold)):
        observer.observe(fact)
    assert not [name for name in figures(observer) if "XRPUSDT" in name]


def test_an_order_is_unknown_until_it_is_settled():
    observer = MetricsObserver()
    observer.observe(facts.OrderAnswered(INTENT, Unknown("timeout"), 1.0))
    observer.observe(facts.OrderAnswered(INTENT, Unknown("timeout"), 1.0))
    assert figures(observer)["orders_unknown"] == 1
    observer.observe(facts.OrderSettled(JournaledOrder(INTENT, OrderState.FILLED, 1, 5, Decimal(1), 1)))
    assert figures(observer)["orders_unknown"] == 0


def test_orders_and_modes_that_an_earlier_process_left_are_shown():
    left = snapshot(950, modes={"*": "HALTED", "BTCUSDT": "REDUCING"}, unknown_orders={"bta-a-1": -59_999, "bta-a-2": -1_999})
    served = after(facts.BookMarked(left))
    assert (served["orders_unknown"], served["orders_unknown_age_seconds"]) == (2, 60)
    assert (served["trading_mode{scope=*}"], served["trading_mode{scope=BTCUSDT}"]) == (2, 1)
    settled = after(facts.BookMarked(left), facts.BookMarked(snapshot(950)))
    assert (settled["orders_unknown"], settled["orders_unknown_age_seconds"]) == (0, 0)


def test_only_orders_that_should_fill_at_once_are_timed_until_they_do():
    leg = structs.replace(INTENT, list_id="bta-a-9")
    assert after(facts.OrderSent(leg, 1, 0.0), facts.FillBooked(FILL, Decimal(0), 9e6))["order_to_fill_seconds_count"] == 0
    twice = (facts.OrderSent(INTENT, 1, 0.0), facts.FillBooked(FILL, Decimal(0), 10.0), facts.FillBooked(FILL, Decimal(0), 20.0))
    assert after(*twice)["order_to_fill_seconds_count"] == 1


def test_an_order_without_a_price_from_the_market_has_no_such_delay():
    assert after(facts.OrderSent(INTENT, 5, 0.0))["market_to_order_seconds_count"] == 0


def test_the_cache_is_usable_until_it_fails_and_again_when_it_answers():
    failed = facts.CacheFailed("get", "TimeoutError", 1.0)
    assert [after(*told)["cache_usable"] for told in ((), (failed,), (failed, facts.CacheRecovered()))] == [1, 0, 1]


def test_entries_at_rest_are_counted_by_rule_until_they_go_on():
    locks = tuple(EntryLock(RiskRule.STOP_GUARD, symbol, 1, 2, "why") for symbol in ("BTCUSDT", "ETHUSDT"))
    first, later = risk_facts.RiskMeasured((), locks), risk_facts.RiskMeasured((), locks[:1])
    served = [after(*told) for told in ((first,), (first, later))]
    assert [each["risk_entry_locks{rule=stop_guard}"] for each in served] == [2, 1]
    assert served[0]["risk_entry_locks{rule=cooldown}"] == 0


def test_drawdown_is_what_risk_reckons_with_so_that_a_deposit_hides_no_loss():
    served = after(risk_facts.RiskMeasured((LimitUse(LimitName.TOTAL_DRAWDOWN, 0.03, 0.15),)))
    assert served["drawdown_ratio"] == pytest.approx(0.03)
    assert served["risk_limit_used_ratio{limit=total_drawdown}"] == pytest.approx(0.2)


def test_a_closed_position_shows_as_nothing_held():
    observer = MetricsObserver()
    observer.observe(facts.BookMarked(snapshot(1000, "BTCUSDT", "ETHUSDT")))
    assert figures(observer)["position_quantity{symbol=BTCUSDT}"] == 2
    observer.observe(facts.BookMarked(snapshot(1000, "ETHUSDT")))
    served = figures(observer)
    assert served["position_quantity{symbol=BTCUSDT}"] == 0
    assert served["position_value{symbol=ETHUSDT}"] == 6


def test_what_a_closed_set_of_label_values_does_not_hold_is_counted_under_other():
    served = after(facts.DatabaseDone("vacuum", 1.0, False), facts.DatabaseDone("write", 1.0, False))
    counted = {name for name in served if name.startswith("database_duration_seconds_count")}
    assert counted == {"database_duration_seconds_count{operation=other}", "database_duration_seconds_count{operation=write}"}


def test_the_set_of_label_values_holds_all_that_the_facts_bring():
    assert not [figure for figure in after(*EVERY_FACT) if "=other" in figure]


@pytest.fixture(scope="module")
def kinds_by_metric():
    """{metric name: the kinds of facts that changed it}, as all facts came one after the other."""
    observer, kinds = MetricsObserver(), {}
    before = figures(observer)
    for fact in EVERY_FACT:
        observer.observe(fact)
        now = figures(observer)
        for figure in {figure for figure, value in now.items() if before.get(figure) != value}:
            kinds.setdefault(figure.partition("{")[0], set()).add(type(fact).__name__)
        before = now
    return kinds


@pytest.mark.parametrize("metric", names.CATALOGUE, ids=lambda metric: metric.name)
def test_the_parts_that_are_named_as_emitters_report_what_the_metric_is_made_from(metric, kinds_by_metric):
    suffix = "_count" if metric.kind is MetricKind.HISTOGRAM else ""
    kinds = kinds_by_metric.get(metric.name + suffix, set())
    for emitter in metric.emitters:
        place = PACKAGE / emitter
        sources = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        text = "".join(source.read_text() for source in sources)
        if emitter is Emitter.TELEMETRY and not kinds:
            continue  # the version and its own failures
        assert any(re.search(rf"\b{kind}\(", text) for kind in kinds), f"{emitter} reports none of {kinds}"


@pytest.mark.parametrize("metric", [metric for metric in names.CATALOGUE if metric.buckets], ids=lambda metric: metric.name)
def test_buckets_rise_and_reach_as_far_as_what_they_measure_may_take(metric):
    assert list(metric.buckets) == sorted(set(metric.buckets))
    settings = Settings.model_fields
    longest = {
        names.REQUEST_DURATION: settings["request_timeout_seconds"].default,
        names.POOL_ACQUIRE: settings["request_timeout_seconds"].default,
        names.PASS_DURATION: settings["pass_deadline_seconds"].default,
        names.PASS_STAGE_DURATION: settings["pass_deadline_seconds"].default,
        names.RECONCILIATION_DURATION: RECONCILE_DEADLINE_S,
    }
    assert metric.buckets[-1] >= longest.get(metric, 0.0)


@given(st.lists(st.one_of(st.floats(0, 40), st.sampled_from(names.REQUEST_DURATION.buckets))))
def test_a_histogram_counts_as_the_reference_does(values):
    """prometheus_client's own, which is slower."""
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    metric = names.ORDER_DURATION
    reference = Histogram(metric.full_name, metric.meaning, registry=theirs, buckets=metric.buckets)
    histogram = MetricChildren((metric,), ours).histogram(metric)
    for value in values:
        reference.observe(value)
        histogram.observe(value)

    def shown(registry):
        return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]

    assert shown(ours) == shown(theirs)


def test_no_other_collector_may_take_a_name_of_the_catalogue():
    registry = CollectorRegistry()
    MetricsObserver(registry)
    with pytest.raises(ValueError, match="trade_agent_equity"):
        Gauge(names.EQUITY.full_name, "another", registry=registry)


def test_label_values_are_bounded():
    bound = names.REQUEST_DURATION.bound
    served = after(*(facts.RequestDone(f"endpoint-{number}", 1.0, 200, None) for number in range(bound + 50)))
    counted = {name: value for name, value in served.items() if name.startswith("request_duration_seconds_count")}
    assert len(counted) == bound + 1
    assert counted["request_duration_seconds_count{endpoint=other}"] == 50


def test_a_fact_that_cannot_be_counted_is_counted_and_never_raised():
    assert after(facts.FillBooked(None, Decimal(0), 0.0), "no fact")["observer_failures_total"] == 2


def test_a_rebate_does_not_break_the_fee_counter():
    served = after(facts.FillBooked(structs.replace(FILL, commission=Decimal("-0.1")), Decimal(0), 0.0))
    assert served["fills_total{side=BUY}"] == 1
    assert served["observer_failures_total"] == 0


def test_the_page_tells_what_runs_and_how_the_process_fares():
    observer = MetricsObserver(version="1.2.3")
    text = observer.render().decode()
    assert 'version="1.2.3"' in text
    assert "process_resident_memory_bytes" in text
    assert "_created" not in text
    assert figures(observer)["trading_mode{scope=*}"] == 0


def test_two_observers_do_not_share_figures():
    first, second = MetricsObserver(), MetricsObserver()
    first.observe(facts.PassOverrun(1))
    assert figures(second)["pass_overruns_total"] == 0
