"""ProtectionAgent: keeps an OCO on the exchange for every position, so that stop-loss and take-profit outlive this process.

A pair goes the way of every order, by the sending desk; what is neither yes nor no is left to the reconciler, like the fills of the legs.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from binance_trade_agent.domain.errors import ExchangeError
from binance_trade_agent.domain.facts import PositionsProtected
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import JournaledOrder, OrderIntent, OrderReport, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.outcome import Accepted, Rejected
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.protection import ProtectionPlan, ProtectivePair
from binance_trade_agent.domain.risk import Approved, Refused, Reservation, RiskRule, TradingMode
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.ports.book import OrderJournal, Settled
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.exchange import Exchange, LastLook
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.ports.protective_orders import ProtectiveOrders
from binance_trade_agent.sending_desk import Delivery, SendingDesk

REFUSALS_BEFORE_GIVING_UP = 3
"""So many definite refusals in a row: one may be a price that moved on the way, this many are the exchange's word."""


@dataclass(frozen=True, slots=True)
class ProtectionRules:
    """What the other stations say about protection.

    `plan` is what should stand for a symbol, `mode_for` whether it may be sent, `hold` keeps watch over a leg. `follow` takes the
    exchange's word on an order into the book. `give_up` is what happens to a position that the exchange takes no pair for.
    `next_order_id` gives ids that were never used.
    """

    plan: Callable[[str, SymbolRules | None, PortfolioView], ProtectionPlan | Refused | None]
    mode_for: Callable[[str], TradingMode]
    hold: Callable[[Reservation], None]
    follow: Callable[[OrderReport], Awaitable[Settled | None]]
    give_up: Callable[[str, str], Awaitable[None]]
    next_order_id: Callable[[], str]


