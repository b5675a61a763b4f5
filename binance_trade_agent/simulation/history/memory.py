"""MemoryHistory: the exchange's memory without a file, forgotten with the process; it answers what the store on disk answers.

It keeps everything, as the store does: so many bytes an order and a trade, and no bound but the machine's memory.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from decimal import Decimal
from itertools import chain, islice
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
        self._balances: dict[int, dict[str, Balance]] = {}
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
            balances={account_id: tuple(held.values()) for account_id, held in self._balances.items()},
            open_orders=tuple(sorted(open_orders, key=lambda order: (order.symbol, order.queue_number, order.order_id))),
            open_lists=tuple(self.archive.open_lists()),
            last_list_id=self.archive.last_list_id,
            counters=dict(self._counters),
            last_trades=dict(self.archive.last_trades),
            taken=deepcopy(self._taken),
            walked_ms=self._walked_ms,
        )

    def open_account(self, account_id: int, key_fingerprint: str, balances: Iterable[Balance], time_ms: int) -> None:
        """A new account with what it was given."""
        self._accounts[key_fingerprint] = account_id
        self._given[account_id] = [Movement(account_id, balance.asset, balance.free, time_ms) for balance in balances]
        self.archive.give(self._given[account_id])
        self._balances[account_id] = _balances(self._given[account_id])

    def commit(self, changes: ChangeSet, walked_ms: int) -> None:
        """Take in one engine operation."""
        for (account_id, asset), balance in changes.balances.items():
            self._balances.setdefault(account_id, {})[asset] = balance
        self.archive.take_in(changes)
        self._counters.update(changes.counters)
        self._taken.update(changes.taken)
        self._walked_ms = walked_ms
        self._last_time_ms = max(walked_ms, self._last_time_ms)

    def start_again(self) -> None:
        """Forget every order and trade, and let every account hold what it was given first; order ids begin again at 1."""
        self.archive.forget()
        for account_id, given in self._given.items():
            self._balances[account_id] = _balances(given)
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
        self._orders: dict[_Place, dict[int, ExchangeOrder]] = {}
        self._newest: dict[tuple[int, str, str], int] = {}
        self._trades: dict[_Place, list[ExchangeTrade]] = {}
        self._prevented: dict[str, list[PreventedMatch]] = {}
        self._amendments: dict[tuple[str, int], list[Amendment]] = {}
        self._movements: dict[int, list[Movement]] = {}
        self._lists: dict[int, OrderList] = {}
        self.last_trades: dict[str, tuple[Decimal, int]] = {}

    def give(self, movements: Iterable[Movement]) -> None:
        """Keep what an account was given or had to give."""
        for movement in movements:
            self._movements.setdefault(movement.account_id, []).append(movement)

    def take_in(self, changes: ChangeSet) -> None:
        """Keep what one commit brings."""
        # The orders of a list come to the engine in another order than that of their ids.
        for (symbol, order_id), order in sorted(changes.orders.items(), key=_key) if len(changes.orders) > 1 else changes.orders.items():
            place = (order.account_id, symbol)
            orders = self._orders.get(place)
            if orders is None:
                orders = self._orders[place] = {}
            orders[order_id] = order
            name = (order.account_id, symbol, order.client_order_id)
            if self._newest.get(name, 0) < order_id:
                self._newest[name] = order_id
        self.give(changes.movements)
        for trade in changes.trades:
            _insert(self._trades.setdefault((trade.account_id, trade.symbol), []), trade)
            self.last_trades[trade.symbol] = (trade.price, trade.time_ms)
        for match in changes.prevented:
            self._prevented.setdefault(match.symbol, []).append(match)
        for amendment in changes.amendments:
            self._amendments.setdefault((amendment.symbol, amendment.order_id), []).append(amendment)

        self._lists.update(changes.lists)

    @property
    def last_list_id(self) -> int:
        """The id of the newest order list of all accounts; -1 when there is none."""
        return max(self._lists, default=-1)

    def open_lists(self) -> Iterator[tuple[OrderList, tuple[ExchangeOrder, ...]]]:
        """All open order lists, ascending by id, each with its orders."""
        for _, order_list in sorted(self._lists.items()):
            if order_list.is_open:
                orders = self._orders[(order_list.account_id, order_list.symbol)]
                yield order_list, tuple(orders[listed.order_id] for listed in order_list.orders)

    def every_order(self) -> Iterator[ExchangeOrder]:
        """All orders of all accounts."""
        return chain.from_iterable(orders.values() for orders in self._orders.values())

    def order(self, account_id: int, symbol: str, order_id: int) -> ExchangeOrder | None:
        """The account's order with this id."""
        return self._orders.get((account_id, symbol), {}).get(order_id)

    def newest_order(self, account_id: int, symbol: str, client_order_id: str) -> ExchangeOrder | None:
        """The account's newest order with this client id."""
        order_id = self._newest.get((account_id, symbol, client_order_id))
        order = None if order_id is None else self._orders[(account_id, symbol)][order_id]
        # An amended order has another name now.
        return (
            order if order is not None and order.client_order_id == client_order_id else self._renamed(account_id, symbol, client_order_id)
        )

    def orders(self, account_id: int, symbol: str, span: Span) -> list[ExchangeOrder]:
        """The account's orders on a symbol, ascending by id."""
        return _within(self._orders.get((account_id, symbol), {}).values(), lambda order: order.order_id, span)

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
        newest_first = (self._lists[list_id] for list_id in sorted(self._lists, reverse=True))
        return next((each for each in newest_first if (each.account_id, each.client_order_id) == (account_id, client_order_id)), None)

    def order_lists(self, account_id: int, span: Span) -> list[OrderList]:
        """The account's order lists, ascending by id; `span` by when their status changed last."""
        found = [order_list for _, order_list in sorted(self._lists.items()) if order_list.account_id == account_id]
        return _within(found, lambda order_list: order_list.order_list_id, span, time_ms=lambda order_list: order_list.updated_ms)

    def all_orders(self, account_id: int) -> list[ExchangeOrder]:
        """Every order of the account, by symbol and id."""
        return [order for place in sorted(self._orders) if place[0] == account_id for order in self._orders[place].values()]

    def all_trades(self, account_id: int) -> list[ExchangeTrade]:
        """Every trade of the account, by symbol and id."""
        return [trade for place in sorted(self._trades) if place[0] == account_id for trade in self._trades[place]]

    def _renamed(self, account_id: int, symbol: str, client_order_id: str) -> ExchangeOrder | None:
        orders = reversed(self._orders.get((account_id, symbol), {}).values())
        return next((order for order in orders if order.client_order_id == client_order_id), None)


def _key(item: tuple[tuple[str, int], ExchangeOrder]) -> tuple[str, int]:
    return item[0]


def _insert(trades: list[ExchangeTrade], trade: ExchangeTrade) -> None:
    """Trades come in the order of their ids; of the two sides of one, both the same account's, the older order's stands first."""
    if trades and trades[-1].trade_id == trade.trade_id and trades[-1].order_id > trade.order_id:
        trades.insert(-1, trade)
    else:
        trades.append(trade)


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


def _balances(given: Iterable[Movement]) -> dict[str, Balance]:
    """What an account holds that was given this and nothing else."""
    return {movement.asset: Balance(movement.asset, movement.amount, ZERO) for movement in given}
