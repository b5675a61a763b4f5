"""Lists of symbols as request parameters, in portions that fit into a request line.

Source: rest-api.md, the `symbols` parameter of the ticker endpoints: a JSON array, percent-encoded when it is sent.
"""

import json
from collections.abc import Iterator, Sequence

from binance_trade_agent.binance.signing import encode_value

MAX_SYMBOLS_TEXT = 4_000
"""Longest percent-encoded `symbols` list in one request; servers commonly cut request lines at 8 KB."""


def json_list(symbols: Sequence[str]) -> str:
    """The symbols as the exchange wants a list of them."""
    return json.dumps(list(symbols), ensure_ascii=False, separators=(",", ":"))


def portions(symbols: Sequence[str], at_most: int | None = None) -> Iterator[list[str]]:
    """The symbols, each once, in portions of `at_most` whose encoded list stays within MAX_SYMBOLS_TEXT."""
    portion: list[str] = []
    length = 0
    for symbol in dict.fromkeys(symbols):
        cost = len(encode_value(f'"{symbol}",'))
        if portion and (length + cost > MAX_SYMBOLS_TEXT or len(portion) == at_most):
            yield portion
            portion, length = [], 0
        portion.append(symbol)
        length += cost
    if portion:
        yield portion
