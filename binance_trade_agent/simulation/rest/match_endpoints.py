"""Endpoints that show trades that did not happen, and those that SOR made elsewhere.

Source: rest-api.md, "Query Prevented Matches" and "Query Allocations"; faqs/stp_faq.md.
"""

from typing import Any

from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.history import Span
from binance_trade_agent.simulation.engine.records import PreventedMatch
from binance_trade_agent.simulation.rest.account_endpoints import DEFAULT_ROWS, MOST_ROWS, read_span
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, signed
from binance_trade_agent.simulation.rest.json_shapes import Json, digits
from binance_trade_agent.simulation.rest.params import Params

_BY_ID_WEIGHT = 2
_BY_ORDER_WEIGHT = 20

_ALLOCATION_COMBINATIONS = {
    frozenset[str](),
    frozenset({"startTime"}),
    frozenset({"endTime"}),
    frozenset({"startTime", "endTime"}),
    frozenset({"fromAllocationId"}),
    frozenset({"orderId"}),
    frozenset({"orderId", "fromAllocationId"}),
}
"""What may come beside `symbol` in myAllocations."""


def _prevented_matches(venue: Venue, call: Call) -> Any:
    params = call.params
    symbol = venue.engine.rules(params.symbol()).symbol
    match_id, order_id, from_id = (params.integer(name) for name in ("preventedMatchId", "orderId", "fromPreventedMatchId"))
    if (match_id is None) == (order_id is None) or (from_id is not None and order_id is None):
        raise refusals.bad_combination()
    # All that are asked for begin with the oldest.
    span = Span(limit=params.limit(default=DEFAULT_ROWS, most=MOST_ROWS), from_id=from_id or 0)
    matches = venue.archive.prevented_matches(call.account_id, symbol, span, match_id=match_id, order_id=order_id)
    return [_prevented_match(match) for match in matches]


def _prevented_match(match: PreventedMatch) -> Json:
    """Each side's quantity is there only when that side lost it."""
    lost = {"takerPreventedQuantity": match.taker_prevented_quantity, "makerPreventedQuantity": match.maker_prevented_quantity}
    return {
        "symbol": match.symbol,
        "preventedMatchId": match.prevented_match_id,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": match.symbol,
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": match.trade_group_id,
        "selfTradePreventionMode": match.mode.value,
        "price": digits(match.price),
        **{name: digits(quantity) for name, quantity in lost.items() if quantity is not None},
        "transactTime": match.time_ms,
    }


def _allocations(venue: Venue, call: Call) -> Any:
    """None: no order here is filled in the book of another symbol."""
    venue.engine.rules(call.params.symbol())
    sent = frozenset(name for name in ("orderId", "fromAllocationId", "startTime", "endTime") if call.params.has(name))
    if sent not in _ALLOCATION_COMBINATIONS:
        raise refusals.bad_combination()
    read_span(call.params, "fromAllocationId")
    return []


def _prevented_weight(params: Params) -> int:
    return _BY_ORDER_WEIGHT if params.has("orderId") else _BY_ID_WEIGHT


ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/myPreventedMatches": {
        "GET": signed(_prevented_matches, "symbol preventedMatchId orderId fromPreventedMatchId limit", weight=_prevented_weight)
    },
    "/api/v3/myAllocations": {"GET": signed(_allocations, "symbol startTime endTime fromAllocationId limit orderId", weight=flat(20))},
}
