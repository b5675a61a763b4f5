"""Many symbols at once: what fails for one symbol stands beside the results of the others, and nothing is left running."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from binance_trade_agent.binance.symbols import checked_symbols
from binance_trade_agent.domain.errors import AgentError, MarketDataError
from binance_trade_agent.ports.market_feed import Batch

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")

MAX_SYMBOLS = 5_000
"""How many symbols are remembered (candles, prices, rules); the exchange lists some 3,500."""


async def each(symbols: Iterable[str], fetch: Callable[[str], Awaitable[T]]) -> Batch[T]:
    """`fetch` of every symbol at once; failures that are ours to expect become errors of the batch, others are raised."""
    possible, errors = checked_symbols(symbols)
    batch: Batch[T] = Batch(errors=errors)
    results = await asyncio.gather(*(fetch(symbol) for symbol in possible), return_exceptions=True)
    for symbol, result in zip(possible, results, strict=True):
        if isinstance(result, AgentError):
            batch.errors[symbol] = result
        elif isinstance(result, BaseException):
            raise result
        else:
            batch[symbol] = result
    return batch


async def both(one: Awaitable[A], other: Awaitable[B]) -> tuple[A, B]:
    """Both at once; when one breaks the other is waited for, so that nothing is left running."""
    first, second = await asyncio.gather(one, other, return_exceptions=True)
    if isinstance(first, BaseException):
        raise first
    if isinstance(second, BaseException):
        raise second
    return first, second


def remember(memory: dict[str, T], news: Mapping[str, T]) -> None:
    """Add `news` to `memory`, and let the longest kept go beyond MAX_SYMBOLS."""
    memory.update(news)
    while len(memory) > MAX_SYMBOLS:
        del memory[next(iter(memory))]


def no_such_symbol(symbol: str) -> MarketDataError:
    """The error of a symbol that the exchange does not list."""
    return MarketDataError(f"the exchange lists no symbol {symbol}")
