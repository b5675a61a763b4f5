"""A daemon in a process of its own, as `run` starts it: read by its log lines and its HTTP face."""

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from command_line import COMMAND, environment

PATIENCE_S = 60.0


class Running:
    """A daemon in a process of its own, read by its log lines and its HTTP face."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.log = data_dir.with_suffix(".log")
        self._stream = self.log.open("a")
        self.process = subprocess.Popen(
            [*COMMAND, "run"], env=environment(data_dir, **settings), cwd=data_dir.parent, stdout=self._stream, stderr=self._stream
        )
        self.address = ""

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def trades(self) -> list[str]:
        return [line["event"] for line in self.lines() if line["event"].startswith(("Bought", "Sold"))]

    def wait_for(self, what, seconds: float = PATIENCE_S):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = what()
            if found:
                return found
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def find_address(self, skip: int = 0) -> None:
        found = self.wait_for(lambda: [line["address"] for line in self.lines() if line["event"] == "trading"][skip:])
        self.address = found[0].rstrip("/")

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.address + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def daemon(data_dir: Path, **settings: str) -> Iterator[Running]:
    running = Running(data_dir, **settings)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        running._stream.close()
