"""The dashboard is what its script writes, and it asks for nothing that the daemon does not measure."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from binance_trade_agent.telemetry.metric import PREFIX
from binance_trade_agent.telemetry.metric_catalogue import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "grafana/dashboards/trade-agent.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
DATASOURCES = yaml.safe_load((ROOT / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
RULES = [
    rule
    for file in sorted((ROOT / "config/alerts").glob("*.yml"))
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in RULES]
VARIABLES = {variable["name"]: variable["definition"] for variable in DASHBOARD["templating"]["list"]}


SERIES = {name: {*labels, "instance", "job"} for metric in CATALOGUE for name, labels in metric.series.items()}


def test_the_file_is_what_the_script_writes() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts/dashboards", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("expression", sorted({*EXPRESSIONS, *VARIABLES.values()}))
def test_every_metric_and_label_that_is_asked_for_is_in_the_catalogue(expression: str) -> None:
    names = set(re.findall(rf"\b{PREFIX}\w+", expression))
    assert names <= set(SERIES)
    assert names or re.search(r"\b(up|process_\w+)\{", expression)
    available = set().union(*(SERIES[name] for name in names)) or {"instance", "job"}
    asked = set(re.findall(r"(\w+)=~?\"", expression))
    for grouping in re.findall(r"by \(([^)]*)\)", expression):
        asked |= {label.strip() for label in grouping.split(",")}
    assert asked <= available


def test_legends_name_labels_that_the_query_keeps() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            kept = re.findall(r"by \(([^)]*)\)", target["expr"])
            names = re.findall(rf"\b{PREFIX}\w+", target["expr"])
            labels = set(re.split(r",\s*", kept[0])) if kept else set().union(*(SERIES.get(name, set()) for name in names))
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels


def test_every_panel_says_what_it_shows_in_which_unit_from_the_provisioned_source() -> None:
    assert [source["uid"] for source in DATASOURCES] == ["prometheus"]
    for panel in PANELS:
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert {panel["datasource"]["uid"], *(target["datasource"]["uid"] for target in panel["targets"])} == {"prometheus"}


def test_durations_are_shown_in_seconds() -> None:
    for panel in PANELS:
        if any("histogram_quantile" in target["expr"] for target in panel["targets"]):
            assert panel["fieldConfig"]["defaults"]["unit"] == "s"


def test_the_rows_are_there_and_no_panel_lies_on_another() -> None:
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["Trading", "Latency", "Pool", "Market data", "Market streams", "Account events", "Health"]
    covered: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        box = panel["gridPos"]
        cells = {(x, y) for x in range(box["x"], box["x"] + box["w"]) for y in range(box["y"], box["y"] + box["h"])}
        assert not covered & cells
        assert box["x"] + box["w"] <= 24
        covered |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_instance_and_symbol_can_be_chosen() -> None:
    assert set(VARIABLES) == {"instance", "symbol"}
    assert all('instance=~"$instance"' in target["expr"] for panel in PANELS for target in panel["targets"])
