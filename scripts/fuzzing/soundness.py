"""What must hold of everything that a decoder gives back: finite numbers of a size that money can have, and no more than was sent."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

import msgspec

LARGEST_MAGNITUDE = 21
"""Powers of ten: an amount has at most 20 digits before the point, and two of them may have been multiplied by a price of 1."""

VALUES_A_BYTE = 8
"""Values in a result for each byte of its text; a few fields with defaults come with every object."""

_SPARE_VALUES = 200


def assert_sound(result: object, sent_bytes: int) -> None:
    """Raise AssertionError when a number is not finite, beyond all reason, or when the result is out of proportion."""
    left = sent_bytes * VALUES_A_BYTE + _SPARE_VALUES
    pending = [result]
    while pending:
        value = pending.pop()
        left -= 1
        assert left > 0, "the result holds far more than was sent"
        if isinstance(value, Decimal):
            assert value.is_finite(), f"{value} is not finite"
            assert abs(value.adjusted()) <= LARGEST_MAGNITUDE or value == 0, f"{value} is no amount"
        elif isinstance(value, float):
            assert math.isfinite(value), f"{value} is not finite"
        else:
            pending.extend(_parts(value))


def _parts(value: Any) -> Iterable[object]:
    if isinstance(value, str | bytes | int | None):
        return ()
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.astuple(value)
    if is_dataclass(value):
        return [getattr(value, field.name) for field in fields(value)]
    if isinstance(value, tuple | list | frozenset | set):
        return value
    return ()
