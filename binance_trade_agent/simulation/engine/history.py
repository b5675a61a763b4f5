"""History: what the engine asks of whatever remembers its accounts, orders and trades, on disk or in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.liquidity import TakenLiquidity
from binance_trade_agent.simulation.engine.list_records import OrderList
from binance_trade_agent.simulation.engine.numbering import Counters
from binance_trade_agent.simulation.engine.records import Amendment, ExchangeOrder, ExchangeTrade, PreventedMatch
from binance_trade_agent.simulation.engine.reports import Movement


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a history is asked for (rest-api.md, "General API Information").

    With `from_id` or `start_ms` the oldest `limit` items from there on, else the newest `limit`; none after `end_ms`.
    """

    limit: int
    from_id: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None

    @property
    def oldest_first(self) -> bool:
        """True when the limit cuts the newest items off rather than the oldest."""
        return self.from_id is not None or self.start_ms is not None


@dataclass(frozen=True, slots=True)
class StoredState:
    """Everything the engine needs to go on: `accounts` maps key fingerprints to ids, `open_orders` is in time priority per symbol.

    `open_lists` come with all of their orders, `last_list_id` is -1 before there was a list.
    `last_trades` holds price and time of each symbol's newest trade between accounts or with the market.
    """

    accounts: Mapping[str, int]
    balances: Mapping[int, tuple[Balance, ...]]
    open_orders: tuple[ExchangeOrder, ...]
    open_lists: tuple[tuple[OrderList, tuple[ExchangeOrder, ...]], ...]
    last_list_id: int
    counters: Mapping[str, Counters]
    last_trades: Mapping[str, tuple[Decimal, int]]
    taken: Mapping[str, TakenLiquidity]
    walked_ms: int


class Archive(Protocol):
    """Questions about the past, so that the engine keeps only open orders itself. May raise BookError."""

    def order(self, account_id: int, symbol: str, order_id: int) -> ExchangeOrder | None:
        """The account's order with this id."""
        ...

    def newest_order(self, account_id: int, symbol: str, client_order_id: str) -> ExchangeOrder | None:
        """The account's newest order with this client id (an id may be used again once its order is closed)."""
        ...

    def orders(self, account_id: int, symbol: str, span: Span) -> list[ExchangeOrder]:
        """The account's orders on a symbol, ascending by id."""
        ...

    def trades(self, account_id: int, symbol: str, span: Span, order_id: int | None = None) -> list[ExchangeTrade]:
        """The account's trades on a symbol, or of one order, ascending by trade id."""
        ...

    def prevented_matches(
        self, account_id: int, symbol: str, span: Span, *, match_id: int | None = None, order_id: int | None = None
    ) -> list[PreventedMatch]:
        """Matches on a symbol that self-trade prevention stopped, of one number or one order, ascending by number; `span` by number."""
        ...

    def amendments(self, account_id: int, symbol: str, order_id: int, span: Span) -> list[Amendment]:
        """The amendments of one order, ascending by execution id; `span` by execution id."""
        ...

    def movements(self, account_id: int) -> list[Movement]:
        """What the account was given and what was put into it or taken out since, oldest first."""
        ...

    def order_list(self, account_id: int, order_list_id: int) -> OrderList | None:
        """The account's order list with this id."""
        ...

    def newest_list(self, account_id: int, client_order_id: str) -> OrderList | None:
        """The account's newest order list with this client id."""
        ...

    def order_lists(self, account_id: int, span: Span) -> list[OrderList]:
        """The account's order lists, ascending by id; `span` by when their status changed last."""
        ...

    def all_orders(self, account_id: int) -> list[ExchangeOrder]:
        """Every order of the account, by symbol and id."""
        ...

    def all_trades(self, account_id: int) -> list[ExchangeTrade]:
        """Every trade of the account, by symbol and id."""
        ...


class History(Protocol):
    """The exchange's memory. Used by one caller at a time. May raise BookError."""

    @property
    def archive(self) -> Archive:
        """What can be asked of it."""
        ...

    @property
    def last_time_ms(self) -> int:
        """The latest market time that anything was committed at; market time must not start before it again."""
        ...

    def load(self) -> StoredState:
        """What there is, for a start."""
        ...

    def open_account(self, account_id: int, key_fingerprint: str, balances: Iterable[Balance], time_ms: int) -> None:
        """A new account with what it was given."""
        ...

    def commit(self, changes: ChangeSet, walked_ms: int) -> None:
        """Take in one engine operation: all of it, or nothing when it raises BookError."""
        ...

    def start_again(self) -> None:
        """Forget every order and trade, and let every account hold what it was given first; order ids begin again at 1."""
        ...

    def checkpoint(self, now_ms: int) -> None:
        """Remember that market time has reached `now_ms`, so that it does not go back after a restart."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...
