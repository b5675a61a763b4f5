"""Proposals: which values are tried next, by optuna's tree-structured Parzen estimator, the same for one seed wherever they are tried.

Values are proposed in rounds of a fixed size. A round depends on the seed, its number and what the rounds before came to, and on nothing
else: not on the number of workers, nor on which of them is faster, nor on where the search was cut off and gone on with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from binance_trade_agent.backtest.search.jobs import Value
from binance_trade_agent.backtest.search.objectives import Judged
from binance_trade_agent.backtest.search.ranges import Choices, Numbers, Range, Space

FIRST_BY_CHANCE = 16
"""So many values are drawn by chance before the estimator has enough to learn from."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One set of values and what became of it."""

    values: Mapping[str, Value]
    judged: Judged
    trades: int


class Proposer:
    """Proposes rounds of values for one study and is told what they came to."""

    def __init__(self, space: Space, seed: Sequence[int]) -> None:
        """Begin a study over `space`; `seed` are whole numbers, of which the first is the user's."""
        self._space = space
        self._seed = tuple(seed)
        self._rounds = 0
        self._distributions = distributions(space)
        self._study = optuna.create_study(direction="maximize")

    def propose(self, count: int) -> list[dict[str, Value]]:
        """The values of the next round, `count` sets of them; `learn` must be told of all before the next."""
        seed = int(np.random.SeedSequence([*self._seed, self._rounds]).generate_state(1)[0])
        self._study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=FIRST_BY_CHANCE, constant_liar=True)
        self._rounds += 1
        asked = [self._study.ask(self._distributions) for _ in range(count)]
        self._asked = asked
        return [plain_values(self._space, trial.params) for trial in asked]

    def learn(self, tried: Sequence[Tried]) -> None:
        """What the proposed sets came to, in the order in which they were proposed."""
        for trial, result in zip(self._asked, tried, strict=True):
            if result.judged.value is None:
                # The more trades, the nearer to what counts: the estimator ranks what was given up by this.
                trial.report(result.trades, step=0)
                self._study.tell(trial, state=TrialState.PRUNED)
            else:
                self._study.tell(trial, result.judged.value)


def frozen_trial(space: Space, tried: Tried, attributes: Mapping[str, object]) -> FrozenTrial:
    """What was tried in optuna's own form, for its file and the programs that show it."""
    pruned = tried.judged.value is None
    return create_trial(
        state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
        value=float(tried.trades) if pruned else tried.judged.value,
        params=_raw(space, tried.values),
        distributions=distributions(space),
        user_attrs=dict(attributes),
        intermediate_values={0: float(tried.trades)} if pruned else None,
    )


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space in optuna's terms."""
    return {name: _distribution(each) for name, each in space.items()}


def plain_values(space: Space, raw: Mapping[str, object]) -> dict[str, Value]:
    """What optuna drew as values of the ranges, without the rounding of floats."""
    return {name: each.value(_index(each, raw[name])) for name, each in space.items()}


def _distribution(each: Range) -> BaseDistribution:
    if isinstance(each, Choices):
        return CategoricalDistribution(each.values)
    if each.whole:
        return IntDistribution(int(each.least), int(each.most), step=int(each.step))
    return FloatDistribution(float(each.least), float(each.most), step=float(each.step))


def _index(each: Range, raw: object) -> int:
    if isinstance(each, Numbers):
        return round((float(str(raw)) - float(each.least)) / float(each.step))
    return each.values.index(str(raw))


def _raw(space: Space, values: Mapping[str, Value]) -> dict[str, Value]:
    return {name: values[name] for name in space}
