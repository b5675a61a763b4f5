"""The balances in an account answer: hundreds are listed, most of them nothing, and only what is held becomes a number.

Source: rest-api.md, "Account information".
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from binance_trade_agent.binance.amounts import exact_amounts
from binance_trade_agent.domain.account import Balance

_NOTHING = "0.00000000"
_NO_AMOUNT = Decimal(_NOTHING)


class BalanceRow(msgspec.Struct, gc=False):
    """One balance as text. `held` makes sure that it is made of amounts: to check all of them costs more than to read them."""

    asset: str
    free: str
    locked: str


def held(rows: Sequence[BalanceRow]) -> dict[str, Balance]:
    """The balances that hold something, by asset; BadAnswerError for one that is no amount (its row is that among those shown as held)."""
    shown = [row for row in rows if row.free != _NOTHING or row.locked != _NOTHING]
    free = _exact([row.free for row in shown], "free")
    locked = _exact([row.locked for row in shown], "locked")
    return {row.asset: Balance(row.asset, left, bound) for row, left, bound in zip(shown, free, locked, strict=True) if left or bound}


def _exact(texts: list[str], field: str) -> list[Decimal]:
    """`texts` as Decimals; without open orders nothing is locked of anything."""
    if texts.count(_NOTHING) == len(texts):
        return [_NO_AMOUNT] * len(texts)
    return exact_amounts("account", texts, (field,), "$.balances")
