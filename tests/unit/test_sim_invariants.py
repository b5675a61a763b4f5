"""What must hold on the simulated exchange whatever happens: nothing appears or vanishes, and a restart changes nothing."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hand_clocks import HandClock
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from binance_trade_agent.domain.errors import BookError, ExchangeRefusedError
from binance_trade_agent.domain.order import Side, TimeInForce
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.simulation.engine.account_terms import AccountTerms
from binance_trade_agent.simulation.engine.amounts import notional
from binance_trade_agent.simulation.engine.history import History, Span, StoredState
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.engine.records import OPEN_STATUSES, NewOrder
from binance_trade_agent.simulation.engine.reports import ExecutionType
from binance_trade_agent.simulation.engine.terms import CONDITIONAL_TYPES, UNPRICED_TYPES, OrderType, PegPriceType, SelfTradePrevention
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.history.memory import MemoryHistory
from binance_trade_agent.simulation.history.store import ExchangeStore
from binance_trade_agent.simulation.markets.market import Ladder, Quote

D = Decimal
SYMBOLS = ("AAACCC", "BBBCCC")
KEYS = ("ann", "ben")
START = {"AAA": D(40), "BBB": D("7.12345678"), "CCC": D(3_000)}
STEP_MS = 10


def _rules(symbol: str, tick: str, step: str) -> SymbolRules:
    return SymbolRules(
        symbol=symbol,
        base_asset=symbol[:3],
        quote_asset=symbol[3:],
        status=SymbolStatus.TRADING,
        tick_size=D(tick),
        min_price=D(tick),
        max_price=D(0),
        step_size=D(step),
        min_quantity=D(step),
        max_quantity=D(0),
    )


class WavyMarket:
    """A quote every STEP_MS whose prices go up and down; deterministic, and with a gap in it."""

    has_queues = False

    # A tick and a step whose product has eleven decimals: notional values have to be rounded.
    rules: Mapping[str, SymbolRules] = {"AAACCC": _rules("AAACCC", "1", "1"), "BBBCCC": _rules("BBBCCC", "0.00000001", "0.001")}

    def quote(self, symbol, time_ms):
        return self._at(symbol, time_ms - time_ms % STEP_MS)

    def quotes(self, symbol, after_ms, until_ms):
        first = after_ms - after_ms % STEP_MS + STEP_MS
        return (self._at(symbol, time_ms) for time_ms in range(first, until_ms + 1, STEP_MS))

    def taker_orders(self, symbol, after_ms, until_ms):
        return iter(())

    def candles(self, symbol, interval_ms, *, start_ms, end_ms, limit, now_ms):
        return []

    def _at(self, symbol, time_ms):
        turn = time_ms // STEP_MS
        rules = self.rules[symbol]
        tick = rules.tick_size
        middle = D(50) + D((turn * 7919) % 13 - 6) * max(tick, D("0.37000001") if symbol == "BBBCCC" else D(1))
        size = rules.step_size * (turn % 5 + 1)
        if turn % 11 == 10:
            return Quote(time_ms, middle, Ladder((), ()))
        bids = tuple((middle - tick * level, size) for level in range(1, 4))
        asks = tuple((middle + tick * level, size) for level in range(1, 4))
        return Quote(time_ms, middle, Ladder(bids, asks))


class QuietMarket(WavyMarket):
    """The same prices, but nobody else's orders: the accounts only have each other."""

    def _at(self, symbol, time_ms):
        return Quote(time_ms, super()._at(symbol, time_ms).price, Ladder((), ()))


OPENING_MS = 1_000


def open_exchange(clock: HandClock, store: History, market: WavyMarket | None = None) -> tuple[SimulatedExchange, Engine]:
    exchange = SimulatedExchange(market or WavyMarket(), clock, store=store, maker_rate=D("0.00075"), taker_rate=D("0.001"), seed=3)
    for key in KEYS:
        exchange.open_account(key, "secret", START)
    return exchange, exchange._engine


CHOICES = {
    "symbol": SYMBOLS,
    "side": list(Side),
    "kind": [*[OrderType.LIMIT] * 5, *OrderType],
    "offset": list(range(-8, 9)),
    "size": list(range(1, 10)),
    "time_in_force": [TimeInForce.GTC, *TimeInForce],
    "stop_offset": list(range(-6, 7)),
    "trailing_delta": [None, None, 100, 700],
    "iceberg": [None, None, 1, 2],
    "peg": [*[None] * 6, *PegPriceType],
    "prevention": [None, *SelfTradePrevention],
}
ORDERS = st.fixed_dictionaries({name: st.sampled_from(choices) for name, choices in CHOICES.items()})
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.integers(0, 25),
        st.one_of(ORDERS, ORDERS, ORDERS, st.integers(0, 30), st.tuples(st.integers(0, 30), st.integers(1, 8)), st.just("cancel all")),
    ),
    min_size=8,
    max_size=40,
)


