"""Endpoints about what is listed and by which rules: exchange information, execution rules, reference prices, an account's filters.

Source: rest-api.md, "General endpoints", "Query Reference Price", "Query relevant filters".
"""

import re
from collections.abc import Sequence
from typing import Any

import orjson

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.listing import ArithmeticMean, External, Listing, PriceRange
from binance_trade_agent.simulation.engine.refusals import refused
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, public, signed
from binance_trade_agent.simulation.rest.filter_json import filter_shapes
from binance_trade_agent.simulation.rest.params import Params
from binance_trade_agent.simulation.rest.rate_limits import LIMITS, SOCKET_LIMITS, Limit
from binance_trade_agent.simulation.rest.symbol_choice import asked_status, count_of_symbols, one_symbol

USUAL_PERMISSIONS = frozenset({"SPOT", "MARGIN", "LEVERAGED"})
"""Symbols with none of these are only shown to those who ask for their permissions."""

_PERMISSION = re.compile("SPOT|MARGIN|LEVERAGED|TRD_GRP_0(?:0[2-9]|1[0-9]|2[0-5])")
_MOST_RULES_WEIGHT = 40


def _exchange_info(venue: Venue, call: Call) -> Any:
    return _info(venue, call, LIMITS)


def _exchange_info_by_socket(venue: Venue, call: Call) -> Any:
    return _info(venue, call, SOCKET_LIMITS)


def _info(venue: Venue, call: Call, limits: Sequence[Limit]) -> bytes:
    params = call.params
    status = asked_status(params)
    permissions = _permissions(params)
    one, several = params.optional_symbol(), params.symbols()
    if (one is not None) + (several is not None) + (permissions is not None) > 1:
        raise refusals.bad_combination()
    if status is not None and (one is not None or several is not None):
        raise refusals.bad_combination()
    if one is not None or several is not None:
        chosen = _named(venue, [one] if one is not None else several or [])
    else:
        wanted = USUAL_PERMISSIONS if permissions is None else permissions
        chosen = [listing for listing in venue.listings.all() if any(not wanted.isdisjoint(any_of) for any_of in listing.permission_sets)]
    if status is not None:
        chosen = [listing for listing in chosen if listing.status.value == status.value]
    shown = params.boolean("showPermissionSets", default=True)
    return venue.info.answer(chosen, venue.listings.exchange_filters, limits, call.now_ms, show_permissions=shown)


def _named(venue: Venue, symbols: list[str]) -> list[Listing]:
    return [venue.listings.listing(symbol) for symbol in symbols]


def _permissions(params: Params) -> frozenset[str] | None:
    """One name, or a JSON array of names."""
    text = params.text("permissions")
    if text is None:
        return None
    names: Any = [text]
    if text.startswith("["):
        try:
            names = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise refused(-1135, "JSON sent for parameter 'permissions' is not valid") from None
    if not names or not all(isinstance(name, str) and _PERMISSION.fullmatch(name) for name in names):
        raise refusals.not_valid("permissions")
    return frozenset(names)


def _execution_rules(venue: Venue, call: Call) -> Any:
    params = call.params
    one, several, status = params.optional_symbol(), params.symbols(), asked_status(params)
    if (one is not None) + (several is not None) + (status is not None) > 1:
        raise refusals.bad_combination()
    if one is not None or several is not None:
        chosen = _named(venue, [one] if one is not None else several or [])
    else:
        chosen = [listing for listing in venue.listings.all() if status is None or listing.status.value == status.value]
    return {"symbolRules": [{"symbol": listing.symbol, "rules": _rules(listing.price_range)} for listing in chosen]}


def _rules(price_range: PriceRange | None) -> list[dict[str, Any]]:
    """A multiplier that is not set is left out (faqs/price_range_execution_rules.md)."""
    if price_range is None:
        return []
    multipliers = {
        "bidLimitMultUp": price_range.bid_up,
        "bidLimitMultDown": price_range.bid_down,
        "askLimitMultUp": price_range.ask_up,
        "askLimitMultDown": price_range.ask_down,
    }
    return [{"ruleType": "PRICE_RANGE", **{name: format(value, ".4f") for name, value in multipliers.items() if value is not None}}]


def _execution_rules_weight(params: Params) -> int:
    return min(2 * count_of_symbols(params, _MOST_RULES_WEIGHT), _MOST_RULES_WEIGHT)


def _reference_price(venue: Venue, call: Call) -> Any:
    listing = venue.listings.listing(call.params.symbol())
    if listing.reference is None:
        raise _no_reference_price()
    price = venue.engine.rulebook.prices.reference(listing, call.now_ms)
    time_ms = listing.reference.time_ms if isinstance(listing.reference, External) else call.now_ms
    return {"symbol": listing.symbol, "referencePrice": None if price is None else format(price, ".8f"), "timestamp": time_ms}


def _reference_calculation(venue: Venue, call: Call) -> Any:
    listing = venue.listings.listing(one_symbol(venue, call))
    calculation = listing.reference
    if calculation is None:
        raise _no_reference_price()
    shape: dict[str, Any] = {"symbol": listing.symbol}
    if isinstance(calculation, ArithmeticMean):
        mean = {"bucketCount": calculation.bucket_count, "bucketWidthMs": calculation.bucket_width_ms}
        return {**shape, "calculationType": "ARITHMETIC_MEAN", **mean}
    return {**shape, "calculationType": "EXTERNAL", "externalCalculationId": calculation.calculation_id}


def _no_reference_price() -> ExchangeRefusedError:
    return refused(-2043, "This symbol doesn't have a reference price.")


def _my_filters(venue: Venue, call: Call) -> Any:
    listing = venue.listings.listing(call.params.symbol())
    terms = venue.engine.rulebook.terms.of(call.account_id)
    return {
        "exchangeFilters": filter_shapes(venue.listings.exchange_filters),
        "symbolFilters": filter_shapes(listing.filters),
        "assetFilters": filter_shapes(terms.asset_filters(listing.base_asset, listing.quote_asset)),
    }


_INFO_PARAMETERS = "symbol symbols permissions showPermissionSets symbolStatus"

EXCHANGE_INFO_BY_SOCKET = public(_exchange_info_by_socket, _INFO_PARAMETERS, weight=flat(20))
"""The WebSocket API shows its limit of connections where REST shows that of raw requests (web-socket-api.md, "Exchange information")."""

ROUTES: dict[str, dict[str, Endpoint]] = {
    "/api/v3/exchangeInfo": {"GET": public(_exchange_info, _INFO_PARAMETERS, weight=flat(20))},
    "/api/v3/executionRules": {"GET": public(_execution_rules, "symbol symbols symbolStatus", weight=_execution_rules_weight)},
    "/api/v3/referencePrice": {"GET": public(_reference_price, "symbol", weight=flat(2))},
    "/api/v3/referencePrice/calculation": {"GET": public(_reference_calculation, "symbol symbolStatus", weight=flat(2))},
    "/api/v3/myFilters": {"GET": signed(_my_filters, "symbol", weight=flat(40))},
}
