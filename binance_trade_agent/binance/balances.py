"""The balances in an account answer: hundreds are listed, most of them nothing, and only what is held becomes a number.

Source: rest-api.md, "Account information".
"""

import re
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from binance_trade_agent.binance.filters import AMOUNT_PATTERN
from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.errors import BadAnswerError

_NOTHING = "0.00000000"
_is_amount = re.compile(AMOUNT_PATTERN).match


class BalanceRow(msgspec.Struct, gc=False):
    """One balance as text. `held` makes sure that it is made of amounts: to check all of them costs more than to read them."""

    asset: str
    free: str
    locked: str


def held(rows: Iterable[BalanceRow]) -> dict[str, Balance]:
    """The balances that hold something, by asset; BadAnswerError for one that is no amount."""
    balances = [_balance(row) for row in rows if row.free != _NOTHING or row.locked != _NOTHING]
    return {balance.asset: balance for balance in balances if balance.total}


def _balance(row: BalanceRow) -> Balance:
    for name, text in (("free", row.free), ("locked", row.locked)):
        if not _is_amount(text):
            raise BadAnswerError(f"account: an amount that is none - at `$.balances[...].{name}`")
    return Balance(row.asset, Decimal(row.free), Decimal(row.locked))
