"""WindowReader: closed candles of many symbols and intervals at once, from what is held, and by REST as far as that lacks some."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping

from binance_trade_agent.async_market_data_agent.batches import no_such_symbol
from binance_trade_agent.async_market_data_agent.exchange_time import ExchangeTime
from binance_trade_agent.async_market_data_agent.held_intervals import HeldIntervals
from binance_trade_agent.async_market_data_agent.live_market import LiveMarket
from binance_trade_agent.async_market_data_agent.rules_reader import RulesReader
from binance_trade_agent.domain.errors import AgentError
from binance_trade_agent.domain.facts import MarketDataFellBack
from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.market_sources import FallbackReason, StreamedKind
from binance_trade_agent.domain.need import Frame
from binance_trade_agent.ports.observer import Observer

Windows = dict[Frame, CandleWindow | AgentError]
"""Windows by what they show, or why there is none."""


class WindowReader:
    """Reads windows for a pass; what the streams should have brought and did not is reported."""

    def __init__(self, time: ExchangeTime, rules: RulesReader, candles: HeldIntervals, live: LiveMarket, observer: Observer) -> None:
        self._time = time
        self._rules = rules
        self._candles = candles
        self._live = live
        self._observer = observer

    def held(self, frames: Iterable[Frame]) -> Windows:
        """Windows from which nothing is missing."""
        found: Windows = {}
        server_ms, lacks = self._time.now_ms(), Counter[FallbackReason]()
        for frame in frames:
            window = self._candles.current(frame, server_ms)
            if window is not None:
                found[frame] = window
            elif self._candles.knows(frame) and (reason := self._live.lack_of_candles(frame)) is not None:
                lacks[reason] += 1
        for reason, count in lacks.items():
            self._observer.observe(MarketDataFellBack(StreamedKind.CANDLES, reason, count))
        return found

    async def ask_for(self, frames: Iterable[Frame]) -> Windows:
        """Windows by REST, each as far as candles are missing; a failure stands in the place of its window."""
        wanted = tuple(frames)
        results = await asyncio.gather(*map(self._updated, wanted), return_exceptions=True)
        found: Windows = {}
        for frame, result in zip(wanted, results, strict=True):
            if isinstance(result, BaseException) and not isinstance(result, AgentError):
                raise result
            found[frame] = result
        return found

    async def _updated(self, frame: Frame) -> CandleWindow:
        if self._rules.is_unlisted(frame.symbol):
            raise no_such_symbol(frame.symbol)
        return await self._candles.update(frame)


def joined(window: CandleWindow, others: Iterable[Frame], windows: Mapping[Frame, CandleWindow | AgentError]) -> CandleWindow:
    """`window` with what its strategy reads besides; what could not be had is empty and says why."""
    found = {}
    for frame in others:
        other = windows[frame]
        found[frame] = CandleWindow.lacking(frame, str(other)) if isinstance(other, AgentError) else other
    return window.with_others(found) if found else window
