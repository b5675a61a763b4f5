"""OrderLists: how an order list comes in, and what its orders do to each other.

Sources: rest-api.md, "Order lists"; fix-api.md, "Supported Order List Types"; faqs/opo.md; user-data-stream.md, "Order Expiry Reason".

- Of a pair (OCO) only one executes. Once the one in the book has traded, the other expires; before a conditional one goes to work, the
  other expires; when one ends without either, the other expires, too.
- What waits for a working order (OTO) goes to work when that one is filled whole, and expires when it ends otherwise. Until then it has
  locked what it needs; when the working order pays (OPO), what that one has brought in.
- A pair locks funds once, as much as the more expensive of the two needs. The target has the lock: it is the one that may rest in the
  book while both are open.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import ExchangeStatus
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.accounts import Accounts
from binance_trade_agent.simulation.engine.amendments import amend_refused, amended
from binance_trade_agent.simulation.engine.commissions import DISCOUNT_ASSET
from binance_trade_agent.simulation.engine.entry import Entry
from binance_trade_agent.simulation.engine.floor import Floor
from binance_trade_agent.simulation.engine.list_checks import require_straddle
from binance_trade_agent.simulation.engine.list_records import ListCancellation, ListPlacement, NewOrderList, OrderList, listed
from binance_trade_agent.simulation.engine.numbering import Numbering
from binance_trade_agent.simulation.engine.open_lists import OpenLists
from binance_trade_agent.simulation.engine.records import NOT_YET, ExchangeOrder, NewOrder, Placement
from binance_trade_agent.simulation.engine.refusals import rejected
from binance_trade_agent.simulation.engine.rulebook import Rulebook
from binance_trade_agent.simulation.engine.settlement import Settlement, spent_asset
from binance_trade_agent.simulation.engine.tape import Tape
from binance_trade_agent.simulation.engine.terms import ExpiryReason, ListStatusType, OrderType
from binance_trade_agent.simulation.engine.trading import Trading
from binance_trade_agent.simulation.engine.triggers import is_stop_reached
from binance_trade_agent.simulation.markets.market import Quote

QuoteAt = Callable[[str, int], Quote | None]
PriceAt = Callable[[str, int], Decimal | None]


class OrderLists:
    """The lists' side of the engine. Whatever is refused leaves no trace; consequences are carried out by `follow`."""

    def __init__(
        self,
        entry: Entry,
        trading: Trading,
        tape: Tape,
        numbering: Numbering,
        accounts: Accounts,
        settlement: Settlement,
        rulebook: Rulebook,
        open_lists: OpenLists,
        quote_at: QuoteAt,
        last_price: PriceAt,
    ) -> None:
        self._entry = entry
        self._trading = trading
        self._tape = tape
        self._numbering = numbering
        self._accounts = accounts
        self._settlement = settlement
        self._rulebook = rulebook
        self._open = open_lists
        self._quote_at = quote_at
        self._last_price = last_price

    # --- coming in -----------------------------------------------------------------------------------------------------------------

    def place(self, floor: Floor, account_id: int, request: NewOrderList, rules: SymbolRules, time_ms: int) -> ListPlacement:
        """Let a list come in; -2010 when one of its orders cannot."""
        list_id = self._open.next_id
        orders = self._drafts(account_id, request, list_id, time_ms)
        self._require_new_names(floor, account_id, request, orders)
        order_list = OrderList(
            order_list_id=list_id,
            account_id=account_id,
            symbol=request.symbol,
            client_order_id=request.client_order_id or self._numbering.automatic_id(request.symbol, list_id, "list"),
            orders=listed(orders),
            time_ms=time_ms,
            updated_ms=time_ms,
            working_id=None if request.working is None else orders[0].order_id,
            working_pays=request.working_pays,
        )
        self._open.put(order_list)
        try:
            placements = self._enter(floor, orders, request, rules, time_ms)
        except ExchangeRefusedError:
            self._open.withdraw(order_list)
            raise
        self._tape.list_report(ListStatusType.EXEC_STARTED, order_list)
        return ListPlacement(order_list, placements)

    def _drafts(self, account_id: int, request: NewOrderList, list_id: int, time_ms: int) -> list[ExchangeOrder]:
        last_price = self._last_price(request.symbol, time_ms)
        drafts = [self._entry.draft(account_id, order, time_ms, last_price, ahead=at) for at, order in enumerate(request.orders)]
        return [replace(draft, order_list_id=list_id) for draft in drafts]

    def _require_new_names(self, floor: Floor, account_id: int, request: NewOrderList, orders: Sequence[ExchangeOrder]) -> None:
        names = [order.client_order_id for order in orders]
        taken = len(set(names)) < len(names) or any(floor.orders.by_client_order_id(account_id, name) for name in names)
        name = request.client_order_id
        if taken or (name is not None and self._open.by_client_order_id(account_id, name) is not None):
            raise rejected("Duplicate order sent.")

    def _enter(
        self, floor: Floor, orders: Sequence[ExchangeOrder], request: NewOrderList, rules: SymbolRules, time_ms: int
    ) -> tuple[Placement, ...]:
        if request.working is None:
            return self._enter_pair(floor, orders, rules, time_ms)
        working, others = orders[0], [self._pending(order, time_ms) for order in orders[1:]]
        if len(others) > 1:
            require_straddle(others[0], others[1], None)
        needed = max(order.amount_of(order.original_quantity) for order in others)
        also = working.amount_of(working.original_quantity) if working.side is others[0].side else ZERO
        if not self._settlement.can_pay(others[-1], rules, needed + also):
            raise rejected("Account has insufficient balance for requested action.")
        placement = self._entry.work(floor, working, rules, self._quote_at(working.symbol, time_ms), time_ms)
        # A commission in the same asset may have left less than was there before; it is asked for again when it is needed.
        free = self._accounts.free(working.account_id, spent_asset(others[-1].side, rules))
        others[-1] = replace(others[-1], locked_amount=min(needed, free))
        for order in others:
            self._entry.accept(order, rules)
            floor.orders.put(order)
        return placement, *(Placement(order, ()) for order in others)

    def _pending(self, order: ExchangeOrder, time_ms: int) -> ExchangeOrder:
        """The order while it waits for another one: the market does nothing to it."""
        hold_price = order.hold_price
        if order.type is OrderType.MARKET:
            hold_price = self._last_price(order.symbol, time_ms)
        return replace(
            order,
            status=ExchangeStatus.PENDING_NEW,
            is_working=False,
            working_ms=NOT_YET,
            trailing_ms=NOT_YET,
            trailing_price=None,
            hold_price=hold_price,
        )

    def _enter_pair(self, floor: Floor, pair: Sequence[ExchangeOrder], rules: SymbolRules, time_ms: int) -> tuple[Placement, ...]:
        """Let a pair come in, the target first, which may be refused by the book."""
        stop_loss, target = pair
        last_price = self._last_price(floor.symbol, time_ms)
        require_straddle(stop_loss, target, last_price)
        if last_price is not None and any(is_stop_reached(order, last_price) for order in pair):
            raise rejected("Order would trigger immediately.")
        locked = max(order.amount_of(order.remaining_quantity) for order in pair)
        if not self._settlement.can_pay(target, rules, locked):
            raise rejected("Account has insufficient balance for requested action.")
        if target.is_conditional:
            second = self._entry.wait(floor, target, rules, last_price, locked=locked)
        else:
            second = self._entry.work(floor, target, rules, self._quote_at(floor.symbol, time_ms), time_ms)
            second = Placement(self._relocked(floor, second.order, rules, max(locked, second.order.locked_amount)), ())
        first = self._entry.wait(floor, stop_loss, rules, last_price, locked=ZERO)
        return first, second

    def _relocked(self, floor: Floor, order: ExchangeOrder, rules: SymbolRules, amount: Decimal) -> ExchangeOrder:
        after = replace(order, locked_amount=amount)
        self._settlement.relock(order.locked_amount, after, rules)
        floor.put(after)
        self._tape.put(after)
        return after

    # --- what follows --------------------------------------------------------------------------------------------------------------

    @property
    def has_news(self) -> bool:
        """True while something is to be followed."""
        return self._open.has_news

    def follow(self, floor: Floor, rules: SymbolRules, time_ms: int) -> None:
        """Carry out what the newest changes of one list's orders mean for the others of it."""
        order_list, orders = self._open.next_news()
        others = [orders[order_id] for order_id in order_list.other_ids]
        if order_list.working_id is not None and any(order.is_pending for order in others):
            working = orders[order_list.working_id]
            others = self._keep_received(floor, order_list, others, rules)
            if working.status is ExchangeStatus.FILLED:
                self._arm(floor, order_list, others, rules, time_ms)
            elif not working.is_open:
                self._expire(floor, others, rules, time_ms, ExpiryReason.OTO_PHASE_ONE_EXPIRED)
        elif any(_has_begun(order) for order in others):
            rest = [order for order in others if not _has_begun(order)]
            self._expire(floor, rest, rules, time_ms, ExpiryReason.OCO_TRIGGER)
        if not any(order.is_open for order in orders.values()):
            self._finish(order_list, time_ms)

    def set_off(self, floor: Floor, order: ExchangeOrder, rules: SymbolRules, time_ms: int) -> None:
        """Before a conditional order goes to work, let the other of its pair expire."""
        order_list = self._open.get(order.order_list_id)
        if order_list is None:
            return
        orders = self._open.orders(order_list)
        rest = [orders[order_id] for order_id in order_list.other_ids if order_id != order.order_id]
        self._expire(floor, rest, rules, time_ms, ExpiryReason.OCO_TRIGGER)

    def require_amendable(self, order: ExchangeOrder) -> None:
        """Raise -2038 for an order whose quantity another one has yet to pay for."""
        order_list = self._open.get(order.order_list_id)
        if order_list is not None and order_list.working_pays and order.is_pending:
            raise amend_refused("Order amend (pending OPO order) is not supported.")

    def amended(self, floor: Floor, before: ExchangeOrder, after: ExchangeOrder, rules: SymbolRules) -> OrderList | None:
        """Let the list of an order that got smaller follow: a pair has one quantity and one lock, and names may have changed.

        Source: faqs/order_amend_keep_priority.md, "Can Order lists be amended?". Returns the list, None for an order without one.
        """
        order_list = self._open.get(after.order_list_id)
        if order_list is None:
            return None
        orders = self._open.orders(order_list)
        pair = [orders[order_id] for order_id in order_list.other_ids if orders[order_id].is_open]
        if len(pair) > 1 and after.order_id in order_list.other_ids:
            stop_loss, target = (self._as_small(floor, order, after, rules) for order in pair)
            self._relocked(floor, target, rules, max(each.amount_of(each.remaining_quantity) for each in (stop_loss, target)))
        if after.client_order_id != before.client_order_id:
            order_list = order_list.renamed(after, after.updated_ms)
            self._open.put(order_list)
            self._tape.list_report(ListStatusType.UPDATED, order_list)
        return order_list

    def _as_small(self, floor: Floor, order: ExchangeOrder, model: ExchangeOrder, rules: SymbolRules) -> ExchangeOrder:
        """The other of a pair with the quantity that `model` has now."""
        if order.original_quantity == model.original_quantity:
            return order
        smaller = amended(order, model.original_quantity, order.client_order_id, model.updated_ms)
        self._settlement.relock(order.locked_amount, smaller, rules)
        floor.put(smaller)
        self._tape.amended(order, smaller)
        return smaller

    def cancel(self, floor: Floor, order_list: OrderList, rules: SymbolRules, time_ms: int, cancel_id: str | None) -> ListCancellation:
        """Cancel every order of the list that is still open; without `cancel_id` the cancel gets an id that is made up."""
        open_orders = [order for order in self._open.orders(order_list).values() if order.is_open]
        name = cancel_id or self._numbering.automatic_id(order_list.symbol, open_orders[0].order_id, "cancel")
        canceled = tuple(
            self._trading.end(floor, order, rules, ExchangeStatus.CANCELED, time_ms, cancel_id=name)
            for order in sorted(open_orders, key=lambda order: order.order_id)
        )
        return ListCancellation(self._finish(order_list, time_ms), canceled, name)

    def _expire(self, floor: Floor, orders: Sequence[ExchangeOrder], rules: SymbolRules, time_ms: int, reason: ExpiryReason) -> None:
        for order in orders:
            if order.is_open:
                self._trading.end(floor, order, rules, ExchangeStatus.EXPIRED, time_ms, reason=reason)

    def _finish(self, order_list: OrderList, time_ms: int) -> OrderList:
        finished = order_list.finished(time_ms)
        self._open.remove(order_list)
        self._tape.list_report(ListStatusType.ALL_DONE, finished)
        return finished

    # --- arming --------------------------------------------------------------------------------------------------------------------

    def _keep_received(self, floor: Floor, order_list: OrderList, others: list[ExchangeOrder], rules: SymbolRules) -> list[ExchangeOrder]:
        """Lock what the working order has brought in, for those who are to sell it.

        The commission comes from what else is free, when there is enough of it and the asset is not BNB (faqs/opo.md).
        """
        trades = self._open.take_received(order_list)
        if not trades:
            return others
        kept = sum((trade.quantity for trade in trades), ZERO)
        if rules.base_asset == DISCOUNT_ASSET or kept > self._accounts.free(order_list.account_id, rules.base_asset):
            kept -= sum((trade.commission for trade in trades if trade.commission_asset == rules.base_asset), ZERO)
        holder = others[-1]
        return [*others[:-1], self._relocked(floor, holder, rules, holder.locked_amount + kept)]

    def _arm(self, floor: Floor, order_list: OrderList, others: Sequence[ExchangeOrder], rules: SymbolRules, time_ms: int) -> None:
        """Let the orders go to work that have waited; those that cannot are rejected, which means that they expire."""
        paid = self._lots_of(others) if order_list.working_pays else None
        freed = [replace(order, locked_amount=ZERO) for order in others]
        for order, free in zip(others, freed, strict=True):
            self._settlement.relock(order.locked_amount, free, rules)
        try:
            requests = [_request(order, paid) for order in others]
            for request in requests:
                self._rulebook.gate.check_alone(order_list.account_id, request, time_ms)
            armed = [self._armed(order, request, time_ms) for order, request in zip(others, requests, strict=True)]
            if len(armed) > 1:
                self._enter_pair(floor, armed, rules, time_ms)
            elif armed[0].is_conditional:
                self._entry.wait(floor, armed[0], rules, self._last_price(floor.symbol, time_ms))
            else:
                self._entry.work(floor, armed[0], rules, self._quote_at(floor.symbol, time_ms), time_ms)
        except ExchangeRefusedError:
            self._expire(floor, freed, rules, time_ms, ExpiryReason.REJECTED)

    def _lots_of(self, others: Sequence[ExchangeOrder]) -> Decimal:
        """As much of what the working order has brought in as makes whole lots for all of the orders."""
        checks = self._rulebook.listings.checks(others[0].symbol)
        quantity = sum((order.locked_amount for order in others), ZERO)
        return min(checks.whole_lots(quantity, market=order.type is OrderType.MARKET) for order in others)

    def _armed(self, order: ExchangeOrder, request: NewOrder, time_ms: int) -> ExchangeOrder:
        """The order as if it were placed now, under its old names."""
        last_price = self._last_price(order.symbol, time_ms)
        return replace(
            self._entry.draft(order.account_id, request, time_ms, last_price),
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            order_list_id=order.order_list_id,
            time_ms=order.time_ms,
            queue_number=self._numbering.next_queue_number(order.symbol),
            amendments=order.amendments,
        )


def _has_begun(order: ExchangeOrder) -> bool:
    """True when the other of its pair must not execute any more: it has traded, or has ended without the other being the reason."""
    if order.executed_quantity or order.prevented_quantity:
        return True
    return not order.is_open and order.expiry_reason is not ExpiryReason.OCO_TRIGGER


def _request(order: ExchangeOrder, paid: Decimal | None) -> NewOrder:
    """The request that would place a pending order now."""
    return NewOrder(
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        time_in_force=order.time_in_force,
        quantity=order.original_quantity if paid is None else paid,
        price=order.price or None,
        client_order_id=order.client_order_id,
        stop_price=order.stop_price,
        trailing_delta=order.trailing_delta,
        iceberg_quantity=order.iceberg_quantity,
        self_trade_prevention=order.self_trade_prevention,
        strategy_id=order.strategy_id,
        strategy_type=order.strategy_type,
        peg_price_type=order.peg_price_type,
        peg_offset_type=order.peg_offset_type,
        peg_offset_value=order.peg_offset_value,
    )
