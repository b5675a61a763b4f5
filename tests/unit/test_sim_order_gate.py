"""How many conditional, iceberg and list orders an account may have open: counted from orders that are really there."""

from decimal import Decimal

import pytest
from hand_clocks import HandClock
from one_quote_exchange import START_MS, OneQuoteMarket

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.order import Side, TimeInForce
from binance_trade_agent.simulation.engine import symbol_filters as filters
from binance_trade_agent.simulation.engine.accounts import Accounts
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.commissions import Rates
from binance_trade_agent.simulation.engine.records import ExchangeOrder, NewOrder
from binance_trade_agent.simulation.engine.rulebook import Rulebook
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.exchange import SimulatedExchange

D = Decimal
ANN = 1
STOP = NewOrder("BTCUSDT", Side.SELL, OrderType.STOP_LOSS_LIMIT, quantity=D(1), price=D(80), stop_price=D(85))
ICEBERG = NewOrder("BTCUSDT", Side.BUY, OrderType.LIMIT, quantity=D(1), price=D(90), iceberg_quantity=D("0.1"))
PLAIN = NewOrder("BTCUSDT", Side.BUY, OrderType.LIMIT, quantity=D(1), price=D(90))


def resting(request: NewOrder, symbol: str = "BTCUSDT", order_list_id: int = -1) -> ExchangeOrder:
    return ExchangeOrder(
        symbol=symbol,
        order_id=1,
        account_id=ANN,
        client_order_id="",
        side=request.side,
        type=request.type,
        time_in_force=TimeInForce.GTC,
        price=request.price or D(0),
        original_quantity=request.quantity or D(0),
        original_quote_quantity=D(0),
        time_ms=START_MS,
        updated_ms=START_MS,
        iceberg_quantity=request.iceberg_quantity,
        order_list_id=order_list_id,
    )


class Gate:
    """A gate before made-up open orders."""

    def __init__(self, *orders: ExchangeOrder, symbol_filter: filters.SymbolFilter | None = None) -> None:
        def open_orders(account_id: int, symbol: str | None):
            return [order for order in orders if symbol is None or order.symbol == symbol]

        accounts = Accounts(ChangeSet())
        accounts.restore(ANN, ())
        self.book = Rulebook(
            OneQuoteMarket(),
            accounts,
            Rates(D(0), D(0)),
            open_orders,
            lambda who, symbol: len(open_orders(who, symbol)),
            lambda symbol, time_ms: D(100),
        )
        if symbol_filter is not None:
            self.book.listings.set_filter("BTCUSDT", symbol_filter)

    def refusal(self, *requests: NewOrder, as_list: bool = False) -> str:
        try:
            if as_list:
                self.book.gate.check_list(ANN, requests, START_MS)
            else:
                self.book.gate.check(ANN, requests[0], START_MS)
        except ExchangeRefusedError as error:
            return error.message.removeprefix("Filter failure: ")
        return ""


def test_conditional_orders_are_bounded_by_themselves():
    gate = Gate(resting(STOP), resting(PLAIN), resting(STOP, "ETHUSDT"), symbol_filter=filters.MaxNumAlgoOrders(1))
    assert gate.refusal(STOP) == "MAX_NUM_ALGO_ORDERS"
    assert gate.refusal(PLAIN) == ""
    gate = Gate(resting(STOP), symbol_filter=filters.MaxNumAlgoOrders(2))
    assert gate.refusal(STOP) == ""
    assert gate.refusal(STOP, STOP, as_list=True) == "MAX_NUM_ALGO_ORDERS"


def test_iceberg_orders_are_bounded_by_themselves():
    gate = Gate(resting(ICEBERG), symbol_filter=filters.MaxNumIcebergOrders(1))
    assert gate.refusal(ICEBERG) == "MAX_NUM_ICEBERG_ORDERS"
    assert gate.refusal(PLAIN) == ""


def test_lists_count_once_however_long_and_each_of_their_orders_counts():
    open_lists = [resting(PLAIN, order_list_id=7), resting(STOP, order_list_id=7), resting(PLAIN, "ETHUSDT", order_list_id=8)]
    assert Gate(*open_lists, symbol_filter=filters.MaxNumOrderLists(1)).refusal(PLAIN, STOP, as_list=True) == "MAX_NUM_ORDER_LISTS"
    assert Gate(*open_lists, symbol_filter=filters.MaxNumOrderLists(2)).refusal(PLAIN, STOP, as_list=True) == ""
    assert Gate(*open_lists, symbol_filter=filters.MaxNumOrders(3)).refusal(PLAIN, STOP, as_list=True) == "MAX_NUM_ORDERS"
    assert Gate(*open_lists, symbol_filter=filters.MaxNumOrders(4)).refusal(PLAIN, STOP, as_list=True) == ""


@pytest.mark.parametrize(
    ("limit", "requests", "as_list", "failure"),
    [
        (filters.ExchangeMaxNumOrders(3), [PLAIN], False, "EXCHANGE_MAX_NUM_ORDERS"),
        (filters.ExchangeMaxNumAlgoOrders(1), [STOP], False, "EXCHANGE_MAX_NUM_ALGO_ORDERS"),
        (filters.ExchangeMaxNumAlgoOrders(1), [PLAIN], False, ""),
        (filters.ExchangeMaxNumIcebergOrders(1), [ICEBERG], False, "EXCHANGE_MAX_NUM_ICEBERG_ORDERS"),
        (filters.ExchangeMaxNumOrderLists(1), [PLAIN, STOP], True, "EXCHANGE_MAX_NUM_ORDER_LISTS"),
        (filters.ExchangeMaxNumOrderLists(2), [PLAIN, STOP], True, ""),
        (filters.ExchangeMaxNumOrderLists(1), [PLAIN], False, ""),
    ],
)
def test_filters_of_the_exchange_count_over_all_symbols(limit, requests, as_list, failure):
    gate = Gate(resting(STOP, "ETHUSDT", 8), resting(ICEBERG, "ETHUSDT"), resting(PLAIN, "OLDUSDT"))
    gate.book.listings.exchange_filters = (limit,)
    assert gate.refusal(*requests, as_list=as_list) == failure


def test_a_list_is_refused_for_any_of_its_orders():
    small = NewOrder("BTCUSDT", Side.BUY, OrderType.LIMIT, quantity=D("0.001"), price=D(90))
    assert Gate().refusal(PLAIN, small, as_list=True) == "NOTIONAL"


def test_the_open_orders_of_an_engine_are_what_the_gate_counts():
    exchange = SimulatedExchange(OneQuoteMarket(), HandClock(START_MS))
    account = exchange.open_account("k", "s", {"BTC": D(10)})
    exchange.set_filter("BTCUSDT", filters.MaxNumAlgoOrders(2))
    engine = exchange.venue.engine
    for _ in range(2):
        engine.place(account, STOP, START_MS)
    with pytest.raises(ExchangeRefusedError, match="MAX_NUM_ALGO_ORDERS"):
        engine.place(account, STOP, START_MS)
    engine.cancel(account, "BTCUSDT", order_id=1, client_order_id=None, now_ms=START_MS)
    engine.place(account, STOP, START_MS)
    exchange.close()
