"""What requests cost in request weight. Source: rest-api.md, "Weight" of each endpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

_DEFAULT_DEPTH = 100
_DEPTH_STEPS = ((100, 5), (500, 25), (1_000, 50))
_DEEPEST_WEIGHT = 250
_COUNT_STEPS = ((20, 2), (100, 40))
_ALL_SYMBOLS_WEIGHT = 80


@dataclass(frozen=True, slots=True)
class Weight:
    """What one request costs: `of` its parameters, and `text` for people."""

    of: Callable[[Mapping[str, str]], int]
    text: str


def fixed(weight: int) -> Weight:
    """The same weight whatever the parameters."""
    return Weight(lambda _params: weight, str(weight))


def with_or_without(name: str, *, given: int, omitted: int) -> Weight:
    """`given` when the parameter `name` is sent, else `omitted`."""
    return Weight(lambda params: given if name in params else omitted, f"{given} with `{name}`, else {omitted}")


def per_symbol(each: int, *, at_most: int) -> Weight:
    """`each` for every symbol that is named, but never more than `at_most`, which is also the weight when none is named."""

    def of(params: Mapping[str, str]) -> int:
        named = symbols_named(params)
        return min(each * named, at_most) if named else at_most

    return Weight(of, f"{each} a symbol, at most {at_most}")


def by_depth() -> Weight:
    """5 to 250 by how many levels are asked for."""

    def of(params: Mapping[str, str]) -> int:
        return _step(int(params.get("limit", _DEFAULT_DEPTH)), _DEPTH_STEPS, _DEEPEST_WEIGHT)

    return Weight(of, "5 to 100 levels, 25 to 500, 50 to 1000, 250 above")


def by_symbol_count() -> Weight:
    """2, 40 or 80 by how many symbols are named; 80 when none is."""

    def of(params: Mapping[str, str]) -> int:
        named = symbols_named(params)
        return _step(named, _COUNT_STEPS, _ALL_SYMBOLS_WEIGHT) if named else _ALL_SYMBOLS_WEIGHT

    return Weight(of, "2 to 20 symbols, 40 to 100, 80 above or for all")


def symbols_named(params: Mapping[str, str]) -> int:
    """How many symbols `symbol` or the JSON list `symbols` name; 0 when neither is sent."""
    if "symbol" in params:
        return 1
    return params["symbols"].count(",") + 1 if "symbols" in params else 0


def _step(count: int, steps: tuple[tuple[int, int], ...], above: int) -> int:
    return next((weight for upto, weight in steps if count <= upto), above)
