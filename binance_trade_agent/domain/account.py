"""The exchange's own view of our account: balances per asset, and whether it may trade."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

import msgspec

from binance_trade_agent.domain.money import ZERO


class Balance(msgspec.Struct, frozen=True, gc=False):
    """What the account holds of one asset; `locked` is tied up in open orders."""

    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return self.free + self.locked


class AccountInfo(msgspec.Struct, frozen=True):
    """Answer of rest-api.md, "Account information"; `balances` holds only assets with something in them.

    `uid` names the account, whichever key was used; None when the answer does not say.
    """

    balances: Mapping[str, Balance]
    can_trade: bool
    maker_rate: Decimal = ZERO
    taker_rate: Decimal = ZERO
    update_time_ms: int = 0
    uid: int | None = None

    def total(self, asset: str) -> Decimal:
        """Free and locked of `asset`; 0 when the account holds none."""
        balance = self.balances.get(asset)
        return balance.total if balance else ZERO


class ExternalKind(StrEnum):
    """What kind of change came from outside."""

    TRANSFER = "TRANSFER"
    LOCK = "LOCK"


@dataclass(frozen=True, slots=True)
class ExternalChange:
    """A change of the account that is no trade.

    TRANSFER: `amount` of `asset` came in (positive) or went out. LOCK: an outside system locked so much (positive) or released it.
    """

    kind: ExternalKind
    asset: str
    amount: Decimal
    time_ms: int
