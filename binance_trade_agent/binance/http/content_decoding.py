"""Content codings of HTTP bodies: gzip and deflate are undone piece by piece, with a cap on the decoded bytes.

A few kilobytes of gzip can stand for hundreds of megabytes, so no call ever decodes more than what is left of the cap.
"""

import zlib
from collections.abc import Iterable
from typing import Final

from binance_trade_agent.domain.errors import BadAnswerError

ACCEPT_ENCODING: Final = b"gzip, deflate"
MAX_CODINGS: Final = 2

_GZIP: Final = frozenset({b"gzip", b"x-gzip"})
_IDENTITY: Final = b"identity"
_DECODABLE: Final = frozenset({*_GZIP, b"deflate", _IDENTITY})
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_RAW_WINDOW: Final = -zlib.MAX_WBITS
_ZLIB_HEADER_BYTES: Final = 2


def decodable_only(accept_encoding: bytes) -> bytes:
    """The value of an Accept-Encoding header without the codings that BodyDecoder cannot undo; `identity` when none is left."""
    kept = [offer.strip() for offer in accept_encoding.split(b",") if offer.split(b";")[0].strip().lower() in _DECODABLE]
    return b", ".join(kept) or _IDENTITY


def codings_of(content_encodings: Iterable[bytes]) -> tuple[bytes, ...]:
    """The codings named by Content-Encoding values, in the order they were applied, without `identity`.

    Raises BadAnswerError for a coding that cannot be undone, and for more than MAX_CODINGS of them.
    """
    names = [name.strip().lower() for value in content_encodings for name in value.split(b",")]
    codings = tuple(name for name in names if name and name != _IDENTITY)
    if len(codings) > MAX_CODINGS or not _DECODABLE.issuperset(codings):
        raise BadAnswerError("the body has a content coding that was not offered")
    return codings


class BodyDecoder:
    """Undoes `codings` of one body, fed in pieces; raises BadAnswerError for bad data and beyond `max_bytes`.

    `max_bytes` bounds the decoded bytes, those between two codings, and the encoded ones as well, because a stream of empty
    blocks decodes to nothing for ever.
    """

    def __init__(self, codings: tuple[bytes, ...], max_bytes: int) -> None:
        self._inflaters = [_Inflater(coding, max_bytes) for coding in reversed(codings)]
        self._max_bytes = max_bytes
        self._received_bytes = 0
        self._decoded = bytearray()

    def feed(self, data: bytes) -> None:
        """Decode the next piece of the body as it came over the wire."""
        self._received_bytes += len(data)
        if self._received_bytes > self._max_bytes:
            raise _too_large(self._max_bytes)
        for inflater in self._inflaters:
            data = inflater.feed(data)
        self._decoded += data

    def finish(self) -> bytes:
        """The whole decoded body. An empty one is taken as it is, because servers label those with a coding too."""
        if self._received_bytes:
            for inflater in self._inflaters:
                inflater.check_finished()
        return bytes(self._decoded)


class _Inflater:
    """Undoes one coding: gzip with any number of members, or deflate with the zlib wrapper or (against the standard) without."""

    def __init__(self, coding: bytes, max_bytes: int) -> None:
        self._is_gzip = coding in _GZIP
        self._max_bytes = max_bytes
        self._decoded_bytes = 0
        self._held_back = b""
        self._stream = zlib.decompressobj(_GZIP_WINDOW) if self._is_gzip else None

    def feed(self, data: bytes) -> bytes:
        """What `data` decodes to; nothing while the first bytes of deflate do not yet tell whether it has a zlib header."""
        data = self._held_back + data
        self._held_back = b""
        if self._stream is None:
            if len(data) < _ZLIB_HEADER_BYTES:
                self._held_back = data
                return b""
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if _has_zlib_header(data) else _RAW_WINDOW)
        try:
            return self._inflate(self._stream, data)
        except zlib.error:
            raise BadAnswerError("the body is not in the content coding that its headers name") from None

    def check_finished(self) -> None:
        """Raise BadAnswerError when the coded stream has not come to its own end."""
        if self._stream is None or not self._stream.eof:
            raise BadAnswerError("the body ends in the middle of its content coding")

    def _inflate(self, stream: "zlib._Decompress", data: bytes) -> bytes:
        pieces = []
        while data:
            if stream.eof:
                if not self._is_gzip:
                    raise BadAnswerError("the body goes on after the end of its content coding")
                stream = self._stream = zlib.decompressobj(_GZIP_WINDOW)
            # One byte more than allowed is asked for, so that a full answer proves that the cap is passed and never leaves a tail behind.
            piece = stream.decompress(data, self._max_bytes - self._decoded_bytes + 1)
            self._decoded_bytes += len(piece)
            if self._decoded_bytes > self._max_bytes:
                raise _too_large(self._max_bytes)
            pieces.append(piece)
            data = stream.unused_data
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_large(max_bytes: int) -> BadAnswerError:
    """The error for a body beyond its cap."""
    return BadAnswerError(f"the body is larger than {max_bytes} bytes")


def _has_zlib_header(data: bytes) -> bool:
    """RFC 1950, section 2.2: compression method 8, and the first two bytes are a multiple of 31."""
    return data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
