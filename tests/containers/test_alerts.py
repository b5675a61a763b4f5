"""Alerts: Prometheus accepts them, each is tested both ways and explained, and none waits for a first event that it could not see."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from binance_trade_agent.domain.facts import DatabaseDone
from binance_trade_agent.telemetry.metrics import MetricsObserver

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "config/alerts"
FILES = sorted(ALERTS.glob("*.yml"))
RULES = {rule["alert"]: rule for file in FILES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]}
PAGE = (ROOT / "docs/alerts.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL))
NO_PROMTOOL = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")


def test_there_are_enough_and_their_names_are_their_own() -> None:
    named = [line for file in FILES for line in file.read_text().splitlines() if "- alert:" in line]
    assert len(RULES) == len(named) >= 30
    assert all(name.startswith("TradeAgent") for name in RULES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_alert_is_tested_both_ways(file: Path) -> None:
    names = [rule["alert"] for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    tests = yaml.safe_load((ALERTS / "tests" / file.name).read_text())
    assert tests["rule_files"] == [f"../{file.name}"]
    for name in names:
        fires, quiet = (test for test in tests["tests"] if test["name"] in {f"{name} fires", f"{name} stays quiet"})
        for test, is_silent in ((fires, False), (quiet, True)):
            (case,) = test["alert_rule_test"]
            assert case["alertname"] == name
            assert bool(case["exp_alerts"]) != is_silent
    assert len(tests["tests"]) == 2 * len(names)


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_alert_has_a_section_that_says_its_severity_and_what_to_do(name: str) -> None:
    rule = RULES[name]
    severity = rule["labels"]["severity"]
    assert severity in {"critical", "warning"}
    assert SECTIONS[name].startswith(f"{severity.capitalize()}. ")
    assert "1. " in SECTIONS[name] or "First steps as for" in SECTIONS[name] or "A defect worth a report" in SECTIONS[name]
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] == f"docs/alerts.md#{name.lower()}"


def test_no_section_is_about_an_alert_that_does_not_exist() -> None:
    assert [*SECTIONS] == re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)
    assert set(SECTIONS) == set(RULES)
    for name in re.findall(r"\bTradeAgent\w+", PAGE):
        assert name in RULES


def test_an_alert_on_the_first_event_of_a_kind_looks_at_counters_that_begin_at_zero() -> None:
    """A series that begins at 1 has no increase, so an alert on the first failure would never see it."""
    observer = MetricsObserver()
    observer.observe(DatabaseDone("write", 1.0, failed=False))  # an operation that went well, which each daemon has before one fails
    shown = {
        sample.name
        for family in text_string_to_metric_families(observer.render().decode())
        for sample in family.samples
        if sample.value == 0
    }
    on_first = {
        metric for rule in RULES.values() if re.search(r"> 0$", rule["expr"]) for metric in re.findall(r"increase\((\w+)", rule["expr"])
    }
    assert len(on_first) >= 4
    assert on_first <= shown


@NO_PROMTOOL
@pytest.mark.parametrize(
    "command",
    [["check", "config", "prometheus.yml"], ["test", "rules", *(f"alerts/tests/{file.name}" for file in FILES)]],
    ids=lambda command: command[0],
)
def test_prometheus_accepts_them(command: list[str]) -> None:
    done = subprocess.run(["promtool", *command], cwd=ROOT / "config", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