def act(engine: Engine, clock: HandClock, account_id: int, wait_ms: int, action) -> None:
    """One action; refusals are part of life. A number cancels the open order of that number, a pair makes it smaller."""
    clock.time_ms += wait_ms
    now_ms = clock.time_ms
    try:
        if action == "cancel all":
            engine.cancel_all(account_id, SYMBOLS[0], now_ms)
        elif isinstance(action, dict):
            engine.place(account_id, new_order(**action), now_ms)
        elif open_orders := engine.open_orders(account_id):
            number, smaller = action if isinstance(action, tuple) else (action, None)
            order = open_orders[number % len(open_orders)]
            named = {"order_id": order.order_id, "client_order_id": None, "now_ms": now_ms}
            if smaller is None:
                engine.cancel(account_id, order.symbol, **named)
            else:
                quantity = order.original_quantity - WavyMarket.rules[order.symbol].step_size * smaller
                engine.amend(account_id, order.symbol, quantity=quantity, **named)
    except ExchangeRefusedError:
        pass


def new_order(symbol, side, kind, offset, size, time_in_force, stop_offset, trailing_delta, iceberg, peg, prevention) -> NewOrder:
    rules = WavyMarket.rules[symbol]
    unit = D(1) if symbol == "AAACCC" else D("0.77777777")
    terms = NewOrder(symbol, side, kind, quantity=rules.step_size * size, self_trade_prevention=prevention)
    if kind is OrderType.MARKET:
        return structs.replace(terms, quantity=None, quote_quantity=D(size * 40) + D("0.12345678")) if size % 3 == 0 else terms
    if kind in CONDITIONAL_TYPES:
        stop = None if trailing_delta and stop_offset % 2 else D(50) + unit * stop_offset
        terms = structs.replace(terms, stop_price=stop, trailing_delta=trailing_delta)
    if kind in UNPRICED_TYPES:
        return terms
    if kind is not OrderType.LIMIT_MAKER and not iceberg:
        terms = structs.replace(terms, time_in_force=time_in_force)
    price = None if peg else D(50) + unit * offset
    return structs.replace(terms, price=price, peg_price_type=peg, iceberg_quantity=iceberg and rules.step_size * iceberg)


def snapshot(exchange: SimulatedExchange) -> dict:
    """What each account has, ordered and traded, and the matches that it was kept from."""
    archive = exchange.venue.archive
    return {
        key: (
            exchange.balances(key),
            exchange.orders(key),
            exchange.trades(key),
            [match for symbol in SYMBOLS for match in archive.prevented_matches(number, symbol, Span(1_000))],
        )
        for number, key in enumerate(KEYS, 1)
    }


def check(state: dict) -> None:
    """Balances follow from deposits, trades and transfers, locks from open orders, orders from their trades."""
    for account_id, (balances, orders, trades, matches) in enumerate(state.values(), 1):
        flows = defaultdict(Decimal, START)
        by_id = {(order.symbol, order.order_id): order for order in orders}
        for match in matches:
            if match.mode is SelfTradePrevention.TRANSFER and match.taker_account_id != match.maker_account_id:
                order_id = match.taker_order_id if match.taker_account_id == account_id else match.maker_order_id
                sign = 1 if by_id[(match.symbol, order_id)].side is Side.BUY else -1
                flows[match.symbol[:3]] += sign * match.quantity
                flows[match.symbol[3:]] -= sign * notional(match.price, match.quantity)
        executed, quoted, locked = defaultdict(Decimal), defaultdict(Decimal), defaultdict(Decimal)
        for trade in trades:
            base, quote, sign = trade.symbol[:3], trade.symbol[3:], 1 if trade.side is Side.BUY else -1
            flows[base] += sign * trade.quantity
            flows[quote] -= sign * trade.quote_quantity
            flows[trade.commission_asset] -= trade.commission
            assert trade.commission_asset == (base if sign > 0 else quote)
            executed[(trade.symbol, trade.order_id)] += trade.quantity
            quoted[(trade.symbol, trade.order_id)] += trade.quote_quantity
        for order in orders:
            assert order.executed_quantity == executed[(order.symbol, order.order_id)]
            assert order.executed_quantity + order.prevented_quantity <= order.original_quantity
            assert order.cumulative_quote_quantity == quoted[(order.symbol, order.order_id)]
            if order.status in OPEN_STATUSES:
                assert 0 < order.offered_quantity <= order.remaining_quantity
                assert order.locked_amount > 0
                locked[order.symbol[3:] if order.side is Side.BUY else order.symbol[:3]] += order.locked_amount
            else:
                assert order.locked_amount == 0
        for asset, balance in balances.items():
            assert balance.free >= 0
            assert balance.free == round(balance.free, 8)
            assert balance.total == flows[asset]
            assert balance.locked == locked[asset]


