"""Past: accounts as a replica of the exchange's data has them that is behind: queries answered from it do not know the newest changes.

Source: rest-api.md, "Data Sources": queries are answered from memory or a database, which follow the matching engine in their own time.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.simulation.engine.change_feed import CommitListener
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.history import Span
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade

MOST_CHANGES = 10_000
"""Commits that can be undone; a replica is never farther behind than these."""

_OrderKey = tuple[str, int]
_Holding = tuple[int, str]


class AccountReads(Protocol):
    """What queries about an account are answered from."""

    def find_order(self, account_id: int, symbol: str, order_id: int | None, client_order_id: str | None) -> ExchangeOrder | None:
        """An order of the account, open or past, by its id or, without one, the newest by client id."""
        ...

    def open_orders(self, account_id: int, symbol: str | None = None) -> list[ExchangeOrder]:
        """The account's open orders, by symbol and id."""
        ...

    def orders(self, account_id: int, symbol: str, span: Span) -> list[ExchangeOrder]:
        """The account's orders on a symbol, ascending by id."""
        ...

    def trades(self, account_id: int, symbol: str, span: Span, order_id: int | None = None) -> list[ExchangeTrade]:
        """The account's trades on a symbol, or of one order, ascending by trade id."""
        ...

    def balances(self, account_id: int) -> Mapping[str, Balance]:
        """What the account holds, by asset."""
        ...


@dataclass(slots=True)
class _Before:
    """What one commit, or several, changed, as it was before; None for an order that did not exist."""

    time_ms: int
    orders: dict[_OrderKey, ExchangeOrder | None] = field(default_factory=dict)
    balances: dict[_Holding, Balance] = field(default_factory=dict)
    trades: set[tuple[str, int, int]] = field(default_factory=set)


class Past:
    """Follows the commits from `follow` on, and shows accounts as they were a while ago."""

    def __init__(self, present: AccountReads) -> None:
        self._present = present
        self._is_following = False
        self._changes: deque[_Before] = deque(maxlen=MOST_CHANGES)
        self._open: dict[_OrderKey, ExchangeOrder] = {}
        self._balances: dict[_Holding, Balance] = {}

    def follow(self, accounts: Sequence[int], subscribe: "Subscribe") -> None:
        """Remember from now on what every commit changes; once is enough."""
        if self._is_following:
            return
        self._is_following = True
        for account_id in accounts:
            for order in self._present.open_orders(account_id):
                self._open[(order.symbol, order.order_id)] = order
            for asset, balance in self._present.balances(account_id).items():
                self._balances[(account_id, asset)] = balance
        subscribe(self._on_commit)

    def as_of(self, time_ms: int) -> AccountReads:
        """Accounts as they were at `time_ms`, or as far back as is remembered."""
        undone = _Before(time_ms)
        for change in reversed(self._changes):
            if change.time_ms <= time_ms:
                break
            undone.orders.update(change.orders)
            undone.balances.update(change.balances)
            undone.trades |= change.trades
        return _PastReads(self._present, undone)

    def _on_commit(self, changes: ChangeSet, now_ms: int) -> None:
        before = _Before(now_ms)
        for key, order in changes.orders.items():
            before.orders[key] = self._open.get(key)
            if order.is_open:
                self._open[key] = order
            else:
                self._open.pop(key, None)
        for holding, balance in changes.balances.items():
            before.balances[holding] = self._balances.get(holding, Balance(holding[1], ZERO, ZERO))
            self._balances[holding] = balance
        before.trades.update((trade.symbol, trade.trade_id, trade.order_id) for trade in changes.trades)
        self._changes.append(before)


class Subscribe(Protocol):
    """How a Past gets to know of commits."""

    def __call__(self, listener: CommitListener) -> None:
        """Call `listener` after every commit from now on."""
        ...


class _PastReads:
    """The present with some changes undone."""

    def __init__(self, present: AccountReads, undone: _Before) -> None:
        self._present = present
        self._undone = undone

    def find_order(self, account_id: int, symbol: str, order_id: int | None, client_order_id: str | None) -> ExchangeOrder | None:
        """See AccountReads; an older order of the same client id is not looked for."""
        order = self._present.find_order(account_id, symbol, order_id, client_order_id)
        return None if order is None else self._as_it_was(order)

    def open_orders(self, account_id: int, symbol: str | None = None) -> list[ExchangeOrder]:
        """See AccountReads."""
        orders = {(order.symbol, order.order_id): order for order in self._present.open_orders(account_id, symbol)}
        for key, order in self._undone.orders.items():
            if order is None:
                orders.pop(key, None)
            elif order.account_id == account_id and symbol in {None, order.symbol}:
                orders[key] = order
        return [orders[key] for key in sorted(orders)]

    def orders(self, account_id: int, symbol: str, span: Span) -> list[ExchangeOrder]:
        """See AccountReads; what was not there yet is missing from the rows, and no older one takes its place."""
        rows = (self._as_it_was(order) for order in self._present.orders(account_id, symbol, span))
        return [order for order in rows if order is not None]

    def trades(self, account_id: int, symbol: str, span: Span, order_id: int | None = None) -> list[ExchangeTrade]:
        """See AccountReads, and `orders`."""
        rows = self._present.trades(account_id, symbol, span, order_id)
        return [trade for trade in rows if (trade.symbol, trade.trade_id, trade.order_id) not in self._undone.trades]

    def balances(self, account_id: int) -> Mapping[str, Balance]:
        """See AccountReads."""
        past = {asset: balance for (owner, asset), balance in self._undone.balances.items() if owner == account_id}
        return {**self._present.balances(account_id), **past}

    def _as_it_was(self, order: ExchangeOrder) -> ExchangeOrder | None:
        return self._undone.orders.get((order.symbol, order.order_id), order)
