"""Reconciler: the parts of a comparison of book and exchange, in their order.

1. orders of ours whose fate is open
2. open orders of the account that our journal does not hold as open, and orders that it holds to be never placed
3. the exchange's trade list
4. balances against the ledger
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from binance_trade_agent.domain.errors import IllegalTransitionError
from binance_trade_agent.domain.facts import Reconciled
from binance_trade_agent.domain.order import JournaledOrder, OrderReport
from binance_trade_agent.domain.risk import RiskRule
from binance_trade_agent.ports.book import OrderJournal, Settled
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.exchange import Exchange
from binance_trade_agent.ports.observer import NullObserver, Observer
from binance_trade_agent.reconciler.balances import Balances
from binance_trade_agent.reconciler.case import Case, Halt, Meet, ReconcilerRules, RecordMode
from binance_trade_agent.reconciler.missing_holdings import MissingHoldings
from binance_trade_agent.reconciler.missing_orders import MissingOrders
from binance_trade_agent.reconciler.order_fates import OrderFates
from binance_trade_agent.reconciler.order_records import OrderRecords
from binance_trade_agent.reconciler.resets import Resets
from binance_trade_agent.reconciler.trade_lists import TradeLists
from binance_trade_agent.reconciler.unexpected_orders import UnexpectedOrders
from binance_trade_agent.telemetry.timing import async_time_function


class Reconciler:
    """Compares journal and exchange and mends the journal.

    `in_flight` names orders that are being sent right now and must be left alone; `halt` stops a symbol for a rule and a reason.
    `meet` is told of each order of the account that is not of this book. `record_mode` writes why a mode stands; into the journal as
    it is when it is not given.
    """

    def __init__(
        self,
        exchange: Exchange,
        journal: OrderJournal,
        rules: ReconcilerRules,
        *,
        clock: Clock,
        in_flight: Callable[[], Collection[str]],
        halt: Halt,
        observer: Observer | None = None,
        meet: Meet | None = None,
        record_mode: RecordMode | None = None,
    ) -> None:
        onlooker, record = observer or NullObserver(), record_mode or journal.record_mode
        self._case = Case(exchange, journal, rules, clock, in_flight, halt, onlooker, meet or _pass_by, record)
        self._records = OrderRecords(self._case)
        self._missing = MissingOrders(self._case, self._records)
        self._fates = OrderFates(self._case, self._records, self._missing)
        self._unexpected = UnexpectedOrders(self._case, self._records)
        self._trades = TradeLists(self._case, self._records, self._unexpected)
        self._balances = Balances(self._case, self._trades, MissingHoldings(self._case), Resets(self._case, self._trades))

    @async_time_function("reconciler.settle_open_orders")
    async def settle_open_orders(self) -> tuple[Settled, ...]:
        """Look for every order whose fate is open; returns those that moved.

        Raises ExchangeError: at once when the exchange does not answer, after the other orders when it refuses to speak of one.
        """
        moved, refusals = await self._fates.settle_each([])
        if refusals:
            raise refusals[0]
        return moved

    async def begin(self, symbols: Iterable[str]) -> None:
        """Remember where the trade lists of `symbols` stand, before anything of them is traded. Raises ExchangeError or BookError."""
        await self._trades.begin(symbols)

    def watch(self, symbols: Sequence[str]) -> None:
        """From the next comparison on look at the trades of `symbols`, and of no others."""
        self._trades.watch(symbols)

    async def follow(self, report: OrderReport) -> Settled | None:
        """Take what the exchange said of an open order of ours outside of a query; None when nothing moved.

        A word that contradicts the book halts the symbol. Raises ExchangeError when the trades cannot be read.
        """
        order = self._case.journal.order(report.client_order_id)
        if order is None:
            return None
        try:
            return await self._records.follow(order, report)
        except IllegalTransitionError as error:
            text = f"{report.symbol}: the exchange's word on order {report.client_order_id} contradicts the book: {error}"
            await self._case.halt(report.symbol, RiskRule.UNSETTLED_ORDER, text)
            return None

    async def settle_by_hand(self, client_order_id: str, reason: str) -> JournaledOrder:
        """End an open order that the exchange does not show, because an operator says so; see MissingOrders.settle_by_hand."""
        return await self._missing.settle_by_hand(client_order_id, reason)

    @async_time_function("reconciler.reconcile")
    async def reconcile(self) -> Reconciled:
        """Compare everything once. Raises ExchangeError, BookError, or BookMismatchError when a difference has no rule to mend it.

        ExchangeResetError is one: the book is over, where the rules say so.
        """
        clock = self._case.clock
        started_ms = clock.monotonic_ms()
        differences: list[str] = []
        settled, _ = await self._fates.settle_each(differences)
        await self._unexpected.compare(differences)
        await self._unexpected.look_for_late(differences)
        fills = await self._trades.book_missing(differences)
        fills += await self._balances.compare(differences)
        once_each = tuple(dict.fromkeys(differences))
        result = Reconciled(len(settled), fills, once_each, clock.monotonic_ms() - started_ms)
        self._case.observer.observe(result)
        return result


async def _pass_by(_: OrderReport) -> None:
    """Orders of others are no matter of ours."""
