"""The `exchange` command in a process of its own, and a user who signs requests to it."""

import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "binance_trade_agent", "exchange", "--port", "0", "--seed", "3", "--symbols", "BTCUSDT,ETHUSDT"]
PATIENCE_S = 30


class Served:
    """A running exchange; `text` is what it has said."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.text = ""

    def address(self, before: str) -> str:
        """The address on the next line that has `before` in it."""
        for line in self.process.stdout:
            self.text += line
            if before in line:
                return re.search(r"http://[0-9.:]+", line).group()
        raise AssertionError(f"nothing was said about {before}: {self.text}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        self.text += rest
        return self.process.returncode


@contextmanager
def served_exchange(folder: Path, *arguments: str) -> Iterator[Served]:
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    served = Served(process)
    try:
        yield served
    finally:
        if process.poll() is None:
            served.kill()
        process.stdout.close()


def ask(url: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None) -> Any:
    """What is answered, an error as any other answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)


def signed(url: str, key: str, secret: str, method: str, path: str, **params: Any) -> Any:
    query = urlencode({**params, "timestamp": time.time_ns() // 1_000_000})
    signature = hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
    return ask(f"{url}/api/v3/{path}?{query}&signature={signature}", method, headers={"X-MBX-APIKEY": key})
