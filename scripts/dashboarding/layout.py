"""How Grafana wants dashboards, panels, variables and annotations, and where on the page each panel lies."""

import json

from dashboarding.panels import Json, Steps

SOURCE = {"type": "prometheus", "uid": "prometheus"}
TAG = "trade-agent"
GRID_COLUMNS = 24
ROW_HEIGHT = 1

_TIMESERIES = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
_HEATMAP = {
    "calculate": False,
    "cellGap": 1,
    "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5},
    "filterValues": {"le": 1e-9},
    "legend": {"show": True},
    "rowsFrame": {"layout": "le"},
    "tooltip": {"mode": "single", "yHistogram": True},
    "yAxis": {"unit": "s", "axisPlacement": "left"},
}
_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}


def dashboard(name: str, description: str, rows: dict[str, list[Json]], *, annotations: list[Json] | None = None) -> str:
    """A dashboard as JSON text; its uid is made from its name, and links lead to the others."""
    with_symbol = "$symbol" in json.dumps(rows)
    variables = [variable("instance", "build_info", "")]
    if with_symbol:
        variables.append(variable("symbol", "position_quantity", '{instance=~"$instance"}', many=True))
    content = {
        "uid": f"{TAG}-{name.lower()}",
        "title": f"Trade agent: {name}",
        "description": description,
        "tags": [TAG],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "utc",
        "graphTooltip": 1,
        "links": [
            {
                "type": "dashboards",
                "tags": [TAG],
                "title": "",
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
            }
        ],
        "templating": {"list": variables},
        "annotations": {"list": annotations or []},
        "panels": panels(rows),
    }
    return json.dumps(content, indent=2) + "\n"


def variable(name: str, metric: str, filters: str, *, many: bool = False) -> Json:
    """A choice at the top of the page, filled from the label `name` of `metric`: one of its values, or any number of them."""
    query = f"label_values(trade_agent_{metric}{filters}, {name})"
    choice: Json = {"multi": True, "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}}
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "variable"},
        "refresh": 2,
        "sort": 1,
        **(choice if many else {"multi": False, "includeAll": False}),
    }


def annotation(name: str, colour: str, expression: str, title: str, text: str) -> Json:
    """Marks in every graph where `expression` gives anything above 0."""
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": True,
        "iconColor": colour,
        "expr": expression,
        "step": "15s",
        "titleFormat": title,
        "textFormat": text,
    }


def panels(rows: dict[str, list[Json]]) -> list[Json]:
    """All rows and panels, set from left to right and from top to bottom."""
    result: list[Json] = []
    y = 0
    for title, specs in rows.items():
        grid = {"x": 0, "y": y, "w": GRID_COLUMNS, "h": ROW_HEIGHT}
        result.append({"id": len(result) + 1, "type": "row", "title": title, "collapsed": False, "gridPos": grid, "panels": []})
        x, y, line_height = 0, y + ROW_HEIGHT, 0
        for spec in specs:
            if x + spec["width"] > GRID_COLUMNS:
                x, y, line_height = 0, y + line_height, 0
            result.append(_panel(len(result) + 1, spec, x, y))
            x, line_height = x + spec["width"], max(line_height, spec["height"])
        y += line_height
    return result


def _panel(number: int, spec: Json, x: int, y: int) -> Json:
    kind = spec["type"]
    return {
        "id": number,
        "type": kind,
        "title": spec["title"],
        "description": spec["description"],
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": spec["width"], "h": spec["height"]},
        "fieldConfig": {"defaults": _defaults(spec), "overrides": []},
        "options": _options(spec),
        "targets": [_target(kind, index, *query) for index, query in enumerate(spec["queries"])],
    }


def _defaults(spec: Json) -> Json:
    defaults: Json = {"unit": spec["unit"], "mappings": spec.get("mappings", []), "thresholds": _thresholds(spec["steps"])}
    defaults["color"] = {"mode": "palette-classic" if spec["type"] == "timeseries" else "thresholds"}
    if spec["type"] == "timeseries":
        defaults["custom"] = {
            "lineWidth": 1,
            "fillOpacity": 10,
            "showPoints": "never",
            "stacking": {"mode": "normal" if spec.get("stacked") else "none", "group": "A"},
            "thresholdsStyle": {"mode": "line" if len(spec["steps"]) > 1 else "off"},
        }
    for name, theirs in (("minimum", "min"), ("maximum", "max"), ("decimals", "decimals")):
        if name in spec:
            defaults[theirs] = spec[name]
    return defaults


def _thresholds(steps: Steps) -> Json:
    return {"mode": "absolute", "steps": [{"color": colour, "value": value} for value, colour in steps]}


def _options(spec: Json) -> Json:
    match spec["type"]:
        case "timeseries":
            return _TIMESERIES
        case "heatmap":
            return _HEATMAP
        case "bargauge":
            return {"displayMode": "basic", "orientation": "horizontal", "reduceOptions": _LAST, "showUnfilled": True}
        case _:
            text = spec.get("shows") or ("value_and_name" if spec["queries"][0][1] else "auto")
            return {"reduceOptions": _LAST, "colorMode": "value", "graphMode": "area", "textMode": text}


def _target(kind: str, index: int, expression: str, legend: str) -> Json:
    asked: Json = {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
    if kind == "heatmap":
        asked["format"] = "heatmap"
    if kind == "bargauge":
        asked["instant"] = True
    return asked
