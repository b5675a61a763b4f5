"""Replaying: the journal, the fills and the postings of a book gone through from the first, and compared with what is kept."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal, localcontext

from binance_trade_agent.domain.order import TRANSITIONS, OrderEvent, OrderState
from binance_trade_agent.domain.symbol_rules import SymbolRules
from simulating.book_file import WRITE_DOWN, BookFile, BookTrade, Held
from simulating.checks import Check, Finding

_PLACES = Decimal("1e-9")
"""Cost and profit are quotients; whoever divides in another order differs far behind this place."""

_DIGITS = 60


def replay_findings(book: BookFile, rules: Mapping[str, SymbolRules]) -> Iterator[Finding]:
    """One finding for each difference."""
    yield from _states(book)
    yield from _executed(book)
    yield from _positions(book, rules)
    yield from _ledger(book)


def _states(book: BookFile) -> Iterator[Finding]:
    reached: dict[str, str] = {}
    for name, event, before, after in book.events():
        if before != reached.get(name, "INTENDED") or TRANSITIONS.get((OrderState(before), OrderEvent(event))) != after:
            yield Finding(Check.TABLE, f"order {name}: {event} leads from {before} to {after}, after {reached.get(name)}")
        reached[name] = after
    for order in book.orders():
        end = reached.get(order.client_order_id, "INTENDED")
        if order.state != end:
            yield Finding(Check.REPLAY, f"order {order.client_order_id} is kept as {order.state}, and its journal ends at {end}")


def _executed(book: BookFile) -> Iterator[Finding]:
    filled: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for trade in book.trades():
        filled[trade.symbol, trade.order_id] += trade.quantity
    for order in book.orders():
        sum_of_fills = Decimal(0) if order.order_id is None else filled.get((order.symbol, order.order_id), Decimal(0))
        if order.executed != sum_of_fills:
            yield Finding(Check.REPLAY, f"order {order.client_order_id} is kept with {order.executed}, and its fills make {sum_of_fills}")


def _positions(book: BookFile, rules: Mapping[str, SymbolRules]) -> Iterator[Finding]:
    """At average cost (docs/decisions/0006): what is sold or written down takes its share, fees in either asset count where they fall."""
    made: dict[str, Held] = defaultdict(lambda: Held(Decimal(0), Decimal(0), Decimal(0)))
    trades = {f"{trade.symbol}:{trade.trade_id}": trade for trade in book.trades()}
    with localcontext() as context:
        context.prec = _DIGITS
        for what, (reference, written_down) in _bookings(book):
            if what == "fill" and reference in trades:
                trade = trades.pop(reference)
                made[trade.symbol] = _after(made[trade.symbol], trade, rules[trade.symbol])
            elif what == "write-down":
                made[reference] = _without(made[reference], written_down)
        for name in sorted(trades):
            yield Finding(Check.POSITIONS, f"trade {name} is booked, and not in the ledger")
        kept = book.holdings()
        nothing = Held(Decimal(0), Decimal(0), Decimal(0))
        for symbol in sorted(kept.keys() | made.keys()):
            ours, replayed = kept.get(symbol, nothing), made.get(symbol, nothing)
            is_near = abs(ours.cost - replayed.cost) < _PLACES and abs(ours.realized - replayed.realized) < _PLACES
            if ours.quantity != replayed.quantity or not is_near:
                yield Finding(Check.POSITIONS, f"position {symbol} is kept as {ours}, and its fills make {replayed}")


def _bookings(book: BookFile) -> Iterator[tuple[str, tuple[str, Decimal]]]:
    """What moved a position, in the order of booking: fills by symbol and trade id, write-downs by symbol with their quantity."""
    write_downs = iter(book.write_downs())
    last = None
    for number, kind, reference, account, _, _ in book.postings():
        if kind == "fill" and number != last:
            yield kind, (reference, Decimal(0))
        elif kind == "external" and reference.startswith(WRITE_DOWN) and account == "market":
            yield "write-down", next(write_downs)
        last = number


def _without(held: Held, quantity: Decimal) -> Held:
    left = held.quantity - quantity
    return Held(left, held.cost * left / held.quantity if left else Decimal(0), held.realized)


def _after(held: Held, trade: BookTrade, rules: SymbolRules) -> Held:
    base_fee = trade.commission if trade.commission_asset == rules.base_asset else Decimal(0)
    quote_fee = trade.commission if trade.commission_asset == rules.quote_asset else Decimal(0)
    if trade.side == "BUY":
        return Held(held.quantity + trade.quantity - base_fee, held.cost + trade.quote_quantity + quote_fee, held.realized)
    given = trade.quantity + base_fee
    cost = held.cost if given >= held.quantity else held.cost * given / held.quantity
    return Held(held.quantity - given, held.cost - cost, held.realized + trade.quote_quantity - quote_fee - cost)


def _ledger(book: BookFile) -> Iterator[Finding]:
    legs: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for transaction, _, _, account, asset, amount in book.postings():
        legs[transaction, asset] += amount
        if account == "wallet":
            sums[asset] += amount
    for (transaction, asset), amount in legs.items():
        if amount:
            yield Finding(Check.BALANCES, f"ledger transaction {transaction} is off by {amount} {asset}")
    wallet = book.wallet()
    for asset in sorted(sums.keys() | wallet.keys()):
        if sums.get(asset, Decimal(0)) != wallet.get(asset, Decimal(0)):
            yield Finding(Check.BALANCES, f"{wallet.get(asset, 0)} {asset} is kept, and the postings make {sums.get(asset, 0)}")
