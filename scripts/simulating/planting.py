"""Planting: replacing a piece of the daemon by a faulty one, and putting it back."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class Bed:
    """Where faults are planted; `replace` is undone at the end."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def replace(self, owner: Any, name: str, new: Any) -> Any:
        """Put `new` where `owner` has `name`; returns what was there.

        Raises TypeError when `new` cannot be called as the real one is: a process would die of that, and the fault count as found.
        """
        old = owner.__dict__[name]
        _require_same_calls(name, old, new)
        self._before.append((owner, name, old))
        setattr(owner, name, new)
        return old

    @property
    def is_planted(self) -> bool:
        """Whether anything is replaced."""
        return bool(self._before)

    def restore(self) -> None:
        """Put everything back."""
        while self._before:
            setattr(*self._before.pop())


def _require_same_calls(name: str, old: Any, new: Any) -> None:
    """With all arguments, and with those alone that have no default."""
    takes = inspect.signature(old).parameters.values()
    taken = inspect.signature(new)
    for given in (takes, [each for each in takes if each.default is each.empty]):
        placed = [None for each in given if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}]
        named = {each.name: None for each in given if each.kind is each.KEYWORD_ONLY}
        try:
            taken.bind(*placed, **named)
        except TypeError as error:
            raise TypeError(f"what is planted for {name} cannot be called as it is: {error}") from None
    if inspect.iscoroutinefunction(old) is not inspect.iscoroutinefunction(new):
        raise TypeError(f"of {name} and what is planted for it only one is awaited")


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault: `plant` puts it into a bed; `what` says what is wrong then."""

    name: str
    what: str
    plant: Callable[[Bed], None]

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The daemon has this fault within."""
        bed = Bed()
        self.plant(bed)
        try:
            yield
        finally:
            bed.restore()
