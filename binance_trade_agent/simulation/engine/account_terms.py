"""AccountTerms: what the exchange has agreed with one account: what it may do, and how it pays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from binance_trade_agent.simulation.engine.records import NO_TRADE_GROUP
from binance_trade_agent.simulation.engine.symbol_filters import MaxAsset


@dataclass(frozen=True, slots=True)
class AccountTerms:
    """`permissions` are held against a symbol's permission sets; `asset_limits` are its MAX_ASSET filters by asset.

    Accounts of the same `trade_group` count as one where their orders meet (faqs/stp_faq.md, "What is a Trade Group Id?").
    With `pays_discounted` commissions are paid in BNB as long as there is enough of it (faqs/commission_faq.md).
    """

    permissions: frozenset[str] = frozenset({"SPOT"})
    may_trade: bool = True
    pays_discounted: bool = False
    trade_group: int = NO_TRADE_GROUP
    asset_limits: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))

    def asset_filters(self, *assets: str) -> list[MaxAsset]:
        """Its MAX_ASSET filters for these assets."""
        return [MaxAsset(asset, self.asset_limits[asset]) for asset in assets if asset in self.asset_limits]


_USUAL = AccountTerms()


class AccountBook:
    """The terms of every account, by number; accounts that nobody named have the usual ones. They are not stored."""

    def __init__(self) -> None:
        self._terms: dict[int, AccountTerms] = {}

    def of(self, account_id: int) -> AccountTerms:
        """The account's terms."""
        return self._terms.get(account_id, _USUAL)

    def put(self, account_id: int, terms: AccountTerms) -> None:
        """Deal with the account on other terms from now on."""
        self._terms[account_id] = terms
