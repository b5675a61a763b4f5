"""A real Redis server of the tests' own, on loopback, with a password."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from server_programs import server_program

from binance_trade_agent.storage.redis_cache import RedisAddress

PASSWORD = "only-a-test-9f2c"
PATIENCE_S = 20.0


class RedisServer:
    """One server process that can be stopped, frozen and started again on the same port."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    @property
    def address(self) -> RedisAddress:
        return RedisAddress("127.0.0.1", self.port, password=PASSWORD)

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--requirepass", PASSWORD, "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([self._program, *options], stdout=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE_S
        while not self._listens():
            assert time.monotonic() < until, "redis-server does not listen"
            assert self._process.poll() is None, "redis-server ended"
            time.sleep(0.02)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    server = RedisServer(server_program("redis-server", "redis-server"))
    server.start()
    try:
        yield server
    finally:
        server.stop()
