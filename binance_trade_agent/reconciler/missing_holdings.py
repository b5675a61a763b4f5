"""Missing holdings: positions of which the account holds less, because somebody withdrew it or it went for fees, are written down."""

from decimal import Decimal

from binance_trade_agent.domain.money import plain
from binance_trade_agent.reconciler.case import Case

LASTS_MS = 50_000
"""A trade that is listed late can look like a withdrawal, so a shortfall has to outlast a comparison."""


class MissingHoldings:
    """Remembers since when a position has been larger than what there is of its asset."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._since: dict[str, int] = {}
        self._short: dict[str, Decimal] = {}

    async def write_down(self, differences: list[str]) -> None:
        """Write down what has been missing for a while; called when balances and ledger agree. Raises BookError."""
        now_ms = self._case.clock.now_ms()
        short = dict(self._case.journal.shortfalls())
        self._since = {symbol: self._since.get(symbol, now_ms) for symbol in short}
        for symbol, quantity in short.items():
            if now_ms - self._since[symbol] < LASTS_MS:
                differences.append(f"{symbol}: {plain(quantity)} of what was bought is not on the account")
                continue
            # What is missing only since this look may be a trade that is not listed yet.
            lasting = min(quantity, self._short.get(symbol, quantity))
            await self._case.journal.record_write_down(symbol, lasting, now_ms)
            differences.append(f"{symbol}: its position is smaller by {plain(lasting)}, which left the account without a trade")
        self._short = dict(self._case.journal.shortfalls())
