"""How Grafana wants panels and variables, and where on the page each panel lies."""

from typing import Any

SOURCE = {"type": "prometheus", "uid": "prometheus"}
GRID_COLUMNS = 24
ROW_HEIGHT = 1
Json = dict[str, Any]


def variable(name: str, metric: str) -> Json:
    """A choice at the top of the page, filled from the label `name` of `metric`."""
    query = f"label_values({metric}, {name})"
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "variable"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def panel(number: int, spec: Json, x: int, y: int) -> Json:
    """One panel as Grafana reads it."""
    custom = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "stacking": {"mode": "normal" if spec.get("stacked") else "none"}}
    defaults: Json = {"unit": spec["unit"], "mappings": spec.get("mappings", [])}
    if spec["type"] == "timeseries":
        defaults["custom"] = custom
        options: Json = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    else:
        defaults["thresholds"] = {"mode": "absolute", "steps": spec.get("steps", [{"color": "blue", "value": None}])}
        options = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"}
    return {
        "id": number,
        "type": spec["type"],
        "title": spec["title"],
        "description": spec["description"],
        "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": spec["width"], "h": spec["height"]},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
            for index, (expression, legend) in enumerate(spec["queries"])
        ],
    }


def panels(rows: dict[str, list[Json]]) -> list[Json]:
    """All rows and panels, set from left to right and from top to bottom."""
    result: list[Json] = []
    y = 0
    for title, specs in rows.items():
        result.append(
            {
                "id": len(result) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": GRID_COLUMNS, "h": ROW_HEIGHT},
                "panels": [],
            }
        )
        x, y, line_height = 0, y + ROW_HEIGHT, 0
        for spec in specs:
            if x + spec["width"] > GRID_COLUMNS:
                x, y, line_height = 0, y + line_height, 0
            result.append(panel(len(result) + 1, spec, x, y))
            x, line_height = x + spec["width"], max(line_height, spec["height"])
        y += line_height
    return result
