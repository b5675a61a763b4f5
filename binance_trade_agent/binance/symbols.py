"""Which texts can be a symbol, checked before a request is spent on them.

Source: errors.md, -1100 (the characters that are legal); rest-api.md, "General API Information": symbols may hold
non-ASCII characters too.
"""

import re
from collections.abc import Iterable

from binance_trade_agent.domain.errors import MarketDataError

_SHAPE = re.compile(r"[A-Z0-9\-_.\u0080-\U0010ffff]{1,50}")


def check_symbol(symbol: str) -> None:
    """Raise MarketDataError, saying what is allowed, when `symbol` can be no symbol of the exchange."""
    if _SHAPE.fullmatch(symbol) and symbol.isprintable():
        return
    raise MarketDataError(
        f"{symbol[:40]!r} is no symbol: 1 to 50 characters of A-Z, 0-9, '-', '_' and '.' (or non-ASCII letters), such as BTCUSDT"
    )


def checked_symbols(symbols: Iterable[str]) -> tuple[list[str], dict[str, Exception]]:
    """Those that can be symbols, each once and in their order, and for each of the others its MarketDataError."""
    possible: list[str] = []
    errors: dict[str, Exception] = {}
    for symbol in dict.fromkeys(symbols):
        try:
            check_symbol(symbol)
            possible.append(symbol)
        except MarketDataError as error:
            errors[symbol] = error
    return possible, errors
