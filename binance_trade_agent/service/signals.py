"""SIGTERM and SIGINT turned into a request to stop, for as long as the daemon runs."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_on_signals(request_stop: Callable[[str], None]) -> Iterator[None]:
    """Call `request_stop` with the signal's name for each one that comes; what handled them before is put back at the end.

    Signals belong to the main thread: in any other this does nothing, and whoever started the thread stops the daemon.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, request_stop, number.name)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            # None stands for a handler that was not installed from Python, which cannot be put back from here.
            if handler is not None:
                signal.signal(number, handler)
