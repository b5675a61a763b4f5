"""A pilot for agents in virtual time: runs passes, one a candle, breaks requests, and looks at the exchange behind."""

from decimal import Decimal

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.order import JournaledOrder, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.risk import Approved, Reservation
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.wiring import Components

MINUTE_MS = 60_000


class Pilot:
    """Runs passes of an agent, one a candle, and looks at the exchange behind it."""

    def __init__(self, components: Components) -> None:
        self.components = components
        self.orchestrator = AsyncTradingOrchestrator(components)
        self.newest_order: JournaledOrder | None = None

    async def warm_up(self) -> None:
        """Wait for candles enough for every risk rule."""
        await self.components.clock.sleep_until(self.components.clock.now_ms() + 5 * MINUTE_MS)

    async def passes(self, count: int) -> list[TradeDecision]:
        decisions: list[TradeDecision] = []
        for _ in range(count):
            await self.next_candle()
            decisions = list((await self.orchestrator.run_pass()).decisions)
        orders = await self._orders()
        self.newest_order = orders[-1] if orders else None
        return decisions

    async def next_candle(self) -> None:
        clock = self.components.clock
        await clock.sleep_until((clock.now_ms() // MINUTE_MS + 1) * MINUTE_MS + 1_000)

    def break_order(self, kind: FaultKind) -> None:
        self.components.venue.connection.transport.faults.append(Fault(kind, "POST /api/v3/order"))

    def hide_orders(self) -> None:
        """From now on the exchange does not answer when it is asked about one order."""
        faults = self.components.venue.connection.transport.faults
        faults.append(Fault(FaultKind.ANSWER_5XX_NOT_EXECUTED, "GET /api/v3/order", times=None))

    @property
    def theirs(self):
        """The account's balances as the exchange has them."""
        embedded = self.components.venue.embedded
        return embedded.exchange.balances(embedded.api_key)

    @property
    def exchange_orders(self):
        embedded = self.components.venue.embedded
        return [order for order in embedded.exchange.orders(embedded.api_key) if order.symbol == "AAAUSDT"]

    async def _orders(self) -> list[JournaledOrder]:
        return [order for order in await self.components.store.all_orders() if order.intent.symbol == "AAAUSDT"]

    async def states(self) -> list[OrderState]:
        return [order.state for order in await self._orders()]

    async def events(self) -> list[str]:
        """The names of all order events, oldest first."""
        rows = await self.components.store._database.read(
            lambda connection: connection.execute("SELECT event FROM order_events ORDER BY id").fetchall()
        )
        return [row[0] for row in rows]

    def check_agreement(self) -> None:
        theirs = {asset: balance.total for asset, balance in self.theirs.items() if balance.total}
        ours = {asset: amount for asset, amount in self.components.portfolio.balances.items() if amount}
        assert ours == theirs


def fly(open_agent, flight, **settings):
    async def main():
        async with open_agent(**settings) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            await pilot.warm_up()
            await flight(pilot)

    run_virtual(main())


def verdict(decisions: list[TradeDecision], symbol: str = "AAAUSDT") -> Verdict:
    return next(decision.verdict for decision in decisions if decision.symbol == symbol)


def approved(components: Components, quantity: str = "1") -> Approved:
    """An approval of a market buy, as risk would give it."""
    order_id = components.portfolio.next_client_order_id()
    intent = OrderIntent(
        client_order_id=order_id,
        symbol="AAAUSDT",
        side=Side.BUY,
        type=OrderType.MARKET,
        quantity=Decimal(quantity),
        reference_price=Decimal(100),
        purpose=Purpose.ENTRY,
        created_ms=components.clock.now_ms(),
        correlation_id="test",
        reason="a test",
    )
    return Approved(intent, Reservation(order_id, "AAAUSDT", Decimal(100)))
