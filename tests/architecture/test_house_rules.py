"""The house rules of CONTRIBUTING.md that ruff, mypy and the import contract do not check: read from the source itself."""

import ast
import builtins
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "binance_trade_agent"
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 50
LEAST_WORDS_OF_A_PURPOSE = 3

SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(text) for name, text in SOURCES.items()}
PROGRAMS = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in sorted((ROOT / "scripts").rglob("*"))
    if path.is_file() and path.suffix in {"", ".py"}
}
TESTS = {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted((ROOT / "tests").rglob("*.py"))}

# What a person may read or change. Lock files, pictures and what tools leave behind are not written by hand.
WRITTEN = (".ci", "binance_trade_agent", "config", "docs", "grafana", "scripts", "tests")
TEXT_SUFFIXES = {"", ".css", ".example", ".html", ".js", ".json", ".md", ".py", ".sh", ".toml", ".yaml", ".yml"}


def texts() -> Iterator[tuple[str, str]]:
    """Path and content of every file of the project that somebody wrote."""
    at_root = [path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".env") and path.name != ".git"]
    for path in [*at_root, *(found for folder in WRITTEN for found in (ROOT / folder).rglob("*"))]:
        if path.is_file() and path.suffix in TEXT_SUFFIXES and "__pycache__" not in path.parts:
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From its first decorator to its last line."""
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return (node.end_lineno or first) - first + 1


def purpose(tree: ast.Module) -> str:
    """The first sentence of a module's docstring, or of its first line when that runs into a list."""
    first_paragraph = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=\.) ", first_paragraph)[0]


# -- files and functions ------------------------------------------------------------------------------------------------------


def test_the_rules_look_at_the_whole_package() -> None:
    assert "binance_trade_agent/domain/money.py" in SOURCES
    assert len(SOURCES) > 100


@pytest.mark.parametrize("name", TREES)
def test_a_file_says_first_what_it_is_for(name: str) -> None:
    said = purpose(TREES[name])
    assert len(said.split()) >= LEAST_WORDS_OF_A_PURPOSE
    assert said.endswith((".", ":", "?"))


def test_no_two_files_are_for_the_same_thing() -> None:
    said = Counter(purpose(tree) for tree in TREES.values())
    assert [sentence for sentence, files in said.items() if files > 1] == []


def test_files_are_short() -> None:
    lengths = {name: text.count("\n") for name, text in {**SOURCES, **PROGRAMS}.items()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FILE} == {}


def test_functions_are_short() -> None:
    long = {
        f"{name}:{node.lineno} {node.name}": lines_of(node)
        for name, tree in TREES.items()
        for node in functions(tree)
        if lines_of(node) > MOST_LINES_OF_A_FUNCTION
    }
    assert long == {}


def test_nothing_is_named_after_having_no_subject() -> None:
    vague = re.compile(r"(^|_)(utils?|helpers?|misc|stuff)(_|$)", re.IGNORECASE)
    files = [part for name in SOURCES for part in Path(name).with_suffix("").parts]
    names = [node.name for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names += [node.name for tree in TREES.values() for node in functions(tree)]
    words = [re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name) for name in [*files, *names]]
    assert [word for word in words if vague.search(word)] == []


