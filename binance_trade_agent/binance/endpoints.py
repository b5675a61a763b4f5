"""The REST endpoints of Binance Spot, each defined once as data. Source: rest-api.md, one section per endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from binance_trade_agent.binance.weights import Weight, by_depth, by_symbol_count, fixed, per_symbol, with_or_without


class Security(Enum):
    """What an endpoint asks of the sender (rest-api.md, "Request Security"); all but NONE are signed."""

    NONE = "NONE"
    USER_DATA = "USER_DATA"
    TRADE = "TRADE"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path.

    `name` is the `endpoint` label of metrics. `weight` gives the request weight of parameters; placing and cancelling orders is
    charged for failed requests only (CHANGELOG.md, 2026-03-27: since 2026-04-02), which the reported weight shows by itself.
    `changes_orders` marks requests that are sent once and never retried, because carrying them out twice would cost money.
    `new_orders` is what a request adds to the account's unfilled order count.
    """

    name: str
    method: str
    path: str
    weight: Weight
    security: Security = Security.NONE
    changes_orders: bool = False
    new_orders: int = 0

    @property
    def is_signed(self) -> bool:
        """True when timestamp, signature and API key are due."""
        return self.security is not Security.NONE

    def weight_of(self, params: Mapping[str, str]) -> int:
        """The documented request weight for `params`, before any success discount."""
        return self.weight.of(params)


def _public(name: str, path: str, weight: Weight) -> Endpoint:
    return Endpoint(name, "GET", f"/api/v3/{path}", weight)


def _account(name: str, path: str, weight: Weight) -> Endpoint:
    return Endpoint(name, "GET", f"/api/v3/{path}", weight, Security.USER_DATA)


def _check(name: str, path: str) -> Endpoint:
    weight = with_or_without("computeCommissionRates", given=20, omitted=1)
    return Endpoint(name, "POST", f"/api/v3/{path}", weight, Security.TRADE)


def _placement(name: str, path: str, new_orders: int) -> Endpoint:
    return Endpoint(name, "POST", f"/api/v3/{path}", fixed(1), Security.TRADE, changes_orders=True, new_orders=new_orders)


def _change(name: str, method: str, path: str, weight: int = 1) -> Endpoint:
    return Endpoint(name, method, f"/api/v3/{path}", fixed(weight), Security.TRADE, changes_orders=True)


PING = _public("ping", "ping", fixed(1))
SERVER_TIME = _public("time", "time", fixed(1))
EXCHANGE_INFO = _public("exchange_info", "exchangeInfo", fixed(20))
EXECUTION_RULES = _public("execution_rules", "executionRules", per_symbol(2, at_most=40))

DEPTH = _public("depth", "depth", by_depth())
TRADES = _public("trades", "trades", fixed(25))
HISTORICAL_TRADES = _public("historical_trades", "historicalTrades", fixed(25))
BLOCK_TRADES = _public("block_trades", "historicalBlockTrades", fixed(25))
AGGREGATE_TRADES = _public("aggregate_trades", "aggTrades", fixed(4))
KLINES = _public("klines", "klines", fixed(2))
UI_KLINES = _public("ui_klines", "uiKlines", fixed(2))
AVERAGE_PRICE = _public("average_price", "avgPrice", fixed(2))
TICKER_24H = _public("ticker_24h", "ticker/24hr", by_symbol_count())
TICKER_TRADING_DAY = _public("ticker_trading_day", "ticker/tradingDay", per_symbol(4, at_most=200))
TICKER_PRICE = _public("ticker_price", "ticker/price", with_or_without("symbol", given=2, omitted=4))
BOOK_TICKER = _public("book_ticker", "ticker/bookTicker", with_or_without("symbol", given=2, omitted=4))
TICKER_ROLLING = _public("ticker_rolling", "ticker", per_symbol(4, at_most=200))
REFERENCE_PRICE = _public("reference_price", "referencePrice", fixed(2))
REFERENCE_PRICE_CALCULATION = _public("reference_price_calculation", "referencePrice/calculation", fixed(2))

NEW_ORDER = _placement("new_order", "order", 1)
TEST_ORDER = _check("test_order", "order/test")
CANCEL_ORDER = _change("cancel_order", "DELETE", "order")
CANCEL_OPEN_ORDERS = _change("cancel_open_orders", "DELETE", "openOrders")
CANCEL_REPLACE = _placement("cancel_replace", "order/cancelReplace", 1)
AMEND_ORDER = _change("amend_order", "PUT", "order/amend/keepPriority", 4)

