"""IpBans: addresses that go on asking although they were told to wait are not answered for a while, and longer each time.

Source: rest-api.md, "IP Limits": bans grow from 2 minutes to 3 days. How many refusals it takes, the steps between, and when an old ban is
forgotten, is not documented: it is chosen here.
"""

from dataclasses import dataclass

_MINUTE_MS = 60_000

BAN_LENGTHS_MS = tuple(minutes * _MINUTE_MS for minutes in (2, 10, 60, 6 * 60, 24 * 60, 3 * 24 * 60))
PATIENCE = 10
"""So many refused requests within one window of a limit are forgiven; the next one is banned for."""

FORGIVEN_AFTER_MS = BAN_LENGTHS_MS[-1]
"""Whoever behaves this long after a ban begins at the shortest again."""

MOST_OFFENDERS = 10_000
"""Remembered at once; while there are so many, the one that was told to wait longest ago is forgotten for a new one."""


@dataclass(slots=True)
class _Offender:
    window_ends_ms: int
    ignored: int = 0
    bans: int = 0
    banned_until_ms: int = 0


class IpBans:
    """Who was told to wait, and who is banned; times in ms UTC of the exchange."""

    def __init__(self) -> None:
        self._offenders: dict[str, _Offender] = {}

    def __bool__(self) -> bool:
        return bool(self._offenders)

    def banned_until(self, ip: str, now_ms: int) -> int | None:
        """When the address's ban ends, None when there is none."""
        offender = self._offenders.get(ip)
        return None if offender is None or offender.banned_until_ms <= now_ms else offender.banned_until_ms

    def refused(self, ip: str, window_ends_ms: int, now_ms: int) -> int | None:
        """Note that the address was refused until `window_ends_ms`; returns when its ban ends if that was once too often."""
        offender = self._offenders.pop(ip, None)
        if offender is None:
            if len(self._offenders) >= MOST_OFFENDERS:
                del self._offenders[next(iter(self._offenders))]
            offender = _Offender(window_ends_ms)
        self._offenders[ip] = offender
        if offender.bans and now_ms - offender.banned_until_ms >= FORGIVEN_AFTER_MS:
            offender.bans = 0
        if window_ends_ms > offender.window_ends_ms:
            offender.window_ends_ms, offender.ignored = window_ends_ms, 0
        offender.ignored += 1
        if offender.ignored <= PATIENCE:
            return None
        length_ms = BAN_LENGTHS_MS[min(offender.bans, len(BAN_LENGTHS_MS) - 1)]
        offender.bans += 1
        offender.ignored = 0
        offender.banned_until_ms = now_ms + length_ms
        return offender.banned_until_ms
