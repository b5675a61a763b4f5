"""Facts counted together: figures come out as if each had been counted by itself, and none is counted twice."""

import pytest

from binance_trade_agent.domain import facts
from binance_trade_agent.telemetry import metric_catalogue as names
from binance_trade_agent.telemetry.metric_children import HistogramChild
from binance_trade_agent.telemetry.metrics import MetricsObserver


def test_values_counted_together_fall_where_they_would_one_by_one() -> None:
    metric = names.REQUEST_DURATION
    values = [*(bound * factor for bound in metric.buckets for factor in (1, 1.001)), 0.0, 1e9]
    one_by_one, together = HistogramChild(metric), HistogramChild(metric)
    for value in values:
        one_by_one.observe(value)
    together.observe_all(values[::-1])
    assert together.counts == one_by_one.counts
    assert together.total == pytest.approx(one_by_one.total)
    together.observe_all([])
    assert sum(together.counts) == len(values)


def test_what_waited_is_counted_once_and_of_what_is_shown_the_last_word_is_taken() -> None:
    observer = MetricsObserver()
    for number in range(3):
        for used in (50, 100 - number):
            observer.observe(facts.RequestDone("klines", 20.0, 200, None))
            observer.observe(facts.WeightUsed(used))
        page = observer.render().decode()
    assert f'{names.REQUEST_DURATION.full_name}_count{{endpoint="klines"}} 6.0' in page
    assert f"{names.WEIGHT_USED.full_name} 98.0" in page
