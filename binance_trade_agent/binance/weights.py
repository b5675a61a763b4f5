"""What requests cost in request weight, and how much of it an address may use in a minute.

Source: rest-api.md, "Weight" of each endpoint and "IP Limits".
"""

from collections.abc import Callable, Mapping

Weight = Callable[[Mapping[str, str]], int]

WEIGHT_LIMIT_PER_MINUTE = 6_000
"""What exchangeInfo states today; the guard learns the real figure from there."""

USED_WEIGHT_HEADER = "x-mbx-used-weight-1m"

_WEIGHT_DIGITS = 9
_DEFAULT_DEPTH = 100
_DEPTH_STEPS = ((100, 5), (500, 25), (1_000, 50))
_DEEPEST_WEIGHT = 250


def fixed(weight: int) -> Weight:
    """The same weight whatever the parameters."""

    def of(_params: Mapping[str, str]) -> int:
        return weight

    return of


def with_or_without(name: str, *, given: int, omitted: int) -> Weight:
    """`given` when the parameter `name` is sent, else `omitted`."""

    def of(params: Mapping[str, str]) -> int:
        return given if name in params else omitted

    return of


def depth_weight(params: Mapping[str, str]) -> int:
    """5 to 250 by how many levels are asked for."""
    limit = int(params.get("limit", _DEFAULT_DEPTH))
    return next((weight for upto, weight in _DEPTH_STEPS if limit <= upto), _DEEPEST_WEIGHT)


def used_weight(headers: Mapping[str, str]) -> int | None:
    """The weight this address has used in the current minute, as the answer's headers tell; None when they do not."""
    text = headers.get(USED_WEIGHT_HEADER, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _WEIGHT_DIGITS else None
