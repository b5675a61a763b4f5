"""Client order ids: account epoch and counter, so that no id is ever used twice.

Source: rest-api.md, "New order": newClientOrderId matches ^[a-zA-Z0-9-_]{1,36}$ and is unique among open orders only;
ours are unique for good.
"""

import re

PREFIX = "bta"
_PATTERN = re.compile(rf"^{PREFIX}-([0-9a-z]{{1,16}})-([0-9]{{1,15}})$")


def client_order_id(epoch: str, number: int) -> str:
    """The id of order `number` (from 1) of account epoch `epoch` (lower-case letters and digits, at most 16)."""
    text = f"{PREFIX}-{epoch}-{number}"
    if not _PATTERN.match(text):
        raise ValueError(f"no valid client order id: {text!r}")
    return text


def epoch_of(order_id: str) -> str | None:
    """The account epoch in `order_id` when its form is ours, whichever book made it; else None."""
    match = _PATTERN.match(order_id)
    return match.group(1) if match else None


def number_of(order_id: str, epoch: str) -> int | None:
    """The counter in `order_id` when it is one of ours in `epoch`, else None."""
    match = _PATTERN.match(order_id)
    return int(match.group(2)) if match and match.group(1) == epoch else None
