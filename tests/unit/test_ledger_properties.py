"""The ledger under any sequence of trades: it balances, agrees with itself, and is the same after a crash."""

import asyncio
import shutil
import tempfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from hand_clocks import StillClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from binance_trade_agent.domain.ledger import Account, LedgerTransaction, Posting, TransactionKind, post_external, post_fill
from binance_trade_agent.domain.money import times, total
from binance_trade_agent.domain.order import Fill, OrderEvent, OrderIntent, OrderType, Purpose, Side
from binance_trade_agent.domain.risk import Reservation
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.database import open_database
from binance_trade_agent.storage.sqlite_file import MEMORY

ZERO = Decimal(0)
RULES = {
    f"{base}USDT": SymbolRules(f"{base}USDT", base, "USDT", SymbolStatus.TRADING, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)
    for base in ("BTC", "SHIB")
}
PRICES = st.decimals(min_value=Decimal("0.00000001"), max_value=200_000, places=8)
QUANTITIES = st.decimals(min_value=Decimal("0.00000001"), max_value=10**9, places=8)
RATES = st.sampled_from([ZERO, Decimal("0.00075"), Decimal("0.001")])


@st.composite
def fills(draw, symbol, trade_id, order_id, side):
    price, quantity = draw(PRICES), draw(QUANTITIES)
    base = RULES[symbol].base_asset
    asset = draw(st.sampled_from([base, "USDT", "BNB"]))
    basis = {base: quantity, "USDT": quantity * price, "BNB": Decimal(1)}[asset]
    commission = (basis * draw(RATES)).quantize(Decimal("1e-8"))
    quote = times(quantity, price).quantize(Decimal("1e-8"))
    return Fill(symbol, trade_id, order_id, "", side, price, quantity, quote, commission, asset, trade_id, draw(st.booleans()))


@st.composite
def orders(draw):
    """Orders of two symbols, each with the fills it got; trade ids count up per symbol."""
    made, next_trade = [], defaultdict(lambda: 1)
    for number in range(1, draw(st.integers(1, 6)) + 1):
        symbol, side = draw(st.sampled_from(sorted(RULES))), draw(st.sampled_from(Side))
        count = draw(st.integers(0, 4))
        first = next_trade[symbol]
        next_trade[symbol] += count
        made.append((number, symbol, side, [draw(fills(symbol, first + each, number, side)) for each in range(count)]))
    return made


def intent(number, symbol, side):
    return OrderIntent(f"bta-e-{number}", symbol, side, OrderType.MARKET, Decimal(1), Decimal(1), Purpose.ENTRY, number, "c", "because")


async def opened(database):
    store = SqliteBookStore(database, new_epoch=lambda: "e")
    manager = PortfolioManager(store, quote_asset="USDT", rules=RULES, observer=NullObserver(), clock=StillClock())
    await manager.open()
    return store, manager


async def trade(manager, order, *, batches=None):
    """Place an order and book its fills in `batches` of them (all at once when None), then end it."""
    number, symbol, side, made = order
    name = f"bta-e-{number}"
    await manager.record_intent(intent(number, symbol, side), Reservation(name, symbol, ZERO), number)
    await manager.record_event(name, OrderEvent.SEND, time_ms=number)
    for batch in batches if batches is not None else [made]:
        if batch:
            await manager.record_event(name, OrderEvent.PARTIAL_FILL, time_ms=number, fills=batch)
    await manager.record_event(name, OrderEvent.CANCEL, time_ms=number)


def figures(state):
    return (dict(state.balances), dict(state.commissions), dict(state.positions), dict(state.last_trade_ids), state.fills, state.orders)


def in_memory(manager):
    snapshot, view = manager.snapshot(0), manager.view(0)
    last = {symbol: manager.last_trade_id(symbol) for symbol in RULES if manager.last_trade_id(symbol) is not None}
    return (dict(manager.balances), dict(snapshot.fees), dict(view.positions), last, snapshot.fills, snapshot.orders)


def traded(made):
    return [fill for _, _, _, group in made for fill in group]


async def booked(made, **options):
    async with open_database(MEMORY, inline=True, clock=StillClock()) as database:
        store, manager = await opened(database)
        for order in made:
            await trade(manager, order, **options)
        assert await store.verify() == ()
        state = await store.load()
        assert figures(state) == in_memory(manager)
        return state


