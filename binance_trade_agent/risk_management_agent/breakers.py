"""Breakers: the changes of the account's mode that falling equity forces, and the one that a new day allows where it may."""

from decimal import Decimal

from binance_trade_agent.domain.money import ratio
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, ModeChange, RiskRule, RiskState, TradingMode
from binance_trade_agent.risk_management_agent.figures import amount, percent
from binance_trade_agent.risk_management_agent.limits import RiskLimits

DAY_MS = 86_400_000


def forced_changes(
    limits: RiskLimits, state: RiskState, equity: Decimal, account: ModeChange | None, time_ms: int
) -> tuple[ModeChange, ...]:
    """What the account's mode must become at `equity`, in order; empty when it may stay.

    `state` is already marked with `equity`. The daily breaker lets exits pass, the total one halts; both hold until somebody resumes.
    Only where the limits say so does the daily one end by itself with its UTC day. None of them ever loosens a mode that
    another rule or a person has set, and none keeps what somebody wants sold at once.
    """
    changes = []
    mode = account.mode if account else TradingMode.ACTIVE
    if account is not None and limits.daily_drawdown_rearms and _is_over(account, time_ms):
        mode = TradingMode.ACTIVE
        reason = "a new UTC day has begun after the daily drawdown breaker"
        changes.append(ModeChange(time_ms, ACCOUNT_SCOPE, mode, RiskRule.DAILY_DRAWDOWN, reason))
    if mode is TradingMode.ACTIVE and _fall(state.day_start_equity, equity) >= limits.max_daily_drawdown:
        mode = TradingMode.REDUCING
        reason = _sentence("the day's first", state.day_start_equity, equity, limits.max_daily_drawdown)
        changes.append(ModeChange(time_ms, ACCOUNT_SCOPE, mode, RiskRule.DAILY_DRAWDOWN, reason))
    is_being_sold = mode is TradingMode.REDUCING and account is not None and account.rule == RiskRule.FLATTEN
    if mode is not TradingMode.HALTED and not is_being_sold and _fall(state.peak_equity, equity) >= limits.max_total_drawdown:
        reason = _sentence("its highest", state.peak_equity, equity, limits.max_total_drawdown)
        changes.append(ModeChange(time_ms, ACCOUNT_SCOPE, TradingMode.HALTED, RiskRule.TOTAL_DRAWDOWN, reason))
    return tuple(changes)


def _is_over(change: ModeChange, time_ms: int) -> bool:
    by_the_day = change.mode is TradingMode.REDUCING and change.rule == RiskRule.DAILY_DRAWDOWN
    return by_the_day and time_ms // DAY_MS > change.time_ms // DAY_MS


def _fall(start: Decimal, equity: Decimal) -> Decimal:
    return ratio(start - equity, start)


def _sentence(name: str, start: Decimal, equity: Decimal, limit: Decimal) -> str:
    fall = percent(_fall(start, equity))
    return f"equity {amount(equity)} is {fall} below {name} {amount(start)}, and the limit is {percent(limit)}"
