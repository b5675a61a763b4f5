"""The head of a response as it came over the wire, taken apart only as far as somebody asks."""

from typing import Final

_LINE_END: Final = "\r\n"
HEAD_END: Final = b"\r\n\r\n"
_VERSION_BYTES: Final = 8
_STATUS_LINE_BYTES: Final = 12


class ResponseHead:
    """Status line and header lines, which llhttp has found to be well formed; names are looked up without regard to case.

    `lower` is all of it in lower case: a header is there when `\\r\\n`, its name and a colon are.
    """

    __slots__ = ("_text", "lower")

    def __init__(self, raw: bytes) -> None:
        self._text = raw.decode("latin-1")
        self.lower = self._text.lower()  # as long as the text: every letter of Latin-1 has one small letter

    def get(self, name: str, /) -> str | None:
        """The value of the first header `name` (in lower case); None when there is none."""
        start = self.lower.find(f"\r\n{name}:")
        if start < 0:
            return None
        start += len(name) + 3
        return self._text[start : self._text.index(_LINE_END, start)].strip(" \t")

    def values(self, name: str) -> list[bytes]:
        """The values of all headers `name` (in lower case), themselves in lower case, in their order."""
        return [line.partition(_LINE_END)[0].strip(" \t").encode("latin-1") for line in self.lower.split(f"\r\n{name}:")[1:]]

    @property
    def http_version(self) -> bytes:
        """HTTP/1.0 or HTTP/1.1."""
        return self._text[:_VERSION_BYTES].encode("ascii")

    @property
    def reason(self) -> bytes:
        """The reason phrase; often empty."""
        return self._text[_STATUS_LINE_BYTES : self._text.index(_LINE_END)].removeprefix(" ").encode("latin-1")

    def items(self) -> list[tuple[bytes, bytes]]:
        """All headers in their order and spelling."""
        lines = self._text.encode("latin-1").split(b"\r\n")[1:-2]
        return [(name, value.strip(b" \t")) for name, _, value in (line.partition(b":") for line in lines)]
