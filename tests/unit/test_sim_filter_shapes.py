"""How filters and symbols are shown: every kind with the fields that filters.md and rest-api.md give it, in their order."""

from decimal import Decimal

import pytest
from documented_faces import REST
from one_quote_exchange import Client

from binance_trade_agent.simulation.engine import symbol_filters as filters
from binance_trade_agent.simulation.rest.filter_json import filter_shapes

D = Decimal

DOCUMENTED = {
    "PRICE_FILTER": "minPrice:str maxPrice:str tickSize:str",
    "PERCENT_PRICE": "multiplierUp:str multiplierDown:str avgPriceMins:int",
    "PERCENT_PRICE_BY_SIDE": "bidMultiplierUp:str bidMultiplierDown:str askMultiplierUp:str askMultiplierDown:str avgPriceMins:int",
    "LOT_SIZE": "minQty:str maxQty:str stepSize:str",
    "MIN_NOTIONAL": "minNotional:str applyToMarket:bool avgPriceMins:int",
    "NOTIONAL": "minNotional:str applyMinToMarket:bool maxNotional:str applyMaxToMarket:bool avgPriceMins:int",
    "ICEBERG_PARTS": "limit:int",
    "MARKET_LOT_SIZE": "minQty:str maxQty:str stepSize:str",
    "MAX_NUM_ORDERS": "maxNumOrders:int",
    "MAX_NUM_ALGO_ORDERS": "maxNumAlgoOrders:int",
    "MAX_NUM_ICEBERG_ORDERS": "maxNumIcebergOrders:int",
    "MAX_POSITION": "maxPosition:str",
    "TRAILING_DELTA": "minTrailingAboveDelta:int maxTrailingAboveDelta:int minTrailingBelowDelta:int maxTrailingBelowDelta:int",
    "MAX_NUM_ORDER_AMENDS": "maxNumOrderAmends:int",
    "MAX_NUM_ORDER_LISTS": "maxNumOrderLists:int",
    "EXCHANGE_MAX_NUM_ORDERS": "maxNumOrders:int",
    "EXCHANGE_MAX_NUM_ALGO_ORDERS": "maxNumAlgoOrders:int",
    "EXCHANGE_MAX_NUM_ICEBERG_ORDERS": "maxNumIcebergOrders:int",
    "EXCHANGE_MAX_NUM_ORDER_LISTS": "maxNumOrderLists:int",
    "MAX_ASSET": "asset:str limit:str",
}

EVERY_KIND = [
    filters.PriceFilter(D(1), D(2), D("0.01")),
    filters.PercentPrice(D("1.3"), D("0.7"), 5),
    filters.PercentPriceBySide(D(5), D("0.2"), D(5), D("0.2"), 5),
    filters.LotSize(D(1), D(2), D(1)),
    filters.MinNotional(D(5), applies_to_market=True, average_minutes=5),
    filters.Notional(D(5), min_applies_to_market=True, max_notional=D(9), max_applies_to_market=False, average_minutes=5),
    filters.IcebergParts(10),
    filters.MarketLotSize(D(1), D(2), D(1)),
    filters.MaxNumOrders(1),
    filters.MaxNumAlgoOrders(1),
    filters.MaxNumIcebergOrders(1),
    filters.MaxPosition(D(1)),
    filters.TrailingDelta(1, 2, 3, 4),
    filters.MaxNumOrderAmends(1),
    filters.MaxNumOrderLists(1),
    filters.ExchangeMaxNumOrders(1),
    filters.ExchangeMaxNumAlgoOrders(1),
    filters.ExchangeMaxNumIcebergOrders(1),
    filters.ExchangeMaxNumOrderLists(1),
    filters.MaxAsset("BTC", D(1)),
]


def test_every_kind_of_filter_is_shown_as_documented():
    shown = {}
    for shape in filter_shapes(EVERY_KIND):
        kind, *fields = shape.items()
        assert kind[0] == "filterType"
        shown[kind[1]] = " ".join(f"{name}:{type(value).__name__}" for name, value in fields)
    assert shown == DOCUMENTED


@pytest.mark.parametrize("shows_permissions", ["true", "false"])
def test_a_symbol_is_shown_with_the_documented_fields_in_their_order(shows_permissions):
    client = Client()
    info = client.get("exchangeInfo", symbol="BTCUSDT", showPermissionSets=shows_permissions)
    (documented,) = REST["GET /api/v3/exchangeInfo"]
    assert list(info) == list(documented)
    assert list(info["symbols"][0]) == list(documented["symbols"][0])
    client.exchange.close()
