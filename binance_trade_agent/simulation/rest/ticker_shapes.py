"""JSON shapes of tickers over a stretch of time (rest-api.md, "24hr ticker price change statistics" and the two after it)."""

from decimal import ROUND_HALF_EVEN, Decimal

from binance_trade_agent.domain.money import ZERO, ratio
from binance_trade_agent.simulation.markets.market import MarketCandle
from binance_trade_agent.simulation.rest.json_shapes import Json, digits

NO_TRADE = -1

_PERCENT = Decimal(100)
_THOUSANDTH = Decimal("0.001")


def untraded(open_ms: int) -> MarketCandle:
    """A window in which nothing was traded."""
    return MarketCandle(open_ms, ZERO, ZERO, ZERO, ZERO, ZERO, open_ms, ZERO, 0)


def average_price(window: MarketCandle) -> Decimal:
    """The price of all that was traded, weighted by quantity; the last one where nothing was."""
    return ratio(window.quote_volume, window.volume) if window.volume else window.close


def change_percent(window: MarketCandle) -> str:
    """How far the last price is from the first, in percent with three decimals."""
    change = ratio((window.close - window.open) * _PERCENT, window.open)
    return str(change.quantize(_THOUSANDTH, ROUND_HALF_EVEN))


def trade_ids(window: MarketCandle) -> tuple[int, int]:
    """The ids of its first and last trade, NO_TRADE where the market does not number them or there was none."""
    first = window.first_trade_id
    if first is None or not window.trades:
        return NO_TRADE, NO_TRADE
    return first, first + window.trades - 1


def mini_ticker(symbol: str, window: MarketCandle, open_ms: int, close_ms: int) -> Json:
    """Type MINI."""
    return {
        "symbol": symbol,
        "openPrice": digits(window.open),
        "highPrice": digits(window.high),
        "lowPrice": digits(window.low),
        "lastPrice": digits(window.close),
        **_totals(window, open_ms, close_ms),
    }


def price_change(symbol: str, window: MarketCandle, open_ms: int, close_ms: int) -> Json:
    """Type FULL, but for what only the ticker of 24 hours tells on top."""
    return {
        "symbol": symbol,
        "priceChange": digits(window.close - window.open),
        "priceChangePercent": change_percent(window),
        "weightedAvgPrice": digits(average_price(window)),
        **{name: value for name, value in mini_ticker(symbol, window, open_ms, close_ms).items() if name != "symbol"},
    }


def _totals(window: MarketCandle, open_ms: int, close_ms: int) -> Json:
    first, last = trade_ids(window)
    return {
        "volume": digits(window.volume),
        "quoteVolume": digits(window.quote_volume),
        "openTime": open_ms,
        "closeTime": close_ms,
        "firstId": first,
        "lastId": last,
        "count": window.trades,
    }
