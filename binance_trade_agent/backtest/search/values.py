"""Searched values put into the parameters of a strategy and into settings."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from binance_trade_agent.backtest.search.jobs import Value
from binance_trade_agent.strategies.combined import CombinedStrategy, Member
from binance_trade_agent.strategies.strategy import Strategy


def is_setting(name: str) -> bool:
    """Whether a name in the search space is that of a setting."""
    return name == name.upper()


def settings_of(values: Mapping[str, Value]) -> dict[str, str]:
    """The settings among the values, by field name, as a user would write them."""
    return {name.lower(): str(value) for name, value in values.items() if is_setting(name)}


def parameters_with(strategy: Strategy, given: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """The parameters of `strategy` as they were `given`, with the searched values in their places.

    Strategies within it are written out, so that a value for one parameter of them leaves the others as they are.
    """
    made: dict[str, Any] = {**given, **{name: _written(inner) for name, inner in inner_strategies(strategy)}}
    for name, value in values.items():
        if not is_setting(name):
            _put(made, name, value)
    return made


def inner_strategies(strategy: object) -> Iterator[tuple[str, Strategy | tuple[Member, ...]]]:
    """The parameters of a strategy that are strategies: the one that a filter stands around, or the members of a vote."""
    if isinstance(strategy, CombinedStrategy):
        yield "members", strategy.members
    elif is_dataclass(strategy):
        for field in fields(strategy):
            value: Any = getattr(strategy, field.name)
            if not isinstance(value, type) and callable(getattr(value, "evaluate", None)):
                yield field.name, value


def _written(inner: Strategy | tuple[Member, ...]) -> dict[str, Any]:
    """A strategy, or members of a vote, as the mapping that the catalogue takes."""
    if isinstance(inner, tuple):
        return {member.strategy.name: {"weight": member.weight, **_parameters(member.strategy)} for member in inner}
    return {"name": inner.name, **_parameters(inner)}


def _parameters(strategy: object) -> dict[str, Any]:
    own = {field.name: getattr(strategy, field.name) for field in fields(strategy) if field.init} if is_dataclass(strategy) else {}
    return own | {name: _written(inner) for name, inner in inner_strategies(strategy)}


def _put(parameters: dict[str, Any], name: str, value: Value) -> None:
    *path, last = name.split(".")
    place = parameters
    for part in path:
        place[part] = dict(place.get(part, {}))
        place = place[part]
    place[last] = value
