"""Deciding settings: those that a run over recorded candles depends on, the one list for its digest and its report."""

from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.fields import Group, about

_GROUPS = frozenset({Group.TRADING, Group.STRATEGY, Group.RISK, Group.EXITS, Group.SIZING, Group.LOCKS})
_MORE = frozenset({"demo_fee_rate", "demo_seed", "max_intent_age_seconds", "portfolio_initial_value"})

UNLIKE_THEIR_DEFAULTS = frozenset({"portfolio_initial_value", "risk_daily_drawdown_rearms"})
"""Those that mean something else where nobody has set them than their defaults do."""


def deciding_settings() -> tuple[str, ...]:
    """Their names as fields of Settings, in its order."""
    return tuple(name for name, field in Settings.model_fields.items() if about(field).group in _GROUPS or name in _MORE)
