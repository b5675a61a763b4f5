"""The head of a response as it came over the wire, taken apart only as far as somebody asks."""

from typing import Final

_LINE_END: Final = b"\r\n"
HEAD_END: Final = b"\r\n\r\n"
_VERSION_BYTES: Final = 8
_STATUS_LINE_BYTES: Final = 12


class ResponseHead:
    """Status line and header lines, which llhttp has found to be well formed; names are looked up without regard to case.

    `lower` is all of it in lower case: a header is there when `\\r\\n`, its name and a colon are.
    """

    __slots__ = ("_raw", "lower")

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self.lower = raw.lower()

    def get(self, name: str, /) -> str | None:
        """The value of the first header `name` (in lower case); None when there is none."""
        found = self.first(f"\r\n{name}:".encode("ascii"))
        return None if found is None else found.decode("latin-1")

    def first(self, line_start: bytes) -> bytes | None:
        """The value of the first header whose line begins so, in lower case; None when there is none."""
        at = self.lower.find(line_start)
        if at < 0:
            return None
        start = at + len(line_start)
        return self._raw[start : self._raw.index(_LINE_END, start)].strip(b" \t")

    def values(self, line_start: bytes) -> list[bytes]:
        """The values of all headers whose line begins so, in lower case and in their order."""
        return [line.partition(_LINE_END)[0].strip(b" \t") for line in self.lower.split(line_start)[1:]]

    @property
    def http_version(self) -> bytes:
        """HTTP/1.0 or HTTP/1.1."""
        return self._raw[:_VERSION_BYTES]

    @property
    def reason(self) -> bytes:
        """The reason phrase; often empty."""
        return self._raw[_STATUS_LINE_BYTES : self._raw.index(_LINE_END)].removeprefix(b" ")

    def items(self) -> list[tuple[bytes, bytes]]:
        """All headers in their order and spelling."""
        lines = self._raw.split(_LINE_END)[1:-2]
        return [(name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)]
