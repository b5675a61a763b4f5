"""Endpoints that give candles (rest-api.md, "Kline/Candlestick data" and "UIKlines")."""

from typing import Any

from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.markets.zoned_candles import CandleGrid, zone_offset_ms, zoned_candles
from binance_trade_agent.simulation.rest import json_shapes
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, public
from binance_trade_agent.simulation.rest.params import Params

DEFAULT_CANDLES = 500
MOST_CANDLES = 1_000

_PARAMETERS = "symbol interval startTime endTime timeZone limit"


def _klines(venue: Venue, call: Call) -> Any:
    params = call.params
    symbol = venue.engine.rules(params.symbol()).symbol
    interval, offset_ms = params.require("interval"), _offset_ms(params)
    limit = params.limit(default=DEFAULT_CANDLES, most=MOST_CANDLES)
    start_ms, end_ms = params.time_ms("startTime"), params.time_ms("endTime")
    try:
        grid = CandleGrid(interval, offset_ms)
        candles = zoned_candles(venue.market, symbol, grid, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=call.now_ms)
    except ValueError:
        raise refused(-1120, "Invalid interval.") from None
    return [json_shapes.candle(candle) for candle in candles]


def _offset_ms(params: Params) -> int:
    text = params.text("timeZone")
    if text is None:
        return 0
    try:
        return zone_offset_ms(text.strip())  # a plus sign that was not encoded arrives as a space
    except ValueError:
        raise refusals.not_valid("timeZone") from None


ROUTES: dict[str, dict[str, Endpoint]] = {
    # What "modified" means in the answer of uiKlines is not documented: here the candles are the same.
    path: {"GET": public(_klines, _PARAMETERS, weight=flat(2))}
    for path in ("/api/v3/klines", "/api/v3/uiKlines")
}
