"""Planting: replacing a piece of the daemon by a faulty one, and putting it back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class Bed:
    """Where faults are planted; `replace` is undone at the end."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def replace(self, owner: Any, name: str, new: Any) -> Any:
        """Put `new` where `owner` has `name`; returns what was there."""
        old = owner.__dict__[name]
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
