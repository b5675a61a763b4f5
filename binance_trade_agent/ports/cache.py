"""Cache: bytes by key for a while, shared by all who reach the same store; losing any of it costs a request and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Cache(Protocol):
    """A store that may forget anything at any time, and never raises: one that fails is as good as an empty one."""

    async def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """What is held under these keys; those that are not held are missing."""
        ...

    async def put(self, entries: Mapping[str, bytes], ttl_ms: int) -> None:
        """Hold `entries` for at most `ttl_ms`, in place of what their keys held before."""
        ...

    async def claim(self, name: str) -> bool:
        """Whether the caller is the one to do what `name` stands for, among all who share the store; True when nobody can tell.

        A claim that is not released ends by itself after a moment.
        """
        ...

    async def release(self, name: str) -> None:
        """End a claim, once its result is put."""
        ...
