"""SpanEncoder: batches of spans as the bytes of OTLP, written directly, which costs a tenth of going through objects of the SDK.

Source: opentelemetry-proto, trace/v1/trace.proto, common/v1/common.proto and resource/v1/resource.proto; Protocol Buffers, "Encoding".
A field is its number and kind in one byte (two from number 16 on), then its value; messages and texts begin with their length.
"""

import struct
from collections.abc import Callable, Hashable, Mapping, Sequence

from binance_trade_agent.telemetry.span import FREE_TEXT, AttributeValue, Span

MOST_KEPT = 1_024
"""How many ends of spans that are alike are kept, and how many names of attributes: both come again and again."""

_OWN_WORK, _CALL = b"\x30\x01", b"\x30\x03"
"""Field 6, SPAN_KIND_INTERNAL and SPAN_KIND_CLIENT."""

_ERROR = 2

# A KeyValue whose key is given and whose value is a short text, or a double.
_FIGURE = b"\x4a%c%b\x12\x09\x21%b"
_SHORT_TEXT = b"\x4a%c%b\x12%c\x0a%c%b"
_MOST_SHORT = 0x80 - 4
_FLAGS = b"\x85\x01\x00\x01\x00\x00"
"""Field 16, fixed32 0x100: it is known whether the parent is of another machine, and it is of this one."""

# trace_id 1, span_id 2, start 7 and end 8, with parent_id 4 between or without; ids are bytes, times little-endian.
_CHILD = "<2s16s2s8s2s8ssQsQ"
_ROOT = "<2s16s2s8ssQsQ"
_LEAST_INT, _MOST_INT = -(2**63), 2**63 - 1


class SpanEncoder:
    """Encodes for one process, which `resource` describes; `masked` hides secrets in texts that others may have written."""

    def __init__(self, resource: Mapping[str, AttributeValue], scope: str, version: str, masked: Callable[[str], str]) -> None:
        self._masked = masked
        described = b"".join(_field(0x0A, encoded_attribute(key, value)) for key, value in resource.items())
        self._resource = _field(0x0A, described)
        self._scope = _field(0x0A, _text(0x0A, scope) + (_text(0x12, version) if version else b""))
        self._child, self._root = struct.Struct(_CHILD).pack, struct.Struct(_ROOT).pack
        self._figure = struct.Struct("<d").pack
        self._tails: dict[Hashable, bytes] = {}
        self._keys: dict[str, bytes] = {}

    def encode(self, spans: Sequence[Span]) -> bytes:
        """An ExportTraceServiceRequest of all of them."""
        parts = [self._scope]
        for span in spans:
            head, tail = self._head(span), self._tails.get(span.alike) or self._tail(span)
            parts += (_begun(0x12, len(head) + len(tail)), head, tail)
        return _field(0x0A, self._resource + _field(0x12, b"".join(parts)))

    def _head(self, span: Span) -> bytes:
        """What no two spans have in common."""
        trace_id, span_id = span.trace_id.to_bytes(16, "big"), span.span_id.to_bytes(8, "big")
        if span.parent_id is None:
            return self._root(b"\x0a\x10", trace_id, b"\x12\x08", span_id, b"\x39", span.start_ns, b"\x41", span.end_ns)
        parent_id = span.parent_id.to_bytes(8, "big")
        return self._child(
            b"\x0a\x10", trace_id, b"\x12\x08", span_id, b"\x22\x08", parent_id, b"\x39", span.start_ns, b"\x41", span.end_ns
        )  # fmt: skip

    def _tail(self, span: Span) -> bytes:
        """Name, kind, attributes and status."""
        parts = [_text(0x2A, span.name), _CALL if span.is_call else _OWN_WORK]
        for key, value in span.attributes.items():
            if key == FREE_TEXT:  # ids, names and numbers are ours; texts may quote what others wrote
                parts.append(self._attribute(key, self._masked(str(value))))
            else:
                parts.append(self._attribute(key, value))
        parts.append(_field(0x7A, _text(0x12, self._masked(span.error)) + bytes((0x18, _ERROR))) if span.error else b"\x7a\x00")
        parts.append(_FLAGS)
        tail = b"".join(parts)
        if span.alike is not None and len(self._tails) < MOST_KEPT:
            self._tails[span.alike] = tail
        return tail

    def _attribute(self, key: str, value: AttributeValue) -> bytes:
        begun = self._keys.get(key)
        if begun is None:
            begun = _text(0x0A, key)
            if len(self._keys) < MOST_KEPT:
                self._keys[key] = begun
        if isinstance(value, str):
            text = value.encode("utf-8", "replace")
            if len(begun) + len(text) < _MOST_SHORT:  # each length is one byte: nearly all attributes
                return _SHORT_TEXT % (len(begun) + len(text) + 4, begun, len(text) + 2, len(text), text)
        elif isinstance(value, float) and len(begun) < _MOST_SHORT - 8:
            return _FIGURE % (len(begun) + 11, begun, self._figure(value))
        return _field(0x4A, begun + _field(0x12, _any_value(value)))


def encoded_attribute(key: str, value: AttributeValue) -> bytes:
    """A KeyValue."""
    return _text(0x0A, key) + _field(0x12, _any_value(value))


def _any_value(value: AttributeValue) -> bytes:
    if isinstance(value, str):
        return _text(0x0A, value)
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, float):
        return b"\x21" + struct.pack("<d", value)
    if _LEAST_INT <= value <= _MOST_INT:
        return b"\x18" + _varint(value & (2**64 - 1))
    return _text(0x0A, str(value))


def _text(tag: int, text: str) -> bytes:
    # A lone surrogate, which UTF-8 cannot hold, must not cost the whole batch.
    return _field(tag, text.encode("utf-8", "replace"))


def _field(tag: int, content: bytes) -> bytes:
    return _begun(tag, len(content)) + content


def _begun(tag: int, size: int) -> bytes:
    if size < 0x80:
        return bytes((tag, size))
    if size < 0x4000:
        return bytes((tag, size & 0x7F | 0x80, size >> 7))
    return bytes((tag,)) + _varint(size)


def _varint(number: int) -> bytes:
    """Seven bits a byte, the least first; the eighth says that another follows."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
