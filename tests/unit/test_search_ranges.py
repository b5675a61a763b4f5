"""The search space: what strategies declare, how users narrow it, and how values get into parameters and settings."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.backtest.search.proposals import Proposer, distributions, plain_values
from binance_trade_agent.backtest.search.ranges import Choices, Numbers, search_space
from binance_trade_agent.backtest.search.values import parameters_with, settings_of
from binance_trade_agent.domain.errors import ConfigurationError, StrategyError
from binance_trade_agent.domain.risk import SizingMethod
from binance_trade_agent.settings import Settings
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles
from binance_trade_agent.strategies.catalogue import BUILT_IN, make_strategy
from binance_trade_agent.wiring.recorded_settings import settings_for_candles

RSI = make_strategy("rsi")


def refusal(name: str, parameters: dict[str, object]) -> str:
    try:
        make_strategy(name, parameters)
    except StrategyError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_strategy_declares_ranges_and_takes_both_ends_of_each(name: str) -> None:
    strategy = make_strategy(name)
    for parameter, each in search_space(strategy).items():
        for index in (0, each.count - 1):
            said = refusal(name, parameters_with(strategy, {}, {parameter: each.value(index)}))
            # An end alone may contradict the default of another parameter; it is no wrong name, type or number.
            assert not any(wrong in said for wrong in ("the parameters", "numbers from", "one of", "cannot be built")), said


def test_a_setting_that_does_not_exist_is_refused_before_anything_is_tried() -> None:
    with pytest.raises(ConfigurationError, match="--range RISK_FOO: there is no setting of that name"):
        search_space(RSI, ["RISK_FOO=1:2"])
    assert search_space(RSI, ["RISK_COOLDOWN_SECONDS=60:600:60"])["RISK_COOLDOWN_SECONDS"].text == "60:600:60"


def test_ranges_come_from_the_declaration_and_are_narrowed_by_name() -> None:
    assert search_space(RSI)["period"].text == "2:100:1"
    space = search_space(RSI, ["period=5:30:5", "oversold=20:40", "trigger"])
    assert {name: each.text for name, each in space.items()} == {"period": "5:30:5", "oversold": "20:40:0.1", "trigger": "zone,crossing"}
    assert [space["period"].value(index) for index in range(space["period"].count)] == [5, 10, 15, 20, 25, 30]


def test_values_of_members_leave_the_other_members_as_they_are() -> None:
    combined = make_strategy("combined", {"members": {"rsi": {"weight": 2, "period": 10}, "macd": {}}})
    space = search_space(combined, ["members.rsi.period=5:9", "members.macd.weight=1:3", "threshold"])
    values = {"members.rsi.period": 7, "members.macd.weight": 2.5, "threshold": 0.5}
    built = make_strategy("combined", parameters_with(combined, {"threshold": 0.3}, values))
    wanted = {"threshold": 0.5, "members": {"rsi": {"weight": 2, "period": 7}, "macd": {"weight": 2.5}}}
    assert list(space) == list(values)
    assert built == make_strategy("combined", wanted)


def test_values_of_what_a_filter_stands_around_leave_the_rest_as_it_is() -> None:
    given = {"interval": "4h", "strategy": {"name": "ema_cross", "fast": 5}}
    strategy = make_strategy("trend_filter", given)
    assert list(search_space(strategy)) == ["period", "strategy.fast", "strategy.slow", "strategy.trigger"]
    built = make_strategy("trend_filter", parameters_with(strategy, given, {"strategy.slow": 30, "period": 20}))
    assert built == make_strategy(
        "trend_filter", {"interval": "4h", "period": 20, "strategy": {"name": "ema_cross", "fast": 5, "slow": 30}}
    )


def test_names_in_capitals_are_settings() -> None:
    space = search_space(RSI, ["RISK_DEFAULT_STOP_LOSS_PCT=0.01:0.05:0.01", "RISK_MAX_LOSS_STREAK=2:6", "period=5:6"])
    values = {name: each.value(each.count - 1) for name, each in space.items()}
    assert values == {"RISK_DEFAULT_STOP_LOSS_PCT": 0.05, "RISK_MAX_LOSS_STREAK": 6, "period": 6}
    assert settings_of(values) == {"risk_default_stop_loss_pct": "0.05", "risk_max_loss_streak": "6"}
    assert parameters_with(RSI, {"overbought": 80}, values) == {"overbought": 80, "period": 6}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("period=1:30", "allowed are bounds within 2 to 100"),
        ("period=5:200", "allowed are bounds within 2 to 100"),
        ("period=5.5:9", "whole numbers"),
        ("period=9:5", "allowed is least:most"),
        ("period=5:9:0", "allowed is least:most"),
        ("period=five:9", "allowed is least:most"),
        ("period=5,9", "allowed are bounds"),
        ("trigger=zone,both", "allowed are zone, crossing"),
        ("trigger=zone,zone", "different names"),
        ("periods=5:9", "no parameter of the strategy; allowed are period, oversold"),
        ("periods=5,9", "no parameter of the strategy; allowed are period, oversold"),
        ("periods", "no parameter of the strategy; allowed are period, oversold"),
        ("HTTP_PORT=1:100", "no backtest depends on that setting"),
        ("LOG_LEVEL=INFO,DEBUG", "no backtest depends on that setting"),
        ("PROTECTION", "no backtest depends on that setting"),
        ("PROTECTION_STOP_OFFSET_PCT=0.001:0.01:0.001", "no backtest depends on that setting"),
        ("RISK_SIZING=fraction,amounts", "allowed are fraction, "),
        ("RISK_CASH_RESERVE", "nothing is declared for it"),
        ("RISK_COOLDOWN_SECONDS=0:1e30", "steps between numbers of at most 1000000000000000"),
        ("RISK_CASH_RESERVE=0:1:1e-30", "allowed are up to 1000000 steps"),
        ("RISK_MAX_ORDERS_PER_MINUTE=1:1000000000000", "allowed are up to 1000000 steps"),
    ],
)
def test_ranges_that_cannot_be_are_named_with_what_is_allowed(wanted: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        search_space(RSI, [wanted])


@dataclass(frozen=True)
class Own:
    """A strategy of somebody's own, who declares nothing of its numbers."""

    name = "own"
    lookback: int = 14
    side: str = "both"

    required_candles = 2

    def evaluate(self, window: object) -> None:
        """Has no opinion."""


