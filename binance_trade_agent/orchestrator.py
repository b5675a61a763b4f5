"""TradingOrchestrator: the same stations for plain synchronous code and threads, one symbol after the other.

It owns a thread with an event loop, in which the asynchronous stations live. Every method may be called from any thread, also by
`loop.run_in_executor`; calls wait for each other.
"""

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.domain.decision import TradeDecision
from binance_trade_agent.domain.portfolio import PortfolioSnapshot
from binance_trade_agent.domain.trade_request import Quantity, TradeRequest

T = TypeVar("T")


class TradingOrchestrator:
    """Synchronous face of the stations; a context manager that opens the book on entry and closes it on exit."""

    def __init__(self, orchestrator: AsyncTradingOrchestrator | None = None) -> None:
        self._orchestrator = orchestrator or AsyncTradingOrchestrator()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> "TradingOrchestrator":
        if self._loop is not None:
            raise RuntimeError("this TradingOrchestrator is open already")
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="trading-orchestrator", daemon=True)
        self._thread.start()
        self._loop = loop
        try:
            self._run(self._orchestrator.__aenter__())
        except BaseException:
            self._stop(loop)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._loop is None:
            return
        try:
            self._run(self._orchestrator.__aexit__(kind, error, trace))
        finally:
            self._stop(self._loop)

    def execute_trading_workflow(self, symbol: str, quantity: Quantity | None = None) -> TradeDecision:
        """Take one symbol through all stations; see AsyncTradingOrchestrator.execute_trading_workflow."""
        return self._run(self._orchestrator.execute_trading_workflow(symbol, quantity))

    def execute_multi_symbol_workflow(self, requests: Sequence[TradeRequest | Mapping[str, object]]) -> list[TradeDecision]:
        """Take symbols through all stations one after the other; the time grows with their number."""
        return [decision for request in requests for decision in self._run(self._orchestrator.execute_multi_symbol_workflow([request]))]

    def get_portfolio_snapshot(self) -> PortfolioSnapshot:
        """The book as it stands, positions marked at fresh prices."""
        return self._run(self._orchestrator.get_portfolio_snapshot())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._turn:
            if self._loop is None:
                work.close()
                raise RuntimeError("TradingOrchestrator is used outside its `with` block")
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _stop(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._turn:
            self._loop = None
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join()
        loop.close()
