"""Limit use: how near the account is to each limit, as figures for people; what decides are the rules themselves, in exact decimals."""

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
    values = [max(view.position_value(symbol), ZERO) for symbol in view.positions]
    largest, exposure = max(values, default=ZERO), total((*values, committed))
    uses = (
        (LimitName.POSITION, ratio(largest, view.equity), limits.max_position_per_symbol),
        (LimitName.EXPOSURE, ratio(exposure, view.equity), limits.max_total_exposure),
        (LimitName.DAILY_DRAWDOWN, _fall(state.day_start_equity, view.equity), limits.max_daily_drawdown),
        (LimitName.TOTAL_DRAWDOWN, _fall(state.peak_equity, view.equity), limits.max_total_drawdown),
        (LimitName.ORDER_RATE, Decimal(recent_orders), Decimal(limits.max_orders_per_minute)),
        (LimitName.LOSS_STREAK, Decimal(state.loss_streak), Decimal(limits.max_loss_streak)),
    )
    return tuple(LimitUse(name, float(used), float(most)) for name, used, most in uses)


def _fall(start: Decimal, equity: Decimal) -> Decimal:
    return max(ratio(start - equity, start), ZERO)