def check_trades_between_accounts(state: dict) -> None:
    """When both sides of a trade are ours, they agree, and are one account's only where nobody asked to prevent that."""
    by_id = defaultdict(list)
    takers = {(order.symbol, order.order_id): order for _, orders, _, _ in state.values() for order in orders}
    for _, _, trades, _ in state.values():
        for trade in trades:
            by_id[(trade.symbol, trade.trade_id)].append(trade)
    for sides in by_id.values():
        assert len(sides) in {1, 2}
        if len(sides) == 2:
            one, other = sides
            assert {one.side, other.side} == {Side.BUY, Side.SELL}
            assert {one.is_maker, other.is_maker} == {True, False}
            assert (one.price, one.quantity, one.quote_quantity) == (other.price, other.quantity, other.quote_quantity)
            taker = takers[(one.symbol, other.order_id if one.is_maker else one.order_id)]
            assert one.account_id != other.account_id or taker.self_trade_prevention is SelfTradePrevention.NONE


@settings(max_examples=150, deadline=None)
@given(actions=ACTIONS, is_one_group=st.booleans(), market=st.sampled_from([WavyMarket, QuietMarket]))
def test_everything_is_accounted_for(actions, is_one_group, market):
    clock = HandClock(OPENING_MS)
    exchange, engine = open_exchange(clock, MemoryHistory(), market())
    if is_one_group:
        for account_id in (1, 2):
            engine.rulebook.terms.put(account_id, AccountTerms(trade_group=7))
    for action in actions:
        act(engine, clock, *action)
    clock.time_ms += 200
    state = snapshot(exchange)
    exchange.close()
    check(state)
    check_trades_between_accounts(state)


@pytest.mark.parametrize("market", [WavyMarket, QuietMarket])
@pytest.mark.parametrize("seed", range(4))
def test_a_long_day_is_accounted_for_and_sees_everything_that_can_happen(seed, market):
    chance = random.Random(seed)
    clock = HandClock(OPENING_MS)
    exchange, engine = open_exchange(clock, MemoryHistory(), market())
    seen = set()
    engine.feed.subscribe(lambda changes, _: seen.update(report.kind for report in changes.reports))
    for account_id in (1, 2):
        engine.rulebook.terms.put(account_id, AccountTerms(trade_group=7))
    for _ in range(1_500):
        order = {name: chance.choice(choices) for name, choices in CHOICES.items()}
        action = chance.choice([order] * 9 + [chance.randrange(30), (chance.randrange(30), chance.randrange(1, 4))])
        act(engine, clock, chance.choice([1, 2]), chance.randrange(4), action)
    state = snapshot(exchange)
    check(state)
    check_trades_between_accounts(state)
    assert seen == set(ExecutionType) - {ExecutionType.REJECTED}
    matches = [match for _, _, _, found in state.values() for match in found]
    assert {match.mode for match in matches} == set(SelfTradePrevention) - {SelfTradePrevention.NONE}
    orders = [order for _, orders, _, _ in state.values() for order in orders]
    assert any(order.is_conditional and order.executed_quantity for order in orders)
    assert any(order.iceberg_quantity and order.executed_quantity > order.iceberg_quantity for order in orders)
    assert any(order.trailing_delta and order.is_working for order in orders)
    assert any(order.pegged_price and order.executed_quantity for order in orders)


@settings(max_examples=25, deadline=None)
@given(actions=ACTIONS, market=st.sampled_from([WavyMarket, QuietMarket]))
def test_memory_and_disk_remember_the_same(actions, market):
    kept = []
    with TemporaryDirectory() as folder:
        for history in (MemoryHistory(), ExchangeStore(Path(folder) / "exchange.sqlite")):
            clock = HandClock(OPENING_MS)
            exchange, engine = open_exchange(clock, history, market())
            for action in actions:
                act(engine, clock, *action)
            archive = history.archive
            spans = (Span(3), Span(3, from_id=2), Span(4, start_ms=OPENING_MS + 50), Span(2, end_ms=OPENING_MS + 200))
            answers = [
                (archive.orders(number, symbol, span), archive.trades(number, symbol, span), archive.trades(number, symbol, span, 2))
                for number in (1, 2)
                for symbol in SYMBOLS
                for span in spans
            ]
            names = [archive.newest_order(order.account_id, order.symbol, order.client_order_id) for order in archive.all_orders(1)]
            kept.append((snapshot(exchange), answers, names, structs_of(history.load())))
            history.close()
    assert kept[0] == kept[1]


