"""Symbol catalogue: splitting symbols into assets, and plausible trading rules for a symbol by the size of its price."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.domain.quote_assets import QUOTE_ASSETS, quote_of
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus

MIN_NOTIONALS: Mapping[str, Decimal] = MappingProxyType(
    {
        "USDT": Decimal(5),
        "USDC": Decimal(5),
        "FDUSD": Decimal(5),
        "TUSD": Decimal(5),
        "BUSD": Decimal(5),
        "USD": Decimal(5),
        "DAI": Decimal(5),
        "EUR": Decimal(5),
        "GBP": Decimal(5),
        "AUD": Decimal(5),
        "TRY": Decimal(100),
        "BRL": Decimal(10),
        "JPY": Decimal(500),
        "PLN": Decimal(20),
        "BTC": Decimal("0.0001"),
        "ETH": Decimal("0.001"),
        "BNB": Decimal("0.01"),
        "SOL": Decimal("0.05"),
        "XRP": Decimal(10),
        "DOGE": Decimal(50),
        "TRX": Decimal(50),
    }
)
"""The smallest order value by quote asset; one that is not here is taken for a dollar."""

STEPS_PER_MIN_NOTIONAL = 10
"""How finely quantities are divided: so many steps make up about the smallest order."""

MIN_NOTIONALS_PER_MAX = 1_800_000
"""The largest order in smallest ones: 9,000,000 USDT to 5."""

_FINEST_EXPONENT = -8  # the wire carries eight decimals
_COARSEST_TICK_EXPONENT = -2
_PRICE_DIGITS_AFTER_FIRST = 4
_MOST_STEPS = 10**9
_PRICE_HEADROOM = 1000


def split_symbol(symbol: str, quote_assets: Sequence[str] = QUOTE_ASSETS) -> tuple[str, str]:
    """(base asset, quote asset); the longest quote asset that `symbol` ends in decides. Raises ConfigurationError when there is none."""
    quote_asset = quote_of(symbol, quote_assets)
    if quote_asset is None:
        raise ConfigurationError(f"symbol {symbol!r} ends in no known quote asset; known are {', '.join(sorted(quote_assets))}")
    return symbol[: -len(quote_asset)], quote_asset


def tick_for(price: float) -> Decimal:
    """A tick that shows about five digits of `price`."""
    exponent = math.floor(math.log10(price)) - _PRICE_DIGITS_AFTER_FIRST
    return Decimal(1).scaleb(min(max(exponent, _FINEST_EXPONENT), _COARSEST_TICK_EXPONENT))


def plausible_rules(symbol: str, base_asset: str, quote_asset: str, *, price: float, tick_size: Decimal) -> SymbolRules:
    """Rules for a symbol that trades around `price` quote units.

    The step is a power of ten of at most 1 whose value is about a tenth of the smallest order; an unknown quote asset is taken
    for a dollar.
    """
    min_notional = MIN_NOTIONALS.get(quote_asset, MIN_NOTIONALS["USDT"])
    step_exponent = math.floor(math.log10(float(min_notional) / STEPS_PER_MIN_NOTIONAL / price))
    step_size = Decimal(1).scaleb(min(max(step_exponent, _FINEST_EXPONENT), 0))
    most = step_size * _MOST_STEPS
    return SymbolRules(
        symbol=symbol,
        base_asset=base_asset,
        quote_asset=quote_asset,
        status=SymbolStatus.TRADING,
        tick_size=tick_size,
        min_price=tick_size,
        max_price=Decimal(1).scaleb(math.ceil(math.log10(price * _PRICE_HEADROOM))),
        step_size=step_size,
        min_quantity=step_size,
        max_quantity=most,
        market_step_size=step_size,
        market_min_quantity=step_size,
        market_max_quantity=most,
        min_notional=min_notional,
        max_notional=min_notional * MIN_NOTIONALS_PER_MAX,
    )
