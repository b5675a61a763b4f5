"""docs/logs.md holds every field that a log line can have, and none that no line has: read from the source itself."""

import ast
import io
import json
import re
from pathlib import Path

import structlog

from binance_trade_agent.telemetry.logging import configure_logging
from binance_trade_agent.telemetry.trace_ids import TraceIds

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "binance_trade_agent"
PAGE = (ROOT / "docs" / "logs.md").read_text()
LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
BINDERS = {"get_logger", "bind", "bind_contextvars", "bound_contextvars"}
SPREAD = {"service/control.py": {"_told", "_mode_told"}}
"""Where a line gets its fields from an answer: the functions whose keys they are."""


def documented(heading: str) -> set[str]:
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def is_log_call(node: ast.Call) -> bool:
    called = ast.unparse(node.func)
    *receiver, name = called.split(".")
    return name in BINDERS or (name in LEVELS and "log" in ".".join(receiver).lower())


def fields_of(name: str, tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_log_call(node):
            for keyword in node.keywords:
                assert keyword.arg is not None or name in SPREAD, f"{name}:{node.lineno} takes its fields from somewhere"
            found |= {keyword.arg for keyword in node.keywords if keyword.arg is not None}
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in SPREAD.get(name, ()):
            dicts = [each for each in ast.walk(node) if isinstance(each, ast.Dict)]
            found |= {key.value for each in dicts for key in each.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)}
    return found


def test_every_field_is_on_the_page_and_none_beside() -> None:
    used = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        used |= fields_of(path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text()))
    assert documented("Fields of some lines") == used


def test_the_search_sees_every_way_to_log() -> None:
    source = """
log.info("a", b=1)
self._log.log(level, text, symbol=intent.symbol)
structlog.get_logger(component="x").warning("a", c=1)
get_logger().info("a", d=1)
with bound_contextvars(correlation_id=1): pass
math.log(x, base=2)
"""
    assert fields_of("here.py", ast.parse(source)) == {"b", "symbol", "component", "c", "d", "correlation_id"}


def test_any_line_has_the_fields_that_the_page_promises_of_any() -> None:
    try:
        stream = io.StringIO()
        configure_logging("INFO", "json", stream, trace_ids=TraceIds("e"))
        try:
            raise ValueError("no")
        except ValueError as error:
            structlog.get_logger().error("it failed", exc_info=error, correlation_id="18b-1")
        line = json.loads(stream.getvalue())
    finally:
        structlog.reset_defaults()
    assert set(line) == documented("Fields that any line may have")
    assert "ValueError: no" in line["exception"]
