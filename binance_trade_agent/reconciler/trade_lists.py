"""Trade lists: the account's trades of each symbol, gone through once from where they were left, whoever made them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from binance_trade_agent.domain.errors import ExchangeRefusedError, RateLimitedError
from binance_trade_agent.domain.order import Fill, OrderState
from binance_trade_agent.ports.exchange import Exchange
from binance_trade_agent.reconciler.case import Case
from binance_trade_agent.reconciler.order_records import MOST_TRADES_A_CALL, OrderRecords
from binance_trade_agent.reconciler.unexpected_orders import UnexpectedOrders, standing_of

NO_TRADE = -1

ORDER_UNSEEN_MS = 600_000
"""A trade has an order. One that no query shows so long after its trade was made by somebody else; until then the query may lag."""

MOST_LOOKED_AT_AGAIN = 10
"""Symbols that are enough to tell a list that lags from one that is gone; each costs a request of weight 20."""


async def newest_trade_ids(exchange: Exchange, symbols: Iterable[str]) -> dict[str, int]:
    """The newest trade id of the account in each symbol, NO_TRADE where it has none."""
    newest = {}
    for symbol in symbols:
        trades = await exchange.get_my_trades(symbol)
        newest[symbol] = trades[-1].trade_id if trades else NO_TRADE
    return newest


@dataclass(frozen=True, slots=True)
class _Anchors:
    """Trades of a symbol that are known, and those of them that the newest look showed."""

    known: frozenset[int]
    listed: frozenset[int]

    @property
    def first(self) -> int:
        """The oldest of them."""
        return min(self.known)


class TradeLists:
    """Books the trades that no answer and no query has brought."""

    def __init__(self, case: Case, records: OrderRecords, unexpected: UnexpectedOrders) -> None:
        self._case = case
        self._records = records
        self._unexpected = unexpected
        self._symbols = case.rules.symbols
        self._anchors: dict[str, _Anchors] = {}
        self.unread: tuple[str, ...] = ()
        """Symbols whose list could not be gone through to its end at the newest look: balances may move by what is there."""

    @property
    def are_whole(self) -> bool:
        """Whether the lists, as of the newest look, show the trades that are known of each symbol."""
        return all(anchors.listed == anchors.known for anchors in self._anchors.values())

    @property
    def lost(self) -> dict[str, int]:
        """By symbol, the trade that its list was known by and does not show; later ones that it shows may be of another history."""
        return {symbol: anchors.first for symbol, anchors in self._anchors.items() if anchors.first not in anchors.listed}

    @property
    def are_gone(self) -> bool:
        """Whether no list shows what it was known by, and there are some."""
        return bool(self._anchors) and len(self.lost) == len(self._anchors)

    async def begin(self, symbols: Iterable[str]) -> None:
        """Remember where lists that are not looked at stand now, so that what is traded from now on is looked for in them.

        What somebody else has traded there since they were last looked at is in the balances, and is none of our position.
        """
        for symbol in symbols:
            if symbol not in self._symbols:
                await self._begin(symbol)

    async def _begin(self, symbol: str) -> int:
        newest = (await newest_trade_ids(self._case.exchange, (symbol,)))[symbol]
        known = (self._case.journal.trades_seen(symbol), self._case.journal.last_trade_id(symbol))
        seen = max((newest, *(trade_id for trade_id in known if trade_id is not None)))
        await self._case.journal.record_trades_seen(symbol, seen)
        return seen

    def watch(self, symbols: Sequence[str]) -> None:
        """Look at the lists of `symbols` and of no others; what is known of others says nothing of the present any more."""
        self._symbols = tuple(symbols)
        self._anchors = {symbol: anchors for symbol, anchors in self._anchors.items() if symbol in self._symbols}

    async def book_missing(self, differences: list[str]) -> int:
        """Book every trade of the watched symbols that the book lacks; returns how many."""
        found, unread = 0, []
        for symbol in self._symbols:
            try:
                booked, is_read = await self._book_trades_of(symbol, differences)
            except RateLimitedError:
                raise
            except ExchangeRefusedError as error:
                differences.append(f"{symbol}: its trades cannot be read: {error}")
                booked, is_read = 0, False
            found += booked
            unread += [] if is_read else [symbol]
        self.unread = tuple(unread)
        return found

    async def _book_trades_of(self, symbol: str, differences: list[str]) -> tuple[int, bool]:
        """Go on through the trade list; how far is remembered apart from what is booked, because answers book trades ahead of it.

        Returns how many trades were booked, and whether that was all there is.
        """
        found = 0
        seen = await self._trades_seen(symbol)
        known = self._known(symbol, seen)
        start = max(min({seen, *known} if known else {seen + 1}), 0)
        while True:
            trades = await self._case.exchange.get_my_trades(symbol, from_trade_id=start)
            if known and (missing := await self._missing(symbol, known, trades)):
                differences.append(f"{symbol}: trade {min(missing)}, which is known, is not listed; the list is left alone until it is")
                return found, False
            known = frozenset()
            new = [trade for trade in trades if trade.trade_id > seen]
            postponed: list[int] = []
            for order_id, fills in _by_order(await self._case.journal.unbooked(new)).items():
                found += await self._book_order_trades(symbol, order_id, fills, differences)
                postponed += [fill.trade_id for fill in await self._case.journal.unbooked(fills)]
            taken = [trade.trade_id for trade in new if not postponed or trade.trade_id < min(postponed)]
            newest = max(taken, default=seen)
            if newest > seen:
                await self._case.journal.record_trades_seen(symbol, newest)
            if postponed or len(trades) < MOST_TRADES_A_CALL:
                return found, not postponed
            seen, start = newest, newest + 1

    async def look_again(self) -> None:
        """Look once more whether lists that did not show what is known show it now."""
        for symbol, anchors in list(self._anchors.items())[:MOST_LOOKED_AT_AGAIN]:
            await self._missing(symbol, anchors.known, await self._case.exchange.get_my_trades(symbol, from_trade_id=anchors.first))

    def _known(self, symbol: str, seen: int) -> frozenset[int]:
        """The last trade of the list when it was gone through, and the newest that is booked: an answer may have brought that since."""
        booked = self._case.journal.last_trade_id(symbol)
        return frozenset(trade_id for trade_id in (seen, booked) if trade_id is not None and trade_id > NO_TRADE)

    async def _missing(self, symbol: str, known: frozenset[int], trades: Sequence[Fill]) -> frozenset[int]:
        """Which of the `known` trades a list does not show as they are booked; a full page may end before them."""
        meant = [trade for trade in trades if trade.trade_id in known]
        others = {trade.trade_id for trade in await self._case.journal.contradicted(meant)} if meant else set()
        ends_before = len(trades) >= MOST_TRADES_A_CALL and trades[-1].trade_id
        listed = {trade.trade_id for trade in meant} - others
        listed |= {trade_id for trade_id in known if ends_before and trade_id > ends_before}
        self._anchors[symbol] = _Anchors(known, frozenset(listed))
        return known - listed

    async def _trades_seen(self, symbol: str) -> int:
        """Where to go on. A symbol that was never looked at begins here and now: what it did before is in the balances."""
        seen = self._case.journal.trades_seen(symbol)
        if seen is None:
            seen = self._case.journal.last_trade_id(symbol)
        return await self._begin(symbol) if seen is None else seen

    async def _book_order_trades(self, symbol: str, order_id: int, fills: Sequence[Fill], differences: list[str]) -> int:
        """How many trades were booked; the others wait until more is known of their order, as queries may lag behind its trades."""
        report = await self._case.exchange.get_order(symbol, order_id=order_id)
        if report is None and self._case.exchange.server_time_ms() <= fills[-1].time_ms + ORDER_UNSEEN_MS:
            return 0
        if report is None or not self._case.is_ours(report):
            if report is not None:
                await self._case.meet(report)
            new = await self._case.journal.record_foreign_fills(fills)
            differences.extend(f"{symbol}: trade {fill.trade_id} was made by somebody else and is booked" for fill in new)
            return len(new)
        if report.client_order_id in self._case.in_flight():
            return 0
        order = self._case.journal.order(report.client_order_id)
        if order is not None:
            settled = await self._records.follow(order, report)
            return len(settled.new_fills) if settled else 0
        stored = await self._case.journal.find_order(report.client_order_id)
        if stored is not None and stored.state is OrderState.NEVER_PLACED:
            return len((await self._unexpected.adopt(stored, report, differences)).new_fills)
        await self._case.alarm(report, f"has traded, although it {standing_of(stored)}", differences)
        return len(await self._case.journal.record_foreign_fills([replace(fill, client_order_id=report.client_order_id) for fill in fills]))


def _by_order(trades: Sequence[Fill]) -> dict[int, list[Fill]]:
    grouped: dict[int, list[Fill]] = {}
    for trade in trades:
        grouped.setdefault(trade.order_id, []).append(trade)
    return grouped
