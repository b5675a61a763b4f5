"""Server frames of RFC 6455: whole, unmasked, and therefore the same bytes for every connection that they are sent on."""

import struct
from enum import IntEnum
from random import Random

from binance_trade_agent.simulation.faults.mutation import mutated

_FINAL = 0x80
_SHORT_HEAD, _MEDIUM_HEAD, _LONG_HEAD = 2, 4, 10
_LENGTH_16_BITS = 126
_LENGTH_64_BITS = 127
_MOST_16_BITS = 0xFFFF


class Opcode(IntEnum):
    """The kinds of frames."""

    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class CloseCode(IntEnum):
    """Why a connection is closed, as the exchange tells it."""

    GOING_AWAY = 1001
    UNSUPPORTED_DATA = 1003
    POLICY_VIOLATION = 1008


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """One unfragmented frame."""
    length = len(payload)
    if length < _LENGTH_16_BITS:
        return bytes((_FINAL | opcode, length)) + payload
    if length <= _MOST_16_BITS:
        return struct.pack("!BBH", _FINAL | opcode, _LENGTH_16_BITS, length) + payload
    return struct.pack("!BBQ", _FINAL | opcode, _LENGTH_64_BITS, length) + payload


def text_frame(payload: bytes) -> bytes:
    """A text message of UTF-8."""
    return frame(Opcode.TEXT, payload)


class FrameReader:
    """Takes the server's frames out of a stream of bytes; see `next_frame`."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._data = b""

    def feed(self, data: bytes) -> None:
        """More of the stream."""
        self._data += data

    def next_frame(self) -> tuple[int, bytes] | None:
        """Opcode and payload of the next frame, None while it is not whole; ValueError for a fragment, or one longer than allowed."""
        extent = _extent(self._data)
        if extent is None:
            return None
        begin, end = extent
        if end - begin > self._most_bytes:
            raise ValueError(f"the server sent a message of more than {self._most_bytes} bytes")
        if len(self._data) < end:
            return None
        first, payload = self._data[0], self._data[begin:end]
        self._data = self._data[end:]
        if not first & _FINAL:
            raise ValueError("the server sent a fragment, which it never does")
        return first & ~_FINAL, payload


def damaged_frames(frames: bytes, random: Random) -> bytes:
    """Frames of whole texts with damaged texts in them."""
    reader = FrameReader(len(frames))
    reader.feed(frames)
    result = []
    while (found := reader.next_frame()) is not None:
        result.append(text_frame(mutated(found[1], random)))
    return b"".join(result)


def _extent(data: bytes) -> tuple[int, int] | None:
    """Where the payload of the first frame begins and ends; None when not even that can be told."""
    if len(data) < _SHORT_HEAD:
        return None
    length = data[1]
    if length < _LENGTH_16_BITS:
        return _SHORT_HEAD, _SHORT_HEAD + length
    begin = _MEDIUM_HEAD if length == _LENGTH_16_BITS else _LONG_HEAD
    if len(data) < begin:
        return None
    return begin, begin + int.from_bytes(data[_SHORT_HEAD:begin], "big")
