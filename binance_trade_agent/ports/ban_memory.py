"""BanMemory: until when an exchange's address wants silence from us, remembered longer than the process lives."""

from typing import Protocol


class BanMemory(Protocol):
    """One time by host, wall time in ms UTC."""

    def banned_until_ms(self, host: str) -> int | None:
        """When the last silence that `host` asked for ends, which may be over; None when it never asked."""
        ...

    def remember(self, host: str, until_ms: int) -> bool:
        """Keep `until_ms` for `host`, durable when this returns True; False when it could not be kept. Never raises."""
        ...


class ForgetfulBanMemory:
    """Remembers nothing: for exchanges that live in this process and forgive when it ends."""

    def banned_until_ms(self, host: str) -> int | None:
        """None."""

    def remember(self, host: str, until_ms: int) -> bool:
        """Nothing to keep, and nobody misses it."""
        return True
