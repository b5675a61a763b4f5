"""FilterPrices: the prices that filters and execution rules measure orders by: reference price, average price, last price.

Source: filters.md, "PERCENT_PRICE"; faqs/price_range_execution_rules.md. All of them follow from the market and from the accounts' trades.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, ratio
from binance_trade_agent.simulation.engine.amounts import floor_amount
from binance_trade_agent.simulation.engine.listing import External, Listing
from binance_trade_agent.simulation.engine.recent_trades import RecentTrades
from binance_trade_agent.simulation.engine.reference_mean import reference_mean
from binance_trade_agent.simulation.markets.market import Market

LastPrice = Callable[[str, int], Decimal | None]
"""What a symbol last traded at, in the market or among the accounts."""

MINUTE_MS = 60_000
STEP_MS = 1_000
"""How long a filter goes on with the same average: its beginning decides, so that it does not matter who asks first."""


class FilterPrices:
    """Prices by symbol and time, ms UTC; None where nothing is known. `own` are the accounts' trades, `last` is the price of the last trade
    of all."""

    def __init__(self, market: Market, own: RecentTrades, last: LastPrice) -> None:
        self._market = market
        self._own = own
        self.last = last
        self._kept: dict[tuple[str, int], tuple[Listing, int, Decimal | None]] = {}

    def reference(self, listing: Listing, now_ms: int) -> Decimal | None:
        """The reference price; None when the symbol has none, or none at the moment."""
        calculation = listing.reference
        if calculation is None:
            return None
        if isinstance(calculation, External):
            return calculation.price
        after_ms = now_ms - calculation.bucket_width_ms * (calculation.bucket_count + 1)
        return reference_mean(calculation, self._trades(listing.symbol, after_ms, now_ms), now_ms)

    def average(self, listing: Listing, minutes: int, now_ms: int) -> Decimal | None:
        """What PERCENT_PRICE and the notional filters reckon with: the reference price, the average of `minutes`, or the last price.

        It is that of the last full second. `minutes` 0 means the last price, and that is always of now.
        """
        symbol = listing.symbol
        second = now_ms // STEP_MS
        kept = self._kept.get((symbol, minutes))
        if kept is not None and kept[1] == second and kept[0] is listing:
            price = kept[2]
        else:
            price = self.reference(listing, second * STEP_MS)
            if price is None and minutes > 0:
                price = self.volume_weighted(symbol, minutes, second * STEP_MS)
            self._kept[(symbol, minutes)] = (listing, second, price)
        return self.last(symbol, now_ms) if price is None else price

    def volume_weighted(self, symbol: str, minutes: int, now_ms: int) -> Decimal | None:
        """The mean price of the `minutes` newest candles of a minute, the present one among them; None when nothing was traded."""
        try:
            candles = self._market.candles(symbol, MINUTE_MS, start_ms=None, end_ms=None, limit=minutes, now_ms=now_ms)
        except ValueError:
            return None  # the market is only known in longer candles
        oldest_ms = now_ms - minutes * MINUTE_MS
        # Recorded candles may come without their value: those say nothing of it.
        recent = [candle for candle in candles if candle.open_time_ms > oldest_ms and candle.quote_volume]
        volume = sum((candle.volume for candle in recent), ZERO)
        return floor_amount(ratio(sum((candle.quote_volume for candle in recent), ZERO), volume)) if volume else None

    def _trades(self, symbol: str, after_ms: int, until_ms: int) -> Iterator[tuple[int, Decimal, int]]:
        """Time, price and number of trades, of other people and of the accounts."""
        for taker in self._market.taker_orders(symbol, after_ms, until_ms):
            yield taker.time_ms, taker.price, len(taker.quantities)
        for time_ms, price in self._own.since(symbol, after_ms, until_ms):
            yield time_ms, price, 1
