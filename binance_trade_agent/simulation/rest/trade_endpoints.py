"""Endpoints that list what everybody has traded (rest-api.md, "Recent trades list" to "Compressed/Aggregate trades list")."""

from collections.abc import Sequence
from typing import Any

from binance_trade_agent.domain.money import times, total
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.public_trades import aggregate_id, first_trades, last_trade_id
from binance_trade_agent.simulation.markets.market import TakerOrder
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, public
from binance_trade_agent.simulation.rest.json_shapes import Json, digits

DEFAULT_TRADES = 500
MOST_TRADES = 1_000


def _recent(venue: Venue, call: Call) -> Any:
    symbol = venue.engine.rules(call.params.symbol()).symbol
    limit = call.params.limit(default=DEFAULT_TRADES, most=MOST_TRADES)
    return _trades(_newest(venue, symbol, limit, call.now_ms))[-limit:]


def _historical(venue: Venue, call: Call) -> Any:
    from_id = call.params.integer("fromId")
    if from_id is None:
        return _recent(venue, call)
    symbol = venue.engine.rules(call.params.symbol()).symbol
    limit = call.params.limit(default=DEFAULT_TRADES, most=MOST_TRADES)
    orders = venue.public_trades.from_id(symbol, from_id, last_trade_id, call.now_ms)
    # The first of these may begin with trades before the one that was asked for.
    wanted = [row for row in _trades(first_trades(orders, limit + MOST_TRADES)) if row["id"] >= from_id]
    return wanted[:limit]


def _block_trades(venue: Venue, call: Call) -> Any:
    """Nobody trades blocks here, so there never is one."""
    venue.engine.rules(call.params.symbol())
    call.params.require("fromId")
    call.params.integer("fromId")
    call.params.limit(default=DEFAULT_TRADES, most=MOST_TRADES)
    return []


def _aggregate(venue: Venue, call: Call) -> Any:
    params, tape = call.params, venue.public_trades
    symbol = venue.engine.rules(params.symbol()).symbol
    limit = params.limit(default=DEFAULT_TRADES, most=MOST_TRADES)
    from_id, start_ms, end_ms = params.integer("fromId"), params.time_ms("startTime"), params.time_ms("endTime")
    if from_id is not None and (start_ms is not None or end_ms is not None):
        raise refusals.bad_combination()
    until_ms = call.now_ms if end_ms is None else min(end_ms, call.now_ms)
    if from_id is not None:
        found = tape.from_id(symbol, from_id, aggregate_id, until_ms)
    elif start_ms is not None:
        found = tape.between(symbol, start_ms - 1, until_ms)
    else:
        found = iter(tape.newest(symbol, until_ms, enough=lambda orders: len(orders) >= limit)[-limit:])
    return [_aggregated(order) for order, _ in zip(found, range(limit), strict=False)]


def _newest(venue: Venue, symbol: str, limit: int, now_ms: int) -> Sequence[TakerOrder]:
    return venue.public_trades.newest(symbol, now_ms, enough=lambda orders: sum(len(order.quantities) for order in orders) >= limit)


def _trades(orders: Sequence[TakerOrder]) -> list[Json]:
    """One entry for each trade."""
    return [
        {
            "id": trade_id,
            "price": digits(order.price),
            "qty": digits(quantity),
            "quoteQty": digits(times(order.price, quantity)),
            "time": order.time_ms,
            "isBuyerMaker": order.is_buyer_maker,
            "isBestMatch": True,
        }
        for order in orders
        for trade_id, quantity in enumerate(order.quantities, order.first_trade_id)
    ]


def _aggregated(order: TakerOrder) -> Json:
    return {
        "a": order.aggregate_id,
        "p": digits(order.price),
        "q": digits(total(order.quantities)),
        "f": order.first_trade_id,
        "l": last_trade_id(order),
        "T": order.time_ms,
        "m": order.is_buyer_maker,
        "M": True,
    }


ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/trades": {"GET": public(_recent, "symbol limit", weight=flat(25))},
    "/api/v3/historicalTrades": {"GET": public(_historical, "symbol limit fromId", weight=flat(25))},
    "/api/v3/historicalBlockTrades": {"GET": public(_block_trades, "symbol fromId limit", weight=flat(25))},
    "/api/v3/aggTrades": {"GET": public(_aggregate, "symbol fromId startTime endTime limit", weight=flat(4))},
}
