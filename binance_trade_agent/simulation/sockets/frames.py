"""Server frames of RFC 6455: whole, unmasked, and therefore the same bytes for every connection that they are sent on."""

import struct
from enum import IntEnum

_FINAL = 0x80
_LENGTH_16_BITS = 126
_LENGTH_64_BITS = 127
_MOST_16_BITS = 0xFFFF


class Opcode(IntEnum):
    """The kinds of frames that the exchange sends by itself."""

    TEXT = 0x1
    PING = 0x9
    PONG = 0xA


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