def test_what_holds_candles_has_a_name_of_its_own() -> None:
    """Live ones, stored ones, exact ones and those of the simulated market meet in one file often enough to be taken for each other."""
    places = [(node.name, name) for name, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = Counter(word for word, _ in places if "Candle" in word and not word.startswith("_"))
    assert [place for place in places if names[place[0]] > 1] == []


def test_only_the_command_line_and_the_demo_print() -> None:
    printing = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert {name for name in printing if not name.startswith(("binance_trade_agent/cli/", "binance_trade_agent/demo_"))} == set()


# -- money --------------------------------------------------------------------------------------------------------------------

# Where every number is money or a count. Elsewhere floats have their place: candles, indicators, confidence, durations.
MONEY_FILES = tuple(
    f"binance_trade_agent/{name}"
    for name in (
        "domain/account.py",
        "domain/ledger.py",
        "domain/money.py",
        "domain/order.py",
        "domain/outcome.py",
        "domain/portfolio.py",
        "domain/position.py",
        "domain/risk.py",
        "domain/symbol_rules.py",
        "portfolio_manager/holdings.py",
        "portfolio_manager/manager.py",
        "portfolio_manager/summary.py",
        "sending_desk.py",
        "trade_execution_agent.py",
        "reconciler/balances.py",
        "reconciler/missing_orders.py",
        "reconciler/order_records.py",
        "reconciler/trade_lists.py",
        "reconciler/unexpected_orders.py",
        "risk_management_agent/sizing.py",
        "risk_management_agent/commitments.py",
        "simulation/engine/accounts.py",
        "simulation/engine/amounts.py",
        "simulation/engine/matching_engine.py",
        "simulation/engine/matching.py",
        "simulation/engine/settlement.py",
    )
)
STORAGE_FILES = tuple(name for name in SOURCES if name.startswith("binance_trade_agent/storage/"))


def float_uses(tree: ast.Module) -> list[int]:
    """Lines that make a float: a call of float(), or a decimal fraction that a Decimal is made of, multiplied or compared with."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            of_a_float = any(isinstance(each, ast.Constant) and isinstance(each.value, float) for each in node.args)
            if node.func.id == "float" or (node.func.id in {"Decimal", "money"} and of_a_float):
                lines.append(node.lineno)
        elif isinstance(node, ast.BinOp | ast.Compare):
            operands = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.left, *node.comparators]
            lines += [each.lineno for each in operands if isinstance(each, ast.Constant) and isinstance(each.value, float)]
    return lines


@pytest.mark.parametrize("name", [*MONEY_FILES, *STORAGE_FILES])
def test_money_never_passes_through_a_float(name: str) -> None:
    assert float_uses(TREES[name]) == []


def test_the_money_rule_sees_floats() -> None:
    for text in ("float(price)", "Decimal(0.1)", "price * 1.5", "0.5 < price", "money(2.0)"):
        assert float_uses(ast.parse(text)) == [1]
    assert float_uses(ast.parse("Decimal('0.1') * 2 < total(1 for _ in fills)")) == []


def test_tables_of_the_book_hold_amounts_as_text() -> None:
    schema = SOURCES["binance_trade_agent/storage/schema.py"]
    columns = re.findall(r"^\s+(\w+) (?:REAL|FLOAT|DOUBLE|NUMERIC)\b", schema, re.MULTILINE)
    assert [column for column in columns if column != "confidence" and not column.endswith("_ms")] == []


# -- state --------------------------------------------------------------------------------------------------------------------

REGISTRY = "binance_trade_agent/ports/defaults.py"
SILENT_MUTATORS = {"add", "append", "appendleft", "clear", "discard", "extend", "insert", "remove", "update"}
TELLING_MUTATORS = {"pop", "popitem", "setdefault"}

# Calls from other packages that may stand at the top of a module: what they make does not change, or is a context, not a value.
UNCHANGING = {"BeforeValidator", "Context", "ContextVar", "Decimal", "Field", "MappingProxyType", "ParamSpec", "Path", "TypeVar"} | {
    "TypeVarTuple",
    "math.sqrt",
    "msgspec.Meta",
    "re.compile",
    "urlsplit",
}


def top_level_names(tree: ast.Module) -> set[str]:
    """Names that the module binds by assignment or takes from this package."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("binance_trade_agent"):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def local_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names that the function binds itself, which hide those of the module."""
    bound = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return bound | {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}


def mutated_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, int]]:
    """Names whose value the function changes in place: by subscript, augmented assignment or a method that changes a container."""
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            changed: ast.expr | None = node.value
        elif isinstance(node, ast.Expr):  # what changes a container in silence stands by itself, unlike a context's own `add`
            changed = changed_by(node.value, SILENT_MUTATORS)
        else:
            changed = changed_by(node, TELLING_MUTATORS)
        if isinstance(changed, ast.Name):
            yield changed.id, changed.lineno


def changed_by(node: ast.AST, mutators: set[str]) -> ast.expr | None:
    """What a call of one of the methods changes; None when `node` is no such call."""
    is_one = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in mutators
    return node.func.value if is_one else None


def changed_state(tree: ast.Module) -> list[str]:
    """Where functions of a module change what stands at the top of it or of another module."""
    shared = top_level_names(tree)
    found = [f"line {node.lineno}: global" for node in ast.walk(tree) if isinstance(node, ast.Global)]
    for function in functions(tree):
        hidden = local_names(function)
        found += [f"line {line}: {name}" for name, line in mutated_names(function) if name in shared - hidden]
    return found


@pytest.mark.parametrize("name", [name for name in TREES if name != REGISTRY])
def test_nothing_at_the_top_of_a_module_ever_changes(name: str) -> None:
    assert changed_state(TREES[name]) == []


def test_the_state_rule_sees_the_one_registry() -> None:
    assert len(changed_state(TREES[REGISTRY])) == 1


def frozen_classes() -> set[str]:
    """Classes of the package whose instances never change: frozen dataclasses and Structs, named tuples and enums."""
    frozen = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                marks = " ".join(ast.unparse(each) for each in [*node.decorator_list, *node.bases, *node.keywords])
                if "frozen=True" in marks or re.search(r"NamedTuple|Enum", marks):
                    frozen.add(node.name)
    return frozen


