"""Parameters: the ranges that strategy parameters are checked against, declared beside their types.

A strategy is a frozen dataclass whose fields are its parameters:

    period: Annotated[int, Between(2, 100)] = 14

and whose `__post_init__` calls `check_parameters(self)`.
"""

from dataclasses import dataclass, fields
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import StrategyError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class Between:
    """The least and the most that a number may be, both allowed."""

    least: float
    most: float


def check_parameters(strategy: "DataclassInstance") -> None:
    """Raise StrategyError naming the parameter, its value and what is allowed, when a declared parameter is out of range.

    Names of enum members are replaced by the members. Fields that are neither enums nor numbers with a range are not looked at.
    """
    owner = str(getattr(strategy, "name", type(strategy).__name__))
    hints = get_type_hints(type(strategy), include_extras=True)
    for field in fields(strategy):
        hint = hints[field.name]
        value = getattr(strategy, field.name)
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            # A frozen dataclass can be completed in __post_init__ only this way.
            object.__setattr__(strategy, field.name, _member(hint, owner, field.name, value))
        elif get_origin(hint) is Annotated:
            kind, bounds = get_args(hint)
            _check_number(kind, bounds, owner, field.name, value)


def _member(kind: type[StrEnum], owner: str, name: str, value: object) -> StrEnum:
    for member in kind:
        if member == value:
            return member
    raise parameter_error(owner, name, value, "one of " + ", ".join(kind))


def _check_number(kind: type[Any], bounds: Between, owner: str, name: str, value: object) -> None:
    whole = kind is int
    right_type = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not (right_type and isfinite(value) and bounds.least <= value <= bounds.most):  # type: ignore[arg-type, operator]  # right_type proves a number
        allowed = f"{'whole ' if whole else ''}numbers from {bounds.least:g} to {bounds.most:g}"
        raise parameter_error(owner, name, value, allowed)


def check_interval(owner: str, interval: object) -> None:
    """Raise StrategyError, naming the strategy `owner`, unless `interval` is one of the exchange's."""
    if interval not in INTERVALS_MS:
        raise parameter_error(owner, "interval", interval, f"intervals of the exchange: {', '.join(INTERVALS_MS)}")


def parameter_error(owner: str, name: str, value: object, allowed: str) -> StrategyError:
    """The error for a parameter that is not as it should be."""
    return StrategyError(f"strategy {owner}: parameter {name} is {value!r}; allowed are {allowed}")
