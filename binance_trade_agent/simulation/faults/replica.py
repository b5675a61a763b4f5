"""Replica: decides by the plan of faults whether a query about an account is answered from the present or from the past."""

from collections.abc import Callable, Mapping, Sequence

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.simulation.engine.history import Archive, Span
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.engine.records import ExchangeOrder, ExchangeTrade
from binance_trade_agent.simulation.faults.kinds import FaultKind, FaultPoint
from binance_trade_agent.simulation.faults.past import AccountReads, Past
from binance_trade_agent.simulation.faults.plan import FaultPlan

ACCOUNT = "GET /api/v3/account"
ORDER = "GET /api/v3/order"
OPEN_ORDERS = "GET /api/v3/openOrders"
ALL_ORDERS = "GET /api/v3/allOrders"
MY_TRADES = "GET /api/v3/myTrades"


class Replica:
    """The account queries' one way to be answered. `accounts` gives the numbers of all accounts, `clock_ms` the exchange's time."""

    def __init__(
        self, engine: Engine, archive: Archive, plan: FaultPlan, accounts: Callable[[], Sequence[int]], clock_ms: Callable[[], int]
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._accounts = accounts
        self._clock_ms = clock_ms
        self._present = _Present(engine, archive)
        self._past = Past(self._present)
        plan.watchers.append(self._prepare)

    def reads(self, query: str) -> AccountReads:
        """What `query` is answered from now: one of the names above, by whatever face it came."""
        fault = self._plan.take(FaultPoint.QUERY, query)
        if fault is None:
            return self._present
        delay_ms = round(fault.delay.drawn_s(self._plan.random(FaultPoint.QUERY)) * 1_000)
        return self._past.as_of(self._clock_ms() - delay_ms)

    def _prepare(self, kind: FaultKind) -> None:
        """The past has to be remembered before it is asked for."""
        if kind is FaultKind.LAG_QUERY:
            self._past.follow(self._accounts(), self._engine.feed.subscribe)


class _Present:
    """Everything that is known now."""

    def __init__(self, engine: Engine, archive: Archive) -> None:
        self._engine = engine
        self._archive = archive

    def find_order(self, account_id: int, symbol: str, order_id: int | None, client_order_id: str | None) -> ExchangeOrder | None:
        """See AccountReads."""
        return self._engine.find_order(account_id, symbol, order_id, client_order_id)

    def open_orders(self, account_id: int, symbol: str | None = None) -> list[ExchangeOrder]:
        """See AccountReads."""
        return self._engine.open_orders(account_id, symbol)

    def orders(self, account_id: int, symbol: str, span: Span) -> list[ExchangeOrder]:
        """See AccountReads."""
        return self._archive.orders(account_id, symbol, span)

    def trades(self, account_id: int, symbol: str, span: Span, order_id: int | None = None) -> list[ExchangeTrade]:
        """See AccountReads."""
        return self._archive.trades(account_id, symbol, span, order_id)

    def balances(self, account_id: int) -> Mapping[str, Balance]:
        """See AccountReads."""
        return self._engine.balances(account_id)
