"""The report as one HTML file that needs nothing else: no network, no server; its policy lets nothing run but its own script."""

import base64
import hashlib
import html
import re
from importlib import resources

import orjson

from binance_trade_agent.backtest.report.page_data import page_data
from binance_trade_agent.backtest.report.report import Report
from binance_trade_agent.domain.utc_text import utc_minute

_SCRIPTS = ("tables.js", "charts.js", "equity.js", "candles.js", "main.js")
"""The parts of the one script, in the order in which they stand in it."""

_PLACES = re.compile("__(TITLE|POLICY|STYLE|DATA|SCRIPT)__")


def report_page(report: Report) -> str:
    """The whole page as text."""
    record = report.record
    style, script = _part("page.css"), "\n".join(map(_part, _SCRIPTS))
    values = {
        "TITLE": html.escape(f"{record.strategy}, {utc_minute(record.first_ms)} to {utc_minute(record.last_ms)}"),
        "POLICY": _policy(style, script),
        "STYLE": style,
        # No text from outside can end the element that holds the data, or begin another.
        "DATA": orjson.dumps(page_data(report)).decode().replace("<", "\\u003c"),
        "SCRIPT": script,
    }
    return _PLACES.sub(lambda place: values[place[1]], _part("page.html"))


def _part(name: str) -> str:
    return resources.files("binance_trade_agent.backtest.report").joinpath("page_parts", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    own = (f"style-src {_hash_of(style)}", f"script-src {_hash_of(script)}")
    return "; ".join(("default-src 'none'", *own, "img-src data:", "base-uri 'none'", "form-action 'none'"))


def _hash_of(content: str) -> str:
    """A source of a Content-Security-Policy: the element with exactly this content."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
