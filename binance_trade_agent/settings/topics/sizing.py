"""SizingSettings: how large an entry is meant to be, before any limit."""

from typing import Annotated

from pydantic import BaseModel, Field

from binance_trade_agent.domain.risk import MOST_CLOSED_ORDERS, SizingMethod
from binance_trade_agent.settings.fields import Amount, Fraction, FractionAboveZero, Group, setting


class SizingSettings(BaseModel):
    """How large an entry is meant to be, before any limit."""

    risk_sizing: SizingMethod = setting(
        SizingMethod.FRACTION,
        Group.SIZING,
        "What an entry's size follows: a share of equity, an amount, the market's ranges, or Kelly's formula over closing orders. "
        "RISK_MAX_SINGLE_TRADE_SIZE and the other limits stand above it.",
        per_symbol=True,
    )
    risk_sizing_fraction: Fraction = setting(
        "0",
        Group.SIZING,
        "What an entry buys for by `fraction`, and by `kelly` until it acts; 0: RISK_MAX_SINGLE_TRADE_SIZE.",
        unit="fraction of equity",
        per_symbol=True,
    )
    risk_sizing_amount: Amount = setting("100", Group.SIZING, "What an entry buys for by `fixed`.", unit="quote asset", per_symbol=True)
    risk_sizing_atr_share: FractionAboveZero = setting(
        "0.005",
        Group.SIZING,
        "What a move of one average true range against an entry costs by `volatility`.",
        unit="fraction of equity",
        per_symbol=True,
    )
    risk_sizing_atr_candles: Annotated[int, Field(ge=2, le=998)] = setting(
        14, Group.SIZING, "Candles that the average true range is taken over.", unit="candles", per_symbol=True
    )
    risk_kelly_factor: FractionAboveZero = setting(
        "0.5", Group.SIZING, "Part of Kelly's share that an entry buys for by `kelly`.", unit="fraction", per_symbol=True
    )
    risk_kelly_orders: Annotated[int, Field(ge=2, le=MOST_CLOSED_ORDERS)] = setting(
        30, Group.SIZING, "Closing orders of all symbols from which on `kelly` acts.", unit="orders", per_symbol=True
    )
    risk_kelly_least: Fraction = setting(
        "0.005",
        Group.SIZING,
        "What an entry buys for by `kelly` at least, also where closing orders speak for less; 0: then nothing is bought any more.",
        unit="fraction of equity",
        per_symbol=True,
    )
