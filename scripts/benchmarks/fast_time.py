"""An event loop whose time runs faster than the clock on the wall, with real sockets: a day of timers passes within a minute."""

import asyncio
import selectors


class FastLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, `factor` times as fast: what waits for an hour of loop time waits for 3600 / factor seconds."""

    def __init__(self, factor: float) -> None:
        super().__init__(_FastSelector(factor))
        self._factor = factor

    def time(self) -> float:
        """Loop time in seconds."""
        return super().time() * self._factor


class _FastSelector(selectors.DefaultSelector):
    """Waits for sockets no longer than the loop's next timer allows in real time."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self._factor = factor

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As the selector does, `timeout` being in loop time."""
        return super().select(timeout if timeout is None else timeout / self._factor)
