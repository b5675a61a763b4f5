"""The one registry: how a station built without arguments finds its default components.

A lower module may not import wiring. It asks here by name, and here stands only where the factory is, registered when the package is
imported; the factory's module is imported when somebody asks for it, so that importing a station stays cheap.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any

Factory = Callable[[], AbstractAsyncContextManager[Any]]

_factories: dict[str, str | Factory] = {}


def register(name: str, factory: str | Factory) -> None:
    """Make `factory` the default for `name`: a function that returns an async context manager, or `module:function` to import it from."""
    _factories[name] = factory


def default(name: str) -> AbstractAsyncContextManager[Any]:
    """A new default component; raises LookupError naming what is registered."""
    try:
        factory = _factories[name]
    except KeyError:
        raise LookupError(f"no default registered for {name!r}; registered: {sorted(_factories)}") from None
    return (_imported(factory) if isinstance(factory, str) else factory)()


def _imported(path: str) -> Factory:
    module, _, function = path.partition(":")
    factory: Factory = getattr(import_module(module), function)
    return factory
