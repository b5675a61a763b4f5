"""Entry: how an order comes in: it is drafted, has to be payable, waits for its condition or goes to work, and rests or expires.

Whatever is refused leaves no trace. Placed orders and conditional ones whose time has come take the same way to work.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import ExchangeStatus
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.commissions import DISCOUNT_ASSET
from binance_trade_agent.simulation.engine.depth import Depth
from binance_trade_agent.simulation.engine.floor import Floor
from binance_trade_agent.simulation.engine.liquidity import levels_of, opposite, reaches
from binance_trade_agent.simulation.engine.market_liquidity import MarketLiquidity
from binance_trade_agent.simulation.engine.matching import NOTHING, BaseWant, Offer, QuoteWant, TakerPlan, offers, plan, plan_of_one
from binance_trade_agent.simulation.engine.numbering import Numbering
from binance_trade_agent.simulation.engine.pegging import pegged_price, pegged_side
from binance_trade_agent.simulation.engine.records import NOT_YET, ExchangeOrder, NewOrder, Placement
from binance_trade_agent.simulation.engine.rulebook import Rulebook
from binance_trade_agent.simulation.engine.self_trade import TradeGroups
from binance_trade_agent.simulation.engine.settlement import Settlement, spent_asset
from binance_trade_agent.simulation.engine.shortage import Shortage
from binance_trade_agent.simulation.engine.tape import Tape
from binance_trade_agent.simulation.engine.terms import (
    CONDITIONAL_TYPES,
    FOK,
    IOC,
    LIMIT,
    LIMIT_MAKER,
    SELL,
    UNPRICED_TYPES,
    ExpiryReason,
    SelfTradePrevention,
    WorkingFloor,
)
from binance_trade_agent.simulation.engine.trading import Trading
from binance_trade_agent.simulation.engine.trailing import following_from
from binance_trade_agent.simulation.engine.triggers import is_stop_reached
from binance_trade_agent.simulation.markets.market import Quote


class Entry:
    """The way into the engine, for one order at a time."""

    def __init__(
        self,
        trading: Trading,
        tape: Tape,
        numbering: Numbering,
        settlement: Settlement,
        liquidity: MarketLiquidity,
        groups: TradeGroups,
        depth: Depth,
        rulebook: Rulebook,
    ) -> None:
        self._trading = trading
        self._tape = tape
        self._numbering = numbering
        self._settlement = settlement
        self._liquidity = liquidity
        self._groups = groups
        self._depth = depth
        self._rulebook = rulebook
        self.shortage = Shortage(liquidity)

    def draft(
        self,
        account_id: int,
        request: NewOrder,
        time_ms: int,
        last_price: Decimal | None,
        *,
        prevention: SelfTradePrevention | None = None,
        ahead: int = 0,
    ) -> ExchangeOrder:
        """The order as it would be, with the next order id of its symbol, which it gets once it is accepted.

        `prevention` is how the symbol keeps accounts from trading with themselves, if it is known already; `ahead` counts the orders of
        the same request that get their ids before it.
        """
        symbol, kind = request.symbol, request.type
        counters = self._numbering.of(symbol)
        order_id = counters.order_id + 1 + ahead
        if prevention is None:
            prevention = self._rulebook.listings.listing(symbol).default_self_trade_prevention
        order = ExchangeOrder(
            symbol,
            order_id,
            account_id,
            request.client_order_id or self._numbering.automatic_id(symbol, order_id, "order"),
            request.side,
            kind,
            request.time_in_force,
            request.price or ZERO,
            request.quantity or ZERO,
            request.quote_quantity or ZERO,
            time_ms,
            time_ms,
            self_trade_prevention=request.self_trade_prevention or prevention,
            working_ms=time_ms,
            queue_number=counters.queue_number + 1 + ahead,
        )
        if kind in CONDITIONAL_TYPES:
            order = _waiting(order, request, last_price)
        return order if request.is_plain else _with_extras(order, request)

    def wait(
        self, floor: Floor, order: ExchangeOrder, rules: SymbolRules, last_price: Decimal | None, *, locked: Decimal | None = None
    ) -> Placement:
        """Let a conditional order wait, with its funds locked; -2010 when the price is there already, or the funds are not.

        `locked` is what it locks where that is not what it needs: a pair of a list needs its funds once.
        """
        if last_price is not None and is_stop_reached(order, last_price):
            raise refusals.rejected("Order would trigger immediately.")
        waiting = replace(order, locked_amount=order.amount_of(order.original_quantity) if locked is None else locked)
        self.accept(waiting, rules)
        floor.wait(waiting)
        return Placement(waiting, ())

    def work(self, floor: Floor, order: ExchangeOrder, rules: SymbolRules, quote: Quote | None, time_ms: int) -> Placement:
        """Match an order, and rest or expire what is left of it; what it had locked before must be free again."""
        if order.peg_price_type is not None:
            order = self._pegged(order, rules, quote, time_ms)
        taking = self._plan(floor, order, rules, quote, time_ms)
        if order.original_quote_quantity:
            order = replace(order, original_quantity=taking.quantity)
        if order.type in UNPRICED_TYPES:
            order = self._payable(order, rules, self._market_cost(order, taking))
        else:
            if order.hold_price is not None:
                order = replace(order, hold_price=None)
            order = replace(order, locked_amount=order.amount_of(order.remaining_quantity))
        if order.time_in_force is FOK and not taking.fills_all:
            self._require(order, rules, order.locked_amount)
            taking, order = replace(taking, steps=()), replace(order, locked_amount=ZERO)
        self.accept(order, rules)
        if not taking.steps:
            return Placement(self._finish(floor, order, rules, taking, time_ms), ())
        placement = self._trading.carry_out(floor, order, rules, taking, quote, time_ms)
        finished = self._finish(floor, placement.order, rules, taking, time_ms)
        if finished is placement.order:
            return placement
        return Placement(finished, placement.trades, placement.prevented_matches)

    def _pegged(self, order: ExchangeOrder, rules: SymbolRules, quote: Quote | None, time_ms: int) -> ExchangeOrder:
        if order.peg_price_type is None:
            return order
        levels = self._depth.levels(rules, quote, pegged_side(order.side, order.peg_price_type))
        order = replace(order, pegged_price=pegged_price(levels, order.peg_offset_value))
        self._rulebook.require_price(
            NewOrder(order.symbol, order.side, order.type, quantity=order.remaining_quantity, price=order.pegged_price), time_ms
        )
        return order

    def _plan(self, floor: Floor, order: ExchangeOrder, rules: SymbolRules, quote: Quote | None, time_ms: int) -> TakerPlan:
        if self.shortage.share_of is not None:
            self.shortage.strike(order, rules, quote)
        side, limit = opposite(order.side), order.limit
        resting, ladder = floor.book.sides[side], levels_of(quote.ladder, side) if quote is not None else ()
        best = resting.best()
        if limit and (best is None or not reaches(order.side, limit, best)) and not (ladder and reaches(order.side, limit, ladder[0][0])):
            return NOTHING
        bounds = self._rulebook.execution_range(order.symbol, order.side, time_ms)
        if bounds is None and not ladder and order.type is LIMIT:
            at_once = plan_of_one(resting.first(), order, self._groups)
            if at_once is not None:
                return at_once
        found = offers(order.side, limit, resting.parts(), self._liquidity.left(rules, quote, side) if ladder else ())
        if order.type is LIMIT_MAKER:
            if next(found, None) is not None:
                raise refusals.rejected("Order would immediately match and take.")
            return NOTHING
        if bounds is None:
            return self._taken(found, order)
        taking = self._taken(bounds.within(found), order)
        return replace(taking, leaves_range=True) if bounds.is_exceeded and not taking.is_satisfied else taking

    def _taken(self, found: Iterable[Offer], order: ExchangeOrder) -> TakerPlan:
        if not order.original_quote_quantity:
            return plan(found, order, BaseWant(order.remaining_quantity), self._groups)
        checks = self._rulebook.listings.checks(order.symbol)
        taking = plan(found, order, QuoteWant(order.original_quote_quantity, checks.market_step), self._groups)
        if not taking.steps and not taking.is_satisfied:
            raise refusals.rejected("Order book liquidity is less than symbol minimum quantity.")
        checks.check_quantity(taking.quantity, market=True)
        return taking

    def _market_cost(self, order: ExchangeOrder, taking: TakerPlan) -> Decimal:
        """What an order without a limit must be able to pay before any of it trades (faqs/market_orders_faq.md)."""
        if order.side is SELL:
            return order.remaining_quantity
        return order.original_quote_quantity or taking.cost(order.account_id)

    def _payable(self, order: ExchangeOrder, rules: SymbolRules, cost: Decimal) -> ExchangeOrder:
        """An order without a limit that can pay what it will cost; -2010 when it cannot.

        Where commissions could be paid with the same asset, its first trades must leave what the others need: that is locked.
        """
        self._require(order, rules, cost)
        return replace(order, locked_amount=cost) if spent_asset(order.side, rules) == DISCOUNT_ASSET else order

    def _require(self, order: ExchangeOrder, rules: SymbolRules, amount: Decimal) -> None:
        if not self._settlement.can_pay(order, rules, amount):
            raise refusals.insufficient_balance()

    def accept(self, order: ExchangeOrder, rules: SymbolRules) -> None:
        """Give the order its numbers, lock what it says, and tell of it; -2010 when there is not enough to lock."""
        if order.locked_amount and not self._settlement.lock(order, rules):
            raise refusals.insufficient_balance()
        self._numbering.take(order.symbol, order.order_id, order.queue_number)
        self._tape.accepted(order)

    def _finish(self, floor: Floor, order: ExchangeOrder, rules: SymbolRules, taking: TakerPlan, time_ms: int) -> ExchangeOrder:
        """Rest what did not trade, or let it expire."""
        if not order.is_open and (taking.is_satisfied or not order.original_quote_quantity):
            floor.orders.drop(order)
            return order
        if taking.leaves_range:
            reason = ExpiryReason.PRICE_RANGE_EXCEEDED
        elif order.type in UNPRICED_TYPES:
            reason = ExpiryReason.INSUFFICIENT_LIQUIDITY
        elif order.time_in_force is IOC:
            reason = ExpiryReason.UNFILLED_IOC
        elif order.time_in_force is FOK:
            reason = ExpiryReason.UNFILLED_FOK
        else:
            if order.iceberg_quantity is not None:
                order = replace(order, visible_quantity=min(order.iceberg_quantity, order.remaining_quantity))
                self._tape.put(order)
            floor.rest(order)
            return order
        return self._trading.end(floor, order, rules, ExchangeStatus.EXPIRED, time_ms, reason=reason)


def _waiting(order: ExchangeOrder, request: NewOrder, last_price: Decimal | None) -> ExchangeOrder:
    """A conditional order, as long as the price has not set it off; without a stop price it follows the price from the beginning."""
    order = replace(
        order,
        stop_price=request.stop_price,
        trailing_delta=request.trailing_delta,
        is_working=False,
        working_ms=NOT_YET,
        hold_price=None if order.price else request.stop_price or last_price or ZERO,
    )
    if request.stop_price is None and last_price is not None:
        return following_from(order, last_price, order.time_ms)
    return order


def _with_extras(order: ExchangeOrder, request: NewOrder) -> ExchangeOrder:
    """The order with what few requests name."""
    return replace(
        order,
        iceberg_quantity=request.iceberg_quantity or None,
        strategy_id=request.strategy_id,
        strategy_type=request.strategy_type,
        peg_price_type=request.peg_price_type,
        peg_offset_type=request.peg_offset_type,
        peg_offset_value=request.peg_offset_value,
        working_floor=WorkingFloor.EXCHANGE if request.uses_sor else None,
    )
