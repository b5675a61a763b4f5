"""The book under any sequence of orders, events, trades, deposits and restarts: a model of it in plain sums agrees at every step."""

import asyncio
from collections import defaultdict
from contextlib import AsyncExitStack
from decimal import Decimal

import pytest
from hand_clocks import StillClock
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from binance_trade_agent.domain.errors import IllegalTransitionError
from binance_trade_agent.domain.order import TRANSITIONS, Fill, OrderEvent, OrderIntent, OrderState, OrderType, Purpose, Side
from binance_trade_agent.domain.risk import ModeChange, Reservation, TradingMode
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.database import open_database

ZERO = Decimal(0)
RULES = {
    f"{base}USDT": SymbolRules(f"{base}USDT", base, "USDT", SymbolStatus.TRADING, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
    for base in ("BTC", "SHIB")
}
AMOUNTS = st.decimals(min_value=Decimal("0.00000001"), max_value=10**6, places=8)
FEE_ASSETS = st.sampled_from(["base", "USDT", "BNB"])
FEES = st.decimals(min_value=0, max_value=Decimal("0.00000001"), places=8)
TRADED = {OrderState.NEW, OrderState.PARTIALLY_FILLED, OrderState.SENT, OrderState.UNKNOWN}


class BookMachine(RuleBasedStateMachine):
    """Every rule does the same to the book and to the model; `reopen` is a restart on what is committed."""

    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._numbers = 0
        self._trades = 0
        self._intents: dict[str, OrderIntent] = {}
        self._states: dict[str, OrderState] = {}
        self._executed: dict[str, Decimal] = defaultdict(Decimal)
        self._wallet: dict[str, Decimal] = defaultdict(Decimal)
        self._held: dict[str, Decimal] = defaultdict(Decimal)
        self._fills: list[Fill] = []
        self._modes: dict[str, TradingMode] = {}

    @initialize()
    def opens(self) -> None:
        database = self._run(self._stack.enter_async_context(open_database(":memory:", inline=True, clock=StillClock())))
        self._store = SqliteBookStore(database, new_epoch=lambda: "e")
        self.reopen()

    def teardown(self) -> None:
        self._run(self._stack.aclose())
        self._loop.close()

    @rule()
    def reopen(self) -> None:
        self._book = PortfolioManager(self._store, quote_asset="USDT", rules=RULES, observer=NullObserver(), clock=StillClock())
        self._run(self._book.open())

    # -- what happens -----------------------------------------------------------------------------------------------------------

    @rule(target=orders, symbol=st.sampled_from(sorted(RULES)), side=st.sampled_from(Side))
    def intends(self, symbol: str, side: Side) -> str:
        self._numbers += 1
        name = self._book.next_client_order_id()
        assert name not in self._intents
        order = OrderIntent(name, symbol, side, OrderType.MARKET, Decimal(1), Decimal(1), Purpose.ENTRY, self._numbers, "c", "because")
        self._run(self._book.record_intent(order, Reservation(name, symbol, Decimal(1)), self._numbers))
        self._intents[name], self._states[name] = order, OrderState.INTENDED
        return name

    @rule(name=orders, event=st.sampled_from(OrderEvent))
    def hears_of_an_order(self, name: str, event: OrderEvent) -> None:
        before = self._states[name]
        after = TRANSITIONS.get((before, event))
        if after is None:
            with pytest.raises(IllegalTransitionError):
                self._run(self._book.record_event(name, event, time_ms=1))
            return
        settled = self._run(self._book.record_event(name, event, time_ms=1))
        assert settled.order.state is after
        self._states[name] = after

    @rule(name=orders, quantity=AMOUNTS, quote=AMOUNTS, fee=FEES, fee_asset=FEE_ASSETS, is_told_twice=st.booleans())
    def trades(self, name: str, quantity: Decimal, quote: Decimal, fee: Decimal, fee_asset: str, *, is_told_twice: bool) -> None:
        if self._states[name] not in TRADED:
            return
        order = self._intents[name]
        fill = self._made(order.symbol, order.side, self._order_id(name), (quantity, quote, fee, fee_asset))
        for _ in range(2 if is_told_twice else 1):
            self._run(self._book.record_event(name, OrderEvent.PARTIAL_FILL, time_ms=1, fills=[fill]))
        self._states[name] = OrderState.PARTIALLY_FILLED
        self._executed[name] += quantity
        self._take(fill)

    @rule(
        symbol=st.sampled_from(sorted(RULES)), side=st.sampled_from(Side), quantity=AMOUNTS, quote=AMOUNTS, fee=FEES, fee_asset=FEE_ASSETS
    )
    def somebody_trades_by_hand(self, symbol: str, side: Side, quantity: Decimal, quote: Decimal, fee: Decimal, fee_asset: str) -> None:
        fill = self._made(symbol, side, 10**9 + self._trades, (quantity, quote, fee, fee_asset))
        assert self._run(self._book.record_foreign_fills([fill, fill])) == (fill,)
        self._take(fill)

    @precondition(lambda self: self._fills)
    @rule(data=st.data())
    def the_trade_list_is_read_again(self, data: st.DataObject) -> None:
        told = data.draw(st.lists(st.sampled_from(self._fills), max_size=5))
        assert self._run(self._book.record_foreign_fills(told)) == ()

    @rule(asset=st.sampled_from(["BTC", "USDT", "BNB"]), amount=AMOUNTS, is_withdrawal=st.booleans(), is_told_twice=st.booleans())
    def comes_from_outside(self, asset: str, amount: Decimal, *, is_withdrawal: bool, is_told_twice: bool) -> None:
        self._numbers += 1
        moved = -amount if is_withdrawal else amount
        for _ in range(2 if is_told_twice else 1):
            self._run(self._book.record_external(asset, moved, f"by hand:{self._numbers}", self._numbers))
        self._wallet[asset] += moved

    @rule(scope=st.sampled_from(["*", *sorted(RULES)]), mode=st.sampled_from(TradingMode))
    def mode_changes(self, scope: str, mode: TradingMode) -> None:
        self._run(self._book.record_mode(ModeChange(1, scope, mode, "operator", "because")))
        self._modes[scope] = mode

    # -- what holds ---------------------------------------------------------------------------------------------------------------

    @invariant()
    def the_book_is_what_the_model_is(self) -> None:
        view = self._book.view(0)
        assert {asset: amount for asset, amount in self._book.balances.items() if amount} == _without_zeros(self._wallet)
        assert {symbol: each.quantity for symbol, each in view.positions.items() if each.quantity} == _without_zeros(self._held)
        assert {scope: change.mode for scope, change in self._book.modes.items()} == self._modes
        open_orders = {order.intent.client_order_id: (order.state, order.executed_quantity) for order in self._book.open_orders()}
        assert open_orders == {name: (state, self._executed[name]) for name, state in self._states.items() if not state.is_terminal}

    @invariant()
    def what_is_committed_is_the_same_and_sound(self) -> None:
        state = self._run(self._store.load())
        assert dict(state.balances) == dict(self._book.balances)
        assert dict(state.positions) == dict(self._book.view(0).positions)
        assert state.open_orders == self._book.open_orders()
        assert dict(state.modes) == dict(self._book.modes)
        assert self._run(self._store.verify()) == ()

    # -- the model ----------------------------------------------------------------------------------------------------------------

    def _run(self, what):
        return self._loop.run_until_complete(what)

    def _order_id(self, name: str) -> int:
        return 1 + list(self._intents).index(name)

    def _made(self, symbol: str, side: Side, order_id: int, told: tuple[Decimal, Decimal, Decimal, str]) -> Fill:
        self._trades += 1
        quantity, quote, fee, fee_asset = told
        asset = RULES[symbol].base_asset if fee_asset == "base" else fee_asset
        return Fill(symbol, self._trades, order_id, "", side, Decimal(1), quantity, quote, fee, asset, self._trades, is_maker=False)

    def _take(self, fill: Fill) -> None:
        rules, sign = RULES[fill.symbol], 1 if fill.side is Side.BUY else -1
        self._wallet[rules.base_asset] += sign * fill.quantity
        self._wallet[rules.quote_asset] -= sign * fill.quote_quantity
        self._wallet[fill.commission_asset] -= fill.commission
        fee = fill.commission if fill.commission_asset == rules.base_asset else ZERO
        self._held[fill.symbol] += sign * fill.quantity - fee
        self._fills.append(fill)


def _without_zeros(amounts: dict[str, Decimal]) -> dict[str, Decimal]:
    return {name: amount for name, amount in amounts.items() if amount}


TestBookMachine = BookMachine.TestCase
TestBookMachine.settings = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
