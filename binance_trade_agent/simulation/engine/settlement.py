"""Settlement: what a trade, an open order and its end do to balances."""

from decimal import Decimal

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.accounts import Accounts
from binance_trade_agent.simulation.engine.amounts import notional
from binance_trade_agent.simulation.engine.commissions import Commissions
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade
from binance_trade_agent.simulation.engine.terms import BUY


class Settlement:
    """Moves balances; the commission is taken from what is received (base on buys, quote on sells) unless it is paid in another asset."""

    def __init__(self, accounts: Accounts, commissions: Commissions) -> None:
        self._accounts = accounts
        self._commissions = commissions

    def can_pay(self, order: ExchangeOrder, rules: SymbolRules, amount: Decimal) -> bool:
        """True when the account has `amount` of what the order pays with free."""
        return amount <= self._accounts.free(order.account_id, spent_asset(order.side, rules))

    def lock(self, order: ExchangeOrder, rules: SymbolRules) -> bool:
        """Lock what a new order says; False when the account does not have that much free."""
        spent = rules.quote_asset if order.side is BUY else rules.base_asset
        return self._accounts.lock(order.account_id, spent, order.locked_amount)

    def relock(self, before: Decimal, order: ExchangeOrder, rules: SymbolRules) -> None:
        """Lock what the order says instead of `before`."""
        change = order.locked_amount - before
        if change:
            self._accounts.move(order.account_id, spent_asset(order.side, rules), -change, change)

    def fill(
        self,
        order: ExchangeOrder,
        rules: SymbolRules,
        price: Decimal,
        quantity: Decimal,
        quote_quantity: Decimal,
        trade_id: int,
        time_ms: int,
        *,
        is_maker: bool,
    ) -> tuple[ExchangeOrder, ExchangeTrade]:
        """One account's side of one trade: the order afterwards, and the trade."""
        filled = order.filled(quantity, quote_quantity, time_ms)
        if order.side is BUY:
            pay_with, spent, paid_in, received = rules.quote_asset, quote_quantity, rules.base_asset, quantity
        else:
            pay_with, spent, paid_in, received = rules.base_asset, quantity, rules.quote_asset, quote_quantity
        unlocked = order.locked_amount - filled.locked_amount
        account_id = order.account_id
        self._accounts.move(account_id, pay_with, unlocked - spent, -unlocked)
        fee, fee_asset = self._commissions.reckon(account_id, order.symbol, order.side, received, paid_in, time_ms, is_maker=is_maker)
        if fee_asset == paid_in:
            self._accounts.move(account_id, paid_in, received - fee, ZERO)
        else:
            self._accounts.credit(account_id, paid_in, received)
            self._accounts.pay(account_id, fee_asset, fee)
        trade = ExchangeTrade(
            order.symbol,
            trade_id,
            order.order_id,
            account_id,
            order.side,
            price,
            quantity,
            quote_quantity,
            fee,
            fee_asset,
            time_ms,
            is_maker,
            order.order_list_id,
        )
        return filled, trade

    def transfer(self, order: ExchangeOrder, rules: SymbolRules, *, price: Decimal, quantity: Decimal) -> None:
        """One account's side of what a trade group moves between its accounts instead of a trade, without commission (faqs/stp_faq.md)."""
        quote_quantity = notional(price, quantity)
        spent, received = (quote_quantity, quantity) if order.side is BUY else (quantity, quote_quantity)
        self._accounts.pay(order.account_id, spent_asset(order.side, rules), spent)
        self._accounts.credit(order.account_id, received_asset(order.side, rules), received)


def spent_asset(side: Side, rules: SymbolRules) -> str:
    """What an order on `side` pays with."""
    return rules.quote_asset if side is BUY else rules.base_asset


def received_asset(side: Side, rules: SymbolRules) -> str:
    """What an order on `side` brings in."""
    return rules.base_asset if side is BUY else rules.quote_asset
