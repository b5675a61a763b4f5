"""An observer that keeps what it is told."""

from binance_trade_agent.domain.facts import Fact


class Recorder:
    def __init__(self) -> None:
        self.facts: list[Fact] = []

    def observe(self, fact: Fact) -> None:
        self.facts.append(fact)

    def of(self, kind: type) -> list[Fact]:
        return [fact for fact in self.facts if isinstance(fact, kind)]
