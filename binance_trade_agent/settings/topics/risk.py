"""RiskSettings: how much may be at risk, and when a position is left."""

from typing import Annotated

from pydantic import BaseModel, Field

from binance_trade_agent.settings.choices import Protection, Switch
from binance_trade_agent.settings.fields import Fraction, FractionAboveZero, FractionBelowOne, Group, Seconds, Share, setting


class RiskSettings(BaseModel):
    """How much may be at risk, and when a position is left."""

    risk_max_position_per_symbol: FractionAboveZero = setting(
        "0.10", Group.RISK, "Most that may be held of one symbol.", unit="fraction of equity", per_symbol=True
    )
    risk_max_total_exposure: FractionAboveZero = setting(
        "0.80", Group.RISK, "Most that may be held of all symbols together.", unit="fraction of equity"
    )
    risk_max_correlated_exposure: FractionAboveZero = setting(
        "1", Group.RISK, "Most that may be held of symbols that move together; 1 turns it off.", unit="fraction of equity"
    )
    risk_correlation_threshold: Fraction = setting(
        "0.7", Group.RISK, "Correlation of returns from candle to candle from which on two symbols move together.", unit="correlation"
    )
    risk_correlation_candles: Annotated[int, Field(ge=4, le=998)] = setting(
        100, Group.RISK, "Returns that it is taken over.", unit="candles"
    )
    risk_max_single_trade_size: FractionAboveZero = setting(
        "0.05", Group.RISK, "Most that one order may buy for.", unit="fraction of equity", per_symbol=True
    )
    risk_cash_reserve: FractionBelowOne = setting("0.005", Group.RISK, "Cash that is never spent.", unit="fraction of equity")
    risk_max_daily_drawdown: FractionAboveZero = setting(
        "0.05", Group.RISK, "Loss since the day began (UTC) that stops new entries.", unit="fraction of equity"
    )
    risk_daily_drawdown_rearms: Switch = setting(
        Switch.OFF,
        Group.RISK,
        "Whether that stop ends by itself with its day; off: somebody resumes. Over recorded candles, where nobody can, it is on unless "
        "it is set.",
    )
    risk_max_total_drawdown: FractionAboveZero = setting(
        "0.15", Group.RISK, "Loss from the highest equity that halts trading.", unit="fraction of equity"
    )
    risk_volatility_threshold: Share = setting(
        "0.05",
        Group.RISK,
        "Volatility from candle to candle above which a symbol is not entered; 0 turns it off.",
        unit="fraction of price",
        per_symbol=True,
    )
    risk_min_confidence: Fraction = setting(
        "0", Group.RISK, "Least confidence of a signal that may trade.", unit="fraction", per_symbol=True
    )
    risk_cooldown_seconds: Seconds = setting(
        60.0, Group.RISK, "Rest of a symbol after an order, before its next entry.", unit="s", per_symbol=True
    )
    risk_max_orders_per_minute: Annotated[int, Field(ge=1, le=6000)] = setting(
        30, Group.RISK, "Most orders of all symbols in any minute.", unit="orders"
    )
    risk_max_loss_streak: Annotated[int, Field(ge=0, le=1000)] = setting(
        5, Group.RISK, "Closing orders at a loss in a row that pause entries; 0 turns it off.", unit="orders"
    )
    risk_loss_pause_seconds: Seconds = setting(3600.0, Group.RISK, "How long entries pause after a loss streak.", unit="s")
    risk_max_data_age_seconds: Seconds = setting(
        0.0,
        Group.RISK,
        "Age of the newest closed candle above which a symbol is not entered; 0: three candle intervals.",
        unit="s",
        per_symbol=True,
    )

    risk_default_stop_loss_pct: FractionBelowOne = setting(
        "0.05", Group.EXITS, "Fall below the average price that sells; 0 turns it off.", unit="fraction of price", per_symbol=True
    )
    risk_default_take_profit_pct: Share = setting(
        "0.10", Group.EXITS, "Rise above the average price that sells; 0 turns it off.", unit="fraction of price", per_symbol=True
    )
    risk_trailing_stop_pct: FractionBelowOne = setting(
        "0", Group.EXITS, "Fall from the highest price while held that sells; 0 turns it off.", unit="fraction of price", per_symbol=True
    )
    protection: Protection = setting(Protection.OFF, Group.EXITS, "Whether both also stand on the exchange, and what if it takes none.")
    protection_stop_offset_pct: FractionBelowOne = setting(
        "0",
        Group.EXITS,
        "How far below its stop price a stop on the exchange is offered at least (STOP_LOSS_LIMIT); 0: at any price (STOP_LOSS).",
        unit="fraction of price",
        per_symbol=True,
    )
    protection_trailing_step_pct: FractionBelowOne = setting(
        "0.002", Group.EXITS, "Least rise of the trailing stop that moves the stop on the exchange.", unit="fraction of price"
    )
