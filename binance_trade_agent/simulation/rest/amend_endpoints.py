"""Endpoints that make an order smaller where it stands, and show how often that was done.

Source: rest-api.md, "Order Amend Keep Priority" and "Query Order Amendments".
"""

from typing import Any

from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.history import Span
from binance_trade_agent.simulation.rest.account_endpoints import DEFAULT_ROWS, MOST_ROWS
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, signed
from binance_trade_agent.simulation.rest.order_endpoints import read_order_ids
from binance_trade_agent.simulation.rest.order_json import amendment_json, order_amended
from binance_trade_agent.simulation.rest.order_list_json import list_of_amended


def _amend(venue: Venue, call: Call) -> Any:
    params = call.params
    rules = venue.engine.rules(params.symbol())
    order_id, client_order_id = read_order_ids(params)
    quantity = params.decimal("newQty", rules.base_precision)
    if quantity is None:
        raise refusals.mandatory_missing("newQty")
    order, amendment, order_list = venue.engine.amend(
        call.account_id,
        rules.symbol,
        order_id=order_id,
        client_order_id=client_order_id,
        quantity=quantity,
        now_ms=call.now_ms,
        new_client_order_id=params.client_order_id("newClientOrderId"),
    )
    answer = {
        "transactTime": amendment.time_ms,
        "executionId": amendment.execution_id,
        "amendedOrder": order_amended(order, amendment),
    }
    return answer if order_list is None else {**answer, "listStatus": list_of_amended(order_list)}


def _amendments(venue: Venue, call: Call) -> Any:
    params = call.params
    symbol = venue.engine.rules(params.symbol()).symbol
    order_id = params.integer("orderId")
    if order_id is None:
        raise refusals.mandatory_missing("orderId")
    span = Span(params.limit(default=DEFAULT_ROWS, most=MOST_ROWS), from_id=params.integer("fromExecutionId") or 0)
    return [amendment_json(amendment) for amendment in venue.archive.amendments(call.account_id, symbol, order_id, span)]


ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/order/amend/keepPriority": {"PUT": signed(_amend, "symbol orderId origClientOrderId newClientOrderId newQty", weight=flat(4))},
    "/api/v3/order/amendments": {"GET": signed(_amendments, "symbol orderId fromExecutionId limit", weight=flat(4))},
}
