"""LockSettings: when entries rest for a while because closing orders went badly."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from binance_trade_agent.domain.risk import MOST_CLOSED_ORDERS
from binance_trade_agent.settings.choices import LockScope
from binance_trade_agent.settings.fields import Fraction, Group, exact, setting

_Window = Annotated[float, Field(ge=1, le=2_592_000, allow_inf_nan=False)]
_Pause = Annotated[float, Field(ge=0, le=2_592_000, allow_inf_nan=False)]
_Profit = Annotated[Decimal, BeforeValidator(exact), Field(ge=-1, le=100)]


class LockSettings(BaseModel):
    """When entries rest for a while because closing orders went badly."""

    risk_stop_guard_stops: Annotated[int, Field(ge=0, le=MOST_CLOSED_ORDERS)] = setting(
        0, Group.LOCKS, "Stop-losses and losing trailing stops within the window that lock entries; 0 turns it off.", unit="orders"
    )
    risk_stop_guard_scope: LockScope = setting(
        LockScope.SYMBOL,
        Group.LOCKS,
        "Whether the stops of each symbol count by themselves and lock it, or all together and lock all.",
    )
    risk_stop_guard_window_seconds: _Window = setting(86_400.0, Group.LOCKS, "Time within which they count.", unit="s")
    risk_stop_guard_pause_seconds: _Pause = setting(86_400.0, Group.LOCKS, "How long entries rest then.", unit="s")
    risk_low_profit_orders: Annotated[int, Field(ge=0, le=MOST_CLOSED_ORDERS)] = setting(
        0,
        Group.LOCKS,
        "Closing orders of a symbol within the window from which on their gains count; 0 turns it off.",
        unit="orders",
    )
    risk_low_profit_least: _Profit = setting(
        "0", Group.LOCKS, "Sum of their gains below which the symbol's entries are locked.", unit="fraction of cost"
    )
    risk_low_profit_window_seconds: _Window = setting(604_800.0, Group.LOCKS, "Time within which they count.", unit="s")
    risk_low_profit_pause_seconds: _Pause = setting(86_400.0, Group.LOCKS, "How long the symbol's entries rest then.", unit="s")
    risk_drawdown_lock: Fraction = setting(
        "0",
        Group.LOCKS,
        "Fall of what all closing orders within the window realised, from its highest, that locks all entries; 0 turns it off.",
        unit="fraction of the day's first equity",
    )
    risk_drawdown_lock_window_seconds: _Window = setting(86_400.0, Group.LOCKS, "Time within which they count.", unit="s")
    risk_drawdown_lock_pause_seconds: _Pause = setting(86_400.0, Group.LOCKS, "How long entries rest then.", unit="s")
