"""Endpoints that show an account: balances, orders, trades (rest-api.md, "Account Endpoints")."""

from typing import Any

from binance_trade_agent.domain.candle_intervals import DAY_MS
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.history import Span
from binance_trade_agent.simulation.engine.records import ExchangeOrder
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.faults import replica
from binance_trade_agent.simulation.rest import json_shapes, order_json
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, signed
from binance_trade_agent.simulation.rest.order_endpoints import CANCEL, CANCEL_ALL, PLACE, read_order_ids
from binance_trade_agent.simulation.rest.params import Params

DEFAULT_ROWS = 500
MOST_ROWS = 1_000
MOST_HOURS = 24
ARCHIVED_AFTER_MS = 90 * DAY_MS
"""How long an order that ended without a trade can be asked for (errors.md, -2026)."""

_MOST_SPAN_MS = MOST_HOURS * 3_600_000

_TRADE_COMBINATIONS = {
    frozenset[str](),
    frozenset({"orderId"}),
    frozenset({"startTime"}),
    frozenset({"endTime"}),
    frozenset({"fromId"}),
    frozenset({"startTime", "endTime"}),
    frozenset({"orderId", "fromId"}),
}
"""What may come beside `symbol` in myTrades (rest-api.md, "Account trade list")."""


def _account(venue: Venue, call: Call) -> Any:
    engine = venue.engine
    balances = venue.replica.reads(replica.ACCOUNT).balances(call.account_id)
    if call.params.boolean("omitZeroBalances", default=False):
        assets = sorted(asset for asset, balance in balances.items() if balance.total)
    else:
        listed = {asset for rules in venue.market.rules.values() for asset in (rules.base_asset, rules.quote_asset)}
        assets = sorted(listed.union(balances))
    rates = engine.rulebook.commissions.terms(call.account_id, None).standard
    return json_shapes.account(call.account_id, balances, assets, rates, engine.rulebook.terms.of(call.account_id), call.now_ms)


def _commission(venue: Venue, call: Call) -> Any:
    symbol = venue.engine.rules(call.params.symbol()).symbol
    commissions = venue.engine.rulebook.commissions
    terms = commissions.terms(call.account_id, symbol)
    return json_shapes.commission(symbol, terms, pays_discounted=commissions.pays_discounted(call.account_id))


def _query_order(venue: Venue, call: Call) -> Any:
    symbol = venue.engine.rules(call.params.symbol()).symbol
    order_id, client_order_id = read_order_ids(call.params)
    order = venue.replica.reads(replica.ORDER).find_order(call.account_id, symbol, order_id, client_order_id)
    if order is None:
        raise refusals.no_such_order()
    if client_order_id is not None and order.client_order_id != client_order_id:
        raise refusals.wrong_client_order_id()
    if _is_archived(order, call.now_ms):
        raise refused(-2026, "Order was canceled or expired with no executed qty over 90 days ago and has been archived.")
    return order_json.order_query(order)


def _is_archived(order: ExchangeOrder, now_ms: int) -> bool:
    """Only the query of one order tells it; lists of orders show it all the same, as the documents say nothing else."""
    return not order.is_open and order.executed_quantity == 0 and now_ms - order.updated_ms > ARCHIVED_AFTER_MS


def _open_orders(venue: Venue, call: Call) -> Any:
    symbol = call.params.optional_symbol()
    if symbol is not None:
        symbol = venue.engine.rules(symbol).symbol
    orders = venue.replica.reads(replica.OPEN_ORDERS).open_orders(call.account_id, symbol)
    return [order_json.order_query(order) for order in orders]


def _all_orders(venue: Venue, call: Call) -> Any:
    symbol = venue.engine.rules(call.params.symbol()).symbol
    orders = venue.replica.reads(replica.ALL_ORDERS).orders(call.account_id, symbol, read_span(call.params, "orderId"))
    return [order_json.order_query(order) for order in orders]


def _my_trades(venue: Venue, call: Call) -> Any:
    params = call.params
    symbol = venue.engine.rules(params.symbol()).symbol
    sent = frozenset(name for name in ("orderId", "fromId", "startTime", "endTime") if params.has(name))
    if sent not in _TRADE_COMBINATIONS:
        raise refusals.bad_combination()
    reads = venue.replica.reads(replica.MY_TRADES)
    trades = reads.trades(call.account_id, symbol, read_span(params, "fromId"), params.integer("orderId"))
    return [json_shapes.my_trade(trade) for trade in trades]


def read_span(params: Params, id_name: str) -> Span:
    """Which part of a list is asked for, from an id or in a time of at most MOST_HOURS (-1127)."""
    start_ms, end_ms = params.time_ms("startTime"), params.time_ms("endTime")
    if start_ms is not None and end_ms is not None and end_ms - start_ms > _MOST_SPAN_MS:
        raise refused(-1127, f"More than {MOST_HOURS} hours between startTime and endTime.")
    limit = params.limit(default=DEFAULT_ROWS, most=MOST_ROWS)
    return Span(limit=limit, from_id=params.integer(id_name), start_ms=start_ms, end_ms=end_ms)


def _order_counts(venue: Venue, call: Call) -> Any:
    return [
        {"rateLimitType": limit.kind, "interval": limit.unit, "intervalNum": limit.count, "limit": limit.most, "count": count}
        for limit, count in venue.limits.order_counts(call.account_id, call.now_ms)
    ]


def _open_orders_weight(params: Params) -> int:
    return 6 if params.has("symbol") else 80


def _my_trades_weight(params: Params) -> int:
    return 5 if params.has("orderId") else 20


ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/account": {"GET": signed(_account, "omitZeroBalances", weight=flat(20))},
    "/api/v3/account/commission": {"GET": signed(_commission, "symbol", weight=flat(20))},
    "/api/v3/order": {
        "GET": signed(_query_order, "symbol orderId origClientOrderId", weight=flat(4)),
        "POST": PLACE,
        "DELETE": CANCEL,
    },
    "/api/v3/openOrders": {"GET": signed(_open_orders, "symbol", weight=_open_orders_weight), "DELETE": CANCEL_ALL},
    "/api/v3/allOrders": {"GET": signed(_all_orders, "symbol orderId startTime endTime limit", weight=flat(20))},
    "/api/v3/myTrades": {"GET": signed(_my_trades, "symbol orderId fromId startTime endTime limit", weight=_my_trades_weight)},
    "/api/v3/rateLimit/order": {"GET": signed(_order_counts, weight=flat(40))},
}
