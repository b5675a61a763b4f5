"""Combined strategy: a weighted vote of other strategies."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.need import Need
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies.over_history import BUY, HOLD, SELL, ActionColumn, evaluated, votes_over
from binance_trade_agent.strategies.parameters import Between, check_parameters
from binance_trade_agent.strategies.strategy import Strategy, hold_if_too_few, needs_of, opinion_of

_ROUNDING = 1e-12
"""What sums of a few confidences may be off by, with room to spare."""

_SIGN = {Action.BUY: 1.0, Action.SELL: -1.0, Action.HOLD: 0.0}


@dataclass(frozen=True, slots=True)
class Member:
    """One voter and how much it counts, relative to the others."""

    name: ClassVar[str] = "combined"
    strategy: Strategy
    weight: Annotated[float, Between(0.001, 1000)] = 1.0

    def __post_init__(self) -> None:
        check_parameters(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CombinedStrategy:
    """BUY when the score is at least `threshold`, SELL when it is at most minus `threshold`.

    The score is the mean of the members' votes by weight: plus the confidence for BUY, minus it for SELL, 0 for HOLD. A member that
    holds therefore pulls the score to 0. Confidence is the size of the score, and the share the least of those that voted so.
    """

    name: ClassVar[str] = "combined"
    members: tuple[Member, ...]
    threshold: Annotated[float, Between(0.01, 1)] = 0.25

    def __post_init__(self) -> None:
        check_parameters(self)
        names = [member.strategy.name for member in self.members]
        if not names or len(set(names)) != len(names):
            raise StrategyError(f"strategy combined: members are {names}; allowed are one or more, each with a name of its own")

    @property
    def required_candles(self) -> int:
        """As many as the neediest member."""
        return max(member.strategy.required_candles for member in self.members)

    @property
    def needs(self) -> tuple[Need, ...]:
        """What the members read besides."""
        return tuple(dict.fromkeys(need for member in self.members for need in needs_of(member.strategy)))

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The vote over `window`."""
        too_few = hold_if_too_few(window, self.required_candles)
        if too_few is not None:
            return too_few
        opinions = [(member, opinion_of(member.strategy, window)) for member in self.members]
        weights = sum(member.weight for member in self.members)
        score = sum(member.weight * _SIGN[opinion.action] * opinion.confidence for member, opinion in opinions) / weights
        # Rounding in the sum may carry three full votes a hair beyond 1.
        score = min(max(score, -1.0), 1.0)
        numbers = {"score": score}
        for member, opinion in opinions:
            numbers |= {f"{member.strategy.name}.{name}": value for name, value in opinion.indicators.items()}
        votes = "; ".join(f"{member.strategy.name} {opinion.action} ({opinion.reason})" for member, opinion in opinions)
        if abs(score) < self.threshold:
            return Opinion(Action.HOLD, 0.0, f"score {score:+.2f} is within {self.threshold:g} of 0: {votes}", numbers)
        action = Action.BUY if score > 0 else Action.SELL
        share = min(opinion.fraction for _, opinion in opinions if opinion.action is action)
        return Opinion(action, abs(score), f"score {score:+.2f} reaches {self.threshold:g}: {votes}", numbers, share)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle: the score from the members' votes, and `evaluate` where it may lie on either side."""
        weights = sum(member.weight for member in self.members)
        score, error = np.zeros(len(window)), np.full(len(window), _ROUNDING)
        for member in self.members:
            votes = votes_over(member.strategy, window)
            weight, speaks = member.weight / weights, votes.actions != 0
            score[speaks] += weight * (votes.actions * votes.confidence.value)[speaks]
            error[speaks] += weight * votes.confidence.error[speaks]
        # A score that cannot be told is no number, and then doubtful.
        actions = np.where(score >= self.threshold, BUY, np.where(score <= -self.threshold, SELL, HOLD)).astype(np.int8)
        actions[: self.required_candles - 1] = HOLD
        doubtful = ~(abs(abs(score) - self.threshold) > error)
        doubtful[: self.required_candles - 1] = False
        evaluated(self, window, actions, np.flatnonzero(doubtful).tolist())
        return actions
