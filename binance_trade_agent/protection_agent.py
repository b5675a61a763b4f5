"""ProtectionAgent: keeps guards on the exchange for every position, so that stop-loss and take-profit outlive this process.

A guard is an OCO, or a stop by itself. Its orders go the way of every order, by the sending desk; what is neither yes nor no is left to
the reconciler, like what they sell.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from msgspec import structs

from binance_trade_agent.domain.errors import ExchangeError
from binance_trade_agent.domain.facts import PositionsProtected
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import JournaledOrder, OrderIntent, OrderReport, OrderState, OrderType, Purpose, Side, TimeInForce
from binance_trade_agent.domain.outcome import Accepted, Rejected, Unknown
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.protection import Guard, ProtectionPlan, guards_of
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

    `plan` is what should stand for a symbol, `mode_for` whether it may be sent, `hold` keeps watch over an order. `follow` takes the
    exchange's word on an order into the book. `give_up` is what happens to a position that the exchange takes no guard for.
    `next_order_id` gives ids that were never used. A stop that trails is moved when it is `trailing_step` of its price behind.
    """

    plan: Callable[[str, SymbolRules | None, PortfolioView], ProtectionPlan | Refused | None]
    mode_for: Callable[[str], TradingMode]
    hold: Callable[[Approved], None]
    follow: Callable[[OrderReport], Awaitable[Settled | None]]
    give_up: Callable[[str, str], Awaitable[None]]
    next_order_id: Callable[[], str]
    trailing_step: Decimal = ZERO


