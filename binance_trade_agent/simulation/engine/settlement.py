"""Settlement: what a trade, an open order and its end do to balances."""

from decimal import Decimal

from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.accounts import Accounts
from binance_trade_agent.simulation.engine.amounts import notional
from binance_trade_agent.simulation.engine.commissions import Commissions
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade


class Settlement:
    """Moves balances; the commission is taken from what is received (base on buys, quote on sells) unless it is paid in another asset."""

    def __init__(self, accounts: Accounts, commissions: Commissions) -> None:
        self._accounts = accounts
        self._commissions = commissions

    def can_pay(self, order: ExchangeOrder, rules: SymbolRules, amount: Decimal) -> bool:
        """True when the account has `amount` of what the order pays with free."""
        return amount <= self._accounts.free(order.account_id, spent_asset(order.side, rules))

    def relock(self, before: Decimal, order: ExchangeOrder, rules: SymbolRules) -> None:
        """Lock what the order says instead of `before`."""
        change = order.locked_amount - before
        if change:
            self._accounts.move(order.account_id, spent_asset(order.side, rules), free=-change, locked=change)

    def fill(
        self, order: ExchangeOrder, rules: SymbolRules, *, price: Decimal, quantity: Decimal, trade_id: int, time_ms: int, is_maker: bool
    ) -> tuple[ExchangeOrder, ExchangeTrade]:
        """One account's side of one trade: the order afterwards, and the trade."""
        quote_quantity = notional(price, quantity)
        filled = order.filled(quantity, quote_quantity, time_ms)
        if order.side is Side.BUY:
            pay_with, spent, paid_in, received = rules.quote_asset, quote_quantity, rules.base_asset, quantity
        else:
            pay_with, spent, paid_in, received = rules.base_asset, quantity, rules.quote_asset, quote_quantity
        unlocked = order.locked_amount - filled.locked_amount
        self._accounts.move(order.account_id, pay_with, free=unlocked - spent, locked=-unlocked)
        self._accounts.credit(order.account_id, paid_in, received)
        fee, fee_asset = self._commissions.reckon(order.account_id, order.symbol, order.side, received, paid_in, time_ms, is_maker=is_maker)
        self._accounts.pay(order.account_id, fee_asset, fee)
        trade = ExchangeTrade(
            symbol=order.symbol,
            trade_id=trade_id,
            order_id=order.order_id,
            account_id=order.account_id,
            side=order.side,
            price=price,
            quantity=quantity,
            quote_quantity=quote_quantity,
            commission=fee,
            commission_asset=fee_asset,
            time_ms=time_ms,
            is_maker=is_maker,
            order_list_id=order.order_list_id,
        )
        return filled, trade

    def transfer(self, order: ExchangeOrder, rules: SymbolRules, *, price: Decimal, quantity: Decimal) -> None:
        """One account's side of what a trade group moves between its accounts instead of a trade, without commission (faqs/stp_faq.md)."""
        quote_quantity = notional(price, quantity)
        spent, received = (quote_quantity, quantity) if order.side is Side.BUY else (quantity, quote_quantity)
        self._accounts.pay(order.account_id, spent_asset(order.side, rules), spent)
        self._accounts.credit(order.account_id, received_asset(order.side, rules), received)


def spent_asset(side: Side, rules: SymbolRules) -> str:
    """What an order on `side` pays with."""
    return rules.quote_asset if side is Side.BUY else rules.base_asset


def received_asset(side: Side, rules: SymbolRules) -> str:
    """What an order on `side` brings in."""
    return rules.base_asset if side is Side.BUY else rules.quote_asset
