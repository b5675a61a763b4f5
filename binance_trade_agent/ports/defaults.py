"""The one registry: how a station built without arguments finds its default components.

A lower module may not import wiring, so wiring registers its factory here when the package is imported.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

_factories: dict[str, Callable[[], AbstractAsyncContextManager[Any]]] = {}


def register(name: str, factory: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
    """Make `factory` the default for `name` (such as `client` or `components`)."""
    _factories[name] = factory


def default(name: str) -> AbstractAsyncContextManager[Any]:
    """A new default component; raises LookupError naming what is registered."""
    try:
        return _factories[name]()
    except KeyError:
        raise LookupError(f"no default registered for {name!r}; registered: {sorted(_factories)}") from None
