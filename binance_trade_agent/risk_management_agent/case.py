"""Case: one signal under review, with all it is judged by."""

from decimal import Decimal

import msgspec

from binance_trade_agent.domain.market import MarketSnapshot
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Purpose
from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.signal import Signal
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.risk_management_agent.correlation import CandlesOf
from binance_trade_agent.risk_management_agent.limits import RiskLimits
from binance_trade_agent.risk_management_agent.room import WHOLE
from binance_trade_agent.risk_management_agent.sizing import Sizing


class Case(msgspec.Struct, frozen=True, gc=False):
    """`purpose` is what an order would be for; `quantity` is the user's wish; `limits` are those of the symbol.

    `candles_of` gives what the pass saw of other symbols.
    """

    signal: Signal
    snapshot: MarketSnapshot
    rules: SymbolRules
    view: PortfolioView
    limits: RiskLimits
    purpose: Purpose
    reason: str
    is_protective: bool
    quantity: Decimal | None
    candles_of: CandlesOf

    @property
    def symbol(self) -> str:
        """The symbol that is reviewed."""
        return self.snapshot.symbol

    @property
    def held(self) -> Decimal:
        """What the view shows as held of it, in base."""
        position = self.view.positions.get(self.symbol)
        return position.quantity if position else ZERO

    @property
    def sizing(self) -> Sizing:
        """Sizes at the snapshot's price."""
        return Sizing(self.limits, self.rules, self.snapshot.price)

    @property
    def share(self) -> Decimal:
        """Of a full entry, or of what is held: all of it, unless the strategy means less."""
        whole = self.is_protective or self.signal.fraction == 1
        return WHOLE if whole else Decimal(repr(float(self.signal.fraction)))
