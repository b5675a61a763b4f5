"""The settings that a run over candles depends on, as people are shown them; no path of a machine and no secret is among them."""

from decimal import Decimal

from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.fields import Group, about
from binance_trade_agent.settings.shown import shown
from binance_trade_agent.simulation.markets.recorded import DEFAULT_DEPTH_SHARE, DEFAULT_SPREAD_BPS

_GROUPS = frozenset({Group.TRADING, Group.STRATEGY, Group.RISK, Group.EXITS})
_MORE = frozenset({"demo_fee_rate"})


def settings_used(
    settings: Settings, *, spread_bps: Decimal = DEFAULT_SPREAD_BPS, depth_share: Decimal = DEFAULT_DEPTH_SHARE
) -> dict[str, str]:
    """Name and value of each that is set to something, and of the made-up book: the spread, and what rests of a candle's volume."""
    fields = type(settings).model_fields
    names = [name for name, field in fields.items() if about(field).group in _GROUPS or name in _MORE]
    values = {name.upper(): shown(getattr(settings, name)) for name in names}
    market = {"spread_bps": shown(spread_bps), "depth_share": shown(depth_share)}
    return {name: value for name, value in values.items() if value} | market
