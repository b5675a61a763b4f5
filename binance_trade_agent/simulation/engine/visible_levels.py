"""VisibleLevels: one side of the whole book as depth shows it, put together only as far as somebody reads."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import overload

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.markets.market import Levels

Level = tuple[Decimal, Decimal]


class VisibleLevels(Sequence[Level]):
    """What `market` has on `side`, best first and the same at every call, together with `own`, the accounts' orders by price."""

    __slots__ = ("_market", "_own", "_side")

    def __init__(self, side: Side, market: Callable[[], Iterator[Level]], own: Mapping[Decimal, Decimal]) -> None:
        self._side = side
        self._market = market
        self._own = own

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None

    def __iter__(self) -> Iterator[Level]:
        if not self._own:
            return self._market()
        both = merge(self._own.items(), self._market(), key=itemgetter(0), reverse=self._side is Side.BUY)
        return ((price, sum(map(itemgetter(1), levels), ZERO)) for price, levels in groupby(both, key=itemgetter(0)))

    @overload
    def __getitem__(self, index: int) -> Level: ...

    @overload
    def __getitem__(self, index: slice) -> Levels: ...

    def __getitem__(self, index: int | slice) -> Level | Levels:
        if isinstance(index, int):
            found = next(islice(self, index, None), None) if index >= 0 else tuple(self)[index]
            if found is None:
                raise IndexError(index)
            return found
        if index.step is None and (index.start or 0) >= 0 and (index.stop is None or index.stop >= 0):
            return tuple(islice(self, index.start, index.stop))
        return tuple(self)[index]

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(self[:1])

    def __repr__(self) -> str:
        return repr(tuple(self))
