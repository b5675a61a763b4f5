"""The dashboards are what their script writes, show all that is measured, and ask for nothing that the daemon does not measure."""

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
FILES = sorted((ROOT / "grafana/dashboards").glob("*.json"))
DASHBOARDS = {file.stem: json.loads(file.read_text()) for file in FILES}
PANELS = [(name, panel) for name, dashboard in DASHBOARDS.items() for panel in dashboard["panels"] if panel["type"] != "row"]
TARGETS = [(name, panel, target) for name, panel in PANELS for target in panel["targets"]]
MARKS = [mark for dashboard in DASHBOARDS.values() for mark in dashboard["annotations"]["list"]]
VARIABLES = {name: {each["name"]: each for each in dashboard["templating"]["list"]} for name, dashboard in DASHBOARDS.items()}
DATASOURCES = yaml.safe_load((ROOT / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"]
RULES = [
    rule
    for file in (ROOT / "config/alerts").glob("*.yml")
    for group in yaml.safe_load(file.read_text())["groups"]
    for rule in group["rules"]
]
ASKED_BY_DASHBOARDS = [
    *(target["expr"] for _, _, target in TARGETS),
    *(mark["expr"] for mark in MARKS),
    *(variable["definition"] for variables in VARIABLES.values() for variable in variables.values()),
]
ASKED = sorted({*ASKED_BY_DASHBOARDS, *(rule["expr"] for rule in RULES)})
SERIES = {name: {*labels, "instance", "job"} for metric in CATALOGUE for name, labels in metric.series.items()}


def each(panel) -> str:
    return f"{panel[0]}: {panel[1]['title']}"


def names_in(expression: str) -> set[str]:
    return set(re.findall(rf"\b{PREFIX}\w+", expression))


def test_the_files_are_what_the_script_writes() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts/dashboards", "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_there_are_five_and_each_is_known_by_its_name() -> None:
    assert set(DASHBOARDS) == {"overview", "trading", "performance", "exchange", "reliability"}
    assert {dashboard["uid"] for dashboard in DASHBOARDS.values()} == {f"trade-agent-{name}" for name in DASHBOARDS}
    assert len({dashboard["title"] for dashboard in DASHBOARDS.values()}) == 5
    assert "/overview.json" in (ROOT / "grafana/grafana.ini").read_text(), "the one look is what opens first"


@pytest.mark.parametrize("expression", ASKED)
def test_every_metric_and_label_that_is_asked_for_is_in_the_catalogue(expression: str) -> None:
    names = names_in(expression)
    assert names <= set(SERIES)
    assert names or re.search(r"\b(up|process_\w+|ALERTS)\{", expression) or "process_" in expression
    available = set().union(*(SERIES[name] for name in names)) | {"instance", "job"}
    if "ALERTS" in expression:
        available |= {"alertstate"}
    asked = set(re.findall(r"(\w+)[!=]=?~?\"", expression))
    for grouping in re.findall(r"by \(([^)]*)\)", expression):
        asked |= {label.strip() for label in grouping.split(",")}
    assert asked <= available


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_metric_is_shown_somewhere(metric) -> None:
    assert any(names_in(expression) & set(metric.series) for expression in ASKED_BY_DASHBOARDS)


@pytest.mark.parametrize("target", TARGETS, ids=each)
def test_legends_name_labels_that_the_query_keeps(target) -> None:
    _, _, asked = target
    kept = re.findall(r"by \(([^)]*)\)", asked["expr"])
    labels = set(re.split(r",\s*", kept[0])) if kept else set().union(*(SERIES.get(name, set()) for name in names_in(asked["expr"])))
    assert set(re.findall(r"{{(\w+)}}", asked["legendFormat"])) <= labels


@pytest.mark.parametrize("panel", PANELS, ids=each)
def test_every_panel_has_a_description_a_unit_thresholds_and_the_provisioned_source(panel) -> None:
    _, content = panel
    assert content["description"].endswith(".")
    defaults = content["fieldConfig"]["defaults"]
    assert defaults["unit"]
    steps = defaults["thresholds"]["steps"]
    assert steps[0]["value"] is None
    values = [step["value"] for step in steps[1:]]
    assert values == sorted(values)
    assert [source["uid"] for source in DATASOURCES] == ["prometheus"]
    assert {content["datasource"]["uid"], *(target["datasource"]["uid"] for target in content["targets"])} == {"prometheus"}


@pytest.mark.parametrize("panel", PANELS, ids=each)
def test_units_fit_what_is_asked(panel) -> None:
    unit = panel[1]["fieldConfig"]["defaults"]["unit"]
    expressions = [target["expr"] for target in panel[1]["targets"]]
    if all(expression.startswith("histogram_quantile") and " / " not in expression for expression in expressions):
        assert unit == "s"
    if any(expression.startswith("60 *") for expression in expressions):
        assert unit == "none"
        assert re.search(r"per minute|, per minute|and per minute", panel[1]["title"] + panel[1]["description"])


@pytest.mark.parametrize("name", DASHBOARDS)
def test_no_panel_lies_on_another_or_beyond_the_page(name: str) -> None:
    covered: set[tuple[int, int]] = set()
    for panel in DASHBOARDS[name]["panels"]:
        box = panel["gridPos"]
        cells = {(x, y) for x in range(box["x"], box["x"] + box["w"]) for y in range(box["y"], box["y"] + box["h"])}
        assert not covered & cells
        assert box["x"] + box["w"] <= 24
        covered |= cells
    ids = [panel["id"] for panel in DASHBOARDS[name]["panels"]]
    assert len(ids) == len(set(ids))
    assert DASHBOARDS[name]["panels"][0]["type"] == "row"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_an_instance_can_be_chosen_and_symbols_where_there_are_any(name: str) -> None:
    text = json.dumps(DASHBOARDS[name]["panels"])
    assert set(VARIABLES[name]) == {"instance"} | ({"symbol"} if "$symbol" in text else set())
    assert not VARIABLES[name]["instance"]["includeAll"], "figures of two daemons in one panel could not be told apart"
    assert set(re.findall(r"\$(\w+)", text)) <= {*VARIABLES[name], "__rate_interval"}
    alike = [target["expr"] for panel, _, target in TARGETS if panel == name and "ALERTS" not in target["expr"]]
    assert all('instance=~"$instance"' in expression for expression in alike)


def test_fills_and_changes_of_mode_are_marked_where_trading_is_watched() -> None:
    assert [mark["name"] for mark in DASHBOARDS["trading"]["annotations"]["list"]] == ["Fills", "Changes of mode"]


def test_where_time_goes_is_drawn_as_heatmaps_of_all_buckets() -> None:
    drawn = {panel["title"]: panel["targets"][0] for _, panel in PANELS if panel["type"] == "heatmap"}
    assert set(drawn) == {"Passes", "Requests"}
    assert all(target["format"] == "heatmap" and target["expr"].startswith("sum by (le) (increase(") for target in drawn.values())
