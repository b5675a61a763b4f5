"""Symbol checks: whether the exchange trades a symbol now, by rules that are known, against the asset that the book is kept in."""

from binance_trade_agent.domain.portfolio import PortfolioView
from binance_trade_agent.domain.risk import Refused, RiskRule
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus


def rules_refusal(symbol: str, rules: SymbolRules | None, view: PortfolioView) -> Refused | None:
    """Why nothing can be ordered of `symbol` by `rules`, None when it can."""
    if rules is None:
        return Refused(RiskRule.NO_RULES, f"the trading rules of {symbol} are not known")
    if rules.quote_asset != view.quote_asset:
        return Refused(RiskRule.NO_RULES, f"{symbol} is priced in {rules.quote_asset}, and the book is kept in {view.quote_asset}")
    if rules.status is not SymbolStatus.TRADING:
        return Refused(RiskRule.SYMBOL_STATUS, f"{symbol} is {rules.status} on the exchange")
    return None
