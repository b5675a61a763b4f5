"""AccountWatch: has what the exchange tells of the account looked at at once, by the same code that looks at each pass and on the timer.

Nothing is booked from an event. An event about an order of ours that is open has the open orders settled; a trade that the book does not
have, a change from outside, and every gap have book and exchange compared. Both wait for their turn, so that neither happens in the
middle of a pass, and both are spaced, so that many events are one look.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from binance_trade_agent.domain.account import Balance, ExternalChange
from binance_trade_agent.domain.errors import AgentError, BookError
from binance_trade_agent.domain.order import Fill, OrderReport
from binance_trade_agent.ports.account_events import AccountEvents

SETTLE_SPACING_S = 1.0
COMPARE_SPACING_S = 20.0
"""Shortest times from one look to the next; a comparison of many symbols costs much request weight."""

BEGIN_PATIENCE_S = 3.0
"""How long the first comparison waits for events to begin, so that it covers all that was before them."""

MOST_LOOKS = 5
"""How often an order that the stream says has ended is looked for, because queries lag behind; then the next pass does."""

MOST_COMPARISONS = 3
"""How often a trade that stays missing leads to a comparison: it may lag, or be of a symbol that is not watched."""

MOST_TRADES = 1_000
"""Trades that wait to be compared with the book; more than that are compared as a whole."""

MOST_OTHERS = 100
"""Orders of others that wait to be looked at; one of another daemon is enough, and it will send more."""

MOST_REASONS = 20
"""Reasons for a comparison that are kept to be told; one comparison answers them all, however many there are."""


class AccountStream(Protocol):
    """Tells account events as long as it runs."""

    async def run(self) -> None:
        """Return never."""
        ...

    @property
    def is_live(self) -> bool:
        """Whether events come."""
        ...


@dataclass(frozen=True, slots=True)
class AccountSide:
    """What there is of an account: its events, and what the book knows of its orders and trades.

    `is_open` tells of a client order id whether the book has it as open, `unbooked` which of some trades of one symbol it lacks, and
    `settle` looks for all open orders. `meet` is told of orders that are not of this book.
    """

    open_stream: Callable[[AccountEvents], AccountStream]
    is_open: Callable[[str], bool]
    unbooked: Callable[[Sequence[Fill]], Awaitable[Sequence[Fill]]]
    settle: Callable[[], Awaitable[None]]
    meet: Callable[[OrderReport], Awaitable[None]] | None = None


class AccountWatch:
    """The listener of one account's events, and the two loops that act on them."""

    def __init__(self, account: AccountSide, settle: Callable[[], Awaitable[None]], compare: Callable[[], Awaitable[None]]) -> None:
        """`settle` and `compare` wait for their turn, and raise AgentError; `compare` does its work within `comparing`."""
        self._account = account
        self._settle = settle
        self._compare = compare
        self._settle_wanted = asyncio.Event()
        self._compare_wanted = asyncio.Event()
        self._begun = asyncio.Event()
        self._ended: dict[str, int] = {}
        self._trades: deque[tuple[Fill, int]] = deque()  # with how many comparisons it has led to
        self._others: deque[OrderReport] = deque(maxlen=MOST_OTHERS)
        self._reasons: list[str] = []
        self._log = structlog.get_logger(component="account events")
        self.stream = account.open_stream(self)

    # -- what the stream calls ------------------------------------------------------------------------------------------------

    def on_order(self, report: OrderReport) -> None:
        """Orders of ours that are open are looked at; the newest of others are, too, as they may be of another daemon."""
        order_id = report.client_order_id
        if self._account.is_open(order_id):
            if report.status.event.ends_order:
                self._ended[order_id] = 0
            self._settle_wanted.set()
        elif self._account.meet is not None:
            self._others.append(report)
            self._compare_wanted.set()

    def on_fill(self, fill: Fill) -> None:
        """A trade of an open order is booked when that is settled; any other should be in the book already."""
        if self._account.is_open(fill.client_order_id):
            return
        if len(self._trades) >= MOST_TRADES:
            self._want_comparison("more trades than can be looked at one by one")
            return
        self._trades.append((fill, 0))
        self._compare_wanted.set()

    def on_balances(self, balances: Mapping[str, Balance]) -> None:
        """Balances follow from trades and changes that are told by themselves."""

    def on_external_change(self, change: ExternalChange) -> None:
        """A deposit or withdrawal is booked by a comparison."""
        self._want_comparison(f"{change.asset} came, went or was locked from outside")

    def on_gap(self, reason: str) -> None:
        """Whatever was missed is found by a comparison."""
        self._begun.set()
        self._want_comparison(f"account events may have been missed: {reason}")

    # -- what the daemon calls ------------------------------------------------------------------------------------------------

    async def await_begin(self) -> None:
        """Return when events come, or have not begun within BEGIN_PATIENCE_S."""
        with suppress(TimeoutError):
            async with asyncio.timeout(BEGIN_PATIENCE_S):
                await self._begun.wait()

    @contextmanager
    def comparing(self) -> Iterator[None]:
        """A comparison is made within: the reasons until now need none of their own, unless it fails."""
        reasons, self._reasons = self._reasons, []
        try:
            yield
        except BaseException:
            self._reasons = list(dict.fromkeys([*reasons, *self._reasons]))[:MOST_REASONS]
            if self._reasons:
                self._compare_wanted.set()
            raise

    async def settle_when_told(self) -> None:
        """Look for open orders whenever an event says that one moved. Raises BookError."""
        while True:
            await self._settle_wanted.wait()
            self._settle_wanted.clear()
            await self._attempt(self._settle)
            self._look_again_for_ended()
            await asyncio.sleep(SETTLE_SPACING_S)

    async def compare_when_told(self) -> None:
        """Compare book and exchange whenever an event says that they may differ. Raises BookError."""
        while True:
            await self._compare_wanted.wait()
            self._compare_wanted.clear()
            if not await self._has_reason():
                continue
            self._log.info("comparing the book with the exchange", because="; ".join(self._reasons[:3]))
            await self._attempt(self._compare)
            await asyncio.sleep(COMPARE_SPACING_S)

    # -- inside ---------------------------------------------------------------------------------------------------------------

    def _want_comparison(self, reason: str) -> None:
        if reason not in self._reasons and len(self._reasons) < MOST_REASONS:
            self._reasons.append(reason)
        self._compare_wanted.set()

    async def _attempt(self, action: Callable[[], Awaitable[None]]) -> None:
        try:
            await action()
        except BookError:
            raise
        except AgentError as error:
            self._log.warning("what account events told could not be looked at; it is tried again", error=str(error))

    def _look_again_for_ended(self) -> None:
        """A query may not show yet what the stream has told."""
        self._ended = {
            order_id: looks + 1 for order_id, looks in self._ended.items() if looks + 1 < MOST_LOOKS and self._account.is_open(order_id)
        }
        if self._ended:
            self._settle_wanted.set()

    async def _has_reason(self) -> bool:
        """Whether anything calls for a comparison; trades do that the book still lacks."""
        while self._others and self._account.meet is not None:
            await self._account.meet(self._others.popleft())
        by_symbol: dict[str, dict[int, tuple[Fill, int]]] = defaultdict(dict)
        while self._trades:
            fill, comparisons = self._trades.popleft()
            by_symbol[fill.symbol][fill.trade_id] = fill, comparisons
        for symbol, told in by_symbol.items():
            for fill in await self._account.unbooked([fill for fill, _ in told.values()]):
                self._miss(symbol, *told[fill.trade_id])
        return bool(self._reasons)

    def _miss(self, symbol: str, fill: Fill, comparisons: int) -> None:
        if comparisons < MOST_COMPARISONS:
            self._trades.append((fill, comparisons + 1))
            self._want_comparison(f"{symbol} traded, and the book does not have it")
