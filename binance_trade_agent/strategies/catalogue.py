"""Catalogue: strategies by name, built with their parameters; the place where a user's own strategy comes in."""

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.need import SPARE_CANDLES, Need
from binance_trade_agent.strategies.atr_trend import AtrTrendStrategy
from binance_trade_agent.strategies.benchmark_filter import BenchmarkFilterStrategy
from binance_trade_agent.strategies.bollinger import BollingerStrategy
from binance_trade_agent.strategies.combined import CombinedStrategy, Member
from binance_trade_agent.strategies.dca import DcaStrategy
from binance_trade_agent.strategies.donchian import DonchianStrategy
from binance_trade_agent.strategies.ema_cross import EmaCrossStrategy
from binance_trade_agent.strategies.grid import GridStrategy
from binance_trade_agent.strategies.loading import installed_names, load_from_file, load_installed, names_a_file
from binance_trade_agent.strategies.macd import MacdStrategy
from binance_trade_agent.strategies.mean_reversion import MeanReversionStrategy
from binance_trade_agent.strategies.parameters import parameter_error
from binance_trade_agent.strategies.rsi import RsiStrategy
from binance_trade_agent.strategies.strategy import MAX_REQUIRED_CANDLES, Strategy
from binance_trade_agent.strategies.trend_filter import TrendFilterStrategy

BUILT_IN: Mapping[str, type[Strategy]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            RsiStrategy,
            MacdStrategy,
            EmaCrossStrategy,
            BollingerStrategy,
            DonchianStrategy,
            AtrTrendStrategy,
            MeanReversionStrategy,
            GridStrategy,
            DcaStrategy,
            CombinedStrategy,
            TrendFilterStrategy,
            BenchmarkFilterStrategy,
        )
    }
)

MOST_NEEDED_CANDLES = MAX_REQUIRED_CANDLES - SPARE_CANDLES
"""Of other intervals and symbols, where one candle more is asked for."""

_DEFAULT_MEMBERS: Mapping[str, Mapping[str, object]] = MappingProxyType({"rsi": {}, "macd": {}, "bollinger": {}})

FILTERS = frozenset({TrendFilterStrategy.name, BenchmarkFilterStrategy.name})
"""Strategies that stand around another one, which their parameter `strategy` names."""

_DEFAULT_FILTERED: Mapping[str, object] = MappingProxyType({"name": "rsi"})


def strategy_names() -> tuple[str, ...]:
    """Every name that `make_strategy` takes now, besides files."""
    return tuple(sorted({*BUILT_IN, *installed_names()}))


def make_strategy(name: str, parameters: Mapping[str, object] = MappingProxyType({})) -> Strategy:
    """The strategy `name` with `parameters`; what is not given keeps its default.

    `name` is a built-in strategy, one that an installed package offers under the entry point group
    `binance_trade_agent.strategies`, or `path/to/file.py:ClassName`. Built-in names win. The members of `combined` are a mapping
    of strategy names to their parameters, with `weight` beside them:

        {"threshold": 0.4, "members": {"rsi": {"weight": 2, "period": 10}, "macd": {}}}

    The strategy that a filter stands around is a mapping of its parameters, with its `name` beside them:

        {"interval": "4h", "strategy": {"name": "ema_cross", "fast": 5}}

    Raises StrategyError naming the strategy, the parameter, its value and what is allowed.
    """
    if name == CombinedStrategy.name:
        return _combined(parameters)
    if name in FILTERS:
        return _checked(name, _filter(name, parameters))
    return _checked(name, _built(name, _class(name), parameters))


def _class(name: str) -> Callable[..., Any]:
    if name in BUILT_IN:
        return BUILT_IN[name]
    found = load_from_file(name) if names_a_file(name) else load_installed(name)
    if found is None:
        raise StrategyError(f"strategy {name!r} is unknown; allowed are {', '.join(strategy_names())}, or path/to/file.py:ClassName")
    return found


def _built(name: str, kind: Callable[..., Any], parameters: Mapping[str, object]) -> Any:
    known = inspect.signature(kind).parameters
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in known.values())
    for given, value in parameters.items():
        if given not in known and not takes_any:
            raise parameter_error(name, given, value, f"the parameters {', '.join(known) or '(none)'}")
    try:
        return kind(**parameters)
    except StrategyError:
        raise
    except Exception as error:
        raise StrategyError(f"strategy {name}: it cannot be built: {type(error).__name__}: {error}") from error


def _combined(parameters: Mapping[str, object]) -> CombinedStrategy:
    given = parameters.get("members", _DEFAULT_MEMBERS)
    if not isinstance(given, Mapping) or not all(isinstance(settings, Mapping) for settings in given.values()):
        raise parameter_error(CombinedStrategy.name, "members", given, "a mapping of strategy names to mappings of their parameters")
    members = tuple(_member(name, settings) for name, settings in given.items())
    built: CombinedStrategy = _built(CombinedStrategy.name, CombinedStrategy, {**parameters, "members": members})
    return built


def _member(name: str, settings: Mapping[str, Any]) -> Member:
    own = {key: value for key, value in settings.items() if key != "weight"}
    return Member(make_strategy(name, own), settings.get("weight", 1.0))


def _filter(name: str, parameters: Mapping[str, object]) -> Any:
    given = parameters.get("strategy", _DEFAULT_FILTERED)
    inner = given.get("name") if isinstance(given, Mapping) else None
    if not isinstance(given, Mapping) or not isinstance(inner, str):
        raise parameter_error(name, "strategy", given, "a mapping of the parameters of a strategy, with its name beside them")
    filtered = make_strategy(inner, {key: value for key, value in given.items() if key != "name"})
    return _built(name, BUILT_IN[name], {**parameters, "strategy": filtered})


def _checked(name: str, built: Any) -> Strategy:
    """`built` as a Strategy, when it has what a strategy must have."""
    if not isinstance(getattr(built, "name", None), str) or not built.name:
        raise StrategyError(f"strategy {name}: it has no name; give the class an attribute name with a text")
    if not callable(getattr(built, "evaluate", None)):
        raise StrategyError(f"strategy {name}: it has no method evaluate(window)")
    candles = getattr(built, "required_candles", None)
    if not isinstance(candles, int) or isinstance(candles, bool) or not 1 <= candles <= MAX_REQUIRED_CANDLES:
        raise parameter_error(name, "required_candles", candles, f"whole numbers from 1 to {MAX_REQUIRED_CANDLES}")
    _check_needs(name, getattr(built, "needs", ()))
    strategy: Strategy = built
    return strategy


def _check_needs(name: str, needs: object) -> None:
    if not isinstance(needs, tuple) or not all(isinstance(need, Need) for need in needs):
        raise parameter_error(name, "needs", needs, "a tuple of Need, each candles of another symbol or interval")
    for need in needs:
        if not isinstance(need.candles, int) or isinstance(need.candles, bool) or not 1 <= need.candles <= MOST_NEEDED_CANDLES:
            raise parameter_error(name, "needs", need, f"needs of 1 to {MOST_NEEDED_CANDLES} candles")
