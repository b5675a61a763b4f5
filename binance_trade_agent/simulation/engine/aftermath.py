"""Aftermath: what one thing that happened sets off: prices set off conditional orders, which trade at new prices, until all is quiet."""

from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import ExchangeStatus
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.entry import Entry
from binance_trade_agent.simulation.engine.floor import Floor
from binance_trade_agent.simulation.engine.numbering import Numbering
from binance_trade_agent.simulation.engine.order_lists import OrderLists
from binance_trade_agent.simulation.engine.settlement import Settlement
from binance_trade_agent.simulation.engine.tape import Tape
from binance_trade_agent.simulation.engine.terms import ExpiryReason
from binance_trade_agent.simulation.engine.trading import Trading
from binance_trade_agent.simulation.markets.market import Quote

QuoteAt = Callable[[str, int], Quote | None]


class Aftermath:
    """Carries out consequences. Every order is set off at most once, so there is an end to it."""

    def __init__(
        self,
        entry: Entry,
        trading: Trading,
        tape: Tape,
        numbering: Numbering,
        settlement: Settlement,
        lists: OrderLists,
        quote_at: QuoteAt,
    ) -> None:
        self._entry = entry
        self._trading = trading
        self._tape = tape
        self._numbering = numbering
        self._settlement = settlement
        self._lists = lists
        self._quote_at = quote_at

    def see(self, floor: Floor, rules: SymbolRules, price: Decimal, time_ms: int) -> None:
        """Show a price of the market to the orders that wait, and carry out what follows from it."""
        self._show(floor, price, time_ms)
        self.settle(floor, rules, time_ms)

    def settle(self, floor: Floor, rules: SymbolRules, time_ms: int) -> None:
        """Carry out what follows from the trades of accounts so far."""
        while self._lists.has_news or floor.unseen or floor.set_off:
            if self._lists.has_news:
                self._lists.follow(floor, rules, time_ms)
            elif floor.unseen:
                self._show(floor, floor.unseen.popleft(), time_ms)
            else:
                self._awaken(floor, floor.set_off.popleft(), rules, time_ms)

    def _show(self, floor: Floor, price: Decimal, time_ms: int) -> None:
        set_off, moved = floor.triggers.see(price, time_ms)
        for order in moved:
            floor.orders.put(order)
            self._tape.put(order)
        floor.set_off.extend(order.order_id for order in set_off)

    def _awaken(self, floor: Floor, order_id: int, rules: SymbolRules, time_ms: int) -> None:
        """Let a conditional order go to work; one that cannot is rejected, which means that it expires."""
        order = floor.orders.get(order_id)
        if order is None:
            return
        self._lists.set_off(floor, order, rules, time_ms)
        free = replace(order, locked_amount=ZERO)
        self._settlement.relock(order.locked_amount, free, rules)
        working = replace(
            free, is_working=True, working_ms=time_ms, updated_ms=time_ms, queue_number=self._numbering.next_queue_number(order.symbol)
        )
        try:
            self._entry.work(floor, working, rules, self._quote_at(floor.symbol, time_ms), time_ms)
        except ExchangeRefusedError:
            self._trading.end(floor, free, rules, ExchangeStatus.EXPIRED, time_ms, reason=ExpiryReason.REJECTED)
