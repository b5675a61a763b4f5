"""A user's own strategy: from a file, from an installed package, and what is said when it cannot be used."""

import sys
from textwrap import dedent

import pytest

from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.signal import Action
from binance_trade_agent.strategies.catalogue import make_strategy, strategy_names

GOOD = """
    from dataclasses import dataclass

    from binance_trade_agent.domain.signal import Action, Opinion

    @dataclass(frozen=True, slots=True)
    class Mine:
        candles: int = 2
        name = "mine"

        @property
        def required_candles(self) -> int:
            return self.candles

        def evaluate(self, window):
            return Opinion(Action.BUY, 0.5, f"{len(window)} candles")
"""

NEEDY = """
from binance_trade_agent.domain.need import Need
class Mine:
    name = 'm'
    required_candles = 1
    needs = {}
    def evaluate(self, window): ...
"""


def write(path, text):
    path.write_text(dedent(text))
    return path


def install(folder, monkeypatch, name, module, entry_points):
    """A package as pip would leave it: a module and its metadata."""
    write(folder / f"{name}.py", module)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    write(info / "entry_points.txt", "[binance_trade_agent.strategies]\n" + "\n".join(entry_points) + "\n")
    monkeypatch.syspath_prepend(str(folder))


@pytest.fixture(autouse=True)
def forget_modules():
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_class_in_a_file_is_loaded_with_its_parameters(tmp_path):
    strategy = make_strategy(f"{write(tmp_path / 'own.py', GOOD)}:Mine", {"candles": 5})
    assert (strategy.name, strategy.required_candles) == ("mine", 5)
    assert strategy.evaluate(CandleWindow("BTCUSDT", 60_000, [])).action is Action.BUY


def test_two_files_of_one_name_do_not_meet(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = make_strategy(f"{write(tmp_path / 'a' / 'own.py', GOOD)}:Mine")
    second = make_strategy(f"{write(tmp_path / 'b' / 'own.py', GOOD.replace('mine', 'other'))}:Mine")
    assert (first.name, second.name) == ("mine", "other")


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (GOOD, "Yours", "has no class Yours; its classes are ['Mine']"),
        ("def broken(:", "Mine", "cannot be imported: SyntaxError"),
        ("raise RuntimeError('no')", "Mine", "cannot be imported: RuntimeError: no"),
        ("Mine = 3", "Mine", "has no class Mine"),
        ("class Mine:\n    pass", "Mine", "has no name"),
        ("class Mine:\n    name = 'm'", "Mine", "no method evaluate"),
        ("class Mine:\n    name = 'm'\n    required_candles = 0\n    def evaluate(self, window): ...", "Mine", "required_candles is 0"),
        ("class Mine:\n    name = 'm'\n    required_candles = 1000\n    def evaluate(self, window): ...", "Mine", "from 1 to 999"),
        (NEEDY.format("7"), "Mine", "parameter needs is 7; allowed are a tuple of Need"),
        (NEEDY.format("(Need(0, '1h'),)"), "Mine", "needs of 1 to 998 candles"),
        (NEEDY.format("(Need(5, '7h'),)"), "Mine", "candles of interval '7h' are needed; allowed are 1s, 1m"),
        ("class Mine:\n    def __init__(self): raise ValueError('oh')", "Mine", "cannot be built: ValueError: oh"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path, text, name, expected):
    path = write(tmp_path / "own.py", text)
    with pytest.raises(StrategyError) as caught:
        make_strategy(f"{path}:{name}")
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_an_unknown_parameter_are_named(tmp_path):
    with pytest.raises(StrategyError, match=r"there is no file .*nowhere\.py"):
        make_strategy(f"{tmp_path}/nowhere.py:Mine")
    with pytest.raises(StrategyError, match="parameter speed is 3; allowed are the parameters candles"):
        make_strategy(f"{write(tmp_path / 'own.py', GOOD)}:Mine", {"speed": 3})


def test_an_unknown_name_lists_what_there_is():
    assert {"bollinger", "combined", "ema_cross", "macd", "rsi"} <= set(strategy_names())
    with pytest.raises(StrategyError, match=f"'rsii' is unknown; allowed are {', '.join(strategy_names())}, or path/to/file.py:ClassName"):
        make_strategy("rsii")


def test_an_installed_package_offers_a_strategy(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "shop_window", GOOD, ["shopped = shop_window:Mine", "rsi = shop_window:Mine"])
    assert "shopped" in strategy_names()
    assert make_strategy("shopped", {"candles": 3}).required_candles == 3
    assert make_strategy("rsi").name == "rsi", "a package must not take a built-in name over"
    assert make_strategy("combined", {"members": {"shopped": {"candles": 700}, "rsi": {}}}).required_candles == 700


def test_an_installed_package_that_cannot_be_used_says_why(tmp_path, monkeypatch):
    install(tmp_path, monkeypatch, "shop_broken", "raise OSError('closed')", ["broken = shop_broken:Mine"])
    with pytest.raises(StrategyError, match="shop_broken:Mine cannot be loaded: OSError: closed"):
        make_strategy("broken")


def test_two_packages_with_one_name_are_refused(tmp_path, monkeypatch):
    for name in ("shop_one", "shop_two"):
        (tmp_path / name).mkdir()
        install(tmp_path / name, monkeypatch, name, GOOD, [f"twice = {name}:Mine"])
    with pytest.raises(StrategyError, match=r"several installed packages offer it.*shop_one:Mine.*shop_two:Mine"):
        make_strategy("twice")
