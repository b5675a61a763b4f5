"""What the page of a report is made of: thinned by its stated rules without losing an extreme, and safe whatever names it is given."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from finished_runs import random_bars, record_of, traded
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_trade_agent.backtest.report import page_data as thinning
from binance_trade_agent.backtest.report.page import report_page
from binance_trade_agent.backtest.report.page_data import page_data
from binance_trade_agent.backtest.report.report import report_of


def embedded(page: str) -> dict:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


@given(count=st.integers(1, 400), most=st.integers(1, 50))
@settings(max_examples=50)
def test_merged_bars_keep_every_extreme_and_both_ends(count, most):
    bars = random_bars(count, count)
    merged = bars.merged(most)
    assert len(merged) <= most
    assert (merged.highs.max(), merged.lows.min()) == (bars.highs.max(), bars.lows.min())
    assert (merged.opens[0], merged.closes[-1]) == (bars.opens[0], bars.closes[-1])
    assert (merged.opens_ms[0], merged.ends_ms[-1]) == (bars.opens_ms[0], bars.ends_ms[-1])
    assert (merged.opens[1:] == bars.opens[np.searchsorted(bars.opens_ms, merged.opens_ms[1:])]).all()


def test_the_thinned_curve_keeps_the_highest_the_lowest_and_the_deepest(monkeypatch):
    monkeypatch.setattr(thinning, "MOST_POINTS", 37)
    report = report_of(record_of(traded("AAAUSDT", random_bars(1, 1000), 17)))
    curve = page_data(report)["curve"]
    assert len(curve["t"]) <= 37
    assert max(curve["high"]) == pytest.approx(report.growth.values.max(), rel=1e-6)
    assert min(curve["low"]) == pytest.approx(report.growth.values.min(), rel=1e-6)
    assert max(curve["drawdown"]) == pytest.approx(report.figures.max_drawdown, rel=1e-3)
    assert curve["t"][-1] == report.growth.end_ms
    assert curve["last"][-1] == pytest.approx(report.growth.final, rel=1e-6)


def test_charts_share_the_room_and_those_with_fewest_fills_go_without_when_there_is_none(monkeypatch):
    monkeypatch.setattr(thinning, "MOST_BARS", 300)
    histories = [traded(f"{name}USDT", random_bars(index, 500), 20 + index) for index, name in enumerate(("AAA", "BBB", "CCC", "DDD"))]
    data = page_data(report_of(record_of(*histories)))
    assert [chart["name"] for chart in data["charts"]] == ["AAAUSDT", "BBBUSDT", "CCCUSDT"]
    assert data["uncharted"] == 1
    assert [len(chart["at"]) for chart in data["charts"]] == [100, 100, 100]
    assert data["charts"][0]["merged"] == 5
    assert len(data["symbols"]) == 4


def test_parts_of_an_order_are_one_mark_with_what_it_gained():
    history = traded("AAAUSDT", random_bars(1, 100), 20)
    assert len(history.fills) == 4
    (chart,) = page_data(report_of(record_of(history)))["charts"]
    assert [mark[2] for mark in chart["marks"]] == [1, -1, 1, -1]
    assert chart["marks"][1][3].startswith("SELL 3 at ")
    assert chart["marks"][1][3].endswith(" %), take-profit")


def test_no_name_from_outside_ends_the_data_or_becomes_markup():
    evil = "x</script><script>alert(1)</script><!--__DATA__ __POLICY__"
    page = report_page(report_of(record_of(traded("AAAUSDT", random_bars(1, 100), 20), strategy=evil)))
    assert embedded(page)["strategy"] == evil
    assert page.count("<script>") == 1
    assert "alert(1)</script>" not in page
    assert "<title>x&lt;/script&gt;" in page


def test_the_page_names_no_place_outside_itself():
    page = report_page(report_of(record_of(traded("AAAUSDT", random_bars(1, 100), 20))))
    assert re.findall(r"https?://[^\s\"']+", page) == []
    assert "default-src 'none'" in page
    assert re.findall(r"(?:src|href)=\"(?!data:)[^\"]*\"", page) == []


def test_every_figure_that_is_shown_is_defined_in_the_docs():
    page = (Path(__file__).parents[2] / "docs" / "backtesting.md").read_text()
    table = page.split("### Figures")[1].split("### Thinning")[0]
    defined = {name.strip() for names in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for name in re.split(r", (?!a year)", names)}
    report = report_of(record_of(traded("AAAUSDT", random_bars(1, 100), 20)))
    assert {name for name, _ in page_data(report)["figures"]} <= defined | {"closed trades"}


def test_a_run_that_never_traded_has_a_page_and_figures_that_say_nothing():
    report = report_of(record_of(traded("AAAUSDT", random_bars(1, 2000), 5000)))
    figures = dict(page_data(report)["figures"])
    assert (figures["win rate"], figures["profit factor"], figures["Sharpe"], figures["expectancy"]) == ("-", "-", "-", "-")
    assert (figures["return"], figures["largest drawdown"], figures["longest drawdown"]) == ("0.00 %", "0.00 %", "0 s")
    assert report.activity.time_in_market == 0
    assert "AAAUSDT" in report_page(report)
