"""Planted faults of booking: fills, fees, sums and what comes from outside."""

from decimal import Decimal
from typing import Any

from msgspec import structs
from msgspec.structs import replace

from binance_trade_agent.domain.position import Position
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.reconciler import order_records, unexpected_orders
from binance_trade_agent.reconciler.balances import Balances
from binance_trade_agent.reconciler.trade_lists import TradeLists
from binance_trade_agent.risk_management_agent.sizing import Sizing
from binance_trade_agent.sending_desk import SendingDesk
from binance_trade_agent.storage import bookings
from simulating.planting import Bed, Planted

_FAR = 10**12


def _dedupe_dropped(bed: Bed) -> None:
    """The trade list is booked whatever of it is booked already."""
    real = bookings._insert_fill

    async def unbooked(self: Any, fills: Any) -> Any:
        return tuple(fills)

    bed.replace(PortfolioManager, "unbooked", unbooked)
    bed.replace(
        bookings,
        "_insert_fill",
        lambda connection, fill: real(connection, fill) or real(connection, replace(fill, trade_id=fill.trade_id + _FAR)),
    )
    bed.replace(bookings, "post", _posted_anew(bookings.post))


def _posted_anew(real: Any) -> Any:
    """A second posting of a trade gets a reference of its own."""

    def post(connection: Any, transaction: Any) -> bool:
        return real(connection, transaction) or real(connection, structs.replace(transaction, reference=f"{transaction.reference} again"))

    return post


def _float_money(bed: Bed) -> None:
    bed.replace(bookings, "total", lambda amounts: Decimal(repr(sum(map(float, amounts)))))


def _fees_forgotten(bed: Bed) -> None:
    real = bookings.post_fill
    bed.replace(bookings, "post_fill", lambda fill, base, quote: real(replace(fill, commission=Decimal(0)), base, quote))


def _fee_in_quote(bed: Bed) -> None:
    real = bookings.post_fill
    bed.replace(bookings, "post_fill", lambda fill, base, quote: real(replace(fill, commission_asset=quote), base, quote))


def _base_fee_held(bed: Bed) -> None:
    bed.replace(Position, "_fees", lambda self, fill: (Decimal(0), Decimal(0)))


def _fills_of_answers_dropped(bed: Bed) -> None:
    real = SendingDesk._event

    async def event(self: Any, intent: Any, what: Any, *, detail: str = "", report: Any = None) -> Any:
        return await real(self, intent, what, detail=detail, report=replace(report, fills=()) if report is not None else None)

    bed.replace(SendingDesk, "_event", event)


def _first_fill_only(bed: Bed) -> None:
    real = bookings._own_fills
    bed.replace(bookings, "_own_fills", lambda order, news: real(order, news)[:1])


def _lagging_trades_believed(bed: Bed) -> None:
    for module in (order_records, unexpected_orders):
        bed.replace(module, "is_all_of", lambda fills, report: True)


def _seen_with_booked(bed: Bed) -> None:
    """How far the trade list was read is taken from the newest trade booked."""

    async def trades_seen(self: Any, symbol: str) -> int:
        seen = [known for known in (self._case.journal.trades_seen(symbol), self._case.journal.last_trade_id(symbol)) if known is not None]
        return max(seen, default=-1)

    bed.replace(TradeLists, "_trades_seen", trades_seen)


def _trades_not_read(bed: Bed) -> None:
    async def book_missing_trades(self: Any, differences: list[str]) -> int:
        return 0

    bed.replace(TradeLists, "book_missing", book_missing_trades)


def _balances_believed_at_once(bed: Bed) -> None:
    async def compare_balances(self: Any, differences: list[str]) -> int:
        gaps = self._gaps(await self._case.exchange.get_account())
        if gaps:
            await self._explain(gaps, differences)
        return 0

    bed.replace(Balances, "compare", compare_balances)


def _external_in_memory_only(bed: Bed) -> None:
    async def record_external(self: Any, asset: str, amount: Decimal, reference: str, time_ms: int) -> None:
        if reference.startswith("opening:"):
            await self._book_external(asset, amount, reference, time_ms)
            return
        balances = self._holdings.balances
        balances[asset] = balances.get(asset, Decimal(0)) + amount

    bed.replace(PortfolioManager, "record_external", record_external)


def _sells_it_all_twice(bed: Bed) -> None:
    real = Sizing.exit
    bed.replace(Sizing, "exit", lambda self, held, wanted: real(self, held * 2, wanted * 2))


MONEY = (
    Planted("dedupe_dropped", "a trade that is told twice is booked twice", _dedupe_dropped),
    Planted("float_money", "sums are floats", _float_money),
    Planted("fees_forgotten", "commissions are not booked", _fees_forgotten),
    Planted("fee_in_quote", "every commission is taken from the quote asset", _fee_in_quote),
    Planted("base_fee_held", "a position does not know of commissions", _base_fee_held),
    Planted("fills_of_answers_dropped", "the fills of an answer are not booked with it", _fills_of_answers_dropped),
    Planted("first_fill_only", "of an order's fills only the first is booked", _first_fill_only),
    Planted("lagging_trades_believed", "an order is settled with the trades that are listed, however few", _lagging_trades_believed),
    Planted("seen_with_booked", "the trade list is read on from the newest trade booked", _seen_with_booked),
    Planted("trades_not_read", "trades by others are not looked for", _trades_not_read),
    Planted("balances_believed_at_once", "a difference of balances is a deposit at first sight", _balances_believed_at_once),
    Planted("external_not_written", "deposits are known and not written", _external_in_memory_only),
    Planted("sells_twice", "twice as much is sold as is held", _sells_it_all_twice),
)
