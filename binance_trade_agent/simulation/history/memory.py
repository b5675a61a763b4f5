"""MemoryHistory: the exchange's memory without a file, forgotten with the process; it answers what the store on disk answers.

It keeps everything, as the store does: so many bytes an order and a trade, and no bound but the machine's memory.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from decimal import Decimal
from itertools import islice
from operator import attrgetter
from typing import TypeVar

from msgspec.structs import replace

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.history import Span, StoredState
from binance_trade_agent.simulation.engine.liquidity import TakenLiquidity
from binance_trade_agent.simulation.engine.list_records import OrderList
from binance_trade_agent.simulation.engine.numbering import Counters
from binance_trade_agent.simulation.engine.records import Amendment, ExchangeOrder, ExchangeTrade, PreventedMatch
from binance_trade_agent.simulation.engine.reports import Movement

R = TypeVar("R", ExchangeOrder, ExchangeTrade, PreventedMatch, Amendment, OrderList)

_Place = tuple[int, str]
"""Account id and symbol."""


class MemoryHistory:
    """Everything in dictionaries. Records are frozen, so they are kept as they come."""

    def __init__(self) -> None:
        self.archive = MemoryArchive()
        self._accounts: dict[str, int] = {}
        self._balances: dict[tuple[int, str], Balance] = {}
        self._given: dict[int, list[Movement]] = {}
        self._counters: dict[str, Counters] = {}
        self._taken: dict[str, TakenLiquidity] = {}
        self._walked_ms = 0
        self._last_time_ms = 0

    @property
    def last_time_ms(self) -> int:
        """The latest market time that anything was committed at."""
        return self._last_time_ms

    def load(self) -> StoredState:
        """What there is, for an exchange that goes on with it."""
        open_orders = [order for order in self.archive.every_order() if order.is_open]
        return StoredState(
            accounts=dict(self._accounts),
            balances={
                account_id: tuple(balance for (owner, _), balance in self._balances.items() if owner == account_id)
                for account_id in self._accounts.values()
            },
            open_orders=tuple(sorted(open_orders, key=lambda order: (order.symbol, order.queue_number, order.order_id))),
            open_lists=tuple(self.archive.open_lists()),
            last_list_id=self.archive.last_list_id,
            counters=dict(self._counters),
            last_trades=self.archive.last_trades(),
            taken=deepcopy(self._taken),
            walked_ms=self._walked_ms,
        )

    def open_account(self, account_id: int, key_fingerprint: str, balances: Iterable[Balance], time_ms: int) -> None:
        """A new account with what it was given."""
        self._accounts[key_fingerprint] = account_id
        self._given[account_id] = [Movement(account_id, balance.asset, balance.free, time_ms) for balance in balances]
        self.archive.give(self._given[account_id])
        self._balances.update(_balances(self._given[account_id]))

    def commit(self, changes: ChangeSet, walked_ms: int) -> None:
        """Take in one engine operation."""
        self._balances.update(changes.balances)
        self.archive.take_in(changes)
        self._counters.update(changes.counters)
        if changes.taken:
            self._taken.update(changes.taken)
        self._walked_ms = walked_ms
        self._last_time_ms = max(walked_ms, self._last_time_ms)

    def start_again(self) -> None:
        """Forget every order and trade, and let every account hold what it was given first; order ids begin again at 1."""
        self.archive.forget()
        self._balances.clear()
        for given in self._given.values():
            self._balances.update(_balances(given))
            self.archive.give(given)
        self._counters = {symbol: replace(counters, order_id=0) for symbol, counters in self._counters.items()}

    def checkpoint(self, now_ms: int) -> None:
        """Remember that market time has reached `now_ms`."""
        self._last_time_ms = max(now_ms, self._last_time_ms)

    def close(self) -> None:
        """Nothing is held that would have to be let go."""


class MemoryArchive:
    """Questions about past orders and trades, answered from memory."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin with nothing."""
        self._orders: dict[tuple[str, int], ExchangeOrder] = {}
        self._ids: defaultdict[_Place, list[int]] = defaultdict(list)
        self._newest: dict[tuple[int, str, str], int] = {}
        self._trades: defaultdict[_Place, list[ExchangeTrade]] = defaultdict(list)
        self._prevented: defaultdict[str, list[PreventedMatch]] = defaultdict(list)
        self._amendments: defaultdict[tuple[str, int], list[Amendment]] = defaultdict(list)
        self._movements: dict[int, list[Movement]] = {}
        self._lists: dict[int, OrderList] = {}  # in the order of their ids
        self._newest_lists: dict[tuple[int, str], int] = {}

    def give(self, movements: Iterable[Movement]) -> None:
        """Keep what an account was given or had to give."""
        for movement in movements:
            self._movements.setdefault(movement.account_id, []).append(movement)

    def take_in(self, changes: ChangeSet) -> None:
        """Keep what one commit brings."""
        orders = self._orders
        for key, order in changes.orders.items():
            if key not in orders:
                self._index(order)
            orders[key] = order
        for trade in changes.trades:
            trades = self._trades[(trade.account_id, trade.symbol)]
            trades.append(trade)
            if len(trades) > 1 and trades[-2].trade_id == trade.trade_id:
                # Both sides are the same account's: the older order's stands first.
                trades[-2:] = sorted(trades[-2:], key=lambda side: side.order_id)
        if changes.prevented or changes.amendments or changes.movements or changes.lists:
            self._take_in_rare(changes)

    def _index(self, order: ExchangeOrder) -> None:
        """Let a new order be found; the orders of a list come to the engine in another order than that of their ids."""
        account_id, symbol, order_id = order.account_id, order.symbol, order.order_id
        ids = self._ids[(account_id, symbol)]
        if ids and ids[-1] > order_id:
            insort(ids, order_id)
        else:
            ids.append(order_id)
        name = (account_id, symbol, order.client_order_id)
        if self._newest.get(name, 0) < order_id:
            self._newest[name] = order_id

    def _take_in_rare(self, changes: ChangeSet) -> None:
        for match in changes.prevented:
            self._prevented[match.symbol].append(match)
        for amendment in changes.amendments:
            self._amendments[(amendment.symbol, amendment.order_id)].append(amendment)
            name = (amendment.account_id, amendment.symbol, amendment.new_client_order_id)
            self._newest[name] = max(amendment.order_id, self._newest.get(name, 0))
        self.give(changes.movements)
        for list_id, order_list in changes.lists.items():
            if list_id not in self._lists:
                self._newest_lists[(order_list.account_id, order_list.client_order_id)] = list_id
            self._lists[list_id] = order_list

    @property
    def last_list_id(self) -> int:
        """The id of the newest order list of all accounts; -1 when there is none."""
        return max(self._lists, default=-1)

    def open_lists(self) -> Iterator[tuple[OrderList, tuple[ExchangeOrder, ...]]]:
        """All open order lists, ascending by id, each with its orders."""
        for order_list in self._lists.values():
            if order_list.is_open:
                yield order_list, tuple(self._orders[(order_list.symbol, listed.order_id)] for listed in order_list.orders)

    def every_order(self) -> Iterable[ExchangeOrder]:
        """All orders of all accounts."""
        return self._orders.values()

    def last_trades(self) -> dict[str, tuple[Decimal, int]]:
        """Price and time of each symbol's newest trade."""
        newest: dict[str, ExchangeTrade] = {}
        for (_, symbol), trades in self._trades.items():
            if symbol not in newest or newest[symbol].trade_id < trades[-1].trade_id:
                newest[symbol] = trades[-1]
        return {symbol: (trade.price, trade.time_ms) for symbol, trade in newest.items()}

    def order(self, account_id: int, symbol: str, order_id: int) -> ExchangeOrder | None:
        """The account's order with this id."""
        order = self._orders.get((symbol, order_id))
        return order if order is not None and order.account_id == account_id else None

    def newest_order(self, account_id: int, symbol: str, client_order_id: str) -> ExchangeOrder | None:
        """The account's newest order with this client id."""
        order_id = self._newest.get((account_id, symbol, client_order_id))
        if order_id is None:
            return None
        order = self._orders[(symbol, order_id)]
        if order.client_order_id == client_order_id:
            return order
        # An amended order has another name now, and an older one may have had this one.
        orders = (self._orders[(symbol, number)] for number in reversed(self._ids[(account_id, symbol)]))
        return next((order for order in orders if order.client_order_id == client_order_id), None)

    def orders(self, account_id: int, symbol: str, span: Span) -> list[ExchangeOrder]:
        """The account's orders on a symbol, ascending by id."""
        return _within(self._orders_at((account_id, symbol)), lambda order: order.order_id, span)

    def _orders_at(self, place: _Place) -> list[ExchangeOrder]:
        return [self._orders[(place[1], order_id)] for order_id in self._ids.get(place, ())]

    def trades(self, account_id: int, symbol: str, span: Span, order_id: int | None = None) -> list[ExchangeTrade]:
        """The account's trades on a symbol, or of one order, ascending by trade id."""
        trades = self._trades.get((account_id, symbol), [])
        if order_id is not None:
            trades = [trade for trade in trades if trade.order_id == order_id]
        return _within(trades, lambda trade: trade.trade_id, span)

    def prevented_matches(
        self, account_id: int, symbol: str, span: Span, *, match_id: int | None = None, order_id: int | None = None
    ) -> list[PreventedMatch]:
        """Matches on a symbol that self-trade prevention stopped, of one number or one order, ascending by number."""
        found = [
            match
            for match in self._prevented.get(symbol, ())
            if account_id in {match.taker_account_id, match.maker_account_id}
            and match_id in {None, match.prevented_match_id}
            and order_id in {None, match.taker_order_id, match.maker_order_id}
        ]
        return _within(found, lambda match: match.prevented_match_id, span)

    def amendments(self, account_id: int, symbol: str, order_id: int, span: Span) -> list[Amendment]:
        """The amendments of one order, ascending by execution id."""
        found = [each for each in self._amendments.get((symbol, order_id), ()) if each.account_id == account_id]
        return _within(found, lambda amendment: amendment.execution_id, span)

    def movements(self, account_id: int) -> list[Movement]:
        """What the account was given and what was put into it or taken out since, oldest first."""
        return list(self._movements.get(account_id, ()))

    def order_list(self, account_id: int, order_list_id: int) -> OrderList | None:
        """The account's order list with this id."""
        order_list = self._lists.get(order_list_id)
        return order_list if order_list is not None and order_list.account_id == account_id else None

    def newest_list(self, account_id: int, client_order_id: str) -> OrderList | None:
        """The account's newest order list with this client id."""
        list_id = self._newest_lists.get((account_id, client_order_id))
        return None if list_id is None else self._lists[list_id]

    def order_lists(self, account_id: int, span: Span) -> list[OrderList]:
        """The account's order lists, ascending by id; `span` by when their status changed last."""
        found = [order_list for order_list in self._lists.values() if order_list.account_id == account_id]
        return _within(found, lambda order_list: order_list.order_list_id, span, time_ms=lambda order_list: order_list.updated_ms)

    def all_orders(self, account_id: int) -> list[ExchangeOrder]:
        """Every order of the account, by symbol and id."""
        return [order for place in sorted(self._ids) if place[0] == account_id for order in self._orders_at(place)]

    def all_trades(self, account_id: int) -> list[ExchangeTrade]:
        """Every trade of the account, by symbol and id."""
        return [trade for place in sorted(self._trades) if place[0] == account_id for trade in self._trades[place]]


def _within(records: Iterable[R], number: Callable[[R], int], span: Span, time_ms: Callable[[R], int] = attrgetter("time_ms")) -> list[R]:
    """The part of `records`, ascending by number, that is asked for."""
    rows = list(records)
    start = 0 if span.from_id is None else bisect_left(rows, span.from_id, key=number)
    asked = islice(rows, start, None) if span.oldest_first else reversed(rows)
    in_time = (
        row
        for row in asked
        if (span.start_ms is None or time_ms(row) >= span.start_ms) and (span.end_ms is None or time_ms(row) <= span.end_ms)
    )
    found = list(islice(in_time, span.limit))
    return found if span.oldest_first else found[::-1]


def _balances(given: Iterable[Movement]) -> dict[tuple[int, str], Balance]:
    """What an account holds that was given this and nothing else, by account and asset."""
    return {(movement.account_id, movement.asset): Balance(movement.asset, movement.amount, ZERO) for movement in given}