class ProtectionAgent:
    """Places, moves and withdraws the guards; called in the turn of passes and comparisons, never beside them.

    A position counts as protected when guards that the book knows to stand, untouched, hold all of it that one may sell; then
    it is not in `unprotected`, also while a stop that trails waits to be moved.
    """

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
        """Bring every position's guards to what they should be, and report which have none. Raises BookError."""
        symbols = {order.intent.symbol for order in self._journal.open_orders() if order.is_resting} | set(view.positions)
        bare = [symbol for symbol in sorted(symbols) if not await self._ensure_one(symbol, rules.get(symbol), view)]
        self.unprotected = tuple(bare)
        self._observer.observe(PositionsProtected(len(symbols) - len(bare), self.unprotected))

    async def withdraw(self, symbol: str) -> bool:
        """Cancel what protects `symbol`. True when nothing of it is open any more and nothing of it was sold meanwhile."""
        fills = 0
        for list_id in dict.fromkeys(order.intent.list_id for order in self._orders_of(symbol) if order.intent.list_id is not None):
            for report in await self._canceled(symbol, list_id):
                fills += await self._follow(report)
        for order in self._orders_of(symbol):
            fills += await self._end(order)
        return not self._orders_of(symbol) and fills == 0

    # -- one position ----------------------------------------------------------------------------------------------------------

    async def _ensure_one(self, symbol: str, rules: SymbolRules | None, view: PortfolioView) -> bool:
        """True when the position needs no guard or has all of them."""
        plan = self._rules.plan(symbol, rules, view)
        orders = self._open_orders(symbol)
        is_unsettled = not all(order.is_resting for order in orders)
        if plan is None:
            self._refusals.pop(symbol, None)
            if not is_unsettled:
                await self.withdraw(symbol)
            return True
        if isinstance(plan, Refused):
            may_act = not is_unsettled and self._rules.mode_for(symbol) is not TradingMode.HALTED
            if may_act and plan.rule not in {RiskRule.NO_RULES, RiskRule.SYMBOL_STATUS}:
                await self._refused(symbol, plan.reason)
            return False
        guards = guards_of(orders)
        is_covered = _covers(guards, self._orders_of(symbol), plan)
        if is_covered and all(guard.meets(plan, self._rules.trailing_step) for guard in guards):
            self._refusals.pop(symbol, None)
            return plan.bare == ZERO
        price = view.marks.get(symbol)
        if is_unsettled or self._rules.mode_for(symbol) is TradingMode.HALTED or price is None or plan.is_due_at(price):
            return is_covered and plan.bare == ZERO
        if is_covered and all(guard.may_be_moved_to(plan) or guard.meets(plan, self._rules.trailing_step) for guard in guards):
            return await self._move_all(guards, plan, price) and plan.bare == ZERO
        return await self.withdraw(symbol) and await self._place_all(plan, price) and plan.bare == ZERO

    async def _place_all(self, plan: ProtectionPlan, price: Decimal) -> bool:
        for quantity in plan.quantities:
            if not await self._is_placed(plan.symbol, await self._place(self._guard(plan, quantity, price))):
                return False
        return True

    async def _move_all(self, guards: Sequence[Guard], plan: ProtectionPlan, price: Decimal) -> bool:
        for guard in [guard for guard in guards if not guard.meets(plan, self._rules.trailing_step)]:
            if not await self._moved(guard, plan, price):
                return False
        return True

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

    def _open_orders(self, symbol: str) -> tuple[JournaledOrder, ...]:
        return tuple(order for order in self._journal.open_orders() if order.intent.symbol == symbol)

    def _orders_of(self, symbol: str) -> tuple[JournaledOrder, ...]:
        return tuple(order for order in self._open_orders(symbol) if order.intent.is_protective)

    # -- withdrawing -----------------------------------------------------------------------------------------------------------

    async def _canceled(self, symbol: str, list_id: str) -> Sequence[OrderReport]:
        """What the cancellation was answered with; nothing when it was refused or its fate is unknown: then each leg is looked for."""
        try:
            return await self._orders.cancel(symbol, list_id)
        except ExchangeError:
            return ()

    async def _end(self, order: JournaledOrder) -> int:
        """Cancel one order that no list's cancellation has ended, where it stands; how many fills came of it."""
        intent = order.intent
        try:
            report = await self._exchange.get_order(intent.symbol, intent.client_order_id)
            if report is not None and not report.status.event.ends_order:
                # A stop by itself, or the rest of a leg that has traded, whose list is over.
                report = await self._exchange.cancel_order(intent.symbol, intent.client_order_id)
        except ExchangeError:
            return 0
        return 0 if report is None else await self._follow(report)

    async def _follow(self, report: OrderReport) -> int:
        try:
            settled = await self._rules.follow(report)
        except ExchangeError:
            return 0  # the order stays open, so nobody takes it for withdrawn
        return len(settled.new_fills) if settled else 0

    # -- placing and moving ----------------------------------------------------------------------------------------------------

    async def _place(self, guard: Guard) -> Delivery:
        async def place(send_deadline_ms: int, last_look: LastLook) -> Sequence[OrderReport]:
            return await self._orders.place(guard, send_deadline_ms=send_deadline_ms, last_look=last_look)

        return await self._desk.send(self._approved(guard.orders), place)

    async def _moved(self, guard: Guard, plan: ProtectionPlan, price: Decimal) -> bool:
        """Have a stop by itself take the place of `guard` in one request; True when one of them stands.

        When the exchange cancels and then refuses the new stop, one at the old price follows at once.
        """
        new = self._guard(replace(plan, profit_price=None), guard.stop.quantity, price)
        delivery, canceled = await self._replace(guard, new.stop)
        for report in canceled:
            await self._follow(report)
        if isinstance(delivery.outcome, Accepted | Unknown):
            return all(settled.order.state is OrderState.NEW for settled in delivery.settled)
        if not canceled:
            return True  # neither half was done
        before = replace(plan, stop_price=guard.stop.stop_price or plan.stop_price, limit_price=guard.stop.price, profit_price=None)
        return await self._is_placed(plan.symbol, await self._place(self._guard(before, guard.stop.quantity, price)))

    async def _replace(self, guard: Guard, stop: OrderIntent) -> tuple[Delivery, Sequence[OrderReport]]:
        canceled: list[OrderReport] = []

        async def replace_it(send_deadline_ms: int, last_look: LastLook) -> Sequence[OrderReport]:
            done = await self._orders.replace(guard, stop, send_deadline_ms=send_deadline_ms, last_look=last_look)
            canceled.extend(done.canceled)
            if isinstance(done.placed, ExchangeError):
                raise done.placed
            return [done.placed]

        return await self._desk.send(self._approved((stop,)), replace_it), canceled

    def _approved(self, intents: Sequence[OrderIntent]) -> Sequence[Approved]:
        approved = [Approved(intent, Reservation(intent.client_order_id, intent.symbol, ZERO)) for intent in intents]
        for each in approved:
            self._rules.hold(each)
        return approved

    def _guard(self, plan: ProtectionPlan, quantity: Decimal, price: Decimal) -> Guard:
        list_id, profit_id = None, ""
        if plan.profit_price is not None:
            # In the order in which they are journaled, so that age by number and by entry are one.
            list_id, profit_id = self._rules.next_order_id(), self._rules.next_order_id()
        order_id = self._rules.next_order_id()
        has_limit = plan.limit_price is not None
        stop = OrderIntent(
            client_order_id=order_id,
            symbol=plan.symbol,
            side=Side.SELL,
            type=OrderType.STOP_LOSS_LIMIT if has_limit else OrderType.STOP_LOSS,
            quantity=quantity,
            reference_price=price,
            purpose=Purpose.EXIT,
            created_ms=self._clock.now_ms(),
            correlation_id=list_id or order_id,
            reason="stop-loss on the exchange",
            price=plan.limit_price,
            time_in_force=TimeInForce.GTC if has_limit else None,
            stop_price=plan.stop_price,
            list_id=list_id,
        )
        if plan.profit_price is None:
            return Guard(stop)
        profit = structs.replace(
            stop,
            client_order_id=profit_id,
            type=OrderType.LIMIT_MAKER,
            reason="take-profit on the exchange",
            price=plan.profit_price,
            time_in_force=None,
            stop_price=None,
        )
        return Guard(stop, profit)


def _covers(guards: Sequence[Guard], orders: Sequence[JournaledOrder], plan: ProtectionPlan) -> bool:
    """Whether `guards` hold the quantities of `plan`, and `orders` are nothing but theirs."""
    quantities = sorted(guard.stop.quantity for guard in guards)
    return quantities == sorted(plan.quantities) and sum(len(guard.orders) for guard in guards) == len(orders)
