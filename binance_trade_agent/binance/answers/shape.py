"""Answer: the base of all Structs that answers are decoded into, and `decoder`, which makes the function that does it.

Fields carry Binance's names in Python's spelling; `_ms` is added where Binance leaves the unit of a time away. Fields that we do not
know are passed over; a missing one, a NaN or a number beyond all reason is a BadAnswerError that names answer and field.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import msgspec

from binance_trade_agent.domain.errors import BadAnswerError

T = TypeVar("T")

_LARGEST_MAGNITUDE = 20
_SMALLEST_MAGNITUDE = -20
_ERROR_CHARS = 200


def _binance_name(name: str) -> str:
    first, *rest = name.removesuffix("_ms").split("_")
    return first + "".join(word.capitalize() for word in rest)


class Answer(msgspec.Struct, frozen=True, rename=_binance_name, kw_only=True, gc=False):
    """What all answers share: names, immutability, and that every Decimal is finite and of a size that money can have."""

    def __post_init__(self) -> None:
        for value in msgspec.structs.astuple(self):
            if type(value) is Decimal and not (value.is_finite() and _SMALLEST_MAGNITUDE <= value.adjusted() <= _LARGEST_MAGNITUDE):
                raise ValueError("a number that no amount can be")


def decoder(what: str, shape: type[T], *, strict: bool = True) -> Callable[[bytes], T]:
    """A function from a body to `shape`; it raises BadAnswerError, naming `what`, for a body that is none."""

    def decode(body: bytes) -> T:
        try:
            return msgspec.json.decode(body, type=shape, strict=strict)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadAnswerError(f"{what}: {str(error)[:_ERROR_CHARS]}") from None

    return decode
