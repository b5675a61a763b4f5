"""MemoryCache: the Cache port within this process, bounded in entries and bytes; what was not used for longest goes first."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MAX_ENTRIES = 20_000
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Entry:
    value: bytes
    put_ms: int
    ttl_ms: int


class MemoryCache:
    """Entries by key; `now_ms` gives the time that they age by. Nobody else shares it, so every claim is granted."""

    def __init__(self, now_ms: Callable[[], int], *, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._now_ms = now_ms
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """What is held and not too old; a time before the entry's own means a clock that was set back, and is too old as well."""
        now_ms, found = self._now_ms(), {}
        for key in keys:
            entry = self._entries.get(key)
            if entry is None:
                continue
            if 0 <= now_ms - entry.put_ms <= entry.ttl_ms:
                self._entries.move_to_end(key)
                found[key] = entry.value
            else:
                self._drop(key)
        return found

    async def put(self, entries: Mapping[str, bytes], ttl_ms: int) -> None:
        """Hold `entries`; what is larger than the whole room is not held."""
        now_ms = self._now_ms()
        for key, value in entries.items():
            self._drop(key)
            if len(value) <= self._max_bytes:
                self._entries[key] = _Entry(value, now_ms, ttl_ms)
                self._bytes += len(value)
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    async def claim(self, _name: str) -> bool:
        """Always: within a process it is the reader that sees to one request at a time."""
        return True

    async def release(self, _name: str) -> None:
        """Nothing to do."""

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.value)
