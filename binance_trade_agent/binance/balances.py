"""The balances in an account answer: hundreds are listed, most of them nothing, and only what is held becomes a number.

Source: rest-api.md, "Account information".
"""

from collections.abc import Sequence

import msgspec

from binance_trade_agent.binance.amounts import exact_amounts
from binance_trade_agent.domain.account import Balance

_NOTHING = "0.00000000"


class BalanceRow(msgspec.Struct, gc=False):
    """One balance as text. `held` makes sure that it is made of amounts: to check all of them costs more than to read them."""

    asset: str
    free: str
    locked: str


def held(rows: Sequence[BalanceRow]) -> dict[str, Balance]:
    """The balances that hold something, by asset; BadAnswerError for one that is no amount (its row is that among those shown as held)."""
    shown = [row for row in rows if row.free != _NOTHING or row.locked != _NOTHING]
    amounts = iter(exact_amounts("account", [text for row in shown for text in (row.free, row.locked)], ("free", "locked"), "$.balances"))
    balances = [Balance(row.asset, free, locked) for row, free, locked in zip(shown, amounts, amounts, strict=True)]
    return {balance.asset: balance for balance in balances if balance.free or balance.locked}
