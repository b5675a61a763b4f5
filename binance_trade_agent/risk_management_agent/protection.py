"""What should protect a position on the exchange: the same stop-loss, trailing stop and take-profit that a pass looks at."""

from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.errors import RuleViolationError
from binance_trade_agent.domain.money import ZERO, ceil_to_step, floor_to_step, plain, times, total
from binance_trade_agent.domain.position import Position
from binance_trade_agent.domain.protection import ProtectionPlan
from binance_trade_agent.domain.risk import Refused, RiskRule
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.risk_management_agent.limits import RiskLimits
from binance_trade_agent.risk_management_agent.sizing import Sizing

MOST_GUARDS = 10
"""Guards of one position at most, so that what a pass asks of the exchange stays bounded; a symbol's own limit may be lower."""


@dataclass(frozen=True, slots=True)
class _Levels:
    """The prices of a position's guards; `worst` is what a stop brings at least, `best` the highest price that anything is offered at."""

    stop: Decimal
    limit: Decimal | None
    profit: Decimal | None

    @property
    def worst(self) -> Decimal:
        return self.stop if self.limit is None else self.limit

    @property
    def best(self) -> Decimal:
        return self.stop if self.profit is None else self.profit


def protection_plan(limits: RiskLimits, rules: SymbolRules, position: Position, peak_price: Decimal) -> ProtectionPlan | Refused:
    """The guards for `position`, or why the exchange's filters allow none. `peak_price` is the highest price since the purchase.

    The stop is the higher of stop-loss and trailing stop. Stops and the price they are offered at are rounded down, the take-profit up.
    """
    levels = _levels(limits, rules, position, peak_price)
    if isinstance(levels, Refused):
        return levels
    low = Sizing(limits, rules, levels.worst)
    bounds = [bound for bound in (low.largest_order(), Sizing(limits, rules, levels.best).largest_order()) if bound is not None]
    quantities = low.parts(position.quantity, min(bounds, default=None), _most_guards(rules))
    for quantity in set(quantities):
        refused = _refusal(rules, quantity, levels)
        if refused is not None:
            return refused
    bare = floor_to_step(position.quantity, rules.quantity_step(market=True)) - total(quantities)
    return ProtectionPlan(
        position.symbol, quantities, levels.stop, levels.limit, levels.profit, trails=limits.trailing_stop_pct > 0, bare=max(bare, ZERO)
    )


def _levels(limits: RiskLimits, rules: SymbolRules, position: Position, peak_price: Decimal) -> _Levels | Refused:
    average = position.average_price
    tick = rules.tick_size or Decimal(1).scaleb(-rules.quote_precision)
    stops = [times(average, 1 - limits.stop_loss_pct)] if limits.stop_loss_pct else []
    stops += [times(peak_price, 1 - limits.trailing_stop_pct)] if limits.trailing_stop_pct else []
    stop = floor_to_step(max(stops, default=ZERO), tick)
    limit = floor_to_step(times(stop, 1 - limits.stop_offset_pct), tick) if limits.stop_offset_pct else None
    if stop <= 0 or (limit is not None and limit <= 0):
        return Refused(RiskRule.UNPROTECTED, f"{position.symbol} cost {plain(average)} apiece, which leaves no room for a stop-loss")
    profit = ceil_to_step(times(average, 1 + limits.take_profit_pct), tick) if limits.take_profit_pct else None
    # A trailing stop may have passed the take-profit, which a pass then sells at; on the exchange the stop alone remains.
    return _Levels(stop, limit, profit if profit is None or profit > stop else None)


def _most_guards(rules: SymbolRules) -> int:
    """One less than the stops that the symbol takes, because a stop that is replaced is counted beside the one it replaces."""
    return min(MOST_GUARDS, max(rules.max_stop_orders - 1, 1)) if rules.max_stop_orders else MOST_GUARDS


def _refusal(rules: SymbolRules, quantity: Decimal, levels: _Levels) -> Refused | None:
    offers: tuple[tuple[Decimal | None, bool], ...] = ((levels.worst, levels.limit is None), (levels.profit, False))
    for price, is_market in offers:
        if price is None:
            continue
        try:
            rules.check(quantity, price, market=is_market)
        except RuleViolationError as error:
            return Refused(RiskRule.FILTERS, f"{plain(quantity)} cannot be offered at {plain(price)}: {error}")
    return None
