"""Times in microseconds instead of milliseconds, for who asks for them.

Source: rest-api.md, "General API Information" (header X-MBX-TIME-UNIT), web-socket-api.md likewise (timeUnit in the address), and
user-data-stream.md for events. Nothing happens here within a millisecond: the last three digits are always 0.
"""

from collections.abc import Collection
from typing import Any

import orjson

from binance_trade_agent.simulation.engine.refusals import refused

_MICROSECONDS = 1_000
_UNITS = {"MILLISECOND": False, "millisecond": False, "MICROSECOND": True, "microsecond": True}
_ANSWER_TIMES = frozenset(
    {
        *("serverTime", "time", "updateTime", "transactTime", "transactionTime", "workingTime", "trailingTime"),
        *("openTime", "closeTime", "timestamp", "T", "createTime", "authorizedSince", "connectedSince"),
    }
)
_EVENT_TIMES = frozenset({"E", "T", "O", "W", "D"})
_POSITION_TIMES = frozenset({"E", "u"})  # u of an order's report is no time
_CANDLE_TIMES = (0, 6)  # open and close of a row of klines


def is_in_microseconds(unit: str | None) -> bool:
    """Whether times are to be told in microseconds; -1194 for a unit that there is not."""
    if unit is None:
        return False
    try:
        return _UNITS[unit]
    except KeyError:
        raise refused(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.") from None


def answer_in_microseconds(content: Any) -> Any:
    """The content of an answer, bytes or not yet serialised, with its times made finer."""
    return _finer(orjson.loads(content) if isinstance(content, bytes) else content, _ANSWER_TIMES)


def event_in_microseconds(event: bytes) -> bytes:
    """An account event, serialised, with its times made finer."""
    content = orjson.loads(event)
    return orjson.dumps(_finer(content, _POSITION_TIMES if content["e"] == "outboundAccountPosition" else _EVENT_TIMES))


def _finer(content: Any, names: Collection[str]) -> Any:
    if isinstance(content, dict):
        return {name: _finer_time(value) if name in names else _finer(value, names) for name, value in content.items()}
    if isinstance(content, list):
        if content and isinstance(content[0], int):
            return [_finer_time(value) if place in _CANDLE_TIMES else value for place, value in enumerate(content)]
        return [_finer(value, names) for value in content]
    return content


def _finer_time(value: Any) -> Any:
    """Times that have not come yet are -1, whatever the unit."""
    return value * _MICROSECONDS if isinstance(value, int) and value > 0 else value