def structs_of(state: StoredState) -> tuple:
    """What an exchange goes on with, in an order of its own."""
    balances = {number: sorted(held, key=lambda balance: balance.asset) for number, held in state.balances.items()}
    return (state.accounts, balances, state.open_orders, state.counters, state.last_trades, state.taken, state.walked_ms)


@settings(max_examples=25, deadline=None)
@given(before=ACTIONS, after=ACTIONS, market=st.sampled_from([WavyMarket, QuietMarket]))
def test_an_exchange_restored_from_its_store_goes_on_as_if_it_had_never_stopped(before, after, market):
    with TemporaryDirectory() as folder:
        twins = []
        for restarts in (False, True):
            path, clock = Path(folder) / f"{restarts}.sqlite", HandClock(OPENING_MS)
            store = ExchangeStore(path)
            exchange, engine = open_exchange(clock, store, market())
            for action in before:
                act(engine, clock, *action)
            if restarts:
                kept = snapshot(exchange)
                store.close()
                store = ExchangeStore(path)
                assert store.last_time_ms <= clock.time_ms
                exchange, engine = open_exchange(clock, store, market())
                assert snapshot(exchange) == kept
            for action in after:
                act(engine, clock, *action)
            twins.append(snapshot(exchange))
            store.close()
    assert twins[0] == twins[1]


@settings(max_examples=40, deadline=None)
@given(
    orders=st.lists(st.tuples(st.sampled_from([1, 2]), st.integers(-8, -2), st.integers(1, 9)), min_size=2, max_size=12),
    taken=st.integers(1, 60),
)
def test_price_then_time_decides_who_is_filled_first(orders, taken):
    class Falling(WavyMarket):
        def _at(self, symbol, time_ms):
            asks = ((D(100), D(1)),) if time_ms < 2_000 else ((D(1), D(taken)),)
            return Quote(time_ms, D(50), Ladder((), asks))

    store = ExchangeStore()
    engine = SimulatedExchange(Falling(), HandClock(OPENING_MS), store=store)._engine
    for account_id in (1, 2):
        store.open_account(account_id, str(account_id), (), 0)
        engine.adopt_account(account_id, ())
        engine._accounts.credit(account_id, "CCC", D(100_000))
    placed = []
    for number, (account_id, offset, size) in enumerate(orders):
        request = NewOrder("AAACCC", Side.BUY, OrderType.LIMIT, quantity=D(size), price=D(50 + offset))
        placed.append(engine.place(account_id, request, 1_000 + number).order)
    engine.advance(2_000)
    left = D(taken)
    for order in sorted(placed, key=lambda order: (-order.price, order.order_id)):
        expected = min(left, order.original_quantity)
        left -= expected
        assert engine.find_order(order.account_id, "AAACCC", order.order_id, None).executed_quantity == expected
    store.close()


def test_liquidity_eaten_before_a_restart_is_still_gone_after_it(tmp_path):
    clock, path = HandClock(OPENING_MS), tmp_path / "exchange.sqlite"
    store = ExchangeStore(path)
    _, engine = open_exchange(clock, store)
    before = engine.visible_ladder("AAACCC", clock.time_ms).asks
    engine.place(1, NewOrder("AAACCC", Side.BUY, OrderType.MARKET, quantity=before[0][1]), clock.time_ms)
    store.close()
    exchange, engine = open_exchange(clock, ExchangeStore(path))
    assert engine.visible_ladder("AAACCC", clock.time_ms).asks == before[1:]
    exchange.close()


def test_ids_continue_after_a_restart(tmp_path):
    path, clock = tmp_path / "exchange.sqlite", HandClock(OPENING_MS)

    def trade_with_oneself() -> tuple[int, int, int | None]:
        exchange, engine = open_exchange(clock, ExchangeStore(path))
        own = engine.place(1, NewOrder("AAACCC", Side.SELL, OrderType.LIMIT, quantity=D(1), price=D(70)), clock.time_ms).order
        engine.place(1, NewOrder("AAACCC", Side.BUY, OrderType.MARKET, quantity=D(20)), clock.time_ms)
        prevented = engine.find_order(1, "AAACCC", own.order_id, None)
        trade_id = exchange.trades("ann")[-1].trade_id
        exchange.close()
        clock.time_ms += STEP_MS
        return own.order_id, trade_id, prevented.prevented_match_id

    before, after = trade_with_oneself(), trade_with_oneself()
    assert (before[0], before[2]) == (1, 1)
    assert (after[0], after[2]) == (3, 2)
    assert after[1] > before[1]


