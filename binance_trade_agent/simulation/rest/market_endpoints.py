"""Public endpoints of the simulated exchange that need no history: time and the book (rest-api.md, "Market Data endpoints")."""

from typing import Any

from binance_trade_agent.simulation.rest import json_shapes
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, public
from binance_trade_agent.simulation.rest.params import Params
from binance_trade_agent.simulation.rest.symbol_choice import one_symbol

DEFAULT_DEPTH = 100
MOST_DEPTH = 5_000


def _ping(venue: Venue, call: Call) -> Any:
    return b"{}"


def _time(venue: Venue, call: Call) -> Any:
    return b'{"serverTime":%d}' % call.now_ms


def _depth(venue: Venue, call: Call) -> Any:
    symbol = one_symbol(venue, call)
    limit = call.params.limit(default=DEFAULT_DEPTH, most=MOST_DEPTH)
    update_id = venue.engine.book_update_id(symbol, call.now_ms)
    return json_shapes.depth(venue.engine.visible_ladder(symbol, call.now_ms), limit, update_id)


def _depth_weight(params: Params) -> int:
    """By limit: up to 100, 500, 1000, 5000 levels."""
    text = params.text("limit") or ""
    limit = int(text) if text.isdecimal() and len(text) <= len(str(MOST_DEPTH)) else DEFAULT_DEPTH
    return next((weight for most, weight in ((100, 5), (500, 25), (1_000, 50)) if limit <= most), 250)


ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/ping": {"GET": public(_ping, weight=flat(1))},
    "/api/v3/time": {"GET": public(_time, weight=flat(1))},
    "/api/v3/depth": {"GET": public(_depth, "symbol limit symbolStatus", weight=_depth_weight)},
}
