"""What all clients' tests stand on: a running exchange for each file, and the record of what passed."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from exchange_program import RunningExchange, running_exchange
from features import Client, Feature

COVERED = "covered"
RESULTS = "PEER_RESULTS"
"""The environment variable that names the file to write what passed to."""


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningExchange]:
    """An exchange that only this file's tests trade on."""
    with running_exchange(tmp_path_factory.mktemp("exchange")) as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test says which client it drives, or else its file does, and what it proves."""
    for item in items:
        covered = []
        for mark in item.iter_markers("covers"):
            client = mark.kwargs.get("client") or item.module.CLIENT  # type: ignore[attr-defined]  # every item is a function of a module
            covered += [(Client(client).value, Feature(feature).value) for feature in mark.args]
        assert covered, f"{item.nodeid} does not say what it covers"
        item.user_properties.append((COVERED, covered))


class Record:
    """What every test showed, by client and feature."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._failed: dict[str, dict[str, bool]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for client, feature in dict(report.user_properties)[COVERED]:  # type: ignore[union-attr]  # pairs, put there at collection
            row = self._failed.setdefault(client, {})
            row[feature] = row.get(feature, False) or not report.passed

    def pytest_sessionfinish(self) -> None:
        passed = {client: {feature: not failed for feature, failed in row.items()} for client, row in self._failed.items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(passed, indent=1, sort_keys=True))


def pytest_configure(config: pytest.Config) -> None:
    path = os.environ.get(RESULTS)
    if path and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Record(Path(path)))
