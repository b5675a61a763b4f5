"""Operator: who halts the daemon by its own control, at planned times or when a life is struck, and resumes it later."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, TradingMode
from simulating.life import Life
from simulating.watch import Watch

_HALT_LASTS_S, _SHORT_HALT_S = 90.0, 5.0


class Operator:
    """`change_mode` tells whether the daemon that runs has said that it was done; what it was told is halted, `watch` knows."""

    def __init__(self, watch: Watch, change_mode: Callable[[str, TradingMode], Awaitable[bool]]) -> None:
        self._watch = watch
        self._change_mode = change_mode
        self._word = asyncio.Lock()

    async def halt_at(self, halts: Mapping[float, str]) -> None:
        """Halt the account or a symbol at these seconds."""
        for at_s, scope in sorted(halts.items()):
            await asyncio.sleep(max(at_s - asyncio.get_running_loop().time(), 0))
            await self._halt_for_a_while(scope, _HALT_LASTS_S)

    async def halt_life(self, life: Life) -> None:
        """Halt the account for a moment; or until another process has run for a while, when this one ends with the halt."""
        if life.ends_halted:
            await self._halt_for_a_while(ACCOUNT_SCOPE, _HALT_LASTS_S, life)
        else:
            await self._halt_for_a_while(ACCOUNT_SCOPE, _SHORT_HALT_S)

    async def _halt_for_a_while(self, scope: str, lasts_s: float, ending: Life | None = None) -> None:
        async with self._word:  # one word after the other: of two that contradict each other nobody could say which holds
            if await self._change_mode(scope, TradingMode.HALTED):
                self._watch.halted.add(scope)
                if ending is not None:
                    ending.cut_power()
        await asyncio.sleep(lasts_s)
        async with self._word:
            self._watch.halted.discard(scope)
            await self._change_mode(scope, TradingMode.ACTIVE)
