"""What became of the two halves of a cancel-replace: the cancellation and the new order, each with a fate of its own.

Source: rest-api.md, "Cancel an Existing Order and Send a New Order". One request can do both, one or neither; the answer says which,
also when its status is 400, 409 or 429.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec

from binance_trade_agent.binance.answers.orders import Canceled, PlacedOrder, decode_canceled
from binance_trade_agent.binance.answers.shape import Answer, Decoder
from binance_trade_agent.binance.error_codes import explained, fate_of
from binance_trade_agent.binance.error_table import Code, Fate
from binance_trade_agent.domain.errors import BadAnswerError
from binance_trade_agent.domain.outcome import Rejected, Unknown

T = TypeVar("T")

_TELLING_STATUSES = frozenset({400, 409, 429})
_STATUS_BAD_REQUEST = 400


@dataclass(frozen=True, slots=True)
class NotAttempted:
    """The new order was not tried, because the cancellation failed (STOP_ON_FAILURE). It still counts as an unfilled order."""


@dataclass(frozen=True, slots=True)
class CancelReplace:
    """The fates of both halves. Unknown stands for a failure whose code does not promise that nothing was done."""

    cancel: Canceled | Rejected | Unknown
    new_order: PlacedOrder | Rejected | Unknown | NotAttempted


class _Halves(Answer, frozen=True, kw_only=True, gc=False):
    cancel_result: Literal["SUCCESS", "FAILURE"]
    new_order_result: Literal["SUCCESS", "FAILURE", "NOT_ATTEMPTED"]
    cancel_response: msgspec.Raw
    new_order_response: msgspec.Raw


class _Failed(Answer, frozen=True, kw_only=True, gc=False):
    code: Code
    data: _Halves


class _Refusal(Answer, frozen=True, kw_only=True, gc=False):
    code: Code
    msg: str = ""


_halves = Decoder("cancel_replace", _Halves)
_failed = Decoder("cancel_replace", _Failed)
_refusal = Decoder("cancel_replace", _Refusal)
_placed = Decoder("cancel_replace", PlacedOrder)


def decode_cancel_replace(body: bytes) -> CancelReplace:
    """Both halves, from an answer that is a success or from the `data` of one that is none; BadAnswerError for all else."""
    try:
        halves = _halves(body)
    except BadAnswerError:
        halves = _failed(body).data
    cancel = _half(halves.cancel_result, halves.cancel_response, decode_canceled)
    if halves.new_order_result == "NOT_ATTEMPTED":
        return CancelReplace(cancel, NotAttempted())
    return CancelReplace(cancel, _half(halves.new_order_result, halves.new_order_response, _placed))


def tells_of_both_halves(status: int, body: bytes) -> bool:
    """True when an answer that is no success says what became of either half, so that nothing is left to guess."""
    if status not in _TELLING_STATUSES:
        return False
    try:
        decode_cancel_replace(body)
    except BadAnswerError:
        return False
    return True


def _half(result: str, response: msgspec.Raw, decode: Callable[[bytes], T]) -> T | Rejected | Unknown:
    if result == "SUCCESS":
        return decode(bytes(response))
    refusal = _refusal(bytes(response))
    # A half's code weighs as it would for the order or the cancellation alone: what the table does not call a no is unknown.
    if fate_of(_STATUS_BAD_REQUEST, refusal.code) is Fate.UNKNOWN:
        return Unknown(f"code {refusal.code}: {explained(refusal.code, refusal.msg)}")
    return Rejected(refusal.code, explained(refusal.code, refusal.msg))
