"""What is asked of a worker: one backtest of one set of parameters over one span of time, and the figures that come back."""

import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from binance_trade_agent.storage.candles.calendar import Span

Value = int | float | str
"""A searched value: a number, or the name of a choice."""


@dataclass(frozen=True, slots=True)
class Job:
    """One backtest: values by their names in the search space, over `span`; `with_trades` asks for the returns of single trades as well."""

    values: Mapping[str, Value]
    span: Span
    with_trades: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job came to, net of fees.

    `figures` are by the names of objectives; None for one that is not defined, such as a Sharpe ratio without two days. `growth` is the
    natural logarithm of equity at the end over equity at the start, a day. `trade_returns` are profits of closed trades as shares of
    the equity right before they closed, oldest first. `peak_bytes` is the most memory that the worker has held. `impossible` says why such
    values are not allowed; nothing was run then.
    """

    figures: Mapping[str, float | None]
    trades: int = 0
    total_return: float = 0.0
    growth: float = 0.0
    max_drawdown: float = 0.0
    trade_returns: tuple[float, ...] = ()
    peak_bytes: int = field(default=0, compare=False)
    impossible: str = ""

    @classmethod
    def refused(cls, why: str) -> "Outcome":
        """The outcome of values that the strategy or the settings do not allow."""
        return cls({}, impossible=why)


Evaluate = Callable[[Job], Outcome]


class Evaluation(Protocol):
    """Something that can be sent to a worker and opened there once: opening reads the candles, each job then uses them."""

    def opened(self) -> Evaluate:
        """Read what every job needs, and return what runs one."""
        ...


def peak_bytes() -> int:
    """The most memory that this process has ever held, shared libraries included."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
