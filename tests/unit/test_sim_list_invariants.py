"""What must hold of order lists whatever the market and their owners do: one of a pair, nothing too early, no money made or lost."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hand_clocks import HandClock
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_market import MovingMarket
from one_quote_exchange import START_MS

from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.order import ExchangeStatus, Side, TimeInForce
from binance_trade_agent.simulation.engine.history import Span
from binance_trade_agent.simulation.engine.list_records import NewOrderList, OrderList
from binance_trade_agent.simulation.engine.records import ExchangeOrder, NewOrder
from binance_trade_agent.simulation.engine.terms import ContingencyType, OrderType, PegPriceType, SelfTradePrevention
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.history.store import ExchangeStore

D = Decimal
SYMBOL = "BTCUSDT"
KEYS = ("ann", "ben")
START = {"BTC": D(30), "USDT": D(3_000), "BNB": D(1)}

SIDES = st.sampled_from(Side)
SIZES = st.integers(1, 8).map(D)
PRICES = st.integers(80, 120).map(D)
PREVENTIONS = st.sampled_from(SelfTradePrevention)


def targets(side: Side, quantity: Decimal | None, price: Decimal, more: int) -> NewOrder:
    """The order of a pair that takes a profit."""
    kind = (OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)[more % 3]
    stop = None if kind is OrderType.LIMIT_MAKER else price
    if more == 3:
        return NewOrder(SYMBOL, side, OrderType.LIMIT_MAKER, quantity=quantity, peg_price_type=PegPriceType.PRIMARY_PEG)
    limit = None if kind is OrderType.TAKE_PROFIT else price
    part = D(1) if kind is OrderType.LIMIT_MAKER and quantity is not None and quantity > 3 else None
    return NewOrder(SYMBOL, side, kind, quantity=quantity, price=limit, stop_price=stop, iceberg_quantity=part)


def stops(side: Side, quantity: Decimal | None, price: Decimal, more: int) -> NewOrder:
    """The order of a pair that stops a loss."""
    kind = (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)[more % 2]
    limit = price + more - 4 if kind is OrderType.STOP_LOSS_LIMIT else None
    trailing = 300 if more == 7 else None
    return NewOrder(SYMBOL, side, kind, quantity=quantity, price=limit, stop_price=price, trailing_delta=trailing)


def pair(side: Side, quantity: Decimal | None, near: Decimal, far: Decimal, more: int) -> tuple[NewOrder, NewOrder]:
    lower, upper = 100 - near, 100 + far
    stop, goal = (lower, upper) if side is Side.SELL else (upper, lower)
    return stops(side, quantity, stop, more), targets(side, quantity, goal, more // 2)


@st.composite
def single_orders(draw) -> NewOrder:
    kind = draw(st.sampled_from([OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER]))
    price = None if kind is OrderType.MARKET else draw(PRICES)
    time_in_force = draw(st.sampled_from(TimeInForce)) if kind is OrderType.LIMIT else TimeInForce.GTC
    return NewOrder(SYMBOL, draw(SIDES), kind, time_in_force, quantity=draw(SIZES), price=price, self_trade_prevention=draw(PREVENTIONS))


@st.composite
def order_lists(draw) -> NewOrderList:
    pays = draw(st.booleans())
    side, quantity, more = draw(SIDES), draw(SIZES), draw(st.integers(0, 7))
    near, far = draw(st.integers(1, 20).map(D)), draw(st.integers(1, 20).map(D))
    kind = draw(st.sampled_from(["oco", "oto", "otoco"]))
    if kind == "oco":
        return NewOrderList(SYMBOL, pair(side, quantity, near, far, more))
    working_side = Side.BUY if pays else draw(SIDES)
    side = Side.SELL if pays else side
    pending_quantity = None if pays else quantity
    time_in_force = draw(st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC]))
    working = NewOrder(SYMBOL, working_side, OrderType.LIMIT, time_in_force, quantity=draw(SIZES), price=draw(PRICES))
    if kind == "otoco":
        return NewOrderList(SYMBOL, pair(side, pending_quantity, near, far, more), working, pays)
    pending = (
        NewOrder(SYMBOL, side, OrderType.MARKET, quantity=pending_quantity),
        NewOrder(SYMBOL, side, OrderType.LIMIT, quantity=pending_quantity, price=draw(PRICES)),
        stops(side, pending_quantity, draw(PRICES), more),
    )[more % 3]
    return NewOrderList(SYMBOL, (pending,), working, pays)


AMENDS = st.tuples(st.integers(0, 30), st.integers(1, 7).map(D))

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.one_of(order_lists(), order_lists(), single_orders(), PRICES, PRICES, st.integers(0, 30), AMENDS, st.just("cancel all")),
    ),
    min_size=6,
    max_size=40,
)


class Box:
    """An exchange with two accounts, and a clock that moves a second with every action."""

    def __init__(self, store: ExchangeStore | None = None, market: MovingMarket | None = None, time_ms: int = START_MS) -> None:
        self.market = market or MovingMarket(size="6")
        self.clock = HandClock(time_ms)
        self.exchange = SimulatedExchange(self.market, self.clock, store=store, maker_rate=D("0.00075"), taker_rate=D("0.001"))
        for key in KEYS:
            self.exchange.open_account(key, "secret", START)
        self.engine = self.exchange.venue.engine

    def act(self, account_id: int, action) -> None:
        """One action; refusals are part of life."""
        self.clock.time_ms += 1_000
        now_ms = self.clock.time_ms
        try:
            match action:
                case NewOrderList():
                    self.engine.place_list(account_id, action, now_ms)
                case NewOrder():
                    self.engine.place(account_id, action, now_ms)
                case "cancel all":
                    self.engine.cancel_all(account_id, SYMBOL, now_ms)
                case (int(number), quantity):
                    self.amend_one(account_id, number, quantity, now_ms)
                case int():
                    self.cancel_one(account_id, action, now_ms)
                case _:
                    self.market.move(now_ms, str(action))
        except ExchangeRefusedError:
            pass
        self.exchange.advance()

    def cancel_one(self, account_id: int, number: int, now_ms: int) -> None:
        open_orders = self.engine.open_orders(account_id)
        if open_orders:
            order_id = open_orders[number % len(open_orders)].order_id
            self.engine.cancel(account_id, SYMBOL, order_id=order_id, client_order_id=None, now_ms=now_ms)

    def amend_one(self, account_id: int, number: int, quantity: Decimal, now_ms: int) -> None:
        open_orders = self.engine.open_orders(account_id)
        if open_orders:
            order_id = open_orders[number % len(open_orders)].order_id
            self.engine.amend(account_id, SYMBOL, order_id=order_id, client_order_id=None, quantity=quantity, now_ms=now_ms)

    def lists(self, account_id: int) -> list[OrderList]:
        ids = {order.order_list_id for order in self.exchange.orders(KEYS[account_id - 1])} - {-1}
        found = [self.exchange.venue.archive.order_list(account_id, list_id) for list_id in sorted(ids)]
        return [order_list for order_list in found if order_list is not None]

    def snapshot(self) -> list:
        archive, middle_ms = self.exchange.venue.archive, (START_MS + self.clock.time_ms) // 2
        return [
            (
                *(self.exchange.balances(key), self.exchange.orders(key), self.exchange.trades(key), self.lists(account_id)),
                *(archive.order_lists(account_id, span) for span in (Span(3), Span(3, from_id=1), Span(3, end_ms=middle_ms))),
                [archive.newest_list(account_id, each.client_order_id) for each in self.lists(account_id)],
            )
            for account_id, key in enumerate(KEYS, 1)
        ]


def check_list(order_list: OrderList, orders: dict[int, ExchangeOrder]) -> None:
    members = [orders[listed.order_id] for listed in order_list.orders]
    assert all(order.order_list_id == order_list.order_list_id for order in members)
    assert order_list.is_open is any(order.is_open for order in members)
    others = [orders[order_id] for order_id in order_list.other_ids]
    assert {listed.order_id: listed.client_order_id for listed in order_list.orders} == {
        order.order_id: order.client_order_id for order in members
    }
    assert sum(order.executed_quantity > 0 for order in others) <= 1
    if all(order.is_open for order in others):
        assert len({order.original_quantity for order in others}) == 1
    assert sum(order.is_open and order.is_working for order in others) <= 1
    if order_list.contingency is ContingencyType.OTO:
        working = orders[order_list.working_id]
        if working.status is not ExchangeStatus.FILLED:
            assert all(order.is_pending or not order.is_open for order in others)
            assert not any(order.executed_quantity or order.is_working for order in others)
    else:
        assert not any(order.is_pending for order in others)


def check_money(box: Box) -> None:
    """Balances follow from deposits and trades, and every lock has an order."""
    for key in KEYS:
        flows, locked = defaultdict(Decimal, START), defaultdict(Decimal)
        for trade in box.exchange.trades(key):
            sign = 1 if trade.side is Side.BUY else -1
            flows["BTC"] += sign * trade.quantity
            flows["USDT"] -= sign * trade.quote_quantity
            flows[trade.commission_asset] -= trade.commission
        for order in box.exchange.orders(key):
            assert order.locked_amount == 0 or order.is_open
            locked["USDT" if order.side is Side.BUY else "BTC"] += order.locked_amount
        for asset, balance in box.exchange.balances(key).items():
            assert balance.free >= 0
            assert balance.total == flows[asset]
            assert balance.locked == locked[asset]


def check(box: Box) -> None:
    for account_id, key in enumerate(KEYS, 1):
        orders = {order.order_id: order for order in box.exchange.orders(key)}
        for order_list in box.lists(account_id):
            check_list(order_list, orders)
        assert [each.order_list_id for each in box.lists(account_id) if each.is_open] == [
            each.order_list_id for each in box.engine.lists.of_account(account_id)
        ]
    check_money(box)


@settings(max_examples=80, deadline=None)
@given(actions=ACTIONS)
def test_lists_keep_their_promises_and_when_all_is_over_nothing_is_locked(actions):
    box = Box()
    for action in actions:
        box.act(*action)
        check(box)
    for account_id in (1, 2):
        box.act(account_id, "cancel all")
    check(box)
    for account_id, key in enumerate(KEYS, 1):
        assert not any(balance.locked for balance in box.exchange.balances(key).values())
        assert not any(order_list.is_open for order_list in box.lists(account_id))
    box.exchange.close()


@settings(max_examples=15, deadline=None)
@given(before=ACTIONS, after=ACTIONS)
def test_lists_go_on_after_a_restart_as_if_it_had_not_been_and_in_memory_as_on_disk(before, after):
    with TemporaryDirectory() as folder:
        twins = []
        for restarts in (None, False, True):
            path = Path(folder) / f"{restarts}.sqlite"
            box = Box(None if restarts is None else ExchangeStore(path))
            for action in before:
                box.act(*action)
            if restarts:
                kept = box.snapshot()
                box.exchange.close()
                box = Box(ExchangeStore(path), box.market, box.clock.time_ms)
                assert box.snapshot() == kept
            for action in after:
                box.act(*action)
            twins.append(box.snapshot())
            box.exchange.close()
    assert twins[0] == twins[1] == twins[2]
