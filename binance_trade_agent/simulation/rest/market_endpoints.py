"""Public endpoints of the simulated exchange: time, rules, prices, books and candles (rest-api.md, "Public API Endpoints")."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.rest import json_shapes
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, public
from binance_trade_agent.simulation.rest.params import Params

DEFAULT_DEPTH = 100
MOST_DEPTH = 5_000
DEFAULT_CANDLES = 500
MOST_CANDLES = 1_000


def _ping(venue: Venue, call: Call) -> Any:
    return b"{}"


def _time(venue: Venue, call: Call) -> Any:
    return b'{"serverTime":%d}' % call.now_ms


def _exchange_info(venue: Venue, call: Call) -> Any:
    params = call.params
    status = params.choice("symbolStatus", SymbolStatus, -1122, "Invalid symbolStatus.")
    one, several = params.optional_symbol(), params.symbols()
    if (one is not None) + (several is not None) + (status is not None) > 1:
        raise refusals.bad_combination()
    chosen = _rules_of(venue, [one] if one is not None else several)
    if status is not None:
        chosen = [rules for rules in chosen if rules.status is status]
    return venue.info.answer(chosen, call.now_ms, show_permissions=params.boolean("showPermissionSets", default=True))


def _rules_of(venue: Venue, symbols: Sequence[str] | None) -> list[SymbolRules]:
    if symbols is None:
        return list(venue.market.rules.values())
    return [venue.engine.rules(symbol) for symbol in symbols]


def _depth(venue: Venue, call: Call) -> Any:
    symbol = venue.engine.rules(call.params.symbol()).symbol
    limit = call.params.limit(default=DEFAULT_DEPTH, most=MOST_DEPTH)
    update_id = venue.engine.book_update_id(symbol, call.now_ms)
    return json_shapes.depth(venue.engine.visible_ladder(symbol, call.now_ms), limit, update_id)


def _depth_weight(params: Params) -> int:
    """By limit: up to 100, 500, 1000, 5000 levels."""
    text = params.text("limit") or ""
    limit = int(text) if text.isdecimal() and len(text) <= len(str(MOST_DEPTH)) else DEFAULT_DEPTH
    return next((weight for most, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= most), 250)


def _klines(venue: Venue, call: Call) -> Any:
    params = call.params
    symbol = venue.engine.rules(params.symbol()).symbol
    interval_ms = INTERVALS_MS.get(params.require("interval"))
    if interval_ms is None:
        raise _bad_interval()
    limit = params.limit(default=DEFAULT_CANDLES, most=MOST_CANDLES)
    start_ms, end_ms = params.time_ms("startTime"), params.time_ms("endTime")
    try:
        candles = venue.market.candles(symbol, interval_ms, start_ms=start_ms, end_ms=end_ms, limit=limit, now_ms=call.now_ms)
    except ValueError:
        raise _bad_interval() from None
    return [json_shapes.candle(candle) for candle in candles]


def _bad_interval() -> Exception:
    return refused(-1120, "Invalid interval.")


def _ticker(entry: Callable[[Venue, str, int], dict[str, Any]]) -> Callable[[Venue, Call], Any]:
    """One object for `symbol`, an array for `symbols` or for all."""

    def handle(venue: Venue, call: Call) -> Any:
        one, several = call.params.optional_symbol(), call.params.symbols()
        if one is not None and several is not None:
            raise refusals.bad_combination()
        if one is not None:
            return entry(venue, venue.engine.rules(one).symbol, call.now_ms)
        return [entry(venue, rules.symbol, call.now_ms) for rules in _rules_of(venue, several)]

    return handle


def _ticker_weight(params: Params) -> int:
    return 2 if params.has("symbol") else 4


def _price(venue: Venue, symbol: str, now_ms: int) -> dict[str, Any]:
    """Price 0 before the symbol's first trade."""
    quote = venue.market.quote(symbol, now_ms)
    price: Decimal = quote.price if quote else ZERO
    return {"symbol": symbol, "price": json_shapes.digits(price)}


def _book_ticker(venue: Venue, symbol: str, now_ms: int) -> dict[str, Any]:
    return json_shapes.book_ticker(symbol, venue.engine.visible_ladder(symbol, now_ms))


ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/ping": {"GET": public(_ping, weight=flat(1))},
    "/api/v3/time": {"GET": public(_time, weight=flat(1))},
    "/api/v3/exchangeInfo": {"GET": public(_exchange_info, "symbol symbols symbolStatus showPermissionSets", weight=flat(20))},
    "/api/v3/depth": {"GET": public(_depth, "symbol limit", weight=_depth_weight)},
    "/api/v3/klines": {"GET": public(_klines, "symbol interval startTime endTime limit", weight=flat(2))},
    "/api/v3/ticker/price": {"GET": public(_ticker(_price), "symbol symbols", weight=_ticker_weight)},
    "/api/v3/ticker/bookTicker": {"GET": public(_ticker(_book_ticker), "symbol symbols", weight=_ticker_weight)},
}