def test_an_order_on_a_symbol_that_is_gone_after_a_restart_keeps_waiting(tmp_path):
    class Smaller(WavyMarket):
        rules: Mapping[str, SymbolRules] = {"BBBCCC": WavyMarket.rules["BBBCCC"]}

    clock, path = HandClock(OPENING_MS), tmp_path / "exchange.sqlite"
    store = ExchangeStore(path)
    _, engine = open_exchange(clock, store)
    engine.place(1, NewOrder("AAACCC", Side.SELL, OrderType.LIMIT, quantity=D(1), price=D(80)), clock.time_ms)
    store.close()
    clock.time_ms += 100
    exchange = SimulatedExchange(Smaller(), clock, store=ExchangeStore(path))
    exchange.open_account("ann", "secret", {})
    assert exchange.balances("ann")["AAA"].locked == 1
    assert exchange.resting_symbols() == ("AAACCC",)
    exchange.close()


def test_market_time_is_remembered(tmp_path):
    clock, path = HandClock(OPENING_MS), tmp_path / "exchange.sqlite"
    store = ExchangeStore(path)
    exchange, _ = open_exchange(clock, store)
    clock.time_ms = 5_000
    exchange.checkpoint()
    store.checkpoint(4_000)
    store.meta.set("seed", "3")
    store.close()
    again = ExchangeStore(path)
    assert again.last_time_ms == 5_000
    assert (again.meta.get("seed"), again.meta.get("origin_ms")) == ("3", None)
    again.close()


def test_no_key_and_no_secret_is_in_the_file(tmp_path):
    path = tmp_path / "exchange.sqlite"
    exchange = SimulatedExchange(WavyMarket(), HandClock(OPENING_MS), store=ExchangeStore(path))
    exchange.open_account("key-0123456789", "secret-0123456789", START)
    exchange.close()
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"key-0123456789" not in content
    assert b"secret-0123456789" not in content
    assert "secret-0123456789" not in repr(exchange.keys.holder("key-0123456789"))


def test_a_store_that_cannot_be_written_answers_nothing_and_catches_up_later(tmp_path):
    path = tmp_path / "exchange.sqlite"
    clock, store = HandClock(OPENING_MS), ExchangeStore(path)
    exchange, engine = open_exchange(clock, store)
    store._db.execute("PRAGMA busy_timeout = 0")
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    request = NewOrder("AAACCC", Side.SELL, OrderType.LIMIT, quantity=D(1), price=D(80))
    with pytest.raises(BookError):
        engine.place(1, request, clock.time_ms)
    answer = exchange.face.handle("GET", "/api/v3/ping", "", b"", {}, "1.2.3.4")
    assert answer.status == 500
    blocker.execute("ROLLBACK")
    blocker.close()
    assert exchange.face.handle("GET", "/api/v3/ping", "", b"", {}, "1.2.3.4").status == 200
    assert [order.price for order in store.archive.all_orders(1)] == [80]
    store.close()


def test_a_store_of_another_version_is_refused(tmp_path):
    path = tmp_path / "exchange.sqlite"
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(BookError, match="version 99"):
        ExchangeStore(path)


KILLED = """
    import sys
    from decimal import Decimal
    from binance_trade_agent.domain.account import Balance
    from binance_trade_agent.simulation.engine.changes import ChangeSet
    from binance_trade_agent.simulation.history.store import ExchangeStore

    store = ExchangeStore(sys.argv[1])
    store.open_account(1, "fingerprint", (Balance("AAA", Decimal(0), Decimal(0)),), 1)
    number = 0
    while True:
        number += 1
        changes = ChangeSet(balances={(1, "AAA"): Balance("AAA", Decimal(number), Decimal(-number))})
        store.commit(changes, number)
        print(number, flush=True)
"""


def test_what_was_answered_survives_kill_9(tmp_path):
    path = tmp_path / "exchange.sqlite"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        answered = [int(process.stdout.readline()) for _ in range(50)]
        os.kill(process.pid, signal.SIGKILL)
        answered += [int(line) for line in process.stdout if line.endswith("\n")]
    store = ExchangeStore(path)
    state = store.load()
    store.close()
    (balance,) = state.balances[1]
    assert balance.free >= answered[-1]
    assert balance.total == 0
    assert state.walked_ms == balance.free