def top_level_calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that importing the module makes to fill its names."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            yield from (each for each in ast.walk(node.value) if isinstance(each, ast.Call))


def test_what_importing_a_module_makes_is_frozen() -> None:
    allowed = UNCHANGING | frozen_classes() | set(dir(builtins)) | {node.name for tree in TREES.values() for node in functions(tree)}
    strange = []
    for name, tree in TREES.items():
        for call in top_level_calls(tree):
            called = ast.unparse(call.func)
            is_method_of_a_value = isinstance(call.func, ast.Attribute) and call.func.attr in {"items", "join", "values", "read_as"}
            if called not in allowed and not is_method_of_a_value and not called.startswith("frozenset["):
                strange.append(f"{name}:{call.lineno} {called}")
    assert strange == []


def test_no_function_keeps_a_cache_between_calls() -> None:
    kept = {
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        for node in functions(tree)
        for decorator in node.decorator_list
        if re.search(r"\b(lru_)?cache\b", ast.unparse(decorator))
    }
    assert kept == set()


# -- words --------------------------------------------------------------------------------------------------------------------

EXCEPTION = re.compile(r"#\s*(no" + r"qa|type:\s*ignore)(?P<rest>.*)")
REASONED = re.compile(r"^(: ?[A-Z]+\d+(, ?[A-Z]+\d+)*|\[[a-z-]+(, [a-z-]+)*\])\s*(-|--|#)\s+\w.{7,}")


def test_every_lint_exception_names_its_rule_and_its_reason() -> None:
    bare = [
        f"{name}:{number} {found.group(0)}"
        for name, text in {**SOURCES, **PROGRAMS, **TESTS}.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := EXCEPTION.search(line)) and not REASONED.match(found["rest"])
    ]
    assert bare == []


# Put together from pieces, so that this file does not hold what it looks for.
UNWANTED = {
    "a package registry's host": re.compile("|".join(("py" + r"pi\.org", "python" + "hosted", "index" + "-url", "npm" + "js"))),
    "an image registry's host": re.compile("|".join(("docker" + r"\.io", "gh" + r"cr\.io", "qu" + r"ay\.io"))),
    "a path of one machine": re.compile(r"(?<![\w.$}/-])/" + r"(work|home/\w+|Users/\w+)/|\.\./" + "shared"),
    "a note that something is unfinished": re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"),
}


SENTENCES = 150
"""Characters of what is more than a heading, a caption or a command that is given again."""


@pytest.mark.parametrize("what", UNWANTED)
def test_no_file_holds(what: str) -> None:
    found = [
        f"{name}:{number} {line.strip()[:80]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if UNWANTED[what].search(line)
    ]
    assert found == []


def test_no_page_says_a_thing_twice() -> None:
    """A paragraph or row that stands twice in one page is what a merge or an edit has left behind."""
    twice = [
        f"{name}: {paragraph[:80]}"
        for name, text in texts()
        if name.endswith(".md")
        for paragraph, count in Counter(text.split("\n\n")).items()
        if len(paragraph) > SENTENCES and count > 1
    ]
    assert twice == []


# -- tools and imports --------------------------------------------------------------------------------------------------------


def test_the_check_program_runs_every_tool() -> None:
    steps = (ROOT / "scripts/check").read_text().splitlines()
    for tool in ("ruff format --check", "ruff check", "mypy", "lint-imports"):
        assert any(step.startswith(tool) for step in steps), tool


def imported_by(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter has imported after `code`."""
    show = f"import sys\n{code}\nsys.stdout.write(' '.join(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    return set(subprocess.run([sys.executable, "-c", show], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())


def test_asking_for_help_imports_no_part_of_the_daemon() -> None:
    code = "from click.testing import CliRunner\nfrom binance_trade_agent.cli import commands\n"
    loaded = imported_by(code + "assert 'exchange' in CliRunner().invoke(commands, ['--help']).output")
    assert "click" in loaded
    assert loaded & {"aiohttp", "aiosqlite", "httpx", "numpy", "prometheus_client", "pydantic", "structlog", "talib", "tenacity"} == set()


def test_importing_the_stations_brings_neither_server_nor_settings_nor_logs() -> None:
    loaded = imported_by("import binance_trade_agent.async_binance_client, binance_trade_agent.async_orchestrator")
    assert "numpy" in loaded
    assert loaded & {"aiohttp", "httpx", "picows", "prometheus_client", "pydantic", "rich", "structlog", "uvloop"} == set()
