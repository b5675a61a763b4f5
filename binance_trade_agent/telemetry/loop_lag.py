"""Event-loop lag: how late the loop runs a timer, measured for as long as the daemon lives."""

import asyncio
from typing import NoReturn

from binance_trade_agent.domain.facts import LoopLagged
from binance_trade_agent.ports.observer import Observer

INTERVAL_MS = 500


async def measure_loop_lag(observer: Observer, *, interval_ms: int = INTERVAL_MS) -> NoReturn:
    """Report LoopLagged every `interval_ms`; ends only by being cancelled. In virtual time the lag is always 0."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + interval_ms / 1000
        await asyncio.sleep(interval_ms / 1000)
        observer.observe(LoopLagged(max(0.0, (loop.time() - due) * 1000)))
