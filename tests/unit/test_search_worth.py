"""What a search is worth: Monte Carlo on trades, the stability of values, and the warnings, whose rules are stated."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from io import StringIO
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_search import plan, splits, walked
from rich.console import Console

from binance_trade_agent.backtest.search.found import best_of, found, found_json
from binance_trade_agent.backtest.search.found_text import print_found
from binance_trade_agent.backtest.search.jobs import Outcome, Value
from binance_trade_agent.backtest.search.monte_carlo import PERCENTILES, monte_carlo
from binance_trade_agent.backtest.search.objectives import Aim, Judged, Objective
from binance_trade_agent.backtest.search.overfitting import warnings
from binance_trade_agent.backtest.search.proposals import Tried
from binance_trade_agent.backtest.search.ranges import Choices, Numbers
from binance_trade_agent.backtest.search.stability import stability
from binance_trade_agent.backtest.search.walk_forward import Walked, Window
from binance_trade_agent.cli.optimise_command import LEAST_WIDTH
from binance_trade_agent.storage.candles.calendar import Span

DAY_MS = 86_400_000
SPACE = {"period": Numbers(Decimal(0), Decimal(100), Decimal(1), whole=True), "trigger": Choices(("zone", "crossing"))}


def window(name: str, values: Mapping[str, Value] | None, inside: float, outside: float | None, *, trades: int = 30) -> Window:
    """A searched window whose best values grew by `inside` a day within it and by `outside` on the piece after it."""
    tried = () if values is None else (Tried(values, Judged(1.0), 10), Tried({"period": 1, "trigger": "zone"}, Judged(0.5), 10))
    best = tried[0] if tried else None
    after = None if outside is None else Outcome({}, trades, outside, outside, 0.1)
    within = Outcome({}, 10, inside, inside, 0.1) if tried else None
    return Window(name, Span(0, 3 * DAY_MS), tried, best, within, Span(3 * DAY_MS, 4 * DAY_MS), after)


def steady(period: int = 50) -> Mapping[str, Value]:
    return {"period": period, "trigger": "zone"}


def told(*folds: Window, final: Window | None = None) -> str:
    found = Walked(folds, final or window("final", steady(), 0.01, 0.009))
    return "\n".join(warnings(found, stability(SPACE, found)))


# -- warnings -----------------------------------------------------------------------------------------------------------------


def test_what_holds_outside_as_inside_is_not_warned_of() -> None:
    assert told(window("fold-1", steady(), 0.01, 0.008), window("fold-2", steady(55), 0.01, 0.006)) == ""


def test_less_than_half_of_the_growth_out_of_sample_is_warned_of_and_half_is_not() -> None:
    assert "the folds: in and out of sample differ" in told(window("fold-1", steady(), 0.01, 0.0049))
    assert told(window("fold-1", steady(), 0.01, 0.005)) == ""


def test_a_loss_in_the_holdout_after_a_gain_is_warned_of() -> None:
    text = told(window("fold-1", steady(), 0.01, 0.008), final=window("final", steady(), 0.01, -0.001))
    assert "the holdout: in and out of sample differ" in text
    assert "-3.0% out of sample" in text


def test_most_folds_losing_is_warned_of_even_when_one_makes_up_for_them() -> None:
    folds = [window("fold-1", steady(), 0.01, 0.09), window("fold-2", steady(), 0.01, -0.001), window("fold-3", steady(), 0.01, -0.001)]
    assert "only 1 of 3 folds made a profit out of sample" in told(*folds)


def test_no_gain_even_in_sample_is_warned_of() -> None:
    assert "nothing was gained even in sample" in told(window("fold-1", steady(), -0.001, 0.01))


def test_values_that_wander_over_the_range_and_empty_windows_are_warned_of() -> None:
    text = told(window("fold-1", steady(10), 0.01, 0.01), window("fold-2", steady(90), 0.01, 0.01), window("fold-3", None, 0, None))
    assert "period: the best values of the windows are spread over 80% of its range" in text
    assert "fold-3: none of 0 trials counts" in text


def test_few_trades_outside_of_the_windows_are_warned_of_because_no_run_that_loses_says_nothing_then() -> None:
    few, enough = (window("fold-1", steady(), 0.01, 0.008, trades=count) for count in (13, 14))
    final = window("final", steady(), 0.01, 0.009, trades=16)
    assert "Monte Carlo: only 29 trades closed outside of the windows, and what fewer than 30 come to says little" in told(few, final=final)
    assert told(enough, final=final) == ""
    nothing = told(window("fold-1", None, 0, None), final=window("final", None, 0, None))
    assert "Monte Carlo" not in nothing


# -- stability ----------------------------------------------------------------------------------------------------------------


def test_stability_shows_the_best_of_each_window_and_how_far_they_lie_apart() -> None:
    folds = (window("fold-1", steady(40), 0.01, 0.01), window("fold-2", {"period": 60, "trigger": "crossing"}, 0.01, 0.01))
    period, trigger = stability(SPACE, Walked(folds, window("final", steady(50), 0.01, 0.01)))
    assert (period.best, period.spread, period.good) == ((40, 60, 50), 0.2, (40.0, 50.0, 60.0))
    assert (trigger.best, trigger.spread, trigger.good) == (("zone", "crossing", "zone"), pytest.approx(1 / 3), ())


# -- Monte Carlo --------------------------------------------------------------------------------------------------------------

RETURNS = st.lists(st.floats(-0.5, 1.0), min_size=2, max_size=40)


@given(RETURNS, st.integers(0, 2**32))
def test_another_order_of_the_same_trades_comes_to_the_same_return_and_one_seed_to_the_same_spread(returns: list[float], seed: int) -> None:
    first, second = (monte_carlo(returns, seed=seed, runs=50) for _ in range(2))
    assert first is not None
    assert first == second
    assert first.shuffled.returns == pytest.approx([np.prod(1 + np.array(returns)) - 1] * len(PERCENTILES))
    for spread in (first.bootstrap, first.shuffled):
        assert list(spread.drawdowns) == sorted(spread.drawdowns)
        assert all(0 <= fall <= 1 for fall in spread.drawdowns)
        assert 0 <= spread.losing <= 1


def test_drawing_anew_spreads_around_what_the_trades_came_to() -> None:
    returns = [0.02] * 60 + [-0.02] * 40
    drawn = monte_carlo(returns, seed=1)
    assert drawn is not None
    low, _, middle, _, high = drawn.bootstrap.returns
    # The logarithm of the return of 100 independent draws has this mean and deviation; 1.645 deviations are the 5th and 95th percentile.
    logs = np.log1p(returns)
    mean, deviation = logs.sum(), logs.std() * np.sqrt(len(returns))
    assert np.log1p([low, middle, high]) == pytest.approx([mean - 1.645 * deviation, mean, mean + 1.645 * deviation], abs=0.04)
    losing = monte_carlo([-0.01, 0.005], seed=1)
    assert losing is not None
    assert losing.shuffled.losing == 1


def test_fewer_than_two_trades_have_no_spread() -> None:
    assert monte_carlo([0.1], seed=1) is None


# -- reports ------------------------------------------------------------------------------------------------------------------


def test_the_report_shows_windows_stability_and_warnings_for_people_and_machines(tmp_path: Path) -> None:
    searched = plan(trials=20, cuts=splits(folds=1))
    result = found(searched, {"strategy": "rsi"}, walked(tmp_path / "study", searched))
    output = StringIO()
    print_found(result, Console(file=output, width=200))
    text = output.getvalue()
    for said in (
        "fold-1",
        "final",
        "1970-03-08 to 1970-03-25 (holdout)",
        "Best values of the last window",
        "spread",
        "60 trades outside of the windows",
    ):
        assert said in text
    document = orjson.loads(found_json(result))
    assert (document["version"], document["trials"], document["objective"]) == (1, 20, "sharpe")
    assert document["final"]["outside"]["trades"] == result.walked.final.outside.trades  # type: ignore[union-attr]  # there is a holdout
    assert [row["value"] for row in document["final"]["ranking"]] == [tried.judged.value for tried in best_of(result.walked.final)]
    assert document["final"]["ranking"][0]["values"] == document["final"]["best"]


def test_ranges_and_names_are_shown_as_they_are_written(tmp_path: Path) -> None:
    """Of plain strings rich makes an emoji where `:100:` stands in `2:100:1`, and drops brackets as markup."""
    searched = plan(trials=8, cuts=splits(folds=1))
    space = {
        **searched.space,
        "period": Numbers(Decimal(2), Decimal(100), Decimal(1), whole=True),
        "trigger": Choices(("zone[old]", "crossing")),
    }
    result = replace(found(searched, {}, walked(tmp_path / "study", searched)), plan=replace(searched, space=space))
    output = StringIO()
    print_found(result, Console(file=output, width=200))
    assert " 2:100:1 " in output.getvalue()
    assert " zone[old],crossing " in output.getvalue()


@pytest.mark.parametrize("objective", Objective)
def test_a_search_in_which_nothing_counted_can_be_reported_without_a_terminal(tmp_path: Path, objective: Objective) -> None:
    searched = plan(trials=8, least_trades=1000, cuts=splits(folds=1))
    walk = walked(tmp_path / "study", searched)
    result = found(replace(searched, aim=Aim(objective, 1000)), {}, walk)
    output = StringIO()
    print_found(result, Console(file=output, width=LEAST_WIDTH))
    assert output.getvalue().count(" nothing counts ") == 2  # once for each window
    assert "\u2026" not in output.getvalue()  # nothing is cut off
    assert orjson.loads(found_json(result))["monte_carlo"] is None
