"""Observer: where stations report facts; it must be quick and must not raise."""

from collections.abc import Iterable
from typing import Protocol

from binance_trade_agent.domain.facts import Fact


class Observer(Protocol):
    """Takes facts as they happen, in the thread and task of the reporter."""

    def observe(self, fact: Fact) -> None:
        """Take one fact; never raises, never blocks."""
        ...


class NullObserver:
    """Takes every fact and does nothing."""

    def observe(self, fact: Fact) -> None:
        """Forget the fact."""


def is_heard(observer: Observer) -> bool:
    """Whether anybody listens: asked once by those whose facts come with every request, and would cost as much unheard."""
    return not isinstance(observer, NullObserver)


class Observers:
    """Hands each fact to several observers in order."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)

    def observe(self, fact: Fact) -> None:
        """Hand the fact on."""
        for observer in self._observers:
            observer.observe(fact)
