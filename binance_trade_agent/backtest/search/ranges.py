"""The search space: what a strategy declares of its parameters, and how a user narrows it.

Names are those of the parameters; one of a member of a combined strategy is `members.rsi.period`, one of a strategy that a filter stands
around `strategy.period`. A name in capitals is a setting.
"""

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from binance_trade_agent.backtest.fast.deciding import deciding_settings
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

_OF_THE_CANDLES = frozenset({"trading_symbols", "trading_interval_seconds", "candle_interval", "quote_asset"})
"""Settings that every run over candles takes from them."""

_WITHOUT_EFFECT = frozenset({"demo_seed", "protection", "protection_stop_offset_pct", "protection_trailing_step_pct"})
"""Settings that change nothing of a trial, for it keeps no orders on the exchange, and its market is that of the candles."""

_REST = frozenset({inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD})
"""What takes the arguments that are not named."""


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
    what it declares; a parameter that declares nothing needs bounds, and so does a setting that is no choice. Raises ConfigurationError
    naming the parameter, also for a setting that changes no trial.
    """
    parameters = dict(_parameters(strategy))
    declared = {name: each for name, each in parameters.items() if each is not None}
    if not wanted:
        if not declared:
            raise ConfigurationError(f"strategy {strategy.name} declares no ranges; name some by --range NAME=least:most:step")
        return declared
    space: dict[str, Range] = {}
    for text in wanted:
        name, bounds = (part.strip() for part in text.partition("=")[::2])
        if name in space:
            raise ConfigurationError(f"--range {name} is given twice")
        known = _of_setting(name) if is_setting(name) else _of_parameter(name, strategy, parameters)
        space[name] = _narrowed(name, bounds, known, declared)
    return space


def _parameters(strategy: object, prefix: str = "") -> Iterator[tuple[str, Range | None]]:
    """The parameters of a strategy and of those within it, each with the range that it declares."""
    yield from _own_parameters(strategy, prefix)
    for name, inner in inner_strategies(strategy):
        if isinstance(inner, tuple):
            for member in inner:
                own = f"{prefix}{name}.{member.strategy.name}."
                yield from _own_parameters(member, own)
                yield from _parameters(member.strategy, own)
        else:
            yield from _parameters(inner, f"{prefix}{name}.")


def _own_parameters(owner: object, prefix: str) -> Iterator[tuple[str, Range | None]]:
    """Those that are no strategies themselves."""
    inner = dict(inner_strategies(owner))
    hints = get_type_hints(type(owner), include_extras=True) if is_dataclass(owner) else {}
    for name, parameter in inspect.signature(type(owner)).parameters.items():
        if name not in inner and parameter.kind not in _REST:
            yield prefix + name, _range_of(hints.get(name))


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


def _of_setting(name: str) -> Range | None:
    """The choices of a setting, None for one of another kind; ConfigurationError for one that changes no trial."""
    field = Settings.model_fields.get(name.lower())
    if field is None:
        raise ConfigurationError(f"--range {name}: there is no setting of that name; docs/settings.md lists them")
    if name.lower() not in deciding_settings() or name.lower() in _WITHOUT_EFFECT:
        raise ConfigurationError(f"--range {name}: no backtest depends on that setting, so all trials would come to the same")
    if name.lower() in _OF_THE_CANDLES:
        raise ConfigurationError(f"--range {name}: the candles decide that setting, for all trials alike")
    return _range_of(field.annotation)


def _of_parameter(name: str, strategy: Strategy, parameters: Mapping[str, Range | None]) -> Range | None:
    """What a parameter declares; ConfigurationError for a name that the strategy does not take."""
    takes_any = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in inspect.signature(type(strategy)).parameters.values())
    if name not in parameters and not takes_any:
        raise ConfigurationError(
            f"--range {name} is no parameter of the strategy; allowed are {_names(parameters)}, and settings in capitals"
        )
    return parameters.get(name)


def _narrowed(name: str, bounds: str, known: Range | None, declared: Space) -> Range:
    if not bounds:
        if known is None:
            raise ConfigurationError(
                f"--range {name}: nothing is declared for it; give {name}=least:most:step. Declared are {_names(declared)}"
            )
        return known
    if isinstance(known, Choices) or ("," in bounds and ":" not in bounds):
        return _chosen(name, bounds, known)
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


def _names(parameters: Mapping[str, object]) -> str:
    return ", ".join(parameters) or "(none)"
