"""EvenLevels: one side of a book whose levels are equally far apart and equally deep, made only as far as somebody reads."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import overload

Level = tuple[Decimal, Decimal]


class EvenLevels(Sequence[Level]):
    """At most `count` levels of `quantity`, the first at `best`, each `gap` further (below 0 for bids); none at a price of 0 or less."""

    __slots__ = ("_best", "_count", "_gap", "_quantity")

    def __init__(self, best: Decimal, gap: Decimal, quantity: Decimal, count: int) -> None:
        self._best = best
        self._gap = gap
        self._quantity = quantity
        while count and best + gap * (count - 1) <= 0:
            count -= 1
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Level]:
        for number in range(self._count):
            yield self._best + self._gap * number, self._quantity

    @overload
    def __getitem__(self, index: int) -> Level: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Level, ...]: ...

    def __getitem__(self, index: int | slice) -> Level | tuple[Level, ...]:
        if index == 0 and self._count:
            return self._best, self._quantity
        return tuple(self)[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))
