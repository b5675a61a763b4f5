"""Trading: carries out what was planned for a taker, and what happens to resting orders: trades, prevented matches, ends."""

from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from binance_trade_agent.domain.order import ExchangeStatus
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.amounts import notional
from binance_trade_agent.simulation.engine.floor import Floor
from binance_trade_agent.simulation.engine.liquidity import opposite
from binance_trade_agent.simulation.engine.market_liquidity import MarketLiquidity
from binance_trade_agent.simulation.engine.matching import Step, TakerPlan
from binance_trade_agent.simulation.engine.numbering import Numbering
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade, Placement, PreventedMatch
from binance_trade_agent.simulation.engine.reports import ExecutionType
from binance_trade_agent.simulation.engine.self_trade import TradeGroups, prevented
from binance_trade_agent.simulation.engine.settlement import Settlement
from binance_trade_agent.simulation.engine.tape import Tape
from binance_trade_agent.simulation.engine.terms import ExpiryReason, SelfTradePrevention
from binance_trade_agent.simulation.markets.market import Quote

FirstFill = Callable[[int, bool, int], None]
"""Called with account id, is_maker and time_ms when an order trades for the first time."""


class Trading:
    """The only place where orders trade and end. Orders in the book are looked up again at every step, because they change as it goes."""

    def __init__(
        self,
        tape: Tape,
        numbering: Numbering,
        settlement: Settlement,
        liquidity: MarketLiquidity,
        groups: TradeGroups,
        first_fill: FirstFill,
    ) -> None:
        self._tape = tape
        self._numbering = numbering
        self._settlement = settlement
        self._liquidity = liquidity
        self._groups = groups
        self._first_fill = first_fill

    def carry_out(
        self, floor: Floor, order: ExchangeOrder, rules: SymbolRules, taking: TakerPlan, quote: Quote | None, time_ms: int
    ) -> Placement:
        """Everything that was planned for a taker, in order."""
        trades: list[ExchangeTrade] = []
        matches: list[PreventedMatch] = []
        for step in taking.steps:
            if step.mode is not None and step.maker is not None:
                order, match = self._prevent(floor, order, rules, step, step.maker, time_ms)
                matches.append(match)
                continue
            trade_id = self._numbering.next_trade_id(order.symbol, time_ms)
            value = notional(step.price, step.quantity)
            if step.maker is not None:
                self._fill_resting(floor, step.maker.order_id, rules, step.quantity, value, trade_id, time_ms)
            elif quote is not None:
                self._liquidity.take(order.symbol, quote, opposite(order.side), step.price, step.quantity)
            order, trade = self._fill(order, rules, step.price, step.quantity, value, trade_id, time_ms, is_maker=False)
            floor.note_trade(step.price, time_ms)
            trades.append(trade)
        return Placement(order, tuple(trades), tuple(matches))

    def meet(self, floor: Floor, order_id: int, rules: SymbolRules, quantity: Decimal, time_ms: int) -> None:
        """Let a resting order trade with the market at its own price, as far as it still rests."""
        order = floor.orders.get(order_id)
        if order is None:
            return
        most = min(quantity, order.remaining_quantity)
        trade_id = self._numbering.next_trade_id(floor.symbol, time_ms)
        self._fill_resting(floor, order_id, rules, most, notional(order.limit, most), trade_id, time_ms)
        floor.note_trade(order.limit, time_ms)

    def _fill_resting(
        self, floor: Floor, order_id: int, rules: SymbolRules, quantity: Decimal, value: Decimal, trade_id: int, time_ms: int
    ) -> None:
        """A resting order's side of one trade; an iceberg whose visible part is gone shows the next one, at the back of the queue."""
        order = floor.orders.get(order_id)
        if order is None:
            raise LookupError(f"order {order_id} of {floor.symbol} does not rest any more")
        filled, _ = self._fill(order, rules, order.limit, quantity, value, trade_id, time_ms, is_maker=True)
        if filled.iceberg_quantity is not None and filled.is_open and not filled.visible_quantity:
            filled = replace(
                filled,
                visible_quantity=min(filled.iceberg_quantity, filled.remaining_quantity),
                queue_number=self._numbering.next_queue_number(floor.symbol),
            )
            self._tape.put(filled)
        floor.put(filled)

    def _fill(
        self,
        order: ExchangeOrder,
        rules: SymbolRules,
        price: Decimal,
        quantity: Decimal,
        value: Decimal,
        trade_id: int,
        time_ms: int,
        *,
        is_maker: bool,
    ) -> tuple[ExchangeOrder, ExchangeTrade]:
        filled, trade = self._settlement.fill(order, rules, price, quantity, value, trade_id, time_ms, is_maker=is_maker)
        self._tape.trade(filled, trade)
        if not order.executed_quantity:
            self._first_fill(order.account_id, is_maker, time_ms)
        return filled, trade

    def _prevent(
        self, floor: Floor, taker: ExchangeOrder, rules: SymbolRules, step: Step, maker: ExchangeOrder, time_ms: int
    ) -> tuple[ExchangeOrder, PreventedMatch]:
        """Let two orders pass that were about to trade with each other; returns what is left of the taker."""
        maker = floor.orders.get(maker.order_id) or maker
        mode = step.mode or taker.self_trade_prevention
        match = PreventedMatch(
            symbol=taker.symbol,
            prevented_match_id=self._numbering.next_prevented_match_id(taker.symbol),
            taker_order_id=taker.order_id,
            taker_account_id=taker.account_id,
            maker_order_id=maker.order_id,
            maker_account_id=maker.account_id,
            trade_group_id=self._groups.of(taker.account_id),
            mode=mode,
            price=step.price,
            quantity=step.quantity,
            taker_prevented_quantity=step.taker_loss,
            maker_prevented_quantity=step.maker_loss,
            time_ms=time_ms,
        )
        self._tape.prevented(match)
        after = self._lose(maker, rules, step.maker_loss, match)
        if after is not maker:
            floor.put(after)
        taker_after = self._lose(taker, rules, step.taker_loss, match)
        if mode is SelfTradePrevention.TRANSFER and taker.account_id != maker.account_id:
            for order in (maker, taker):
                self._settlement.transfer(order, rules, price=step.price, quantity=step.quantity)
        return taker_after, match

    def _lose(self, order: ExchangeOrder, rules: SymbolRules, quantity: Decimal | None, match: PreventedMatch) -> ExchangeOrder:
        if quantity is None:
            return order
        after = prevented(order, quantity, match)
        self._settlement.relock(order.locked_amount, after, rules)
        self._tape.loss(after, match, quantity)
        return after

    def end(
        self,
        floor: Floor,
        order: ExchangeOrder,
        rules: SymbolRules,
        status: ExchangeStatus,
        time_ms: int,
        *,
        reason: ExpiryReason | None = None,
        cancel_id: str | None = None,
    ) -> ExchangeOrder:
        """Cancel an order or let it expire, wherever it is, and unlock what it had tied up."""
        ended = order.ended(status, time_ms, reason)
        self._settlement.relock(order.locked_amount, ended, rules)
        floor.put(ended)
        kind = ExecutionType.CANCELED if status is ExchangeStatus.CANCELED else ExecutionType.EXPIRED
        self._tape.report(kind, ended, cancel_id=cancel_id)
        return ended
