"""Alerts: Prometheus accepts them, each is tested both ways and explained, and none waits for a first event that it could not see."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from binance_trade_agent.domain.facts import DatabaseDone
from binance_trade_agent.domain.service_facts import BackupsPlanned
from binance_trade_agent.service.vitals import Rhythm, Vitals
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.telemetry.metrics import MetricsObserver

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "config/alerts"
FILES = sorted(ALERTS.glob("*.yml"))
RULES = {rule["alert"]: rule for file in FILES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]}
PAGE = (ROOT / "docs/alerts.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL))
RECEIVERS = sorted((ROOT / "config/alertmanager").glob("*.yml"))
NO_AMTOOL = pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool (prometheus-alertmanager, 0.26 or later) is not installed")
NO_PROMTOOL = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")


def test_there_are_enough_and_their_names_are_their_own() -> None:
    named = [line for file in FILES for line in file.read_text().splitlines() if "- alert:" in line]
    assert len(RULES) == len(named) >= 40
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
    assert "1. " in SECTIONS[name] or "First step" in SECTIONS[name] or "A defect worth a report" in SECTIONS[name]
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["runbook"] == f"docs/alerts.md#{name.lower()}"


def test_each_check_that_can_keep_the_daemon_from_being_ready_is_explained() -> None:
    vitals = Vitals(WallClock(), Rhythm(1, 1.0, 1, 1))
    vitals.unprotected = lambda: ("BTCUSDT",)
    vitals.stopping = "asked to"
    vitals.pass_failed("the exchange is away")
    failing = [name for name, check in vitals.readiness().checks.items() if not check.ok]
    assert len(failing) >= 5
    for name in failing:
        assert f"| `{name}` |" in SECTIONS["TradeAgentNotReady"]


def test_no_section_is_about_an_alert_that_does_not_exist() -> None:
    assert [*SECTIONS] == re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)
    assert set(SECTIONS) == set(RULES)
    for name in re.findall(r"\bTradeAgent\w+", PAGE):
        assert name in RULES


def test_an_alert_on_the_first_event_of_a_kind_looks_at_counters_that_begin_at_zero() -> None:
    """A series that begins at 1 has no increase, so an alert on the first failure would never see it."""
    observer = MetricsObserver()
    for fact in (DatabaseDone("write", 1.0, failed=False), BackupsPlanned(3600.0, None)):  # what each daemon tells before anything fails
        observer.observe(fact)
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


class TestAlertmanager:
    @pytest.mark.parametrize("file", RECEIVERS, ids=lambda file: file.stem)
    def test_secrets_are_read_from_files_and_every_receiver_is_told_of_the_end_too(self, file: Path) -> None:
        config = yaml.safe_load(file.read_text())
        (receiver,) = config["receivers"]
        assert receiver["name"] == config["route"]["receiver"] == file.stem
        ((target,),) = (receiver[key] for key in receiver if key.endswith("_configs"))
        assert target["send_resolved"] is True
        secrets = {key: value for key, value in target.items() if re.search(r"url|token|password|secret", key)}
        assert secrets
        for key, value in secrets.items():
            assert key.endswith("_file")
            assert value.startswith("/run/secrets/")
            assert value.removeprefix("/run/secrets/") in (ROOT / "secrets/alerting/README.md").read_text()

    def test_the_examples_differ_in_where_alerts_go_and_in_nothing_else(self) -> None:
        assert [file.stem for file in RECEIVERS] == ["telegram", "webhook"]
        one, other = (yaml.safe_load(file.read_text()) for file in RECEIVERS)
        for config in (one, other):
            config["route"].pop("receiver")
            config.pop("receivers")
        assert one == other

    def test_critical_alerts_are_told_sooner_and_repeated_more_often(self) -> None:
        route = yaml.safe_load(RECEIVERS[0].read_text())["route"]
        (critical,) = route["routes"]
        assert critical["matchers"] == ["severity = critical"]
        assert (critical["group_wait"], critical["repeat_interval"]) == ("5s", "1h")
        assert (route["group_wait"], route["repeat_interval"]) == ("30s", "12h")

    def test_what_silences_and_is_silenced_exists_and_nothing_critical_is_silenced(self) -> None:
        for rule in yaml.safe_load(RECEIVERS[0].read_text())["inhibit_rules"]:
            for name in re.findall(r"TradeAgent\w+", str(rule)):
                assert name in RULES
            for name in re.findall(r"TradeAgent\w+", str(rule["target_matchers"])):
                assert RULES[name]["labels"]["severity"] == "warning"

    def test_prometheus_sends_to_where_it_listens(self) -> None:
        alerting = yaml.safe_load((ROOT / "config/prometheus.yml").read_text())["alerting"]
        assert alerting == {"alertmanagers": [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]}

    @NO_AMTOOL
    @pytest.mark.parametrize("file", RECEIVERS, ids=lambda file: file.stem)
    def test_alertmanager_accepts_them(self, file: Path) -> None:
        done = subprocess.run(["amtool", "check-config", str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
