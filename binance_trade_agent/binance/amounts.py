"""Amounts by the hundred: decimal texts that are checked together by one pattern, which costs a fraction of one check for each."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from binance_trade_agent.domain.errors import BadAnswerError

# Digits and a point: no sign, exponent, NaN or blank. Nothing is tried twice, so that no text makes it slow.
_AMOUNT: Final = r"[0-9]{1,20}+(?:\.[0-9]{1,18}+)?+"
_IS_AMOUNT: Final = re.compile(_AMOUNT)
_ARE_AMOUNTS: Final = re.compile(rf"(?:{_AMOUNT},)*+")


def exact_amounts(what: str, texts: Sequence[str], fields: Sequence[str], place: str = "$") -> list[Decimal]:
    """`texts`, one for each of `fields`, row by row, as exact Decimals; BadAnswerError names answer, row and field of one that is none."""
    together = ",".join(texts) + ","
    # Whoever has a comma in him would pass for two.
    if _ARE_AMOUNTS.fullmatch(together) is None or together.count(",") != len(texts):
        _refuse(what, texts, fields, place)
    return list(map(Decimal, texts))


def _refuse(what: str, texts: Sequence[str], fields: Sequence[str], place: str) -> None:
    """Raise for the first that is no amount; there is none when there are no texts at all."""
    for index, text in enumerate(texts):
        if _IS_AMOUNT.fullmatch(text) is None:
            row, field = divmod(index, len(fields))
            raise BadAnswerError(f"{what}: not an amount - at `{place}[{row}].{fields[field]}`")
