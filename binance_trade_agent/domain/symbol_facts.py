"""Facts about which symbols are traded, and about the times when they are chosen anew."""

from dataclasses import dataclass
from enum import StrEnum


class RefreshResult(StrEnum):
    """What came of choosing anew; also the values of the `result` label of metrics."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    """The choice stays as it was."""


class Standing(StrEnum):
    """How a symbol is traded; also the values of the `standing` label of metrics."""

    CHOSEN = "chosen"
    """Bought and sold."""
    EXITS_ONLY = "exits_only"
    """Not chosen, and sold until nothing of it is held any more."""
    STRANDED = "stranded"
    """Held, and not listed by the exchange any more, so that it cannot even be sold."""


@dataclass(frozen=True, slots=True)
class SymbolsTraded:
    """What is traded from now on, and what that changes.

    `chosen` are bought and sold, `exits_only` only sold, `stranded` are held and cannot even be sold, because the exchange does not list
    them. `joined` are chosen and were not, `left` were chosen and are not. `closing` are only sold and were not, `lost` are stranded and
    were not, `dropped` were traded or stranded and are no more in any way.
    """

    chosen: tuple[str, ...]
    exits_only: tuple[str, ...]
    stranded: tuple[str, ...] = ()
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SymbolRefreshEnded:
    """Symbols were chosen anew, or `error` says why they could not be."""

    result: RefreshResult
    error: str = ""


SymbolFact = SymbolsTraded | SymbolRefreshEnded
