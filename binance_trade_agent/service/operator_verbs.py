"""OperatorVerbs: what a person can have the running daemon do, each for one symbol or for the whole account, and each with a reason."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from binance_trade_agent.cancellation_agent import Cancellations
from binance_trade_agent.domain.order import JournaledOrder
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, RiskRule, TradingMode
from binance_trade_agent.domain.symbol_facts import SymbolsTraded
from binance_trade_agent.wiring import Components


class Verb(StrEnum):
    """Names as they stand in the address of a control call, and as commands."""

    HALT = "halt"
    REDUCE = "reduce"
    RESUME = "resume"
    FLATTEN = "flatten"
    CANCEL = "cancel"
    SETTLE = "settle"
    REFRESH = "refresh"


MODE_OF_VERB = {
    Verb.HALT: TradingMode.HALTED,
    Verb.REDUCE: TradingMode.REDUCING,
    Verb.RESUME: TradingMode.ACTIVE,
    Verb.FLATTEN: TradingMode.REDUCING,
}


@dataclass(frozen=True, slots=True)
class Flattening:
    """The change of mode that has what is held sold; `selling` are the symbols that go, `halted` those that their own halt keeps."""

    change: ModeChange
    selling: tuple[str, ...]
    halted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperatorVerbs:
    """The verbs themselves; each is durable when it returns. Scopes are symbols, or `*` for the account. They raise AgentError;
    ModeUnwrittenError where the mode is in force all the same.

    `set_mode` halts, reduces and resumes at once; `flatten` also has the sale begin; `cancel` and `settle` wait for their turn. `settle`
    takes the client order id of an open order that the exchange does not show. `symbols` are those that can be named; `account_mode`
    is the account's own. `refresh` chooses symbols anew, None where they are named; it is in no book.
    """

    set_mode: Callable[[str, TradingMode, str], Awaitable[ModeChange]]
    flatten: Callable[[str, str], Awaitable[Flattening]]
    cancel: Callable[[str, str], Awaitable[Cancellations]]
    settle: Callable[[str, str], Awaitable[JournaledOrder]]
    symbols: Callable[[], Collection[str]]
    account_mode: Callable[[], TradingMode]
    refresh: Callable[[], Awaitable[SymbolsTraded]] | None = None


async def flatten(components: Components, scope: str, reason: str) -> Flattening:
    """Put `scope` into REDUCING by the rule `flatten`, which holds over restarts: what is held of it is sold, and nothing is bought."""
    change = await components.change_mode(scope, TradingMode.REDUCING, RiskRule.FLATTEN, reason)
    held = [symbol for symbol in components.portfolio.held_symbols if scope in {ACCOUNT_SCOPE, symbol}]
    selling = tuple(symbol for symbol in held if components.risk.is_to_be_sold(symbol))
    return Flattening(change, selling, tuple(symbol for symbol in held if symbol not in selling))


def nameable(components: Components) -> frozenset[str]:
    """Symbols that a verb can be about: traded, held, or once put into a mode."""
    return frozenset({*components.symbols, *components.portfolio.held_symbols, *components.portfolio.modes}) - {ACCOUNT_SCOPE}


class SaleBell:
    """Rung when something is to be sold now, and not only in the next pass."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Have whoever waits go on."""
        self._rung.set()

    async def wait(self) -> None:
        """Return when it was rung since the last return."""
        await self._rung.wait()
        self._rung.clear()
