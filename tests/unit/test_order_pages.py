"""The pages about orders and faults: their tables are the code's, and every rule and proof they name exists."""

import ast
import re
from pathlib import Path

import pytest

from binance_trade_agent.domain import outcome
from binance_trade_agent.domain.order import TRANSITIONS, OrderEvent, OrderState

ROOT = Path(__file__).parents[2]
LIFE = (ROOT / "docs/order-lifecycle.md").read_text()
FAULTS = (ROOT / "docs/faults.md").read_text()

NAMED_PATHS = sorted(set(re.findall(r"`((?:binance_trade_agent|tests|config)/[\w./]+|Dockerfile|docker-compose\.yml)(?:::|`)", FAULTS)))
PROOFS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", FAULTS)))


def rows_under(page: str, title: str) -> list[list[str]]:
    """The cells of the table below a heading, without its ruler."""
    section = page.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def named_tests(path: str) -> set[str]:
    """Names of the tests in a file, those of a class with its name before them."""
    names = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    return names


def test_the_table_of_states_is_the_one_that_orders_move_by():
    (_, *events), *states = rows_under(LIFE, "States")
    table = {
        (OrderState(state), OrderEvent(event)): OrderState(to)
        for state, *cells in states
        for event, to in zip(events, cells, strict=True)
        if to
    }
    assert table == TRANSITIONS
    assert [OrderEvent(event) for event in events] == list(OrderEvent)
    assert sorted(state for state, *_ in states) == sorted(OrderState)


def test_the_states_that_the_page_calls_ended_are_those_that_are():
    ended = re.search(r"Ended for good: (.*?)\. (NEVER_PLACED) has ended too", LIFE)
    assert ended
    named = set(re.findall(r"[A-Z_]+", ended[1])) | {ended[2]}
    assert named == {state.value for state in OrderState if state.is_terminal}


def test_every_outcome_is_on_the_page():
    named = [name for name, *_ in rows_under(LIFE, "Outcomes")[1:]]
    assert named == [kind.__name__ for kind in outcome.Outcome.__args__]


@pytest.mark.parametrize("path", NAMED_PATHS)
def test_files_that_the_page_of_faults_names_exist(path):
    assert (ROOT / path).is_file()


@pytest.mark.parametrize(("path", "name"), PROOFS)
def test_proofs_that_the_page_of_faults_names_exist(path, name):
    assert name in named_tests(path)


def test_every_fault_has_a_rule_and_a_proof():
    rows = [line for line in FAULTS.splitlines() if line.startswith("| ") and not line.startswith("| Fault ")]
    assert len(rows) > 40
    for row in rows:
        fault, rule, proof = (cell.strip() for cell in row.strip("|").split("|"))
        assert fault
        assert rule
        assert re.findall(r"`tests/[\w/]+\.py(?:::[\w:]+)?`", proof), fault
