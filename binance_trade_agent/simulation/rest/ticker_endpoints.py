"""Endpoints that tell prices and what a stretch of time adds up to (rest-api.md, "Current average price" to "Rolling window ...")."""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from binance_trade_agent.domain.candle_intervals import DAY_MS, HOUR_MS, MINUTE_MS
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.markets.market import MarketCandle
from binance_trade_agent.simulation.markets.rolling_window import RollingWindow
from binance_trade_agent.simulation.markets.traded_window import traded_window
from binance_trade_agent.simulation.markets.zoned_candles import CandleGrid, zone_offset_ms
from binance_trade_agent.simulation.rest import json_shapes
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, public
from binance_trade_agent.simulation.rest.json_shapes import Json, digits
from binance_trade_agent.simulation.rest.params import MOST_SYMBOLS, Params
from binance_trade_agent.simulation.rest.symbol_choice import chosen_symbols, count_of_symbols
from binance_trade_agent.simulation.rest.ticker_shapes import average_price, mini_ticker, price_change, untraded

AVERAGE_MINUTES = 5
MOST_SYMBOLS_OF_A_WINDOW = 100

_WINDOW = re.compile(r"(?P<count>[1-9][0-9]?)(?P<unit>[mhd])")
_UNITS = {"m": (MINUTE_MS, 59), "h": (HOUR_MS, 23), "d": (DAY_MS, 7)}
_MOST_WINDOW_WEIGHT = 200


class TickerType(StrEnum):
    """How much a ticker tells."""

    FULL = "FULL"
    MINI = "MINI"


Entry = Callable[[Venue, Call, str], Json]


def _ticker(entry: Entry, *, most: int = MOST_SYMBOLS, all_when_none: bool = True) -> Callable[[Venue, Call], Any]:
    """One object for `symbol`, an array for `symbols` or for all."""

    def handle(venue: Venue, call: Call) -> Any:
        symbols, is_one = chosen_symbols(venue, call, most=most, all_when_none=all_when_none)
        rows = [entry(venue, call, symbol) for symbol in symbols]
        return rows[0] if is_one else rows

    return handle


def _price(venue: Venue, call: Call, symbol: str) -> Json:
    """Price 0 before the symbol's first trade."""
    quote = venue.market.quote(symbol, call.now_ms)
    return {"symbol": symbol, "price": digits(quote.price if quote else ZERO)}


def _book_ticker(venue: Venue, call: Call, symbol: str) -> Json:
    return json_shapes.book_ticker(symbol, venue.engine.visible_ladder(symbol, call.now_ms))


def _average(venue: Venue, call: Call) -> Any:
    symbol = venue.engine.rules(call.params.symbol()).symbol
    window = RollingWindow(venue.market, symbol, AVERAGE_MINUTES * MINUTE_MS).at(call.now_ms)
    quote, last = venue.market.quote(symbol, call.now_ms), venue.public_trades.last_before(symbol, call.now_ms)
    average = average_price(window) if window else ZERO
    closed_ms = last.time_ms if last else quote.time_ms if quote else 0
    return {"mins": AVERAGE_MINUTES, "price": digits(average), "closeTime": closed_ms}


def _last_day(venue: Venue, call: Call, symbol: str) -> Json:
    open_ms = call.now_ms - DAY_MS
    window = RollingWindow(venue.market, symbol, DAY_MS).at(call.now_ms)
    is_mini = _type(call.params) is TickerType.MINI
    if window is None:
        window = untraded(open_ms)
    if is_mini:
        return mini_ticker(symbol, window, open_ms, call.now_ms)
    last = venue.public_trades.last_before(symbol, call.now_ms)
    best = json_shapes.book_ticker(symbol, venue.engine.visible_ladder(symbol, call.now_ms))
    change = price_change(symbol, window, open_ms, call.now_ms)
    return {
        **{name: change.pop(name) for name in ("symbol", "priceChange", "priceChangePercent", "weightedAvgPrice")},
        "prevClosePrice": digits(_close_before(venue, symbol, window)),
        "lastPrice": digits(window.close),
        "lastQty": digits(last.quantities[-1] if last else ZERO),
        **{name: best[name] for name in ("bidPrice", "bidQty", "askPrice", "askQty")},
        **change,
    }


def _close_before(venue: Venue, symbol: str, window: MarketCandle) -> Any:
    """The last price before the window, its own first one where there was none."""
    before = venue.market.quote(symbol, window.open_time_ms - 1)
    return before.price if before else window.open


def _trading_day(venue: Venue, call: Call, symbol: str) -> Json:
    text = call.params.text("timeZone")
    try:
        grid = CandleGrid("1d", 0 if text is None else zone_offset_ms(text.strip()))
    except ValueError:
        raise refusals.not_valid("timeZone") from None
    open_ms = grid.open_ms(call.now_ms)
    return _of_window(venue, call, symbol, open_ms, grid.after(open_ms) - 1)


def _window(venue: Venue, call: Call, symbol: str) -> Json:
    open_ms = call.now_ms - window_ms(call.params.text("windowSize") or "1d")
    return _of_window(venue, call, symbol, open_ms - open_ms % MINUTE_MS, call.now_ms)


def _of_window(venue: Venue, call: Call, symbol: str, open_ms: int, close_ms: int) -> Json:
    shape = mini_ticker if _type(call.params) is TickerType.MINI else price_change
    window = traded_window(venue.market, symbol, open_ms, call.now_ms)
    if window is None:
        raise refused(-2016, "No trading window could be found for the symbol. Try ticker/24hrs instead.")
    return shape(symbol, window, open_ms, close_ms)


def window_ms(text: str) -> int:
    """The length of a window such as 15m, 4h or 7d; -1130 for one that there is not."""
    match = _WINDOW.fullmatch(text)
    if match is None or int(match["count"]) > _UNITS[match["unit"]][1]:
        raise refusals.not_valid("windowSize")
    return int(match["count"]) * _UNITS[match["unit"]][0]


def _type(params: Params) -> TickerType:
    return params.choice("type", TickerType, -1139, "Invalid ticker type.") or TickerType.FULL


def _weight(params: Params) -> int:
    return 2 if params.has("symbol") else 4


def _day_weight(params: Params) -> int:
    count = count_of_symbols(params, MOST_SYMBOLS_OF_A_WINDOW + 1)
    return next((weight for most, weight in ((20, 2), (100, 40)) if count <= most), 80)


def _window_weight(params: Params) -> int:
    return min(4 * count_of_symbols(params, 1), _MOST_WINDOW_WEIGHT)


def _windowed(entry: Entry) -> Callable[[Venue, Call], Any]:
    return _ticker(entry, most=MOST_SYMBOLS_OF_A_WINDOW, all_when_none=False)


ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/avgPrice": {"GET": public(_average, "symbol", weight=flat(2))},
    "/api/v3/ticker/24hr": {"GET": public(_ticker(_last_day), "symbol symbols type symbolStatus", weight=_day_weight)},
    "/api/v3/ticker/tradingDay": {
        "GET": public(_windowed(_trading_day), "symbol symbols timeZone type symbolStatus", weight=_window_weight)
    },
    "/api/v3/ticker/price": {"GET": public(_ticker(_price), "symbol symbols symbolStatus", weight=_weight)},
    "/api/v3/ticker/bookTicker": {"GET": public(_ticker(_book_ticker), "symbol symbols symbolStatus", weight=_weight)},
    "/api/v3/ticker": {"GET": public(_windowed(_window), "symbol symbols windowSize type symbolStatus", weight=_window_weight)},
}
