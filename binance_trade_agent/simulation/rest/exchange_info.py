"""The answer of "Exchange information", serialised once per symbol and put together from the pieces."""

from collections.abc import Sequence
from typing import Any

import orjson

from binance_trade_agent.domain.order import OrderType
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.order_filters import MOST_OPEN_ORDERS, notional_filter
from binance_trade_agent.simulation.rest.json_shapes import SELF_TRADE_PREVENTION, digits
from binance_trade_agent.simulation.rest.rate_limits import LIMITS

_COMMISSION_DECIMALS = 8
_PERMISSION_SETS = [["SPOT"]]


class ExchangeInfo:
    """Cache of serialised symbols; a symbol whose rules were replaced is serialised anew."""

    def __init__(self) -> None:
        self._cache: dict[tuple[str, bool], tuple[SymbolRules, bytes]] = {}
        limits = [
            {"rateLimitType": limit.kind, "interval": limit.unit, "intervalNum": limit.count, "limit": limit.most} for limit in LIMITS
        ]
        self._limits = orjson.dumps(limits)

    def answer(self, symbols: Sequence[SymbolRules], now_ms: int, *, show_permissions: bool) -> bytes:
        """The whole JSON for these symbols, in this order."""
        pieces = b",".join([self._piece(rules, show_permissions) for rules in symbols])
        return b'{"timezone":"UTC","serverTime":%d,"rateLimits":%b,"exchangeFilters":[],"symbols":[%b]}' % (now_ms, self._limits, pieces)

    def _piece(self, rules: SymbolRules, show_permissions: bool) -> bytes:
        key = (rules.symbol, show_permissions)
        cached = self._cache.get(key)
        if cached is not None and cached[0] is rules:
            return cached[1]
        piece = orjson.dumps(_symbol(rules, show_permissions))
        self._cache[key] = (rules, piece)
        return piece


def _symbol(rules: SymbolRules, show_permissions: bool) -> dict[str, Any]:
    return {
        "symbol": rules.symbol,
        "status": rules.status.value,
        "baseAsset": rules.base_asset,
        "baseAssetPrecision": rules.base_precision,
        "quoteAsset": rules.quote_asset,
        "quotePrecision": rules.quote_precision,
        "quoteAssetPrecision": rules.quote_precision,
        "baseCommissionPrecision": _COMMISSION_DECIMALS,
        "quoteCommissionPrecision": _COMMISSION_DECIMALS,
        "orderTypes": [kind.value for kind in (OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET)],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(rules),
        "permissions": [],
        "permissionSets": _PERMISSION_SETS if show_permissions else [],
        "defaultSelfTradePreventionMode": SELF_TRADE_PREVENTION,
        "allowedSelfTradePreventionModes": [SELF_TRADE_PREVENTION],
    }


def _filters(rules: SymbolRules) -> list[dict[str, Any]]:
    """Exactly the filters that are enforced."""
    filters: list[dict[str, Any]] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": digits(rules.min_price),
            "maxPrice": digits(rules.max_price),
            "tickSize": digits(rules.tick_size),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": digits(rules.min_quantity),
            "maxQty": digits(rules.max_quantity),
            "stepSize": digits(rules.step_size),
        },
    ]
    if rules.market_min_quantity or rules.market_max_quantity or rules.market_step_size:
        filters.append(
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": digits(rules.market_min_quantity),
                "maxQty": digits(rules.market_max_quantity),
                "stepSize": digits(rules.market_step_size),
            }
        )
    filters.append(_notional(rules))
    filters.append({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MOST_OPEN_ORDERS})
    return filters


def _notional(rules: SymbolRules) -> dict[str, Any]:
    name = notional_filter(rules)
    applies = rules.min_notional_applies_to_market
    shape: dict[str, Any] = {"filterType": name, "minNotional": digits(rules.min_notional), "avgPriceMins": 0}
    if name == "MIN_NOTIONAL":
        return {**shape, "applyToMarket": applies}
    return {**shape, "applyMinToMarket": applies, "maxNotional": digits(rules.max_notional), "applyMaxToMarket": False}
