"""RecordedTradesMarket: recorded trades played back as a market, showing nothing before its time.

What was traded is what was traded: taker orders, prices and candles are those of the files. Resting orders are filled by these trades,
behind what a made-up book shows at their price.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

import numpy as np

from binance_trade_agent.domain.candle_intervals import candle_open_ms
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.markets.candle_rows import summed
from binance_trade_agent.simulation.markets.market import MarketCandle, Quote, TakerOrder
from binance_trade_agent.simulation.markets.trade_files import TradeRows
from binance_trade_agent.simulation.markets.trade_tape import TradeTape

DEFAULT_DEPTH_SHARE = 0.2


class RecordedTradesMarket:
    """The Market of `trades` by symbol; after the last trade of all there is no book any more.

    `depth_share` is the share of the last minute's volume that rests on each side of the book. Ticks and steps are inferred from the
    decimals of prices and quantities, the smallest value from the quote asset; `rules` replaces them for the symbols it names.
    Raises ConfigurationError for a symbol that `rules` does not name and that ends in no known quote asset.
    """

    def __init__(
        self,
        trades: Mapping[str, TradeRows],
        *,
        depth_share: float = DEFAULT_DEPTH_SHARE,
        rules: Mapping[str, SymbolRules] = MappingProxyType({}),
    ) -> None:
        if not depth_share >= 0:
            raise ValueError(f"depth_share must be 0 or more, not {depth_share}")
        self._tapes = {symbol: TradeTape(symbol, rows, depth_share, rules.get(symbol)) for symbol, rows in trades.items()}
        self._rules = MappingProxyType({symbol: tape.rules for symbol, tape in self._tapes.items()})
        self.start_ms = min(int(tape.times_ms[0]) for tape in self._tapes.values())
        self.end_ms = max(int(tape.times_ms[-1]) for tape in self._tapes.values()) + 1

    @property
    def rules(self) -> Mapping[str, SymbolRules]:
        """The trading rules of every symbol there is."""
        return self._rules

    @property
    def has_queues(self) -> bool:
        """True: recorded trades meet resting orders."""
        return True

    def quote(self, symbol: str, time_ms: int) -> Quote | None:
        """The market at `time_ms`; None before the symbol's first trade and for an unknown symbol."""
        tape = self._tapes.get(symbol)
        if tape is None:
            return None
        if time_ms >= self.end_ms:
            return tape.last_quote(self.end_ms)
        done = tape.before(time_ms)
        return tape.quote(done - 1) if done else None

    def quotes(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[Quote]:
        """Every quote with after_ms < time_ms <= until_ms, oldest first."""
        tape = self._tapes.get(symbol)
        if tape is not None:
            yield from tape.quotes(after_ms, until_ms)
            if after_ms < self.end_ms <= until_ms:
                yield tape.last_quote(self.end_ms)

    def taker_orders(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[TakerOrder]:
        """The recorded ones; single trades that follow each other at one time, price and side are one taker's, numbered here."""
        tape = self._tapes.get(symbol)
        return iter(()) if tape is None else tape.taker_orders(after_ms, until_ms)

    def candles(
        self, symbol: str, interval_ms: int, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> Sequence[MarketCandle]:
        """See Market.candles; any interval can be made, and one without a trade keeps the last price."""
        if interval_ms <= 0:
            raise ValueError(f"candles of {interval_ms} ms cannot be made")
        tape = self._tapes.get(symbol)
        done = 0 if tape is None else tape.before(now_ms)
        if tape is None or not done:
            return ()
        last_ms = min(now_ms if end_ms is None else min(end_ms, now_ms), self.end_ms - 1)
        first_open_ms = candle_open_ms(int(tape.times_ms[0]), interval_ms)
        end_open_ms = candle_open_ms(last_ms, interval_ms) + interval_ms
        if start_ms is None:
            opens_ms = max(end_open_ms - limit * interval_ms, first_open_ms)
        else:
            opens_ms = max(candle_open_ms(start_ms + interval_ms - 1, interval_ms), first_open_ms)
            end_open_ms = min(end_open_ms, opens_ms + limit * interval_ms)
        return _candles(tape, range(opens_ms, end_open_ms, interval_ms), interval_ms, done)


def _candles(tape: TradeTape, opens: range, interval_ms: int, done: int) -> list[MarketCandle]:
    """The candles that open at `opens`, of the first `done` taker orders."""
    if not opens:
        return []
    borders = np.append(np.array(opens, np.int64), opens[-1] + interval_ms)
    numbers = np.minimum(np.searchsorted(tape.times_ms, borders, "left"), done)
    traded = np.flatnonzero(numbers[1:] > numbers[:-1])
    first, end = int(numbers[0]), int(numbers[-1])
    made: dict[int, MarketCandle] = {}
    if len(traded):
        stretches = summed(tape.columns[first:end], numbers[:-1][traded] - first)
        busy = [opens[place] for place in traded.tolist()]
        made = dict(zip(busy, stretches.candles(busy, interval_ms, tape.tick, tape.step), strict=True))
    close = int(tape.columns.ticks[max(first - 1, 0)]) * tape.tick
    found: list[MarketCandle] = []
    for open_ms in opens:
        candle = made.get(open_ms) or _flat(close, open_ms, interval_ms)
        close = candle.close
        found.append(candle)
    return found


def _flat(price: Decimal, open_ms: int, interval_ms: int) -> MarketCandle:
    return MarketCandle(open_ms, price, price, price, price, ZERO, open_ms + interval_ms - 1, ZERO, 0)
