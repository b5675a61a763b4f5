"""The search space: what a strategy declares of its parameters, and how a user narrows it.

Names are those of the parameters; one of a member of a combined strategy is `members.rsi.period`, one of a strategy that a filter stands
around `strategy.period`. A name in capitals is a setting.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from binance_trade_agent.backtest.search.jobs import Value
from binance_trade_agent.backtest.search.values import inner_strategies, is_setting
from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.money import plain
from binance_trade_agent.settings import Settings
from binance_trade_agent.strategies.parameters import Between
from binance_trade_agent.strategies.strategy import Strategy

STEPS = 100
"""A range of fractions without a step of its own is searched in so many steps at least, ten times as many at most."""

MOST_CHOICES = 100
MOST_VALUES = 1_000_000
"""Of a range of numbers."""
_LARGEST = 10**15


@dataclass(frozen=True, slots=True)
class Numbers:
    """Every number from `least` to `most` in steps of `step`, which ends at `most`; whole ones when `whole`."""

    least: Decimal
    most: Decimal
    step: Decimal
    whole: bool

    @property
    def count(self) -> int:
        """How many values it has."""
        return int((self.most - self.least) // self.step) + 1

    def value(self, index: int) -> Value:
        """The value number `index`, from 0, without the rounding that floats would add."""
        exact = self.least + index * self.step
        return int(exact) if self.whole else float(exact)

    @property
    def text(self) -> str:
        """As a user writes it."""
        return ":".join(map(plain, (self.least, self.most, self.step)))


@dataclass(frozen=True, slots=True)
class Choices:
    """Names of which one is taken."""

    values: tuple[str, ...]

    @property
    def count(self) -> int:
        """How many values it has."""
        return len(self.values)

    def value(self, index: int) -> Value:
        """The value number `index`, from 0."""
        return self.values[index]

    @property
    def text(self) -> str:
        """As a user writes it."""
        return ",".join(self.values)


Range = Numbers | Choices
Space = Mapping[str, Range]


def search_space(strategy: Strategy, wanted: Sequence[str] = ()) -> Space:
    """The ranges to search: those named in `wanted` alone, or everything that `strategy` declares when nothing is.

    Each of `wanted` is NAME (as declared), NAME=least:most, NAME=least:most:step or NAME=one,other. A parameter cannot be widened beyond
    what it declares; a setting, and a parameter that declares nothing, need bounds. Raises ConfigurationError naming the parameter.
    """
    declared = dict(_declared(strategy))
    if not wanted:
        if not declared:
            raise ConfigurationError(f"strategy {strategy.name} declares no ranges; name some by --range NAME=least:most:step")
        return declared
    space: dict[str, Range] = {}
    for text in wanted:
        name, bounds = (part.strip() for part in text.partition("=")[::2])
        if name in space:
            raise ConfigurationError(f"--range {name} is given twice")
        space[name] = _narrowed(name, bounds, declared)
    return space


def _declared(strategy: object, prefix: str = "") -> Iterator[tuple[str, Range]]:
    """The ranges of a strategy and of those within it."""
    yield from _own_ranges(strategy, prefix)
    for name, inner in inner_strategies(strategy):
        if isinstance(inner, tuple):
            for member in inner:
                own = f"{prefix}{name}.{member.strategy.name}."
                yield from _own_ranges(member, own)
                yield from _declared(member.strategy, own)
        else:
            yield from _declared(inner, f"{prefix}{name}.")


def _own_ranges(parameters: object, prefix: str) -> Iterator[tuple[str, Range]]:
    if not is_dataclass(parameters):
        return
    hints = get_type_hints(type(parameters), include_extras=True)
    for field in fields(parameters):
        found = _range_of(hints[field.name])
        if found is not None:
            yield prefix + field.name, found


def _range_of(hint: Any) -> Range | None:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Choices(tuple(str(member) for member in hint))
    if get_origin(hint) is Annotated:
        kind, *marks = get_args(hint)
        bounds = next((mark for mark in marks if isinstance(mark, Between)), None)
        if bounds is not None and kind in (int, float):
            return _numbers(Decimal(str(bounds.least)), Decimal(str(bounds.most)), None, whole=kind is int)
    return None


def _numbers(least: Decimal, most: Decimal, step: Decimal | None, *, whole: bool) -> Numbers:
    if step is None:
        step = Decimal(1) if whole or most == least else Decimal(1).scaleb(math.floor(math.log10((most - least) / STEPS)))
    return Numbers(least, least + (most - least) // step * step, step, whole)


def _narrowed(name: str, bounds: str, declared: Space) -> Range:
    known = declared.get(name)
    if is_setting(name) and name.lower() not in Settings.model_fields:
        raise ConfigurationError(f"--range {name}: there is no setting of that name; docs/settings.md lists them")
    if not bounds:
        if known is None:
            raise ConfigurationError(
                f"--range {name}: nothing is declared for it; give {name}=least:most:step. Declared are {_names(declared)}"
            )
        return known
    if isinstance(known, Choices) or ("," in bounds and ":" not in bounds):
        return _chosen(name, bounds, known)
    if known is None and name != name.upper():
        raise ConfigurationError(
            f"--range {name} is no parameter of the strategy; allowed are {_names(declared)}, and settings in capitals"
        )
    found = _parsed(name, bounds, whole=known.whole if isinstance(known, Numbers) else None)
    if isinstance(known, Numbers) and not (known.least <= found.least and found.most <= known.most):
        raise ConfigurationError(f"--range {name}={bounds}; allowed are bounds within {known.least} to {known.most}")
    return found


def _chosen(name: str, bounds: str, known: Range | None) -> Choices:
    values = tuple(part.strip() for part in bounds.split(","))
    if len(set(values)) != len(values) or len(values) > MOST_CHOICES or "" in values:
        raise ConfigurationError(f"--range {name}={bounds}; allowed are up to {MOST_CHOICES} different names, comma separated")
    if isinstance(known, Choices) and not set(values) <= set(known.values):
        raise ConfigurationError(f"--range {name}={bounds}; allowed are {', '.join(known.values)}")
    if isinstance(known, Numbers):
        raise ConfigurationError(f"--range {name}={bounds}; allowed are bounds, as in {name}={known.text}")
    return Choices(values)


def _parsed(name: str, bounds: str, *, whole: bool | None) -> Numbers:
    """The numbers of a text; without a declaration they are whole when all three are."""
    try:
        parts = [Decimal(part) for part in bounds.split(":")]
    except InvalidOperation:
        parts = []
    if not (2 <= len(parts) <= 3 and all(part.is_finite() for part in parts) and parts[0] <= parts[1] and parts[-1] > 0):
        raise ConfigurationError(f"--range {name}={bounds}; allowed is least:most or least:most:step, such as 5:30 or 0.01:0.1:0.005")
    are_whole = all(part == part.to_integral_value() for part in parts)
    takes_whole = are_whole if whole is None else whole
    step = parts[2] if len(parts) == 3 else Decimal(1) if takes_whole else None
    if max(map(abs, parts)) > _LARGEST or (step is not None and (parts[1] - parts[0]) / step > MOST_VALUES):
        raise ConfigurationError(f"--range {name}={bounds}; allowed are up to {MOST_VALUES} steps between numbers of at most {_LARGEST}")
    if whole and not are_whole:
        raise ConfigurationError(f"--range {name}={bounds}; allowed are whole numbers")
    return _numbers(parts[0], parts[1], step, whole=takes_whole)


def _names(declared: Space) -> str:
    return ", ".join(declared) or "(none)"
