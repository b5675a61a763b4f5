"""The walk: what is tried is the same for one seed, goes on after a kill, and never sees the holdout."""

import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest
from made_up_search import BEST, HOUR_MS, Landscape, plan, splits, study_file, walked
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import OperationalError

from binance_trade_agent.backtest.search.jobs import Evaluate, Job, Outcome
from binance_trade_agent.backtest.search.splits import Walk
from binance_trade_agent.backtest.search.walk_forward import walk_forward
from binance_trade_agent.backtest.search.workers import ThisProcess, local_workers
from binance_trade_agent.domain.errors import BookLockedError, ConfigurationError, DiskFullError


class CutError(Exception):
    """Stands for a kill."""


class CutAfter(Landscape):
    """A landscape that ends the process, as it were, after so many jobs."""

    def __init__(self, jobs: int) -> None:
        super().__init__()
        self.jobs = jobs

    def opened(self) -> Evaluate:
        def run(job: Job) -> Outcome:
            if len(self.asked) == self.jobs:
                raise CutError
            return self.run(job)

        return run


def test_the_best_of_a_known_landscape_is_found_or_nearly(tmp_path: Path) -> None:
    final = walked(tmp_path / "study", plan(trials=60, cuts=splits(folds=1))).final
    assert final.best is not None
    assert final.best.judged.value is not None
    assert final.best.judged.value > 0.9
    assert final.best.values["trigger"] == BEST["trigger"]


def test_one_seed_tries_the_same_with_one_worker_and_with_two_and_another_seed_does_not(tmp_path: Path) -> None:
    cuts = splits(folds=1)
    alone = walked(tmp_path / "alone", plan(cuts=cuts))
    with local_workers(Landscape(), 2) as pool:
        together = walked(tmp_path / "together", plan(cuts=cuts), pool)
    assert alone == together
    assert walked(tmp_path / "other", plan(trials=8, seed=2, cuts=cuts)).final.tried != alone.final.tried[:8]


@pytest.mark.parametrize("jobs", [0, 5, 33])
def test_a_search_that_was_cut_off_goes_on_as_if_it_had_not_been(tmp_path: Path, jobs: int) -> None:
    cuts = splits(folds=1)
    once, cut_off, again = Landscape(), CutAfter(jobs), Landscape()
    whole = walked(tmp_path / "whole", plan(cuts=cuts), ThisProcess(once))
    with pytest.raises(CutError):
        walked(tmp_path / "cut", plan(cuts=cuts), ThisProcess(cut_off))
    assert walked(tmp_path / "cut", plan(cuts=cuts), ThisProcess(again)) == whole
    assert len(cut_off.asked) + len(again.asked) == len(once.asked)  # nothing is run twice


def test_more_trials_go_on_where_fewer_ended_as_long_as_no_holdout_was_shown(tmp_path: Path) -> None:
    cuts = splits(folds=1, holdout="0")
    walked(tmp_path / "study", plan(trials=18, cuts=cuts))
    assert walked(tmp_path / "study", plan(trials=24, cuts=cuts)) == walked(tmp_path / "at-once", plan(trials=24, cuts=cuts))


@pytest.mark.parametrize("walk", Walk)
def test_the_search_never_sees_the_holdout_which_is_run_once_at_the_end(tmp_path: Path, walk: Walk) -> None:
    cuts, landscape = splits(walk=walk), Landscape()
    found = walked(tmp_path / "study", plan(trials=8, cuts=cuts), ThisProcess(landscape))
    assert cuts.holdout is not None
    *before, last = landscape.asked
    assert all(job.span.end_ms <= cuts.holdout.start_ms for job in before)
    assert (last.span, last.values) == (cuts.holdout, found.final.best and found.final.best.values)
    again = Landscape()
    assert walked(tmp_path / "study", plan(trials=8, cuts=cuts), ThisProcess(again)) == found
    assert again.asked == []


def test_after_the_holdout_was_shown_neither_more_nor_fewer_trials_look_at_it_again(tmp_path: Path) -> None:
    shown = walked(tmp_path / "study", plan(trials=24))
    for trials in (4, 8, 32):  # the best of fewer are other values
        landscape = Landscape()
        with pytest.raises(
            ConfigurationError,
            match=r"holdout of .* has been shown, so its search is over with 24 trials a window, which --trials 24 shows",
        ):
            walked(tmp_path / "study", plan(trials=trials), ThisProcess(landscape))
        assert landscape.asked == []
    assert walked(tmp_path / "study", plan(trials=24), ThisProcess(CutAfter(0))) == shown


def test_the_holdout_is_shown_by_the_trials_that_were_asked_for_though_the_file_holds_more(tmp_path: Path) -> None:
    with pytest.raises(CutError):
        walked(tmp_path / "study", plan(trials=24), ThisProcess(CutAfter(60)))  # in the third round of three windows
    shown = walked(tmp_path / "study", plan(trials=8))
    with pytest.raises(ConfigurationError, match="over with 8 trials"):
        walked(tmp_path / "study", plan(trials=24))
    assert walked(tmp_path / "study", plan(trials=8), ThisProcess(CutAfter(0))) == shown


