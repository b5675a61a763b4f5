"""SymbolRefresh: has symbols chosen anew on a schedule and when an operator asks, and lets the market streams follow what is traded.

What cannot be done leaves the present choice as it is, says why, and is tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from binance_trade_agent.binance.call_scope import in_background
from binance_trade_agent.domain.candle_intervals import HOUR_MS
from binance_trade_agent.domain.counts import counted, named
from binance_trade_agent.domain.errors import AgentError, BookError, ServiceError
from binance_trade_agent.domain.symbol_facts import RefreshResult, SymbolRefreshEnded, SymbolsTraded
from binance_trade_agent.domain.symbol_selection import Selection
from binance_trade_agent.storage.chosen_symbols import ChosenSymbols
from binance_trade_agent.wiring import Components
from binance_trade_agent.wiring.market_streams import follow_streams
from binance_trade_agent.wiring.needed_candles import require_room_for
from binance_trade_agent.wiring.symbol_choice import Survey, survey

DEADLINE_S = 120.0
"""How long the exchange may take to answer what a choice needs; its requests stand behind all others."""

RETRY_MS = HOUR_MS
"""Market time after which a choice that failed is tried again, where the schedule would not do so sooner."""


class SymbolRefresh:
    """Chooses anew each `interval_ms` of market time, 0 for never by itself; `take` puts a choice in force between two passes."""

    def __init__(self, components: Components, take: Callable[[Survey], Awaitable[SymbolsTraded]], interval_ms: int) -> None:
        self._components = components
        self._take = take
        self._interval_ms = interval_ms
        self._one_at_a_time = asyncio.Lock()
        self._last_ms: int | None = None
        self._error = ""
        self._next_ms: int | None = None
        self._planned = asyncio.Event()
        self._plan(interval_ms if components.traded.chosen else RETRY_MS)

    def status(self) -> Mapping[str, object]:
        """When symbols were last chosen while this process runs, why that failed if it did, and when they will be; ms UTC, or None."""
        return {"last_refresh_ms": self._last_ms, "next_refresh_ms": self._next_ms, "error": self._error or None}

    async def run(self) -> None:
        """Choose anew when it is due; never return."""
        while True:
            await self._until_due()
            try:
                await self.refresh()
            except BookError:
                raise
            except AgentError:
                continue  # it was told, and is tried again

    async def _until_due(self) -> None:
        """Return when the next choice is due, also when one that an operator asked for has brought that forward or put it off."""
        clock = self._components.clock
        while self._next_ms is None or clock.now_ms() < self._next_ms:
            self._planned.clear()
            waiting: list[asyncio.Task[object]] = [asyncio.create_task(self._planned.wait())]
            if self._next_ms is not None:
                waiting.append(asyncio.create_task(clock.sleep_until(self._next_ms)))
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waiting:
                    each.cancel()

    async def follow(self) -> None:
        """Have the market streams carry what is traded, whenever that changes; never return."""
        components = self._components
        while True:
            await components.traded.moved.wait()
            components.traded.moved.clear()
            if components.streams is not None:
                await follow_streams(components.market, components.streams, components.traded.symbols)

    async def refresh(self) -> SymbolsTraded:
        """Choose anew now. Raises AgentError when that cannot be done; then the present choice stays in force."""
        async with self._one_at_a_time:
            try:
                told = await self._refreshed()
            except AgentError as error:
                self._end(RefreshResult.FAILED, RETRY_MS, f"{error}")
                raise
            self._end(RefreshResult.CHANGED if told.joined or told.left else RefreshResult.UNCHANGED, self._interval_ms)
            return told

    async def _refreshed(self) -> SymbolsTraded:
        try:
            with in_background():
                async with asyncio.timeout(DEADLINE_S):
                    found = await self._asked()
        except TimeoutError:
            raise ServiceError(f"the exchange took longer than {DEADLINE_S:g} s to tell of its symbols") from None
        told = await self._take(found)
        ChosenSymbols(self._components.settings.book_path.parent).write(told.chosen)
        return told

    async def _asked(self) -> Survey:
        """All that has to be asked beside the passes: the choice, and where the trade lists of what joins stand, as a start asks it."""
        components, traded = self._components, self._components.traded
        found = await survey(components.client, components.settings, previous=traded.chosen, kept=traded.held)
        chosen = found.selection.symbols
        _require_enough(found.selection, len(traded.chosen))
        require_room_for(components.signals.needs, components.settings.model_copy(update={"trading_symbols": chosen}))
        if components.venue.mirror is not None:
            components.venue.mirror.list_more({symbol: found.listed[symbol] for symbol in chosen})
        await traded.expect(chosen, looked_at=traded.symbols)
        return found

    def _end(self, result: RefreshResult, next_in_ms: int, error: str = "") -> None:
        self._last_ms, self._error = self._components.clock.now_ms(), error
        self._plan(next_in_ms)
        self._components.observer.observe(SymbolRefreshEnded(result, error))

    def _plan(self, in_ms: int) -> None:
        """The next time is at most an interval away; without a schedule there is none."""
        self._next_ms = self._components.clock.now_ms() + min(in_ms, self._interval_ms) if self._interval_ms else None
        self._planned.set()


def _require_enough(selection: Selection, before: int) -> None:
    """A choice that is less than half of the present one tells more of the exchange than of the symbols: maintenance stops most at once."""
    found = len(selection.symbols)
    if not found or 2 * found < before:
        passing = f"only {counted(found, 'symbol')} {named(found, 'passes', 'pass')} the filters now"
        raise ServiceError(f"{passing}, and {before} are chosen: that is less than half")
