"""JSON shapes of filters, written from the samples of filters.md; amounts and multipliers are strings, counts are integers."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from binance_trade_agent.simulation.engine import symbol_filters as filters

Json = dict[str, Any]

_COUNTS: dict[type, tuple[str, str]] = {
    filters.IcebergParts: ("ICEBERG_PARTS", "limit"),
    filters.MaxNumOrders: ("MAX_NUM_ORDERS", "maxNumOrders"),
    filters.MaxNumAlgoOrders: ("MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"),
    filters.MaxNumIcebergOrders: ("MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders"),
    filters.MaxNumOrderAmends: ("MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends"),
    filters.MaxNumOrderLists: ("MAX_NUM_ORDER_LISTS", "maxNumOrderLists"),
    filters.ExchangeMaxNumOrders: ("EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders"),
    filters.ExchangeMaxNumAlgoOrders: ("EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders"),
    filters.ExchangeMaxNumIcebergOrders: ("EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders"),
    filters.ExchangeMaxNumOrderLists: ("EXCHANGE_MAX_NUM_ORDER_LISTS", "maxNumOrderLists"),
}


def filter_shapes(entries: Iterable[filters.SymbolFilter | filters.ExchangeFilter | filters.MaxAsset]) -> list[Json]:
    """One object for each filter, in their order."""
    return [_shape(entry) for entry in entries]


def _shape(entry: Any) -> Json:
    count = _COUNTS.get(type(entry))
    if count is not None:
        kind, name = count
        return {"filterType": kind, name: entry.limit}
    match entry:
        case filters.PriceFilter():
            named = {"minPrice": entry.min_price, "maxPrice": entry.max_price, "tickSize": entry.tick_size}
            return {"filterType": "PRICE_FILTER", **_amounts(named)}
        case filters.LotSize() | filters.MarketLotSize():
            kind = "LOT_SIZE" if isinstance(entry, filters.LotSize) else "MARKET_LOT_SIZE"
            named = {"minQty": entry.min_quantity, "maxQty": entry.max_quantity, "stepSize": entry.step_size}
            return {"filterType": kind, **_amounts(named)}
        case filters.PercentPrice() | filters.PercentPriceBySide():
            return _percent(entry)
        case filters.MinNotional() | filters.Notional():
            return _notional(entry)
        case filters.TrailingDelta():
            return {
                "filterType": "TRAILING_DELTA",
                "minTrailingAboveDelta": entry.min_above,
                "maxTrailingAboveDelta": entry.max_above,
                "minTrailingBelowDelta": entry.min_below,
                "maxTrailingBelowDelta": entry.max_below,
            }
        case filters.MaxPosition():
            return {"filterType": "MAX_POSITION", **_amounts({"maxPosition": entry.max_position})}
        case filters.MaxAsset():
            return {"filterType": "MAX_ASSET", "asset": entry.asset, **_amounts({"limit": entry.limit})}
    raise AssertionError(f"a filter without a shape: {entry}")


def _percent(entry: filters.PercentPrice | filters.PercentPriceBySide) -> Json:
    if isinstance(entry, filters.PercentPrice):
        return {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": _multiplier(entry.multiplier_up),
            "multiplierDown": _multiplier(entry.multiplier_down),
            "avgPriceMins": entry.average_minutes,
        }
    return {
        "filterType": "PERCENT_PRICE_BY_SIDE",
        "bidMultiplierUp": _multiplier(entry.bid_multiplier_up),
        "bidMultiplierDown": _multiplier(entry.bid_multiplier_down),
        "askMultiplierUp": _multiplier(entry.ask_multiplier_up),
        "askMultiplierDown": _multiplier(entry.ask_multiplier_down),
        "avgPriceMins": entry.average_minutes,
    }


def _notional(entry: filters.MinNotional | filters.Notional) -> Json:
    least = _amounts({"minNotional": entry.min_notional})
    if isinstance(entry, filters.MinNotional):
        return {"filterType": "MIN_NOTIONAL", **least, "applyToMarket": entry.applies_to_market, "avgPriceMins": entry.average_minutes}
    return {
        "filterType": "NOTIONAL",
        **least,
        "applyMinToMarket": entry.min_applies_to_market,
        **_amounts({"maxNotional": entry.max_notional}),
        "applyMaxToMarket": entry.max_applies_to_market,
        "avgPriceMins": entry.average_minutes,
    }


def _amounts(values: dict[str, Decimal]) -> Json:
    return {name: format(value, ".8f") for name, value in values.items()}


def _multiplier(value: Decimal) -> str:
    return format(value, "f")
