"""The JSON report: every field is on the page that describes it, amounts are exact, and a report that differs from its book says so."""

import json
import re
from decimal import Decimal
from pathlib import Path

from finished_runs import random_bars, record_of, traded

from binance_trade_agent.backtest.report.machine import report_json
from binance_trade_agent.backtest.report.report import report_of

PAGE = (Path(__file__).parents[2] / "docs" / "backtesting.md").read_text()


def report():
    histories = [traded("AAAUSDT", random_bars(1, 3000), 41), traded("BBBUSDT", random_bars(2, 3000), 67, quantity="1.5")]
    return report_of(record_of(*histories))


def test_every_field_is_described_and_every_described_field_is_there():
    document = json.loads(report_json(report()))
    table = PAGE.split("### JSON")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (.*) \|$", table, re.MULTILINE)
    described = {name: text for names, text in rows for name in re.findall(r"\w+", names)}
    assert set(document) == set(described)
    for field, values in (("figures", document["figures"]), ("symbols", document["symbols"][0]), ("trades", document["trades"][0])):
        assert set(values) <= set(re.findall(r"`(\w+)`", described[field])), field
    assert set(document["symbols"][0]["trades"]) <= set(re.findall(r"`(\w+)`", described["symbols"]))
    assert set(document["proof"]) == set(re.findall(r"`(\w+)`", described["proof"])) - {"null"}


def test_amounts_are_exact_text_and_add_up():
    made = report()
    document = json.loads(report_json(made))
    assert Decimal(document["equity"]) == made.record.equity
    assert Decimal(document["profit"]) == sum(Decimal(symbol["profit"]) for symbol in document["symbols"])
    assert sum(Decimal(trade["profit"]) for trade in document["trades"]) == Decimal(document["all"]["realized"])
    assert {trade["reason"] for trade in document["trades"]} == {"take-profit: it is enough"}
    assert document["all"]["trades"]["trades"] == len(document["trades"])
    assert document["daily_equity"][-1] == [made.growth.end_ms, made.growth.final]


def test_the_last_point_of_the_curve_is_what_the_book_says():
    made = report()
    assert made.holds
    assert made.growth.final == float(made.record.equity) or abs(made.growth.final / float(made.record.equity) - 1) < 1e-12


def test_a_book_that_says_otherwise_by_one_digit_is_a_difference():
    record = report().record
    made = report_of(record_of(*record.histories, equity=record.equity + Decimal("1e-18")))
    assert not made.holds
    assert json.loads(report_json(made))["differences"]
