"""What is compared after a strike: rules that hold at any moment, even over a dead daemon's book, and rules that hold once all is settled.

The book is read by plain SQL and the exchange by its exported history; none of the daemon's code is asked.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from simulating.book_file import BookFile, BookOrder

from torturing.history import ExchangeHistory, HistoryOrder

OURS = "bta-"
IN_FLIGHT = frozenset({"INTENDED", "SENT", "UNKNOWN"})
NOWHERE = frozenset({"INTENDED", "NOT_SENT", "NEVER_PLACED"})
BUSY_S = 10.0
_SAME_AS = {"EXPIRED": {"EXPIRED", "EXPIRED_IN_MATCH"}}


def copied_book(book: Path, copy: Path) -> BookFile:
    """What is committed in `book` at this moment, in a file of its own. Raises ValueError when it is damaged."""
    copy.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"{book.as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        answer = target.execute("PRAGMA integrity_check").fetchall()
    if answer != [("ok",)]:
        raise ValueError(f"the book is damaged: {answer}")
    return BookFile(copy)


class Comparison:
    """One sentence for each difference between a book and a history that is at least as young."""

    def __init__(self, book: BookFile, history: ExchangeHistory) -> None:
        self._orders = book.orders()
        self._trades = book.trades()
        self._wallet = book.wallet()
        self._positions = book.positions()
        self._postings = book.postings()
        self._write_downs = book.write_downs()
        self._history = history
        self._theirs: dict[str, list[HistoryOrder]] = defaultdict(list)
        for order in history.orders:
            if order.client_order_id.startswith(OURS):
                self._theirs[order.client_order_id].append(order)

    @property
    def fate_of_the_open(self) -> Counter[str]:
        """Of the orders that the book has in flight, how many the exchange has and how many it does not."""
        open_orders = [order for order in self._orders if order.state in IN_FLIGHT]
        return Counter(f"{order.state}, {'placed' if order.client_order_id in self._theirs else 'not placed'}" for order in open_orders)

    @property
    def unbooked_trades(self) -> int:
        """How many trades the exchange has and the book does not, yet."""
        return len(self._history.trades.keys() - {(trade.symbol, trade.trade_id) for trade in self._trades})

    def at_any_moment(self) -> Iterator[str]:
        """What must be true of whatever is committed, whenever the daemon dies."""
        yield from self._history.findings()
        ours = {order.client_order_id: order for order in self._orders}
        for name, placed in sorted(self._theirs.items()):
            if len(placed) > 1:
                yield f"the exchange holds {len(placed)} orders for the one intent {name}"
            intent = ours.get(name)
            if intent is None:
                yield f"order {name} is on the exchange, and the book has no intent for it"
            elif (intent.symbol, intent.side, intent.quantity) != (placed[0].symbol, placed[0].side, placed[0].quantity):
                yield f"order {name} is not what was intended: {placed[0]}"
            elif intent.state in NOWHERE:
                yield f"order {name} is {intent.state} in the book, and the exchange has it as {placed[0].status}"
        yield from self._booked_trades()
        yield from self._sums()

    def _booked_trades(self) -> Iterator[str]:
        seen = Counter((trade.symbol, trade.trade_id) for trade in self._trades)
        for trade in self._trades:
            key = (trade.symbol, trade.trade_id)
            theirs = self._history.trades.get(key)
            if seen[key] > 1:
                yield f"trade {key} is booked {seen[key]} times"
            if theirs is None:
                yield f"trade {key} is in the book, and the exchange does not know it"
            elif any(getattr(trade, name) != getattr(theirs, name) for name in theirs.__slots__):
                yield f"trade {key} is booked as {trade}, and was {theirs}"

    def _sums(self) -> Iterator[str]:
        """Postings balance, the wallet is their sum, and a position is its fills less fees in the base asset and what was written down."""
        legs: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for transaction, _, _, account, asset, amount in self._postings:
            legs[transaction, asset] += amount
            sums[asset] += amount if account == "wallet" else 0
        for (transaction, asset), amount in legs.items():
            if amount:
                yield f"ledger transaction {transaction} is off by {amount} {asset}"
        held: dict[str, Decimal] = defaultdict(Decimal)
        for trade in self._trades:
            fee = trade.commission if trade.commission_asset == self._history.base_assets.get(trade.symbol) else Decimal(0)
            held[trade.symbol] += (trade.quantity if trade.side == "BUY" else -trade.quantity) - fee
        for symbol, quantity in self._write_downs:
            held[symbol] -= quantity
        for what, kept, made in (("wallet", self._wallet, sums), ("position", self._positions, held)):
            for name in sorted(kept.keys() | made.keys()):
                if kept.get(name, 0) != made.get(name, 0):
                    yield f"{what} {name} is kept as {kept.get(name, 0)}, and its entries make {made.get(name, 0)}"

    def settled(self) -> Iterator[str]:
        """What must be true after a calm: nothing in flight, every trade booked, every balance and order equal."""
        yield from self.at_any_moment()
        for order in self._orders:
            yield from self._settled_order(order, self._theirs.get(order.client_order_id, []))
        booked = {(trade.symbol, trade.trade_id) for trade in self._trades}
        for key in sorted(self._history.trades.keys() - booked):
            yield f"trade {key} is not in the book"
        for asset in sorted(self._wallet.keys() | self._history.balances.keys()):
            ours, theirs = self._wallet.get(asset, 0), self._history.balances.get(asset, 0)
            if ours != theirs:
                yield f"the book has {ours} {asset}, and the exchange {theirs}"

    def _settled_order(self, ours: BookOrder, theirs: list[HistoryOrder]) -> Iterator[str]:
        name = ours.client_order_id
        if ours.state in IN_FLIGHT:
            yield f"order {name} is still {ours.state} after the calm"
        elif ours.state == "REJECTED" and any(order.executed for order in theirs):
            yield f"order {name} is REJECTED in the book, and has traded on the exchange"
        elif ours.state not in NOWHERE | {"REJECTED"}:
            if not theirs:
                yield f"order {name} is {ours.state} in the book, and the exchange does not have it"
            elif theirs[0].status not in _SAME_AS.get(ours.state, {ours.state}) or theirs[0].executed != ours.executed:
                yield f"order {name} is {ours.state} with {ours.executed}, on the exchange {theirs[0].status} with {theirs[0].executed}"
