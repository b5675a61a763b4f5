"""Searched values put into the parameters of a strategy and into settings."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from binance_trade_agent.backtest.search.jobs import Value
from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.strategies.combined import CombinedStrategy
from binance_trade_agent.strategies.strategy import Strategy


def is_setting(name: str) -> bool:
    """Whether a name in the search space is that of a setting."""
    return name == name.upper()


def settings_of(values: Mapping[str, Value]) -> dict[str, str]:
    """The settings among the values, by field name, as a user would write them."""
    return {name.lower(): str(value) for name, value in values.items() if is_setting(name)}


def parameters_with(strategy: Strategy, given: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """The parameters of `strategy` as they were `given`, with the searched values in their places.

    The members of a combined strategy are written out, so that a value for one of them leaves the others as they are.
    """
    made: dict[str, Any] = dict(given)
    if isinstance(strategy, CombinedStrategy):
        made["members"] = {member.strategy.name: {"weight": member.weight, **_fields_of(member.strategy)} for member in strategy.members}
    for name, value in values.items():
        if not is_setting(name):
            _put(made, name, value)
    return made


def _fields_of(strategy: object) -> dict[str, Any]:
    if not is_dataclass(strategy):
        raise StrategyError("a member of a combined strategy that is no dataclass cannot be searched")
    return {field.name: getattr(strategy, field.name) for field in fields(strategy) if field.init}


def _put(parameters: dict[str, Any], name: str, value: Value) -> None:
    *path, last = name.split(".")
    place = parameters
    for part in path:
        place[part] = dict(place.get(part, {}))
        place = place[part]
    place[last] = value
