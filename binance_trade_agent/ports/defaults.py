"""The one registry: how a station built without arguments finds its default components.

A lower module may not import wiring. It asks here by name, and here stands only where the factory is, registered when the package is
imported; the factory's module is imported when somebody asks for it, so that importing a station stays cheap.
"""

from contextlib import AbstractAsyncContextManager
from importlib import import_module
from typing import Any

_factories: dict[str, str] = {}


def register(name: str, factory: str) -> None:
    """Make `factory`, written `module:function`, the default for `name`; the function returns an async context manager."""
    _factories[name] = factory


def default(name: str) -> AbstractAsyncContextManager[Any]:
    """A new default component; raises LookupError naming what is registered."""
    try:
        module, _, function = _factories[name].partition(":")
    except KeyError:
        raise LookupError(f"no default registered for {name!r}; registered: {sorted(_factories)}") from None
    factory: AbstractAsyncContextManager[Any] = getattr(import_module(module), function)()
    return factory
