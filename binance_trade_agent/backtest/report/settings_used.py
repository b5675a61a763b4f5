"""The settings that a run over candles depends on, as people are shown them; no secret is among them."""

from decimal import Decimal

from binance_trade_agent.backtest.fast.deciding import deciding_settings
from binance_trade_agent.domain.money import plain
from binance_trade_agent.settings import Settings
from binance_trade_agent.settings.shown import shown
from binance_trade_agent.simulation.markets.recorded import DEFAULT_DEPTH_SHARE, DEFAULT_SPREAD_BPS


def settings_used(
    settings: Settings,
    initial_value: Decimal,
    *,
    spread_bps: Decimal = DEFAULT_SPREAD_BPS,
    depth_share: Decimal = DEFAULT_DEPTH_SHARE,
) -> dict[str, str]:
    """Name and value of each that is set to something, and of the made-up book: the spread, and what rests of a candle's volume.

    `initial_value` is what the run began with, which follows from the quote asset where PORTFOLIO_INITIAL_VALUE was not set.
    """
    values = {name.upper(): shown(getattr(settings, name)) for name in deciding_settings()}
    values["PORTFOLIO_INITIAL_VALUE"] = plain(initial_value)
    market = {"spread_bps": shown(spread_bps), "depth_share": shown(depth_share)}
    return {name: value for name, value in values.items() if value} | market
