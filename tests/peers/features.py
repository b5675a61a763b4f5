"""What a client can do on an exchange: the rows of the conformance table, and the mark that ties tests to them."""

from enum import StrEnum

import pytest


class Client(StrEnum):
    """The columns of the table: each a client in one way of using it."""

    CCXT = "ccxt"
    CCXT_PRO = "ccxt.pro"
    PYTHON_BINANCE = "python-binance"
    PYTHON_BINANCE_SOCKETS = "python-binance sockets"
    SDK_REST = "SDK REST"
    SDK_API = "SDK WebSocket API"
    SDK_STREAMS = "SDK streams"


DISTRIBUTIONS = {"ccxt": "ccxt", "python-binance": "python-binance", "SDK": "binance-sdk-spot"}
"""The package behind the first word of a column's name."""


class Feature(StrEnum):
    """The rows, in their order; the text before the colon is the group."""

    TIME = "Market data: server time and ping"
    MARKETS = "Market data: symbols and their rules"
    BOOK = "Market data: order book"
    TRADES = "Market data: recent and old trades"
    AGGREGATE_TRADES = "Market data: aggregate trades"
    CANDLES = "Market data: candles"
    SECOND_CANDLES = "Market data: candles of one second"
    AVERAGE_PRICE = "Market data: average price"
    DAY_TICKER = "Market data: ticker of 24 hours"
    TRADING_DAY_TICKER = "Market data: ticker of the trading day"
    WINDOW_TICKER = "Market data: ticker of a rolling window"
    LAST_PRICE = "Market data: last price"
    BEST_PRICES = "Market data: best bid and ask"
    MICROSECONDS = "Market data: times in microseconds"
    REFERENCE_PRICE = "Market data: reference price and execution rules"

    BALANCES = "Account: balances"
    COMMISSION = "Account: commission rates"
    ORDER_COUNTS = "Account: counts of unfilled orders"
    MY_FILTERS = "Account: filters that apply to the account"
    RSA = "Account: requests signed with an RSA key"
    ED25519 = "Account: requests signed with an Ed25519 key"
    SESSION = "Account: session logged on with an Ed25519 key, then unsigned requests"
    REFUSALS = "Account: refusals raised as the client's own errors"

    MARKET = "Orders: MARKET by quantity"
    MARKET_QUOTE = "Orders: MARKET by amount to spend"
    LIMIT = "Orders: LIMIT, GTC"
    IOC = "Orders: LIMIT, IOC"
    FOK = "Orders: LIMIT, FOK"
    LIMIT_MAKER = "Orders: LIMIT_MAKER"
    STOP_LOSS = "Orders: STOP_LOSS"
    STOP_LOSS_LIMIT = "Orders: STOP_LOSS_LIMIT"
    TAKE_PROFIT = "Orders: TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "Orders: TAKE_PROFIT_LIMIT"
    TRAILING_STOP = "Orders: trailing stop"
    ICEBERG = "Orders: iceberg"
    PEGGED = "Orders: pegged price"
    SELF_TRADE = "Orders: self-trade prevention"
    ROUTED = "Orders: smart order routing"
    TRADE_TOGETHER = "Orders: traded with another account of another client"
    TEST_ORDER = "Orders: test without placing"
    CLIENT_ORDER_ID = "Orders: ids of the client's own"

    ORDER_STATUS = "Following orders: one order"
    OPEN_ORDERS = "Following orders: open orders"
    ALL_ORDERS = "Following orders: all orders"
    MY_TRADES = "Following orders: own trades"
    CANCEL = "Following orders: cancel"
    CANCEL_ALL = "Following orders: cancel all of a symbol"
    CANCEL_REPLACE = "Following orders: cancel and replace"
    AMEND = "Following orders: amend, keeping the place in the queue"

    OCO = "Order lists: OCO"
    OTO = "Order lists: OTO"
    OTOCO = "Order lists: OTOCO"
    OPO = "Order lists: OPO"
    OPOCO = "Order lists: OPOCO"
    OLD_OCO = "Order lists: OCO by the deprecated endpoint"
    LIST_STATUS = "Order lists: one list, open lists, all lists"
    LIST_CANCEL = "Order lists: cancel"

    TRADE_STREAM = "Streams: trades"
    AGGREGATE_TRADE_STREAM = "Streams: aggregate trades"
    CANDLE_STREAM = "Streams: candles"
    MINI_TICKER_STREAM = "Streams: mini ticker, one symbol and all"
    TICKER_STREAM = "Streams: ticker of 24 hours"
    WINDOW_TICKER_STREAM = "Streams: ticker of a rolling window, one symbol and all"
    BEST_PRICES_STREAM = "Streams: best bid and ask"
    AVERAGE_PRICE_STREAM = "Streams: average price"
    REFERENCE_PRICE_STREAM = "Streams: reference price"
    PARTIAL_BOOK_STREAM = "Streams: top of the order book"
    BOOK_STREAM = "Streams: order book kept from its changes"
    COMBINED_STREAM = "Streams: several over one connection"

    ORDER_EVENTS = "Account events: orders and trades"
    BALANCE_EVENTS = "Account events: balances"
    LIST_EVENTS = "Account events: order lists"


covers = pytest.mark.covers