NEW_OCO_DEPRECATED = _placement("new_oco_deprecated", "order/oco", 2)
NEW_OCO = _placement("new_oco", "orderList/oco", 2)
NEW_OTO = _placement("new_oto", "orderList/oto", 2)
NEW_OTOCO = _placement("new_otoco", "orderList/otoco", 3)
NEW_OPO = _placement("new_opo", "orderList/opo", 2)
NEW_OPOCO = _placement("new_opoco", "orderList/opoco", 3)
CANCEL_ORDER_LIST = _change("cancel_order_list", "DELETE", "orderList")

NEW_SOR_ORDER = _placement("new_sor_order", "sor/order", 1)
TEST_SOR_ORDER = _check("test_sor_order", "sor/order/test")

ACCOUNT = _account("account", "account", fixed(20))
QUERY_ORDER = _account("query_order", "order", fixed(4))
OPEN_ORDERS = _account("open_orders", "openOrders", with_or_without("symbol", given=6, omitted=80))
ALL_ORDERS = _account("all_orders", "allOrders", fixed(20))
QUERY_ORDER_LIST = _account("query_order_list", "orderList", fixed(4))
ALL_ORDER_LISTS = _account("all_order_lists", "allOrderList", fixed(20))
OPEN_ORDER_LISTS = _account("open_order_lists", "openOrderList", fixed(6))
MY_TRADES = _account("my_trades", "myTrades", with_or_without("orderId", given=5, omitted=20))
UNFILLED_ORDER_COUNT = _account("unfilled_order_count", "rateLimit/order", fixed(40))
PREVENTED_MATCHES = _account("prevented_matches", "myPreventedMatches", with_or_without("orderId", given=20, omitted=2))
ALLOCATIONS = _account("allocations", "myAllocations", fixed(20))
COMMISSION_RATES = _account("commission_rates", "account/commission", fixed(20))
ORDER_AMENDMENTS = _account("order_amendments", "order/amendments", fixed(4))
MY_FILTERS = _account("my_filters", "myFilters", fixed(40))

SECTIONS: tuple[tuple[str, tuple[Endpoint, ...]], ...] = (
    (
        "General",
        (
            PING,
            SERVER_TIME,
            EXCHANGE_INFO,
            EXECUTION_RULES,
        ),
    ),
    (
        "Market data",
        (
            DEPTH,
            TRADES,
            HISTORICAL_TRADES,
            BLOCK_TRADES,
            AGGREGATE_TRADES,
            KLINES,
            UI_KLINES,
            AVERAGE_PRICE,
            TICKER_24H,
            TICKER_TRADING_DAY,
            TICKER_PRICE,
            BOOK_TICKER,
            TICKER_ROLLING,
            REFERENCE_PRICE,
            REFERENCE_PRICE_CALCULATION,
        ),
    ),
    (
        "Trading",
        (
            NEW_ORDER,
            TEST_ORDER,
            CANCEL_ORDER,
            CANCEL_OPEN_ORDERS,
            CANCEL_REPLACE,
            AMEND_ORDER,
        ),
    ),
    (
        "Order lists",
        (
            NEW_OCO_DEPRECATED,
            NEW_OCO,
            NEW_OTO,
            NEW_OTOCO,
            NEW_OPO,
            NEW_OPOCO,
            CANCEL_ORDER_LIST,
        ),
    ),
    (
        "Smart order routing",
        (
            NEW_SOR_ORDER,
            TEST_SOR_ORDER,
        ),
    ),
    (
        "Account",
        (
            ACCOUNT,
            QUERY_ORDER,
            OPEN_ORDERS,
            ALL_ORDERS,
            QUERY_ORDER_LIST,
            ALL_ORDER_LISTS,
            OPEN_ORDER_LISTS,
            MY_TRADES,
            UNFILLED_ORDER_COUNT,
            PREVENTED_MATCHES,
            ALLOCATIONS,
            COMMISSION_RATES,
            ORDER_AMENDMENTS,
            MY_FILTERS,
        ),
    ),
)
"""Every endpoint of rest-api.md, section by section in its order."""

ENDPOINTS: tuple[Endpoint, ...] = tuple(endpoint for _, section in SECTIONS for endpoint in section)
