"""The walk: every window searched, its best values tried on the piece after it, and in the end the holdout, once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from binance_trade_agent.backtest.search.jobs import Job, Outcome, Value
from binance_trade_agent.backtest.search.objectives import Aim
from binance_trade_agent.backtest.search.proposals import Proposer, Tried
from binance_trade_agent.backtest.search.ranges import Space
from binance_trade_agent.backtest.search.splits import Splits
from binance_trade_agent.backtest.search.study_file import StudyFile
from binance_trade_agent.backtest.search.workers import Workers
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.storage.candles.calendar import Span

FINAL = "final"
_TEST, _HOLDOUT = "test", "holdout"
_TRIALS = "trials_of_window"
"""Beside a kept result: how many trials its values are the best of."""

OnTrial = Callable[[str, Tried], None]


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What is searched and how long: `trials` of every window, `round_size` of them proposed at a time."""

    space: Space
    aim: Aim
    splits: Splits
    trials: int
    round_size: int
    seed: int


@dataclass(frozen=True, slots=True)
class Window:
    """A window that was searched: everything that was tried, and what its best values came to inside and on the piece after it.

    `best` is None when nothing that was tried counts; `outside` is None then, and for the last window without a holdout.
    """

    name: str
    span: Span
    tried: tuple[Tried, ...]
    best: Tried | None
    inside: Outcome | None
    outside_span: Span | None
    outside: Outcome | None


@dataclass(frozen=True, slots=True)
class Walked:
    """All windows in order, and the last one, whose `outside` is the holdout."""

    folds: tuple[Window, ...]
    final: Window


