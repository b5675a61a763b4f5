"""Balances against the ledger: what no trade explains is a deposit or withdrawal, or a mismatch."""

from collections.abc import Mapping
from decimal import Decimal

from binance_trade_agent.domain.account import AccountInfo
from binance_trade_agent.domain.errors import BookMismatchError
from binance_trade_agent.domain.money import plain
from binance_trade_agent.reconciler.case import Case
from binance_trade_agent.reconciler.missing_holdings import MissingHoldings
from binance_trade_agent.reconciler.resets import Resets
from binance_trade_agent.reconciler.trade_lists import TradeLists

LOOKS_AT_BALANCES = 3
LOOKS_APART_MS = 5_000
"""Balances lag behind orders: only a difference that lasts this long is taken for one."""


class Balances:
    """Compares what the exchange says the account holds with what the ledger makes it."""

    def __init__(self, case: Case, trades: TradeLists, positions: MissingHoldings, resets: Resets) -> None:
        self._case = case
        self._trades = trades
        self._positions = positions
        self._resets = resets

    async def compare(self, differences: list[str]) -> int:
        """Compare until two looks agree, because a trade may fall between two requests; returns the trades found on the way."""
        found = 0
        before: Mapping[str, Decimal] = {}
        for _ in range(LOOKS_AT_BALANCES):
            gaps = self._gaps(await self._case.exchange.get_account())
            if gaps and await self._resets.stands_against(differences):
                return found
            if gaps and self._trades.unread:
                unread = ", ".join(self._trades.unread)
                differences.extend(f"{asset}: off by {plain(gap)} while trades of {unread} cannot be read" for asset, gap in gaps.items())
                return found
            if gaps and gaps == before:
                await self._explain(gaps, differences)
            if not gaps or gaps == before:
                await self._positions.write_down(differences)
                return found
            before = gaps
            found += await self._trades.book_missing(differences)
            if not all(order.is_resting for order in self._case.journal.open_orders()):
                differences.extend(f"{asset}: off by {plain(gap)} while orders are unsettled" for asset, gap in gaps.items())
                return found
            await self._case.clock.sleep_until(self._case.clock.now_ms() + LOOKS_APART_MS)
            # Trades lag, too: what the balances show already may be listed only now.
            found += await self._trades.book_missing(differences)
        differences.extend(f"{asset}: the balance keeps moving, off by {plain(gap)}" for asset, gap in before.items())
        return found

    def _gaps(self, account: AccountInfo) -> dict[str, Decimal]:
        """What the exchange has more (or less) than the ledger, by asset."""
        assets = sorted({*account.balances, *self._case.journal.balances})
        gaps = {asset: account.total(asset) - self._case.journal.balance(asset) for asset in assets}
        return {asset: gap for asset, gap in gaps.items() if gap != 0}

    async def _explain(self, gaps: Mapping[str, Decimal], differences: list[str]) -> None:
        listed = ", ".join(f"{asset} {plain(gap)}" for asset, gap in gaps.items())
        if not self._case.rules.external_entries:
            raise BookMismatchError(f"the exchange's balances differ from the book by {listed}, and no trade explains it")
        now_ms = self._case.clock.now_ms()
        for asset, gap in gaps.items():
            await self._case.journal.record_external(asset, gap, f"reconcile:{asset}:{now_ms}", now_ms)
            differences.append(f"{asset}: {plain(gap)} came or went without a trade; booked as an external entry")