class ProtectionAgent:
    """Places, replaces and withdraws the pairs; called in the turn of passes and comparisons, never beside them."""

    def __init__(
        self,
        exchange: Exchange,
        orders: ProtectiveOrders,
        journal: OrderJournal,
        desk: SendingDesk,
        rules: ProtectionRules,
        *,
        clock: Clock,
        observer: Observer,
    ) -> None:
        self._exchange = exchange
        self._orders = orders
        self._journal = journal
        self._desk = desk
        self._rules = rules
        self._clock = clock
        self._observer = observer
        self._refusals: dict[str, int] = {}
        self.unprotected: tuple[str, ...] = ()

    async def ensure(self, view: PortfolioView, rules: Mapping[str, SymbolRules]) -> None:
        """Bring every position's pair to what it should be, and report which have none. Raises BookError."""
        symbols = {order.intent.symbol for order in self._journal.open_orders() if order.is_resting} | set(view.positions)
        bare = [symbol for symbol in sorted(symbols) if not await self._ensure_one(symbol, rules.get(symbol), view)]
        self.unprotected = tuple(bare)
        self._observer.observe(PositionsProtected(len(symbols) - len(bare), self.unprotected))

    async def withdraw(self, symbol: str) -> bool:
        """Cancel what protects `symbol`. True when nothing of it is open any more and nothing of it was sold meanwhile."""
        legs = self._legs(symbol)
        fills = 0
        for list_id in dict.fromkeys(leg.intent.list_id for leg in legs if leg.intent.list_id is not None):
            for report in await self._canceled(symbol, list_id):
                fills += await self._follow(report)
        for leg in self._legs(symbol):
            fills += await self._look_for(leg)
        return not self._legs(symbol) and fills == 0

    # -- one position ----------------------------------------------------------------------------------------------------------

    async def _ensure_one(self, symbol: str, rules: SymbolRules | None, view: PortfolioView) -> bool:
        """True when the position needs no pair or has the right one."""
        plan = self._rules.plan(symbol, rules, view)
        orders = [order for order in self._journal.open_orders() if order.intent.symbol == symbol]
        is_unsettled = not all(order.is_resting for order in orders)
        if plan is None:
            self._refusals.pop(symbol, None)
            if not is_unsettled:
                await self.withdraw(symbol)
            return True
        if isinstance(plan, ProtectionPlan) and _covers(orders, plan):
            self._refusals.pop(symbol, None)
            return True
        if is_unsettled or self._rules.mode_for(symbol) is TradingMode.HALTED:
            return False
        if isinstance(plan, Refused):
            if plan.rule not in {RiskRule.NO_RULES, RiskRule.SYMBOL_STATUS}:
                await self._refused(symbol, plan.reason)
            return False
        price = view.marks.get(symbol)
        if price is None or plan.is_due_at(price) or not await self.withdraw(symbol):
            return False
        return await self._is_placed(symbol, await self._place(self._pair(plan, view)))

    async def _is_placed(self, symbol: str, delivery: Delivery) -> bool:
        outcome = delivery.outcome
        if isinstance(outcome, Rejected) and not outcome.is_passing:
            await self._refused(symbol, f"{outcome.code}: {outcome.message}")
        if isinstance(outcome, Accepted):
            self._refusals.pop(symbol, None)
        return all(settled.order.state is OrderState.NEW for settled in delivery.settled)

    async def _refused(self, symbol: str, reason: str) -> None:
        count = self._refusals.get(symbol, 0) + 1
        self._refusals[symbol] = count
        if count >= REFUSALS_BEFORE_GIVING_UP:
            await self._rules.give_up(symbol, f"its stop-loss and take-profit cannot be placed on the exchange: {reason}")

    def _legs(self, symbol: str) -> tuple[JournaledOrder, ...]:
        return tuple(order for order in self._journal.open_orders() if order.intent.symbol == symbol and order.intent.list_id is not None)

    # -- withdrawing -----------------------------------------------------------------------------------------------------------

    async def _canceled(self, symbol: str, list_id: str) -> Sequence[OrderReport]:
        """What the cancellation was answered with; nothing when it was refused or its fate is unknown: then each leg is looked for."""
        try:
            return await self._orders.cancel(symbol, list_id)
        except ExchangeError:
            return ()

    async def _look_for(self, leg: JournaledOrder) -> int:
        """How many fills came of looking for one leg that the list's cancellation did not end."""
        intent = leg.intent
        try:
            report = await self._exchange.get_order(intent.symbol, intent.client_order_id)
            if report is not None and not report.status.event.ends_order:
                # The list is over, but the rest of a leg that has traded may stand alone.
                report = await self._exchange.cancel_order(intent.symbol, intent.client_order_id)
        except ExchangeError:
            return 0
        return 0 if report is None else await self._follow(report)

    async def _follow(self, report: OrderReport) -> int:
        try:
            settled = await self._rules.follow(report)
        except ExchangeError:
            return 0  # the leg stays open, so nobody takes it for withdrawn
        return len(settled.new_fills) if settled else 0

    # -- placing ---------------------------------------------------------------------------------------------------------------

    def _pair(self, plan: ProtectionPlan, view: PortfolioView) -> ProtectivePair:
        list_id = self._rules.next_order_id()

        def leg(order_type: OrderType) -> OrderIntent:
            is_stop = order_type is OrderType.STOP_LOSS
            return OrderIntent(
                client_order_id=self._rules.next_order_id(),
                symbol=plan.symbol,
                side=Side.SELL,
                type=order_type,
                quantity=plan.quantity,
                reference_price=view.marks[plan.symbol],
                purpose=Purpose.EXIT,
                created_ms=self._clock.now_ms(),
                correlation_id=list_id,
                reason="stop-loss on the exchange" if is_stop else "take-profit on the exchange",
                price=None if is_stop else plan.profit_price,
                stop_price=plan.stop_price if is_stop else None,
                list_id=list_id,
            )

        return ProtectivePair(list_id, leg(OrderType.LIMIT_MAKER), leg(OrderType.STOP_LOSS))

    async def _place(self, pair: ProtectivePair) -> Delivery:
        legs = [Approved(leg, Reservation(leg.client_order_id, leg.symbol, ZERO)) for leg in pair.legs]
        for leg in legs:
            self._rules.hold(leg.reservation)

        async def place(send_deadline_ms: int, last_look: LastLook) -> Sequence[OrderReport]:
            return await self._orders.place(pair, send_deadline_ms=send_deadline_ms, last_look=last_look)

        return await self._desk.send(legs, place)


def _covers(orders: Sequence[JournaledOrder], plan: ProtectionPlan) -> bool:
    """Whether `orders` are exactly the untouched pair of `plan`."""
    whole = all(order.state is OrderState.NEW and order.executed_quantity == ZERO for order in orders)
    legs = {(order.intent.quantity, order.intent.price, order.intent.stop_price) for order in orders if order.intent.list_id is not None}
    return whole and len(orders) == 2 and legs == {(plan.quantity, plan.profit_price, None), (plan.quantity, None, plan.stop_price)}
