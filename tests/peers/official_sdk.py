"""Binance's own SDK as its documents say to use it, pointed at the simulated exchange by nothing but addresses, key and secret."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from enum import Enum
from typing import Any

from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketAPI, ConfigurationWebSocketStreams
from binance_sdk_spot.spot import Spot
from exchange_program import RunningExchange
from pydantic import BaseModel

D = Decimal
SYMBOL = "BTCUSDT"
QUANTITY = 0.002
_PATIENCE_MS = 10_000

CONDITIONAL = frozenset(
    (
        *("icebergQty", "preventedMatchId", "preventedQuantity", "stopPrice", "strategyId", "strategyType"),
        *("trailingDelta", "trailingTime", "usedSor", "workingFloor", "expiryReason", "preventedMatches"),
        *("pegPriceType", "pegOffsetType", "pegOffsetValue", "peggedPrice"),
        "selfTradePreventionMode",  # every order has it; the model of a cancelled list does not
    )
)
"""Fields that only some orders have (rest-api.md, "Conditional fields in Order Responses"; faqs/stp_faq.md); SDK models do without."""


def official_sdk(exchange: RunningExchange) -> Spot:
    signer = {"api_key": exchange.key, "api_secret": exchange.secret}
    return Spot(
        config_rest_api=ConfigurationRestAPI(base_path=exchange.http, timeout=_PATIENCE_MS, **signer),
        config_ws_api=ConfigurationWebSocketAPI(stream_url=f"{exchange.socket}/ws-api/v3", timeout=_PATIENCE_MS, **signer),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=exchange.socket),
    )


@asynccontextmanager
async def websocket_api(sdk: Spot) -> AsyncIterator[Any]:
    """A connection to the WebSocket API."""
    connection = await sdk.websocket_api.create_connection()
    try:
        yield connection
    finally:
        await connection.close_connection(close_session=True)


@asynccontextmanager
async def streams(sdk: Spot) -> AsyncIterator[Any]:
    """A connection to the market streams."""
    connection = await sdk.websocket_streams.create_connection()
    try:
        yield connection
    finally:
        await connection.close_connection(close_session=True)


def known(model: Any) -> Any:
    """The model, or what a choice of models holds; no part of it may have a field that neither SDK nor CONDITIONAL knows."""
    inner = getattr(model, "actual_instance", None) or model
    _require_known(inner)
    return inner


def _require_known(value: Any) -> None:
    if isinstance(value, list | tuple):
        for each in value:
            _require_known(each)
    elif isinstance(value, BaseModel):
        assert set(getattr(value, "additional_properties", {})) <= CONDITIONAL, value
        for name in type(value).model_fields:
            _require_known(getattr(value, name))
    elif isinstance(value, Mapping):
        for each in value.values():
            _require_known(each)


def rule(symbol: Any, kind: str) -> Any:
    """A filter of a symbol of exchange information, as the model that the SDK took it for."""
    every = [each.actual_instance for each in symbol.filters]
    return next(each for each in every if _text(each.filter_type) == kind)


def _text(value: Any) -> str:
    return str(value.value if isinstance(value, Enum) else value)


def best_price(sdk: Spot, side: str) -> float:
    """What a market order of this side would trade at."""
    best = sdk.rest_api.ticker_book_ticker(symbol=SYMBOL).data().actual_instance
    return float(best.ask_price if side == "BUY" else best.bid_price)


def inside_price(sdk: Spot) -> float:
    """A bid better than every other, and still no taker."""
    return float(D(str(best_price(sdk, "SELL"))) + _tick(sdk))


def nudge(sdk: Spot, side: str) -> None:
    """A small trade, so that the last price is the best one of that side."""
    sdk.rest_api.new_order(symbol=SYMBOL, side=side, type="MARKET", quantity=0.0002)


def price_at(sdk: Spot, factor: str) -> float:
    """The last price times `factor`, in whole ticks."""
    last = D(sdk.rest_api.ticker_price(symbol=SYMBOL).data().actual_instance.price)
    tick = _tick(sdk)
    return float(last * D(factor) // tick * tick)


def _tick(sdk: Spot) -> Decimal:
    return D(rule(sdk.rest_api.exchange_info(symbol=SYMBOL).data().symbols[0], "PRICE_FILTER").tick_size)
