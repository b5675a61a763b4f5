"""What one engine operation has changed and the store has not yet written."""

from dataclasses import dataclass, field

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.simulation.engine.liquidity import TakenLiquidity
from binance_trade_agent.simulation.engine.list_records import ListReport, OrderList
from binance_trade_agent.simulation.engine.numbering import Counters
from binance_trade_agent.simulation.engine.records import Amendment, ExchangeOrder, ExchangeTrade, PreventedMatch
from binance_trade_agent.simulation.engine.reports import Movement, OrderReport


@dataclass(slots=True)
class ChangeSet:
    """The newest state of everything touched; kept until it is committed, so that a failed write is written by the next one.

    `reports` and `movements` tell in which order it happened, for the owners of the accounts; `reports` are not stored.
    """

    balances: dict[tuple[int, str], Balance] = field(default_factory=dict)
    orders: dict[tuple[str, int], ExchangeOrder] = field(default_factory=dict)
    trades: list[ExchangeTrade] = field(default_factory=list)
    prevented: list[PreventedMatch] = field(default_factory=list)
    amendments: list[Amendment] = field(default_factory=list)
    lists: dict[int, OrderList] = field(default_factory=dict)
    taken: dict[str, TakenLiquidity] = field(default_factory=dict)
    counters: dict[str, Counters] = field(default_factory=dict)
    reports: list[OrderReport | ListReport] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.orders or self.balances or self.taken)

    def symbols(self) -> list[str]:
        """The symbols whose book may have changed, each once, sorted."""
        return sorted(self.counters)

    def clear(self) -> None:
        """Forget everything, after it was written."""
        self.balances.clear()
        self.orders.clear()
        self.counters.clear()
        self.reports.clear()
        self.trades.clear()
        if self.prevented or self.amendments or self.lists or self.taken or self.movements:
            for rest in (self.prevented, self.amendments, self.lists, self.taken, self.movements):
                rest.clear()
