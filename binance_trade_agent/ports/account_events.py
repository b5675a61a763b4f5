"""AccountEvents: who is told what the exchange says of our account by itself, between our own questions."""

from collections.abc import Mapping
from typing import Protocol

from binance_trade_agent.domain.account import Balance, ExternalChange
from binance_trade_agent.domain.order import Fill, OrderReport


class AccountEvents(Protocol):
    """Calls come in the event loop's thread; they must be quick and must not raise.

    Nothing here is a substitute for asking: events can be missed, which `on_gap` tells, and may come out of order while one connection
    takes over from another. Nothing comes twice.
    """

    def on_order(self, report: OrderReport) -> None:
        """An order of the account moved, ours or another's. `report.fills` holds the trade of this event alone, if there was one."""
        ...

    def on_fill(self, fill: Fill) -> None:
        """An order of the account traded; comes right after `on_order` for the same event."""
        ...

    def on_balances(self, balances: Mapping[str, Balance]) -> None:
        """These balances may have changed, and stand so now."""
        ...

    def on_external_change(self, change: ExternalChange) -> None:
        """Something came, went or was locked that is no trade."""
        ...

    def on_gap(self, reason: str) -> None:
        """Events may have been missed, and are live again: whoever needs them all compares with the exchange now.

        Comes once after every interruption, and when the events begin.
        """
        ...
