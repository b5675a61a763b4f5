"""Double-entry postings in exact decimals: every transaction sums to zero in every asset.

Accounts, each kept per asset:
    wallet      what we own on the exchange (free and locked together)
    market      the other side of our trades
    commission  what the exchange kept
    external    deposits, withdrawals, and the opening balance
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import Fill, Side


class Account(StrEnum):
    """The accounts of the ledger."""

    WALLET = "wallet"
    MARKET = "market"
    COMMISSION = "commission"
    EXTERNAL = "external"


class TransactionKind(StrEnum):
    """Why a transaction was posted."""

    FILL = "fill"
    EXTERNAL = "external"


class Posting(msgspec.Struct, frozen=True, gc=False):
    """One leg: `amount` of `asset` into (positive) or out of (negative) `account`."""

    account: Account
    asset: str
    amount: Decimal


class LedgerTransaction(msgspec.Struct, frozen=True, gc=False):
    """Legs that belong together. `reference` is unique per kind: `SYMBOL:trade_id` for fills, a text of the caller for external entries."""

    kind: TransactionKind
    reference: str
    time_ms: int
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        sums: dict[str, Decimal] = {}
        for posting in self.postings:
            sums[posting.asset] = sums.get(posting.asset, ZERO) + posting.amount
        crooked = {asset: amount for asset, amount in sums.items() if amount != 0}
        if crooked:
            raise ValueError(f"ledger transaction {self.reference} does not balance: {crooked}")


def post_fill(fill: Fill, base_asset: str, quote_asset: str) -> LedgerTransaction:
    """The postings of one trade, commission included in whatever asset it was charged."""
    sign = 1 if fill.side is Side.BUY else -1
    base = sign * fill.quantity
    quote = -sign * fill.quote_quantity
    postings = [
        Posting(Account.WALLET, base_asset, base),
        Posting(Account.MARKET, base_asset, -base),
        Posting(Account.WALLET, quote_asset, quote),
        Posting(Account.MARKET, quote_asset, -quote),
    ]
    if fill.commission:
        postings.append(Posting(Account.WALLET, fill.commission_asset, -fill.commission))
        postings.append(Posting(Account.COMMISSION, fill.commission_asset, fill.commission))
    return LedgerTransaction(TransactionKind.FILL, f"{fill.symbol}:{fill.trade_id}", fill.time_ms, tuple(postings))


WRITE_DOWN = "write-down:"
"""Begins the reference of an entry by which a position has become smaller without a trade."""


def post_write_down(symbol: str, base_asset: str, quantity: Decimal, time_ms: int) -> LedgerTransaction:
    """What was bought of a symbol and is not there any more, taken from its purchases: no wallet moves.

    So what the market account and commissions hold of a base asset is always what the positions in it are.
    """
    postings = (Posting(Account.MARKET, base_asset, quantity), Posting(Account.EXTERNAL, base_asset, -quantity))
    return LedgerTransaction(TransactionKind.EXTERNAL, f"{WRITE_DOWN}{symbol}:{time_ms}", time_ms, postings)


def post_external(asset: str, amount: Decimal, reference: str, time_ms: int) -> LedgerTransaction:
    """A deposit (positive), a withdrawal (negative) or an opening balance."""
    postings = (Posting(Account.WALLET, asset, amount), Posting(Account.EXTERNAL, asset, -amount))
    return LedgerTransaction(TransactionKind.EXTERNAL, reference, time_ms, postings)
