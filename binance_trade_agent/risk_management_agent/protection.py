"""What should protect a position on the exchange: the same stop-loss and take-profit that a pass looks at."""

from decimal import Decimal

from binance_trade_agent.domain.errors import RuleViolationError
from binance_trade_agent.domain.money import ceil_to_step, floor_to_step, plain, times
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.protection import ProtectionPlan
from binance_trade_agent.domain.risk import Refused, RiskRule
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.risk_management_agent.limits import RiskLimits
from binance_trade_agent.risk_management_agent.sizing import Sizing


def protection_plan(limits: RiskLimits, rules: SymbolRules, position: Position) -> ProtectionPlan | Refused:
    """The pair for `position`, or why the exchange's filters allow none. Prices are rounded away from the average price."""
    average = position.average_price
    tick = rules.tick_size or Decimal(1).scaleb(-rules.quote_precision)
    stop_price = floor_to_step(times(average, 1 - limits.stop_loss_pct), tick)
    profit_price = ceil_to_step(times(average, 1 + limits.take_profit_pct), tick)
    if stop_price <= 0:
        return Refused(RiskRule.UNPROTECTED, f"{position.symbol} cost {plain(average)} apiece, which leaves no room for a stop-loss")
    quantity = Sizing(limits, rules, stop_price).exit(position.quantity, None)
    if isinstance(quantity, Refused):
        return quantity
    try:
        rules.check(quantity, profit_price, market=False)
    except RuleViolationError as error:
        return Refused(RiskRule.FILTERS, f"{plain(quantity)} cannot be offered at {plain(profit_price)}: {error}")
    return ProtectionPlan(position.symbol, quantity, profit_price, stop_price)