class TakesAny(Own):
    """One that takes whatever it is given."""

    def __init__(self, **given: object) -> None:
        super().__init__()


def test_a_parameter_that_declares_nothing_is_searched_within_bounds_that_are_given() -> None:
    own: Any = Own()
    space = search_space(own, ["lookback=5:9", "side=long,both"])
    assert {name: each.text for name, each in space.items()} == {"lookback": "5:9:1", "side": "long,both"}
    filtered = make_strategy("trend_filter")
    assert search_space(filtered, ["interval=1h,4h"])["interval"].text == "1h,4h"
    with pytest.raises(ConfigurationError, match="--range lookback: nothing is declared for it"):
        search_space(own, ["lookback"])
    with pytest.raises(ConfigurationError, match="no parameter of the strategy; allowed are lookback, side, and settings"):
        search_space(own, ["lokback=5,9"])
    takes_any: Any = TakesAny()
    assert search_space(takes_any, ["whatever=5:9"])["whatever"].text == "5:9:1"


def test_a_setting_with_choices_declares_them() -> None:
    assert search_space(RSI, ["RISK_SIZING"])["RISK_SIZING"] == Choices(tuple(SizingMethod))


def test_settings_that_are_refused_as_the_candles_decide_them_come_to_the_same_whatever_they_were() -> None:
    recorded = RecordedCandles(60_000, {"AAABTC": []})
    plain = Settings(trading_symbols=("BBBBTC",))
    others = {"trading_symbols": ("CCCBTC",), "trading_interval_seconds": 7, "candle_interval": "4h", "quote_asset": "BTC"}
    made = settings_for_candles(plain, recorded)
    for name, value in others.items():
        with pytest.raises(ConfigurationError, match="the candles decide that setting"):
            search_space(RSI, [f"{name.upper()}=1:2"])
        assert settings_for_candles(plain.model_copy(update={name: value}), recorded) == made


def test_spaces_around_a_name_are_none_of_it() -> None:
    assert list(search_space(RSI, ["period = 5:9"])) == ["period"]


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="twice"):
        search_space(RSI, ["period=2:5", "period=3:6"])


@given(st.decimals("0.001", "50", places=3), st.integers(1, 200), st.decimals("0.001", "2", places=3), st.integers(0, 2**32))
def test_what_is_proposed_lies_on_the_steps_without_rounding(least, count, step, seed) -> None:  # type: ignore[no-untyped-def]  # hypothesis gives the types
    space = {"level": Numbers(least, least + (count - 1) * step, step, whole=False), "trigger": Choices(("a", "b"))}
    steps = {float(least + index * step) for index in range(count)}
    assert set(distributions(space)) == set(space)
    for values in Proposer(space, (seed, 0)).propose(3):
        assert values["level"] in steps
        assert values["trigger"] in ("a", "b")
        assert plain_values(space, values) == values
