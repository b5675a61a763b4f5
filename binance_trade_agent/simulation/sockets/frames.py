"""Server frames of RFC 6455: whole, unmasked, and therefore the same bytes for every connection that they are sent on."""

import struct
from enum import IntEnum
from random import Random

from binance_trade_agent.simulation.faults.mutation import mutated

_FINAL = 0x80
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


def damaged_frames(frames: bytes, random: Random) -> bytes:
    """Frames of whole texts with damaged texts in them."""
    result = []
    while frames:
        text, frames = _first_payload(frames)
        result.append(text_frame(mutated(text, random)))
    return b"".join(result)


def _first_payload(frames: bytes) -> tuple[bytes, bytes]:
    """What is in the first frame, and the frames after it."""
    begin, length = 2, frames[1]
    if length == _LENGTH_16_BITS:
        begin, length = 4, int.from_bytes(frames[2:4], "big")
    elif length == _LENGTH_64_BITS:
        begin, length = 10, int.from_bytes(frames[2:10], "big")
    return frames[begin : begin + length], frames[begin + length :]
