"""Loading: finding a user's own strategy class, in a Python file or in an installed package."""

import hashlib
import importlib.util
import inspect
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from binance_trade_agent.domain.errors import StrategyError

ENTRY_POINT_GROUP = "binance_trade_agent.strategies"


def names_a_file(name: str) -> bool:
    """True for `path/to/file.py:ClassName`."""
    return name.rpartition(":")[0].endswith(".py")


def load_from_file(name: str) -> type:
    """The class that `path/to/file.py:ClassName` names; the file is run. Raises StrategyError saying what is wrong with it."""
    path_text, _, class_name = name.rpartition(":")
    path = Path(path_text)
    if not path.is_file():
        raise StrategyError(f"strategy {name}: there is no file {path_text}")
    module = _run(path.resolve(), name)
    found = getattr(module, class_name, None)
    if not inspect.isclass(found):
        classes = sorted(key for key, value in vars(module).items() if inspect.isclass(value) and value.__module__ == module.__name__)
        raise StrategyError(f"strategy {name}: {path_text} has no class {class_name}; its classes are {classes}")
    return found


def _run(path: Path, name: str) -> ModuleType:
    module_name = f"user_strategy_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"strategy {name}: {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and typing look their module up by name while it runs.
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise StrategyError(f"strategy {name}: {path} cannot be imported: {type(error).__name__}: {error}") from error
    return module


def installed_names() -> tuple[str, ...]:
    """Names of the strategies that installed packages offer, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=ENTRY_POINT_GROUP)}))


def load_installed(name: str) -> type | None:
    """The class that an installed package offers under `name`, None when none does. Raises StrategyError when it cannot be loaded."""
    points = tuple(entry_points(group=ENTRY_POINT_GROUP, name=name))
    if not points:
        return None
    if len({point.value for point in points}) > 1:
        raise StrategyError(f"strategy {name}: several installed packages offer it: {sorted(point.value for point in points)}")
    try:
        found = points[0].load()
    except Exception as error:
        raise StrategyError(f"strategy {name}: {points[0].value} cannot be loaded: {type(error).__name__}: {error}") from error
    if not inspect.isclass(found):
        raise StrategyError(f"strategy {name}: {points[0].value} is no class")
    return found
