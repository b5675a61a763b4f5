"""An operator's desk that remembers what it was asked for, in place of a running agent."""

from decimal import Decimal

from binance_trade_agent.cancellation_agent import Cancellations
from binance_trade_agent.domain.order import JournaledOrder, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.risk import ModeChange, TradingMode
from binance_trade_agent.domain.symbol_facts import SymbolsTraded
from binance_trade_agent.service.operator_verbs import Flattening, OperatorVerbs


class Desk:
    """Records what was asked; raises `error` instead when there is one."""

    def __init__(self) -> None:
        self.set: list[tuple[str, TradingMode, str]] = []
        self.flattened: list[tuple[str, str]] = []
        self.canceled: list[tuple[str, str]] = []
        self.settled: list[tuple[str, str]] = []
        self.refreshed = 0
        self.account_mode = TradingMode.ACTIVE
        self.error: Exception | None = None
        self.verbs = OperatorVerbs(
            self.set_mode,
            self.flatten,
            self.cancel,
            self.settle,
            symbols=lambda: {"BTCUSDT", "ETHUSDT"},
            account_mode=lambda: self.account_mode,
            refresh=self.refresh,
        )

    async def set_mode(self, scope: str, mode: TradingMode, reason: str) -> ModeChange:
        self._fail()
        self.set.append((scope, mode, reason))
        return ModeChange(7, scope, mode, "operator", reason)

    async def flatten(self, scope: str, reason: str) -> Flattening:
        self._fail()
        self.flattened.append((scope, reason))
        return Flattening(ModeChange(7, scope, TradingMode.REDUCING, "flatten", reason), ("BTCUSDT",), ("ETHUSDT",))

    async def cancel(self, scope: str, reason: str) -> Cancellations:
        self._fail()
        self.canceled.append((scope, reason))
        return Cancellations(("bta-a-1",), ("bta-a-2",))

    async def settle(self, order_id: str, reason: str) -> JournaledOrder:
        self._fail()
        self.settled.append((order_id, reason))
        intent = OrderIntent(order_id, "BTCUSDT", Side.BUY, OrderType.MARKET, Decimal(2), Decimal(1), Purpose.ENTRY, 1, "c", "because")
        return JournaledOrder(intent, OrderState.EXPIRED, 1, 5, Decimal("0.5"), 7)

    async def refresh(self) -> SymbolsTraded:
        self._fail()
        self.refreshed += 1
        return SymbolsTraded(("BTCUSDT", "ETHUSDT"), ("SOLUSDT",), joined=("ETHUSDT",), left=("SOLUSDT",), closing=("SOLUSDT",))

    def _fail(self) -> None:
        if self.error:
            raise self.error
