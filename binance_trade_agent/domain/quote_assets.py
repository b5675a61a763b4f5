"""Quote assets: which assets others are quoted in at Binance Spot, and reading a symbol's quote from its end.

The exchange itself says how a symbol is made up (rest-api.md, "Exchange information"). This table serves where it cannot be asked:
for settings before anything is connected, and for markets that are made up or recorded.
"""

from collections.abc import Sequence

QUOTE_ASSETS = (
    "FDUSD",
    "USDT",
    "USDC",
    "TUSD",
    "USD1",
    "BUSD",
    "USD",
    "BTC",
    "ETH",
    "BNB",
    "EUR",
    "TRY",
    "BRL",
    "JPY",
    "GBP",
    "AUD",
    "PLN",
    "DAI",
    "XRP",
    "TRX",
    "SOL",
    "DOGE",
)


def quote_of(symbol: str, among: Sequence[str] = QUOTE_ASSETS) -> str | None:
    """The quote asset that `symbol` ends with, the longest that fits, or None when none is known."""
    fitting = [asset for asset in among if symbol.endswith(asset) and symbol != asset]
    return max(fitting, key=len, default=None)
