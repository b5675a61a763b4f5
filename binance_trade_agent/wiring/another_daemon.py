"""Another daemon on the same account: told by orders with ids of our form that this book never gave, and met by taking no more entries.

Locks keep apart what runs on one machine. A second machine, or a container, has a book of its own and with it another epoch in its order
ids: whoever sees an order of the other stops entering, which is both of them when both trade. Exits go on: what was bought must stay
looked after.
"""

from collections.abc import Awaitable, Callable

from binance_trade_agent.domain.client_order_id import epoch_of
from binance_trade_agent.domain.order import OrderReport
from binance_trade_agent.domain.risk import ACCOUNT_SCOPE, RiskRule, TradingMode
from binance_trade_agent.portfolio_manager import PortfolioManager

Tighten = Callable[[str, TradingMode, RiskRule, str], Awaitable[None]]


class AnotherDaemon:
    """Looks at orders of the account that are not of this book.

    One that was last touched before this book was opened, or before entries were let go on by hand, is a leftover, such as of a book
    that was deleted.
    """

    def __init__(self, portfolio: PortfolioManager, tighten: Tighten) -> None:
        self._portfolio = portfolio
        self._tighten = tighten

    async def meet(self, report: OrderReport) -> None:
        """Stop entries when `report` is of another daemon. Raises BookError."""
        epoch = epoch_of(report.client_order_id)
        if epoch in {None, self._portfolio.epoch} or report.time_ms <= self._since_ms():
            return
        await self._tighten(
            ACCOUNT_SCOPE,
            TradingMode.REDUCING,
            RiskRule.ANOTHER_DAEMON,
            f"{report.symbol}: order {report.client_order_id} has the form of ours and is not in this book: another daemon trades on this "
            "account with a book of its own. End one of the two, or give it another account; cancel what it has left open, and resume",
        )

    def _since_ms(self) -> int:
        change = self._portfolio.modes.get(ACCOUNT_SCOPE)
        resumed_ms = change.time_ms if change is not None and change.is_resume else 0
        return max(self._portfolio.opened_ms or 0, resumed_ms)
