"""The REST endpoints of Binance Spot, each defined once as data. Source: rest-api.md, one section per endpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Generic, TypeVar

from binance_trade_agent.binance import market_wire, wire
from binance_trade_agent.binance.answers import account, market, orders
from binance_trade_agent.binance.answers.cancel_replace import CancelReplace, decode_cancel_replace, tells_of_both_halves
from binance_trade_agent.binance.answers.shape import Decoder
from binance_trade_agent.binance.limits.weights import Weight, by_depth, by_symbol_count, fixed, per_symbol, with_or_without
from binance_trade_agent.domain.lane import Lane

T = TypeVar("T")
U = TypeVar("U")
T_co = TypeVar("T_co", covariant=True)


class Security(Enum):
    """What an endpoint asks of the sender (rest-api.md, "Request Security"); all but NONE are signed."""

    NONE = "NONE"
    USER_DATA = "USER_DATA"
    TRADE = "TRADE"


class WeightPool(Enum):
    """Which budget a request is charged to.

    SPOT is shared by all of /api/v3. SAPI endpoints have a budget each, of 12,000 a minute and address, which the weight headers of
    /api/v3 do not show (Binance's wallet API documents, "General Info"; the Spot documents do not describe /sapi).
    """

    SPOT = "SPOT"
    SAPI = "SAPI"


def _nothing(_status: int, _body: bytes) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[T_co]):
    """One method and path, whose answers `decode` turns into T (BadAnswerError for what is no such answer).

    `name` is the `endpoint` label of metrics. `weight` gives the request weight of parameters; placing and cancelling orders is
    charged for failed requests only (CHANGELOG.md, 2026-03-27: since 2026-04-02), which the reported weight shows by itself.
    `changes_orders` marks requests that are sent once and never retried, because carrying them out twice would cost money.
    `new_orders` is what a request adds to the account's unfilled order count. `explains` is asked of an answer that is no success,
    by status and body: True when `decode` can read in it what became of the request, so that it is an answer and no error.
    `pool` is the budget that the weight is charged to. `is_signed` tells that timestamp, signature and API key are due; `lane` is among
    whom the requests wait for a connection: whatever concerns the account goes with the orders.
    """

    name: str
    method: str
    path: str
    weight: Weight
    decode: Callable[[bytes], T_co]
    security: Security = Security.NONE
    changes_orders: bool = False
    new_orders: int = 0
    explains: Callable[[int, bytes], bool] = _nothing
    pool: WeightPool = WeightPool.SPOT
    is_signed: bool = field(init=False)
    lane: Lane = field(init=False)

    def __post_init__(self) -> None:
        """What follows from the security is asked of every request, so it is found once."""
        is_signed = self.security is not Security.NONE
        object.__setattr__(self, "is_signed", is_signed)
        object.__setattr__(self, "lane", Lane.ORDERS if is_signed else Lane.MARKET_DATA)

    def weight_of(self, params: Mapping[str, str]) -> int:
        """The documented request weight for `params`, before any success discount."""
        return self.weight.of(params)

    def read_as(self, decode: Callable[[bytes], U]) -> "Endpoint[U]":
        """The same endpoint whose answer is read in another way, for callers who need more of it or less."""
        return replace(self, decode=decode)  # type: ignore[return-value, arg-type] # the type of `decode` is all that changes


def _public(name: str, path: str, weight: Weight, decode: Callable[[bytes], T]) -> Endpoint[T]:
    return Endpoint(name, "GET", f"/api/v3/{path}", weight, decode)


def _account(name: str, path: str, weight: Weight, decode: Callable[[bytes], T]) -> Endpoint[T]:
    return Endpoint(name, "GET", f"/api/v3/{path}", weight, decode, Security.USER_DATA)


def _check(name: str, path: str) -> Endpoint[orders.OrderCommission]:
    weight = with_or_without("computeCommissionRates", given=20, omitted=1)
    return Endpoint(name, "POST", f"/api/v3/{path}", weight, Decoder(name, orders.OrderCommission), Security.TRADE)


def _placement(name: str, path: str, new_orders: int, decode: Callable[[bytes], T]) -> Endpoint[T]:
    return Endpoint(name, "POST", f"/api/v3/{path}", fixed(1), decode, Security.TRADE, changes_orders=True, new_orders=new_orders)


def _order_list(name: str, path: str, new_orders: int) -> Endpoint[orders.PlacedOrderList]:
    return _placement(name, path, new_orders, Decoder(name, orders.PlacedOrderList))


def _change(name: str, method: str, path: str, decode: Callable[[bytes], T], weight: int = 1) -> Endpoint[T]:
    return Endpoint(name, method, f"/api/v3/{path}", fixed(weight), decode, Security.TRADE, changes_orders=True)


PING = _public("ping", "ping", fixed(1), wire.decode_nothing)
SERVER_TIME = _public("time", "time", fixed(1), wire.decode_server_time)
EXCHANGE_INFO = _public("exchange_info", "exchangeInfo", fixed(20), wire.decode_exchange_info)
EXECUTION_RULES = _public("execution_rules", "executionRules", per_symbol(2, at_most=40), Decoder("execution_rules", market.ExecutionRules))

DEPTH = _public("depth", "depth", by_depth(), market_wire.decode_depth)
TRADES = _public("trades", "trades", fixed(25), Decoder("trades", tuple[market.Trade, ...]))
HISTORICAL_TRADES = _public("historical_trades", "historicalTrades", fixed(25), Decoder("historical_trades", tuple[market.Trade, ...]))
BLOCK_TRADES = _public("block_trades", "historicalBlockTrades", fixed(25), Decoder("block_trades", tuple[market.Trade, ...]))
AGGREGATE_TRADES = _public("aggregate_trades", "aggTrades", fixed(4), Decoder("aggregate_trades", tuple[market.AggregateTrade, ...]))
KLINES = _public("klines", "klines", fixed(2), market_wire.decode_candles)
UI_KLINES = _public("ui_klines", "uiKlines", fixed(2), market_wire.decode_candles)
AVERAGE_PRICE = _public("average_price", "avgPrice", fixed(2), Decoder("average_price", market.AveragePrice))
TICKER_24H = _public("ticker_24h", "ticker/24hr", by_symbol_count(), Decoder("ticker_24h", tuple[market.PriceStatistics, ...]))
TICKER_TRADING_DAY = _public(
    "ticker_trading_day", "ticker/tradingDay", per_symbol(4, at_most=200), Decoder("ticker_trading_day", tuple[market.PriceStatistics, ...])
)
TICKER_PRICE = _public("ticker_price", "ticker/price", with_or_without("symbol", given=2, omitted=4), market_wire.decode_prices)
BOOK_TICKER = _public("book_ticker", "ticker/bookTicker", with_or_without("symbol", given=2, omitted=4), market_wire.decode_book_tickers)
TICKER_ROLLING = _public(
    "ticker_rolling", "ticker", per_symbol(4, at_most=200), Decoder("ticker_rolling", tuple[market.PriceStatistics, ...])
)
REFERENCE_PRICE = _public("reference_price", "referencePrice", fixed(2), Decoder("reference_price", market.ReferencePrice))
REFERENCE_PRICE_CALCULATION = _public(
    "reference_price_calculation",
    "referencePrice/calculation",
    fixed(2),
    Decoder("reference_price_calculation", market.ReferencePriceCalculation),
)

NEW_ORDER = _placement("new_order", "order", 1, wire.decode_placed_order)
TEST_ORDER = _check("test_order", "order/test")
CANCEL_ORDER = _change("cancel_order", "DELETE", "order", wire.decode_canceled_order)
CANCEL_OPEN_ORDERS = _change("cancel_open_orders", "DELETE", "openOrders", orders.decode_canceled_all)
CANCEL_REPLACE: Endpoint[CancelReplace] = replace(
    _placement("cancel_replace", "order/cancelReplace", 1, decode_cancel_replace), explains=tells_of_both_halves
)
AMEND_ORDER = _change("amend_order", "PUT", "order/amend/keepPriority", Decoder("amend_order", orders.Amendment), 4)

NEW_OCO_DEPRECATED = _order_list("new_oco_deprecated", "order/oco", 2)
NEW_OCO = _order_list("new_oco", "orderList/oco", 2)
NEW_OTO = _order_list("new_oto", "orderList/oto", 2)
NEW_OTOCO = _order_list("new_otoco", "orderList/otoco", 3)
NEW_OPO = _order_list("new_opo", "orderList/opo", 2)
NEW_OPOCO = _order_list("new_opoco", "orderList/opoco", 3)
CANCEL_ORDER_LIST = _change("cancel_order_list", "DELETE", "orderList", Decoder("cancel_order_list", orders.CanceledOrderList))

NEW_SOR_ORDER = _placement("new_sor_order", "sor/order", 1, Decoder("new_sor_order", orders.PlacedOrder))
TEST_SOR_ORDER = _check("test_sor_order", "sor/order/test")

ACCOUNT = _account("account", "account", fixed(20), wire.decode_account)
QUERY_ORDER = _account("query_order", "order", fixed(4), wire.decode_queried_order)
OPEN_ORDERS = _account("open_orders", "openOrders", with_or_without("symbol", given=6, omitted=80), wire.decode_open_orders)
ALL_ORDERS = _account("all_orders", "allOrders", fixed(20), Decoder("all_orders", tuple[account.OrderDetails, ...]))
QUERY_ORDER_LIST = _account("query_order_list", "orderList", fixed(4), Decoder("query_order_list", account.OrderList))
ALL_ORDER_LISTS = _account("all_order_lists", "allOrderList", fixed(20), Decoder("all_order_lists", tuple[account.OrderList, ...]))
OPEN_ORDER_LISTS = _account("open_order_lists", "openOrderList", fixed(6), Decoder("open_order_lists", tuple[account.OrderList, ...]))
MY_TRADES = _account("my_trades", "myTrades", with_or_without("orderId", given=5, omitted=20), wire.decode_trades)
UNFILLED_ORDER_COUNT = _account(
    "unfilled_order_count", "rateLimit/order", fixed(40), Decoder("unfilled_order_count", tuple[account.UnfilledOrderCount, ...])
)
PREVENTED_MATCHES = _account(
    "prevented_matches",
    "myPreventedMatches",
    with_or_without("orderId", given=20, omitted=2),
    Decoder("prevented_matches", tuple[account.PreventedMatch, ...]),
)
ALLOCATIONS = _account("allocations", "myAllocations", fixed(20), Decoder("allocations", tuple[account.Allocation, ...]))
COMMISSION_RATES = _account("commission_rates", "account/commission", fixed(20), Decoder("commission_rates", account.CommissionRates))
ORDER_AMENDMENTS = _account(
    "order_amendments", "order/amendments", fixed(4), Decoder("order_amendments", tuple[account.OrderAmendment, ...])
)
MY_FILTERS = _account("my_filters", "myFilters", fixed(40), Decoder("my_filters", account.MyFilters))

API_RESTRICTIONS = Endpoint(
    "api_restrictions",
    "GET",
    "/sapi/v1/account/apiRestrictions",
    fixed(1),
    Decoder("api_restrictions", account.ApiRestrictions),
    Security.USER_DATA,
    pool=WeightPool.SAPI,
)

LADDER = DEPTH.read_as(market.decode_ladder)
EXACT_KLINES = KLINES.read_as(Decoder("klines", tuple[market.ExactKline, ...]))
NEW_ORDER_DETAILS = NEW_ORDER.read_as(Decoder("new_order", orders.PlacedOrder))
CANCEL_ORDER_DETAILS = CANCEL_ORDER.read_as(orders.decode_canceled)

SECTIONS: tuple[tuple[str, tuple[Endpoint[Any], ...]], ...] = (
    ("General", (PING, SERVER_TIME, EXCHANGE_INFO, EXECUTION_RULES)),
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
    ("Trading", (NEW_ORDER, TEST_ORDER, CANCEL_ORDER, CANCEL_OPEN_ORDERS, CANCEL_REPLACE, AMEND_ORDER)),
    ("Order lists", (NEW_OCO_DEPRECATED, NEW_OCO, NEW_OTO, NEW_OTOCO, NEW_OPO, NEW_OPOCO, CANCEL_ORDER_LIST)),
    ("Smart order routing", (NEW_SOR_ORDER, TEST_SOR_ORDER)),
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
    ("Wallet (live only)", (API_RESTRICTIONS,)),
)
"""Every endpoint of rest-api.md, section by section in its order, and the one of the wallet API that is asked on live."""

ENDPOINTS: tuple[Endpoint[Any], ...] = tuple(endpoint for _, section in SECTIONS for endpoint in section)
