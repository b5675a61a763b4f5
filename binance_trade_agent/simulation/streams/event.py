"""StreamEvent: one event of one stream, encoded at most once for each way to send it."""

from typing import Any

import orjson

from binance_trade_agent.simulation.sockets.frames import text_frame

Json = dict[str, Any]

_MICROSECONDS = 1_000
_TIMES = ("E", "T")
_CANDLE_TIMES = ("t", "T")
_WINDOW_TIMES = ("E", "O", "C")
_TIMES_BY_TYPE = {
    "24hrTicker": _WINDOW_TIMES,
    "1hTicker": _WINDOW_TIMES,
    "4hTicker": _WINDOW_TIMES,
    "1dTicker": _WINDOW_TIMES,
    "referencePrice": ("t",),
}
"""The same letter is a time in one event and an id or a price in another."""


class StreamEvent:
    """`data` is the payload of web-socket-streams.md with times in milliseconds; it must not change afterwards."""

    __slots__ = ("_data", "_frames", "_stream")

    def __init__(self, stream: str, data: Json | list[Json]) -> None:
        self._stream = stream
        self._data = data
        self._frames: dict[tuple[bool, bool], bytes] = {}

    def frame(self, *, is_combined: bool, in_microseconds: bool) -> bytes:
        """The event as a text frame: raw, or wrapped with its stream's name."""
        key = (is_combined, in_microseconds)
        made = self._frames.get(key)
        if made is None:
            payload = orjson.dumps(_in_microseconds(self._data) if in_microseconds else self._data)
            made = text_frame(b'{"stream":%b,"data":%b}' % (orjson.dumps(self._stream), payload) if is_combined else payload)
            self._frames[key] = made
        return made


def _in_microseconds(data: Json | list[Json]) -> Json | list[Json]:
    if isinstance(data, list):
        return [_finer_event(row) for row in data]
    finer = _finer_event(data)
    return {**finer, "k": _finer(data["k"], _CANDLE_TIMES)} if "k" in data else finer


def _finer_event(event: Json) -> Json:
    return _finer(event, _TIMES_BY_TYPE.get(event.get("e", ""), _TIMES))


def _finer(row: Json, names: tuple[str, ...]) -> Json:
    return {**row, **{name: row[name] * _MICROSECONDS for name in names if name in row}}
