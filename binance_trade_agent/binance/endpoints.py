"""The REST endpoints that are used, each defined once as data. Source: rest-api.md, one section per endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from binance_trade_agent.binance.weights import Weight, depth_weight, fixed, with_or_without


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
    """

    name: str
    method: str
    path: str
    weight: Weight
    security: Security = Security.NONE
    changes_orders: bool = False

    @property
    def is_signed(self) -> bool:
        """True when timestamp, signature and API key are due."""
        return self.security is not Security.NONE

    def weight_of(self, params: Mapping[str, str]) -> int:
        """The documented request weight for `params`, before any success discount."""
        return self.weight(params)


PING = Endpoint("ping", "GET", "/api/v3/ping", fixed(1))
SERVER_TIME = Endpoint("time", "GET", "/api/v3/time", fixed(1))
EXCHANGE_INFO = Endpoint("exchange_info", "GET", "/api/v3/exchangeInfo", fixed(20))
DEPTH = Endpoint("depth", "GET", "/api/v3/depth", depth_weight)
KLINES = Endpoint("klines", "GET", "/api/v3/klines", fixed(2))
TICKER_PRICE = Endpoint("ticker_price", "GET", "/api/v3/ticker/price", with_or_without("symbol", given=2, omitted=4))
BOOK_TICKER = Endpoint("book_ticker", "GET", "/api/v3/ticker/bookTicker", with_or_without("symbol", given=2, omitted=4))
ACCOUNT = Endpoint("account", "GET", "/api/v3/account", fixed(20), Security.USER_DATA)
NEW_ORDER = Endpoint("new_order", "POST", "/api/v3/order", fixed(1), Security.TRADE, changes_orders=True)
CANCEL_ORDER = Endpoint("cancel_order", "DELETE", "/api/v3/order", fixed(1), Security.TRADE, changes_orders=True)
QUERY_ORDER = Endpoint("query_order", "GET", "/api/v3/order", fixed(4), Security.USER_DATA)
TEST_ORDER = Endpoint(
    "test_order", "POST", "/api/v3/order/test", with_or_without("computeCommissionRates", given=20, omitted=1), Security.TRADE
)
OPEN_ORDERS = Endpoint("open_orders", "GET", "/api/v3/openOrders", with_or_without("symbol", given=6, omitted=80), Security.USER_DATA)
MY_TRADES = Endpoint("my_trades", "GET", "/api/v3/myTrades", with_or_without("orderId", given=5, omitted=20), Security.USER_DATA)

ENDPOINTS: tuple[Endpoint, ...] = (
    PING,
    SERVER_TIME,
    EXCHANGE_INFO,
    DEPTH,
    KLINES,
    TICKER_PRICE,
    BOOK_TICKER,
    ACCOUNT,
    NEW_ORDER,
    CANCEL_ORDER,
    QUERY_ORDER,
    TEST_ORDER,
    OPEN_ORDERS,
    MY_TRADES,
)
