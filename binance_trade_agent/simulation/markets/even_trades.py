"""EvenTrades: the sizes of a candle's trades when its volume is spread evenly over them, reckoned only when somebody reads them."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import overload

from binance_trade_agent.simulation.engine.amounts import floor_amount


class EvenTrades(Sequence[Decimal]):
    """Those numbered from `first` up to, not including, `end`, of `trades` that make up `volume`; nothing of it is lost to rounding."""

    __slots__ = ("_end", "_first", "_trades", "_volume")

    def __init__(self, volume: Decimal, trades: int, first: int, end: int) -> None:
        self._volume = volume
        self._trades = trades
        self._first = first
        self._end = end

    def __len__(self) -> int:
        return self._end - self._first

    def __iter__(self) -> Iterator[Decimal]:
        return iter(self[:])

    @overload
    def __getitem__(self, index: int) -> Decimal: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Decimal, ...]: ...

    def __getitem__(self, index: int | slice) -> Decimal | tuple[Decimal, ...]:
        traded = [floor_amount(self._volume * number / self._trades) for number in range(self._first, self._end + 1)]
        return tuple([after - before for before, after in pairwise(traded)])[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(self[:])
