"""The case: what each part of the reconciliation works with, and the rules it goes by."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from binance_trade_agent.domain.client_order_id import number_of
from binance_trade_agent.domain.order import OrderReport
from binance_trade_agent.domain.risk import ModeChange, RiskRule
from binance_trade_agent.ports.book import OrderJournal
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.exchange import Exchange
from binance_trade_agent.ports.observer import Observer

Halt = Callable[[str, RiskRule, str], Awaitable[object]]
RecordMode = Callable[[ModeChange], Awaitable[object]]
Meet = Callable[[OrderReport], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class ReconcilerRules:
    """What is compared, and how a difference is met.

    `symbols` are those whose trades are looked at to begin with, see Reconciler.watch. `epoch` names the account in our client order
    ids. `grace_ms` is added to the fence of unknown orders (server time). `external_entries`: a balance that no trade explains is
    booked as a deposit or withdrawal (a real account), or raises BookMismatchError (the embedded exchange, where nobody can deposit).
    `resets_end_book`: an exchange that has forgotten everything ends the book (a test network, the embedded exchange); elsewhere it
    only halts the account.
    """

    symbols: tuple[str, ...]
    epoch: str
    grace_ms: int = 30_000
    external_entries: bool = True
    resets_end_book: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """Book and exchange of one account.

    `in_flight` names orders that are being sent right now and must be left alone; `halt` stops a symbol for a rule and a reason, and
    `record_mode` writes why a mode that is in force stands. `meet` is told of each order that is not of this book.
    """

    exchange: Exchange
    journal: OrderJournal
    rules: ReconcilerRules
    clock: Clock
    in_flight: Callable[[], Collection[str]]
    halt: Halt
    observer: Observer
    meet: Meet
    record_mode: RecordMode

    def is_ours(self, report: OrderReport) -> bool:
        """True for an order with an id of this book."""
        return number_of(report.client_order_id, self.rules.epoch) is not None

    async def alarm(self, report: OrderReport, what: str, differences: list[str]) -> None:
        """Halt the symbol before anything of the order is booked: whoever dies in between will see it again, and halt again."""
        text = f"{report.symbol}: order {report.client_order_id} {what}"
        differences.append(text)
        await self.halt(report.symbol, RiskRule.UNSETTLED_ORDER, text)
