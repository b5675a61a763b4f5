"""SelectionSettings: whether symbols are named or chosen by what is traded most, and what is refused then."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.settings.choices import SymbolSelection
from binance_trade_agent.settings.fields import FractionAboveZero, Group, Share, SymbolPatterns, exact, setting

_Price = Annotated[Decimal, BeforeValidator(exact), Field(ge=0)]
_PATTERNS = "symbols with * and ?, comma separated, such as *TRY,LUNA?USDT"


class SelectionSettings(BaseModel):
    """Whether symbols are named or chosen by what is traded most, and what is refused then."""

    symbol_selection: SymbolSelection = setting(
        SymbolSelection.STATIC,
        Group.SELECTION,
        "What is traded: TRADING_SYMBOLS (static), or what has the most quote volume in 24 hours of all that is quoted in QUOTE_ASSET, "
        "chosen at the start and each SYMBOL_REFRESH_HOURS (top-volume). The demo's exchange lists TRADING_SYMBOLS: the choice is among "
        "them.",
    )
    symbol_count: Annotated[int, Field(ge=1, le=500)] = setting(
        10, Group.SELECTION, "How many are chosen; what is held besides is only sold.", unit="symbols"
    )
    symbol_refresh_hours: Annotated[int, Field(ge=0, le=720)] = setting(
        24, Group.SELECTION, "How often symbols are chosen anew while the daemon runs. 0: only when it starts.", unit="h"
    )
    symbol_slack: Annotated[int, Field(ge=0, le=500)] = setting(
        2,
        Group.SELECTION,
        "How far a symbol that was chosen before may fall beyond SYMBOL_COUNT, and how far within it another must climb, before they "
        "change places.",
        unit="ranks",
    )
    symbol_min_age_days: Annotated[int, Field(ge=0, le=3_650)] = setting(
        30, Group.SELECTION, "For how long a symbol must have been traded there. 0: however short.", unit="days"
    )
    symbol_max_spread: FractionAboveZero = setting(
        Decimal("0.005"), Group.SELECTION, "Widest distance of best bid and ask, as a share of the ask. 1: any."
    )
    symbol_min_range: Share = setting(
        ZERO, Group.SELECTION, "Least distance of the lowest and highest price of 24 hours, as a share of the lowest."
    )
    symbol_max_range: Share = setting(Decimal(1), Group.SELECTION, "Greatest distance of the same. 100: any.")
    symbol_min_price: _Price = setting(ZERO, Group.SELECTION, "Lowest last price.", unit="quote asset")
    symbol_max_price: _Price = setting(ZERO, Group.SELECTION, "Highest last price. 0: any.", unit="quote asset")
    symbol_whitelist: SymbolPatterns = setting((), Group.SELECTION, "Only these are chosen. Empty: all.", allowed=_PATTERNS)
    symbol_blacklist: SymbolPatterns = setting((), Group.SELECTION, "These are never chosen.", allowed=_PATTERNS)