@settings(max_examples=60, deadline=None)
@given(orders())
def test_the_wallet_is_what_the_trades_moved_and_nothing_else(made):
    state = asyncio.run(booked(made))
    expected, paid = defaultdict(Decimal), defaultdict(Decimal)
    for fill in traded(made):
        sign = 1 if fill.side is Side.BUY else -1
        expected[RULES[fill.symbol].base_asset] += sign * fill.quantity
        expected["USDT"] -= sign * fill.quote_quantity
        expected[fill.commission_asset] -= fill.commission
        paid[fill.commission_asset] += fill.commission
    assert {asset: amount for asset, amount in state.balances.items() if amount} == {a: v for a, v in expected.items() if v}
    assert {asset: amount for asset, amount in state.commissions.items() if amount} == {a: v for a, v in paid.items() if v}


@settings(max_examples=40, deadline=None)
@given(orders())
def test_positions_agree_with_the_ledger(made):
    """Quantity is the base asset's balance, and money out less profit taken is the cost of what is left."""
    state = asyncio.run(booked(made))
    for symbol, position in state.positions.items():
        assert position.quantity == state.balances[RULES[symbol].base_asset]
    profits = (each.realized for each in state.positions.values())
    costs = (each.cost.copy_negate() for each in state.positions.values())  # a minus sign would round to 28 digits
    assert state.balances.get("USDT", ZERO) == total([*profits, *costs])


@st.composite
def rebooked(draw):
    made = draw(orders())
    number = draw(st.integers(0, len(made) - 1))
    group = made[number][3]
    return made, number, [draw(st.permutations(group)), draw(st.permutations(group)), [*group, *group]]


@settings(max_examples=40, deadline=None)
@given(rebooked())
def test_booking_the_same_trades_again_in_any_order_changes_nothing(case):
    made, number, batches = case

    async def both():
        once = await booked(made)
        async with open_database(MEMORY, inline=True, clock=StillClock()) as database:
            store, manager = await opened(database)
            for index, order in enumerate(made):
                await trade(manager, order, batches=batches if index == number else None)
            again = await manager.record_foreign_fills(traded(made))
            assert again == ()
            assert await store.verify() == ()
            assert figures(await store.load()) == figures(once) == in_memory(manager)

    asyncio.run(both())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(orders(), st.data())
def test_a_book_cut_off_at_any_point_reopens_as_it_was_and_goes_on(made, data):
    stop = data.draw(st.integers(0, len(made)))

    async def crashed(folder):
        async with open_database(str(folder / "book.sqlite3"), inline=True, clock=StillClock()) as database:
            store, manager = await opened(database)
            for order in made[:stop]:
                await trade(manager, order)
            state = await store.load()
            # What a dead process leaves behind: the files as they are, the write-ahead log not yet folded in.
            copy = folder / "after"
            copy.mkdir()
            for file in folder.glob("book.sqlite3*"):
                if not file.name.endswith("-shm"):
                    shutil.copy(file, copy)
        async with open_database(str(copy / "book.sqlite3"), inline=True, clock=StillClock()) as database:
            store, manager = await opened(database)
            assert await store.load() == state
            assert await store.verify() == ()
            for order in made[stop:]:
                await trade(manager, order)
            return figures(await store.load())

    with tempfile.TemporaryDirectory() as folder:
        assert asyncio.run(crashed(Path(folder))) == figures(asyncio.run(booked(made)))


@given(st.data())
def test_every_posting_of_a_trade_balances_in_each_asset(data):
    fill = data.draw(fills("BTCUSDT", 1, 1, data.draw(st.sampled_from(Side))))
    sums = defaultdict(Decimal)
    for posting in post_fill(fill, "BTC", "USDT").postings:
        sums[posting.asset] += posting.amount
    assert set(sums.values()) == {ZERO}


def test_a_transaction_that_does_not_balance_cannot_be_made():
    with pytest.raises(ValueError, match="does not balance"):
        LedgerTransaction(TransactionKind.EXTERNAL, "x", 0, (Posting(Account.WALLET, "BTC", Decimal(1)),))


def test_a_deposit_comes_from_outside():
    wallet, outside = post_external("BTC", Decimal(2), "deposit:1", 5).postings
    assert (wallet.account, wallet.amount, outside.account, outside.amount) == (Account.WALLET, 2, Account.EXTERNAL, -2)


def test_the_reference_of_a_trade_is_unique_over_symbols():
    fill = Fill("BTCUSDT", 7, 1, "", Side.BUY, Decimal(1), Decimal(1), Decimal(1), ZERO, "BNB", 0, False)
    assert post_fill(fill, "BTC", "USDT").reference != post_fill(replace(fill, symbol="ETHUSDT"), "ETH", "USDT").reference
