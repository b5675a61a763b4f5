"""Live queries: all that dashboards and alerts ask, asked of a real Prometheus over the time that the live world has lived."""

import json
import math
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
RATE_INTERVAL = "15s"
STEP_S = 1
_COMPARISON = re.compile(r"\s(?:==|!=|>=|<=|>|<)\s")
_ANSWER_S = 20.0

NEVER_HERE = {
    "trade_agent_order_book_losses_total": "the daemon keeps no local order books; they are for those who build on the package",
    "trade_agent_candle_gaps_total": "the synthetic market has a candle for every second",
    "trade_agent_candles_missing_total": "the synthetic market has a candle for every second",
    "trade_agent_position_write_downs_total": "nothing that was bought leaves the account without a trade",
    "trade_agent_order_book_sync_seconds_bucket": "the daemon keeps no local order books; they are for those who build on the package",
}
"""What this world does not bring about, and why; other tests do."""


@dataclass(frozen=True, slots=True)
class Question:
    """One expression and who asks it."""

    asker: str
    expression: str

    @property
    def excuse(self) -> str:
        """Why it may stay without an answer here; empty when it may not."""
        return next((why for name, why in NEVER_HERE.items() if name in self.expression), "")


def of_dashboards() -> Iterator[Question]:
    """Every query of every panel, annotation and variable."""
    for file in sorted((ROOT / "grafana/dashboards").glob("*.json")):
        dashboard = json.loads(file.read_text(encoding="utf-8"))
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield Question(f"{file.stem}: {panel['title']} ({target['refId']})", target["expr"])
        for mark in dashboard["annotations"]["list"]:
            yield Question(f"{file.stem}: marks of {mark['name']}", mark["expr"])
        for variable in dashboard["templating"]["list"]:
            series, _, label = variable["definition"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
            yield Question(f"{file.stem}: choice of {variable['name']}", f"count by ({label}) ({series})")


def of_alerts() -> Iterator[Question]:
    """What every alert looks at: each side of its conditions without the comparison, which mostly gives nothing while all is well."""
    for file in sorted((ROOT / "config/alerts").glob("*.yml")):
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                for condition in re.split(r"\sand\s+(?:on \(\w+\)\s)?", rule["expr"].strip()):
                    yield Question(f"alert {rule['alert']}", _COMPARISON.split(condition)[0].strip())
                yield Question(f"alert {rule['alert']}, whole", f"({rule['expr'].strip()}) or vector(0)")


class Prometheus:
    """A Prometheus server that is asked over HTTP."""

    def __init__(self, port: int, instance: str) -> None:
        self._address = f"http://127.0.0.1:{port}/api/v1/query_range"
        self._instance = instance

    def has_data(self, question: Question, from_s: float, to_s: float) -> bool:
        """Whether it gives any figure but NaN in that time. Raises ValueError with Prometheus' words when it cannot be asked so."""
        text = question.expression.replace("$__rate_interval", RATE_INTERVAL).replace("$instance", self._instance).replace("$symbol", ".*")
        query = urllib.parse.urlencode({"query": text, "start": from_s, "end": to_s, "step": STEP_S})
        try:
            with urllib.request.urlopen(f"{self._address}?{query}", timeout=_ANSWER_S) as answer:  # noqa: S310 - its own loopback address
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(f"{question.asker}: {error.read().decode(errors='replace')}") from None
        values = (float(value) for series in told["data"]["result"] for _, value in series["values"])
        return any(not math.isnan(value) for value in values)

    def unanswered(self, questions: Iterator[Question], from_s: float, to_s: float) -> list[Question]:
        """The questions that give nothing, and have no excuse."""
        return [question for question in questions if not question.excuse and not self.has_data(question, from_s, to_s)]
