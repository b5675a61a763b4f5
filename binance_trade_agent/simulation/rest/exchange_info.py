"""The answer of "Exchange information", serialised once per listing and put together from the pieces."""

from collections.abc import Sequence
from typing import Any

import orjson

from binance_trade_agent.simulation.engine.listing import Listing
from binance_trade_agent.simulation.engine.symbol_filters import ExchangeFilter
from binance_trade_agent.simulation.rest.filter_json import filter_shapes
from binance_trade_agent.simulation.rest.rate_limits import Limit

_COMMISSION_DECIMALS = 8


class ExchangeInfo:
    """Cache of serialised symbols; one whose listing was replaced is serialised anew."""

    def __init__(self) -> None:
        self._cache: dict[tuple[str, bool], tuple[Listing, bytes]] = {}

    def answer(
        self,
        listings: Sequence[Listing],
        exchange_filters: Sequence[ExchangeFilter],
        limits: Sequence[Limit],
        now_ms: int,
        *,
        show_permissions: bool,
    ) -> bytes:
        """The whole JSON for these symbols, in this order."""
        return b'{"timezone":"UTC","serverTime":%d,"rateLimits":%b,"exchangeFilters":%b,"symbols":[%b],"sors":%b}' % (
            now_ms,
            orjson.dumps([_limit(limit) for limit in limits]),
            orjson.dumps(filter_shapes(exchange_filters)),
            b",".join([self._piece(listing, show_permissions) for listing in listings]),
            # Smart order routing knows one book for each symbol: no two quote assets are interchangeable here.
            orjson.dumps([{"baseAsset": listing.base_asset, "symbols": [listing.symbol]} for listing in listings]),
        )

    def _piece(self, listing: Listing, show_permissions: bool) -> bytes:
        key = (listing.symbol, show_permissions)
        cached = self._cache.get(key)
        if cached is not None and cached[0] is listing:
            return cached[1]
        piece = orjson.dumps(_symbol(listing, show_permissions))
        self._cache[key] = (listing, piece)
        return piece


def _limit(limit: Limit) -> dict[str, Any]:
    return {"rateLimitType": limit.kind, "interval": limit.unit, "intervalNum": limit.count, "limit": limit.most}


def _symbol(listing: Listing, show_permissions: bool) -> dict[str, Any]:
    features = listing.features
    permissions = {permission for any_of in listing.permission_sets for permission in any_of}
    return {
        "symbol": listing.symbol,
        "status": listing.status.value,
        "baseAsset": listing.base_asset,
        "baseAssetPrecision": listing.base_precision,
        "quoteAsset": listing.quote_asset,
        "quotePrecision": listing.quote_precision,
        "quoteAssetPrecision": listing.quote_precision,
        "baseCommissionPrecision": _COMMISSION_DECIMALS,
        "quoteCommissionPrecision": _COMMISSION_DECIMALS,
        "orderTypes": [kind.value for kind in listing.order_types],
        "icebergAllowed": features.iceberg,
        "ocoAllowed": features.oco,
        "otoAllowed": features.oto,
        "opoAllowed": features.opo,
        "quoteOrderQtyMarketAllowed": features.quote_quantity,
        "allowTrailingStop": features.trailing_stop,
        "cancelReplaceAllowed": features.cancel_replace,
        "amendAllowed": features.amend,
        "pegInstructionsAllowed": features.pegged,
        "isSpotTradingAllowed": "SPOT" in permissions,
        "isMarginTradingAllowed": "MARGIN" in permissions,
        "filters": filter_shapes(listing.filters),
        "permissions": [],
        "permissionSets": listing.permission_sets if show_permissions else [],
        "defaultSelfTradePreventionMode": listing.default_self_trade_prevention.value,
        "allowedSelfTradePreventionModes": [mode.value for mode in listing.self_trade_preventions],
    }
