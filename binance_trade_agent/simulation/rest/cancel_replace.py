"""Cancel-replace: one request that cancels an order and places another, each with a fate of its own.

Source: rest-api.md, "Cancel an Existing Order and Send a New Order". Filters and order count come before both parts: what they refuse
leaves the old order alone. Of the two parts none is undone when the other fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from binance_trade_agent.domain.errors import ExchangeRefusedError, RateLimitedError
from binance_trade_agent.simulation.engine.refusals import BAD_REQUEST, CONFLICT, TOO_MANY_REQUESTS
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, MixedAnswer, Venue, flat, signed
from binance_trade_agent.simulation.rest.json_shapes import Json
from binance_trade_agent.simulation.rest.order_endpoints import place_order, read_cancel, read_order
from binance_trade_agent.simulation.rest.order_params import ORDER_PARAMETERS

_CANCEL_NAMES = {"orderId": "cancelOrderId", "origClientOrderId": "cancelOrigClientOrderId", "newClientOrderId": "cancelNewClientOrderId"}


class CancelReplaceMode(StrEnum):
    """Whether the new order is tried when the cancel fails."""

    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    ALLOW_FAILURE = "ALLOW_FAILURE"


class OrderLimitMode(StrEnum):
    """What happens when the account has too many unfilled orders for a new one."""

    DO_NOTHING = "DO_NOTHING"
    CANCEL_ONLY = "CANCEL_ONLY"


class PartResult(StrEnum):
    """What became of one part."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    NOT_ATTEMPTED = "NOT_ATTEMPTED"


@dataclass(frozen=True, slots=True)
class _Part:
    result: PartResult
    response: Json | None

    @property
    def succeeded(self) -> bool:
        return self.result is PartResult.SUCCESS


_NOT_ATTEMPTED = _Part(PartResult.NOT_ATTEMPTED, None)


def _cancel_replace(venue: Venue, call: Call) -> Any:
    params = call.params
    params.require("cancelReplaceMode")
    mode = params.choice("cancelReplaceMode", CancelReplaceMode, -1130, "Data sent for parameter 'cancelReplaceMode' is not valid.")
    limit_mode = params.choice(
        "orderRateLimitExceededMode", OrderLimitMode, -1130, "Data sent for parameter 'orderRateLimitExceededMode' is not valid."
    )
    request, detail = read_order(venue, params)
    cancel = read_cancel(venue, call, params.renamed(_CANCEL_NAMES))
    must_cancel = mode is CancelReplaceMode.STOP_ON_FAILURE
    venue.engine.check(call.account_id, request, call.now_ms)
    too_many = _lack_of_room(venue, call)
    if too_many is not None and limit_mode is not OrderLimitMode.CANCEL_ONLY:
        raise too_many
    canceled = _tried(cancel)
    if must_cancel and not canceled.succeeded:
        if too_many is None:
            venue.limits.count_order(call.account_id, call.now_ms)
        placed = _NOT_ATTEMPTED
    elif too_many is not None:
        placed = _refused(too_many)
    else:
        placed = _tried(lambda: place_order(venue, call, request, detail))
    return _answer(canceled, placed, too_many if must_cancel else None)


def _lack_of_room(venue: Venue, call: Call) -> RateLimitedError | None:
    try:
        venue.limits.require_order_room(call.account_id, call.now_ms)
    except RateLimitedError as refusal:
        return refusal
    return None


def _tried(part: Callable[[], Json]) -> _Part:
    try:
        return _Part(PartResult.SUCCESS, part())
    except ExchangeRefusedError as refusal:
        return _refused(refusal)


def _refused(refusal: ExchangeRefusedError) -> _Part:
    return _Part(PartResult.FAILURE, {"code": refusal.code, "msg": refusal.message})


def _answer(canceled: _Part, placed: _Part, limited: RateLimitedError | None) -> Json | MixedAnswer:
    """The status follows the table of the documents: 400 for nothing done, 409 for one part, 429 where `limited` says why."""
    data = {
        "cancelResult": canceled.result.value,
        "newOrderResult": placed.result.value,
        "cancelResponse": canceled.response,
        "newOrderResponse": placed.response,
    }
    if canceled.succeeded and placed.succeeded:
        return data
    if canceled.succeeded or placed.succeeded:
        status, error = CONFLICT, {"code": -2021, "msg": "Order cancel-replace partially failed.", "data": data}
    else:
        status, error = BAD_REQUEST, {"code": -2022, "msg": "Order cancel-replace failed.", "data": data}
    if limited is not None:
        return MixedAnswer(TOO_MANY_REQUESTS, error, int(limited.retry_after_s))
    return MixedAnswer(status, error)


ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/order/cancelReplace": {
        "POST": signed(
            _cancel_replace,
            f"{ORDER_PARAMETERS} cancelReplaceMode cancelOrderId cancelOrigClientOrderId cancelNewClientOrderId cancelRestrictions "
            "orderRateLimitExceededMode",
            weight=flat(1),
            free_when_successful=True,
            places_order=True,
        )
    }
}
