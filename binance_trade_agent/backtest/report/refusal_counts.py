"""RefusalCounts: an observer that counts by rule what risk refused; a strategy that holds is no refusal."""

from collections import Counter

from binance_trade_agent.domain.facts import Fact, PassFinished
from binance_trade_agent.domain.risk import Refused, RiskRule


class RefusalCounts:
    """Counts from the first pass that it is told of."""

    def __init__(self) -> None:
        self.by_rule: Counter[str] = Counter()

    def observe(self, fact: Fact) -> None:
        """Count the refusals of a finished pass; other facts do not matter."""
        if isinstance(fact, PassFinished):
            for decision in fact.decisions:
                if isinstance(decision.risk, Refused) and decision.risk.rule is not RiskRule.HOLD:
                    self.by_rule[decision.risk.rule.value] += 1
