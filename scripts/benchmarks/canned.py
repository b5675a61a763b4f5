"""Canned answers, byte for byte of the shape and size that Binance sends (rest-api.md, the response of each endpoint)."""

import json

SYMBOL = "BTCUSDT"
BALANCES = 500
HELD_BALANCES = 20
NO_LIMIT = 2_000_000_000
"""What the canned exchange allows of everything: a benchmark is not about waiting."""

START_MS = 1_780_000_000_000
MINUTE_MS = 60_000


def compact(value: object) -> bytes:
    """JSON without blanks, as the exchange sends it."""
    return json.dumps(value, separators=(",", ":")).encode()


def price() -> bytes:
    """ "Symbol price ticker" of one symbol."""
    return compact({"symbol": SYMBOL, "price": "67234.12000000"})


def prices(symbols: list[str]) -> bytes:
    """ "Symbol price ticker" of many."""
    return compact([{"symbol": symbol, "price": f"{100 + index}.25000000"} for index, symbol in enumerate(symbols)])


def candles(count: int) -> bytes:
    """ "Kline/Candlestick data": `count` minutes."""
    return compact([_candle(index) for index in range(count)])


def _candle(index: int) -> list[str | int]:
    open_ms, near = START_MS + index * MINUTE_MS, 67_000 + (index * 37) % 251
    prices = (f"{near}.12000000", f"{near + 9}.99000000", f"{near - 8}.01000000", f"{near + 3}.45670000")
    volumes = (f"{12 + index % 7}.{index % 97:02}345000", f"{800_000 + index * 31}.12345678")
    taker = (f"{6 + index % 5}.00120000", f"{400_000 + index * 17}.87654321")
    return [open_ms, *prices, volumes[0], open_ms + MINUTE_MS - 1, volumes[1], 1_500 + index % 300, *taker, "0"]


def depth(levels: int) -> bytes:
    """ "Order book": `levels` a side."""
    bids = [[f"{67_000 - index * 0.01:.8f}", f"{index % 13}.{index % 89:02}100000"] for index in range(levels)]
    asks = [[f"{67_000 + (index + 1) * 0.01:.8f}", f"{index % 11}.{index % 83:02}200000"] for index in range(levels)]
    return compact({"lastUpdateId": 51_234_567_890, "bids": bids, "asks": asks})


def account(balances: int = BALANCES) -> bytes:
    """ "Account information": the first HELD_BALANCES hold something, and are all that is shown when zeros are left out."""
    rates = {"maker": "0.00100000", "taker": "0.00100000", "buyer": "0.00000000", "seller": "0.00000000"}
    flags = {"canTrade": True, "canWithdraw": True, "canDeposit": True, "brokered": False}
    return compact(
        {
            "makerCommission": 10,
            "takerCommission": 10,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "commissionRates": rates,
            **flags,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": START_MS,
            "accountType": "SPOT",
            "balances": [_balance(index) for index in range(balances)],
            "permissions": ["SPOT"],
            "uid": 354937868,
        }
    )


def _balance(index: int) -> dict[str, str]:
    free = f"{index + 1}.{index:02}345678" if index < HELD_BALANCES else "0.00000000"
    asset = ("BTC", "USDT")[index] if index < 2 else f"COIN{index:03}"
    return {"asset": asset, "free": free, "locked": "0.00000000"}


def exchange_info(symbols: list[str]) -> bytes:
    """ "Exchange information" of some symbols."""
    kinds = (("REQUEST_WEIGHT", "MINUTE", 1), ("ORDERS", "SECOND", 10), ("ORDERS", "DAY", 1), ("RAW_REQUESTS", "MINUTE", 5))
    limits = [{"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": NO_LIMIT} for kind, interval, number in kinds]
    info = {"timezone": "UTC", "serverTime": START_MS, "rateLimits": limits, "exchangeFilters": []}
    return compact({**info, "symbols": [_symbol(symbol) for symbol in symbols]})


def _symbol(symbol: str) -> dict[str, object]:
    precisions = ("baseAsset", "quote", "quoteAsset", "baseCommission", "quoteCommission")
    allowed = ("iceberg", "oco", "oto", "opo", "quoteOrderQtyMarket", "cancelReplace", "amend", "isSpotTrading")
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": symbol.removesuffix("USDT"),
        "quoteAsset": "USDT",
        **{f"{name}Precision": 8 for name in precisions},
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"],
        **{f"{name}Allowed": True for name in allowed},
        "allowTrailingStop": True,
        "isMarginTradingAllowed": False,
        "filters": _FILTERS,
        "permissions": [],
        "permissionSets": [["SPOT", "MARGIN", *(f"TRD_GRP_{number:03}" for number in range(4, 30))]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }


_FILTERS: list[dict[str, object]] = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00000000", "tickSize": "0.01000000"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
    {"filterType": "ICEBERG_PARTS", "limit": 100},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": "105.27451025", "stepSize": "0.00000000"},
    {"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2000}
    | {"minTrailingBelowDelta": 10, "maxTrailingBelowDelta": 2000},
    {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "5", "bidMultiplierDown": "0.2"}
    | {"askMultiplierUp": "5", "askMultiplierDown": "0.2", "avgPriceMins": 5},
    {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True}
    | {"maxNotional": "9000000.00000000", "applyMaxToMarket": False, "avgPriceMins": 5},
    {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
]
