"""Limit use: how near the account is to each limit, as figures for people; what decides are the rules themselves, in exact decimals."""

from collections.abc import Mapping
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, ratio, total
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.risk import RiskState
from binance_trade_agent.domain.risk_facts import LimitName, LimitUse
from binance_trade_agent.risk_management_agent.limits import RiskLimits


def limit_uses(
    limits: RiskLimits, state: RiskState, view: PortfolioView, *, committed: Decimal, recent_orders: int
) -> tuple[LimitUse, ...]:
    """Each limit with what is used of it at `view`; `committed` (quote) is held back for orders whose fate is not booked yet."""
    values = {symbol: max(view.position_value(symbol), ZERO) for symbol in view.positions}
    exposure = total((*values.values(), committed))
    uses = (
        (LimitName.POSITION, *_fullest_position(limits, values, view.equity)),
        (LimitName.EXPOSURE, ratio(exposure, view.equity), limits.max_total_exposure),
        (LimitName.DAILY_DRAWDOWN, _fall(state.day_start_equity, view.equity), limits.max_daily_drawdown),
        (LimitName.TOTAL_DRAWDOWN, _fall(state.peak_equity, view.equity), limits.max_total_drawdown),
        (LimitName.ORDER_RATE, Decimal(recent_orders), Decimal(limits.max_orders_per_minute)),
        (LimitName.LOSS_STREAK, Decimal(state.loss_streak), Decimal(limits.max_loss_streak)),
    )
    return tuple(LimitUse(name, float(used), float(most)) for name, used, most in uses)


def _fullest_position(limits: RiskLimits, values: Mapping[str, Decimal], equity: Decimal) -> tuple[Decimal, Decimal]:
    """The position that comes nearest to its symbol's limit, as a share of equity, and that limit."""
    uses = ((ratio(value, equity), limits.of(symbol).max_position_per_symbol) for symbol, value in values.items())
    return max(uses, key=lambda use: use[0] / use[1], default=(ZERO, limits.max_position_per_symbol))


def _fall(start: Decimal, equity: Decimal) -> Decimal:
    return max(ratio(start - equity, start), ZERO)
