"""Observer: where stations report facts; it must be quick and must not raise."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from binance_trade_agent.domain.facts import Fact


class Observer(Protocol):
    """Takes facts as they happen, in the thread and task of the reporter."""

    def observe(self, fact: Fact) -> None:
        """Take one fact; never raises, never blocks."""
        ...


Listener = Callable[[Any], None]
"""Takes facts of one kind; never raises, never blocks."""


@runtime_checkable
class ChoosyObserver(Observer, Protocol):
    """An observer that says beforehand which kinds of facts it wants: a pass reports dozens, and most are of interest to few."""

    def listener(self, kind: type[Fact]) -> Listener | None:
        """What takes facts of exactly this class as `observe` would, always the same; None when they would be forgotten."""
        ...


class NullObserver:
    """Takes every fact and does nothing."""

    def observe(self, fact: Fact) -> None:
        """Forget the fact."""

    def listener(self, _: type[Fact]) -> Listener | None:
        """Nobody."""
        return None


def is_heard(observer: Observer) -> bool:
    """Whether anybody listens: asked once by those whose facts come with every request, and would cost as much unheard."""
    return not isinstance(observer, NullObserver)


class Observers:
    """Hands each fact to several observers in order; who takes which kind of fact is asked once, when the first of the kind comes.

    Of observers that are Observers themselves the members are taken, so that no fact is handed from one to the next.
    """

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers: tuple[Observer, ...] = tuple(
            member for each in observers for member in (each._observers if isinstance(each, Observers) else (each,))
        )
        self._listeners: dict[type[Fact], tuple[Listener, ...]] = {}

    def observe(self, fact: Fact) -> None:
        """Hand the fact on."""
        listeners = self._listeners.get(type(fact))
        for listen in self._asked(type(fact)) if listeners is None else listeners:
            listen(fact)

    def listener(self, kind: type[Fact]) -> Listener | None:
        """Who of them wants facts of this kind; see ChoosyObserver."""
        listeners = self._asked(kind)
        if len(listeners) > 1:
            return self.observe
        return listeners[0] if listeners else None

    def _asked(self, kind: type[Fact]) -> tuple[Listener, ...]:
        answers = (each.listener(kind) if isinstance(each, ChoosyObserver) else each.observe for each in self._observers)
        self._listeners[kind] = tuple(answer for answer in answers if answer is not None)
        return self._listeners[kind]
