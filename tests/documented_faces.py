"""Every endpoint, method, stream and account event that Binance documents, with the shape of its example, and the comparison with one.

A shape is the documents' example with the kind of each value in its place: names and their order, not the values.
"""

import json
from pathlib import Path
from typing import Any

_ALL: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "documented_faces.json").read_text())

REST: dict[str, list[Any]] = _ALL["rest"]
"""Shapes of the answers by `GET /api/v3/ping`, several where the answer depends on the question."""

WEBSOCKET_API: dict[str, list[Any]] = _ALL["websocket_api"]
"""Shapes of `result` by method."""

STREAMS: dict[str, Any] = _ALL["streams"]
"""Shape of the payload by the name of the stream as documented; None where the document names another stream's."""

USER_DATA: dict[str, Any] = _ALL["user_data"]
"""Shape of `event` by its type."""

CONDITIONAL = {
    *("stopPrice", "icebergQty", "preventedMatchId", "preventedQuantity", "strategyId", "strategyType", "trailingDelta", "trailingTime"),
    *("usedSor", "workingFloor", "allocationId", "matchType", "pegPriceType", "pegOffsetType", "pegOffsetValue", "peggedPrice"),
    *("expiryReason", "preventedMatches", "tradeGroupId"),
}
"""What an answer about an order has on top, or not (rest-api.md, "Conditional fields in Order Responses")."""

WANDERING = {"origQuoteOrderQty", "workingTime", "fills", "trailingDelta", "trailingTime", "stopPrice", "icebergQty"}
"""Fields whose place the documents' own examples of orders do not agree on."""

_KINDS = {"str": str, "int": int, "bool": bool, "float": float}


def differences(answer: Any, shape: Any, where: str = "$") -> list[str]:
    """In what an answer is not of a documented shape: names, their order, kinds of values."""
    if isinstance(shape, dict):
        return _differences_of_object(answer, shape, where)
    if isinstance(shape, list):
        if not isinstance(answer, list):
            return [f"{where} is no array"]
        # An example that shows nothing of its rows says nothing about them.
        return [text for at, row in enumerate(answer) if shape not in ([], [{}]) for text in _best(row, shape, f"{where}[{at}]")]
    if shape is None or answer is None:
        return []  # the example shows one of the two cases
    return [] if type(answer) is _KINDS[shape] else [f"{where} is {answer!r}, not {shape}"]


def _differences_of_object(answer: Any, shape: dict[str, Any], where: str) -> list[str]:
    if not isinstance(answer, dict):
        return [f"{where} is no object"]
    found = [f"{where} lacks {name}" for name in shape if name not in answer and name not in CONDITIONAL]
    found += [f"{where} has {name}" for name in answer if name not in shape and name not in CONDITIONAL]
    common = [name for name in shape if name in answer]
    ours = [name for name in answer if name in shape and name not in WANDERING]
    theirs = [name for name in common if name not in WANDERING]
    if ours != theirs:
        found.append(f"{where} has its fields in another order: {ours}, not {theirs}")
    return found + [text for name in common for text in differences(answer[name], shape[name], f"{where}.{name}")]


def _best(row: Any, shapes: list[Any], where: str) -> list[str]:
    return min((differences(row, shape, where) for shape in shapes), key=len)


def assert_documented(answer: Any, shapes: list[Any]) -> None:
    """The answer has one of the documented shapes."""
    found = _best(answer, shapes, "$")
    assert not found, found