class _Study:
    """One window while it is searched."""

    def __init__(self, name: str, number: int, span: Span, plan: SearchPlan, kept: Sequence[Mapping[str, Any]]) -> None:
        self.name = name
        self.span = span
        self.kept = kept
        self.tried: list[Tried] = []
        self.outcomes: list[Outcome] = []
        self.proposer = Proposer(plan.space, (plan.seed, number))

    def best(self) -> int | None:
        """Number of the best trial, the earlier of equals; None when none counts."""
        values = {number: tried.judged.value for number, tried in enumerate(self.tried) if tried.judged.value is not None}
        return max(values, key=lambda number: (values[number], -number), default=None)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one proposed set of values belongs: trial `number` of `study`."""

    study: _Study
    number: int
    values: Mapping[str, Value]

    @property
    def is_kept(self) -> bool:
        return self.number < len(self.study.kept)

    @property
    def key(self) -> tuple[object, ...]:
        """What its outcome depends on."""
        return (self.study.span, *self.values.values())


def walk_forward(plan: SearchPlan, workers: Workers, file: StudyFile, on_trial: OnTrial) -> Walked:
    """Search every window of `plan`, going on from what `file` holds, and try what was found.

    `on_trial` is told the window and each trial in order, those from the file as well. Raises ConfigurationError when the holdout of the
    file has been shown and another number of trials is asked for than was then: what has been seen is no holdout any more, and other
    values, the best of more or of fewer, would be a second look at it.
    """
    spans = {f"fold-{number}": fold.train for number, fold in enumerate(plan.splits.folds, 1)} | {FINAL: plan.splits.final}
    studies = [_Study(name, number, span, plan, file.outcomes(name)) for number, (name, span) in enumerate(spans.items())]
    shown = file.result(FINAL, _HOLDOUT)
    if shown is not None and shown.get(_TRIALS) != plan.trials:
        count = shown.get(_TRIALS)
        raise ConfigurationError(
            f"the holdout of {file.path} has been shown, so its search is over with {count} trials a window, which --trials {count} "
            "shows again; begin a new one by --study, over other dates if its holdout is to be unseen"
        )
    rounds = _Rounds(plan, studies, workers, file, on_trial)
    for first in range(0, plan.trials, plan.round_size):
        rounds.play(min(plan.round_size, plan.trials - first))
    tests = {f"fold-{number}": fold.test for number, fold in enumerate(plan.splits.folds, 1)}
    folds = tuple(_tried_outside(study, tests[study.name], _TEST, workers, file) for study in studies[:-1])
    return Walked(folds, _tried_outside(studies[-1], plan.splits.holdout, _HOLDOUT, workers, file))


class _Rounds:
    """Plays rounds of all windows at once, so that workers seldom wait for the slowest job. The same values are run once a window."""

    def __init__(self, plan: SearchPlan, studies: Sequence[_Study], workers: Workers, file: StudyFile, on_trial: OnTrial) -> None:
        self._plan = plan
        self._studies = studies
        self._workers = workers
        self._file = file
        self._on_trial = on_trial
        self._known: dict[tuple[object, ...], Outcome] = {}

    def play(self, count: int) -> None:
        """Propose `count` sets of values for each window, run what is not known yet, and keep and learn what they came to."""
        places = [
            _Place(study, len(study.tried) + index, values)
            for study in self._studies
            for index, values in enumerate(study.proposer.propose(count))
        ]
        jobs: dict[tuple[object, ...], Job] = {}
        for place in places:
            if place.is_kept:
                self._known[place.key] = _kept_outcome(self._file, place)
            elif place.key not in self._known:
                jobs.setdefault(place.key, Job(place.values, place.study.span))
        answers = zip(jobs, self._workers.answers(list(jobs.values())), strict=True)
        for place in places:
            if place.key not in self._known:
                key, outcome = next(answers)  # jobs stand in the order in which places first need them
                self._known[key] = outcome
            self._take(place, self._known[place.key])
        for study in self._studies:
            study.proposer.learn(study.tried[-count:])

    def _take(self, place: _Place, outcome: Outcome) -> None:
        tried = Tried(place.values, self._plan.aim.judge(outcome), outcome.trades)
        if not place.is_kept:
            self._file.add(place.study.name, tried, _to_keep(place.values, outcome))
        place.study.tried.append(tried)
        place.study.outcomes.append(outcome)
        self._on_trial(place.study.name, tried)


def _kept_outcome(file: StudyFile, place: _Place) -> Outcome:
    kept = place.study.kept[place.number]
    if kept["values"] != place.values:
        raise _by_another_version(file, f"trial {place.number} of {place.study.name}")
    return _outcome(kept)


def _by_another_version(file: StudyFile, what: str) -> ConfigurationError:
    return ConfigurationError(f"{file.path}: {what} was found by another version; begin a new file by --study")


def _to_keep(values: Mapping[str, Value], outcome: Outcome) -> dict[str, Any]:
    """What the file keeps of an outcome: all that follows from the values, so not the memory that it took."""
    return {"values": dict(values), **msgspec.to_builtins(replace(outcome, peak_bytes=0))}


def _outcome(kept: Mapping[str, Any]) -> Outcome:
    return msgspec.convert(kept, Outcome)  # which knows nothing of what stands beside an outcome


def _tried_outside(study: _Study, span: Span | None, key: str, workers: Workers, file: StudyFile) -> Window:
    """The window with its best values tried on `span`, which is run once: the file keeps what it came to.

    What the holdout came to is never run again and never overwritten.
    """
    number = study.best()
    best = None if number is None else study.tried[number]
    outside = None
    if best is not None and span is not None:
        kept = file.result(study.name, key)
        if kept is not None and kept["values"] == best.values:
            outside = _outcome(kept)
        elif kept is not None and key == _HOLDOUT:
            raise _by_another_version(file, "the best of its trials, when its holdout was shown,")
        else:
            outside = next(iter(workers.answers([Job(best.values, span, with_trades=True)])))
            file.keep_result(study.name, key, {**_to_keep(best.values, outside), _TRIALS: len(study.tried)})
    inside = None if number is None else study.outcomes[number]
    return Window(study.name, study.span, tuple(study.tried), best, inside, span, outside)