def test_what_the_holdout_came_to_is_never_overwritten(tmp_path: Path) -> None:
    def kept() -> dict[str, object] | None:
        with study_file(tmp_path / "study") as file:
            return file.result("final", "holdout")

    best = walked(tmp_path / "study", plan(trials=8)).final.best
    shown = kept()
    assert best is not None
    assert shown is not None
    # Judged in another way other values are the best, as they may be for another version.
    with pytest.raises(ConfigurationError, match="when its holdout was shown, was found by another version; begin a new file"):
        walked(tmp_path / "study", plan(trials=8, least_trades=best.trades + 1))
    assert kept() == shown


def test_each_fold_is_tried_right_after_its_window(tmp_path: Path) -> None:
    for fold in walked(tmp_path / "study", plan(trials=8)).folds:
        assert fold.outside_span is not None
        assert fold.outside_span.start_ms == fold.span.end_ms
        assert fold.outside is not None
        assert len(fold.outside.trade_returns) == 30


def test_values_that_are_not_allowed_and_too_few_trades_do_not_count_and_are_kept_with_the_reason(tmp_path: Path) -> None:
    tried = walked(tmp_path / "study", plan(trials=40, least_trades=45, cuts=splits(folds=1))).final.tried
    reasons = {each.judged.why for each in tried if each.judged.value is None}
    assert "level is too high" in reasons
    assert any(reason.endswith("trades closed, 45 are needed") for reason in reasons)
    assert all(int(each.values["period"]) <= 15 for each in tried if each.judged.value is not None)


def test_a_window_in_which_nothing_counts_has_no_best_and_nothing_is_tried_outside(tmp_path: Path) -> None:
    landscape = Landscape()
    found = walked(tmp_path / "study", plan(trials=8, least_trades=1000), ThisProcess(landscape))
    assert [(window.best, window.inside, window.outside) for window in (*found.folds, found.final)] == [(None, None, None)] * 3
    assert not any(job.with_trades for job in landscape.asked)


def test_another_search_on_the_same_file_is_refused_with_what_differs(tmp_path: Path) -> None:
    with study_file(tmp_path / "study", seed="1", strategy="rsi") as file:
        file.study("final")
    with study_file(tmp_path / "study", seed="2", strategy="rsi") as file, pytest.raises(ConfigurationError) as told:
        walk_forward(plan(), ThisProcess(Landscape()), file, lambda _, __: None)
    assert str(told.value).splitlines()[1:] == ["seed: the file has 1, asked for is 2"]


def test_two_processes_on_one_file_and_files_of_something_else_are_refused(tmp_path: Path) -> None:
    with study_file(tmp_path / "study"), pytest.raises(BookLockedError, match="in use"), study_file(tmp_path / "study"):
        pass
    (tmp_path / "text").write_text("no database, but long enough to be read as one" * 40)
    with pytest.raises(ConfigurationError, match="no study file"), study_file(tmp_path / "text"):
        pass


@pytest.mark.parametrize("walk", Walk)
def test_pieces_follow_each_other_without_overlap_and_windows_roll_or_stay(walk: Walk) -> None:
    cuts = splits(folds=4, walk=walk)
    assert cuts.holdout is not None
    assert cuts.final.end_ms == cuts.holdout.start_ms
    assert cuts.holdout.end_ms == 2000 * HOUR_MS
    for fold, following in pairwise(cuts.folds):
        assert fold.train.end_ms == fold.test.start_ms
        assert fold.test.end_ms == following.test.start_ms
        lengths = {fold.train.days, following.train.days}
        assert (len(lengths) == 1) is (walk is Walk.ROLLING)
        assert (fold.train.start_ms == following.train.start_ms) is (walk is Walk.ANCHORED)
    assert cuts.folds[-1].test.end_ms == cuts.final.end_ms


@pytest.mark.parametrize(
    ("folds", "holdout", "said"), [(40, "0.2", "too few"), (2, "0.001", "too few"), (2, "1", "--holdout"), (0, "0", "--folds")]
)
def test_cuts_that_say_nothing_are_refused(folds: int, holdout: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        splits(folds=folds, holdout=holdout)


def test_a_full_disk_is_told_and_what_was_tried_is_kept(tmp_path: Path) -> None:
    walked(tmp_path / "study", plan(trials=8))
    full = sqlite3.OperationalError("database or disk is full")
    with pytest.raises(DiskFullError, match=r"--study .*study: the disk is full; make room"), study_file(tmp_path / "study"):
        raise OperationalError("INSERT", {}, full)
    landscape = Landscape()
    walked(tmp_path / "study", plan(trials=8), ThisProcess(landscape))
    assert landscape.asked == []


def test_a_file_that_may_not_be_written_is_no_full_disk(tmp_path: Path) -> None:
    locked = sqlite3.OperationalError("attempt to write a readonly database")
    with (
        pytest.raises(ConfigurationError, match=r"cannot be written .attempt to write a readonly database"),
        study_file(tmp_path / "study"),
    ):
        raise StorageInternalError("as optuna says it") from OperationalError("INSERT", {}, locked)
