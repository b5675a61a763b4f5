"""Answer: the base of all Structs that answers are decoded into, and Decoder, which does it.

Fields carry Binance's names in Python's spelling; `_ms` is added where Binance leaves the unit of a time away. Fields that we do not
know are passed over; a missing one, a NaN or a number beyond all reason is a BadAnswerError that names answer and field.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

from binance_trade_agent.domain.errors import BadAnswerError

T_co = TypeVar("T_co", covariant=True)

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


@dataclass(frozen=True, slots=True)
class Decoder(Generic[T_co]):
    """From a body to `shape`; raises BadAnswerError, naming the answer `what`, for a body that is none."""

    what: str
    shape: type[T_co]
    strict: bool = True
    _decode: Callable[[bytes], T_co] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare the reading once, which costs more than reading a short answer."""
        object.__setattr__(self, "_decode", msgspec.json.Decoder(self.shape, strict=self.strict).decode)

    def __call__(self, body: bytes) -> T_co:
        """`body` as `shape`."""
        try:
            return self._decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadAnswerError(f"{self.what}: {str(error)[:_ERROR_CHARS]}") from None
