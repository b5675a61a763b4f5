"""The simulated exchange as its users start it: a program of its own, known by nothing but its addresses, key and secret."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = Path(os.environ.get("EXCHANGE_PROGRAM", ROOT / ".venv/bin/binance-trade-agent"))
SYMBOLS = "BTCUSDT,ETHUSDT,BNBUSDT"
SEED = 7
PATIENCE_S = 30.0
_ENDING_S = 20.0


@dataclass(frozen=True, slots=True)
class RunningExchange:
    """Where it listens and whose account it has; key and secret are empty when the accounts come from a file."""

    place: str
    key: str
    secret: str

    @property
    def http(self) -> str:
        return f"http://{self.place}"

    @property
    def socket(self) -> str:
        return f"ws://{self.place}"


@contextmanager
def running_exchange(folder: Path, *options: str) -> Iterator[RunningExchange]:
    """The program on a free port, ended at the end; `folder` is where it runs, away from any settings of a person."""
    command = [PROGRAM, "exchange", "--port", "0", "--seed", str(SEED), "--symbols", SYMBOLS, *options]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {**kept, "DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as program:
        try:
            yield _announced(program)
        finally:
            program.terminate()
            assert program.wait(_ENDING_S) == 0


def _announced(program: subprocess.Popen[str]) -> RunningExchange:
    """What the program says of itself when it listens."""
    assert program.stdout is not None
    said = program.stdout.readline() + program.stdout.readline()
    place = re.search(r"http://([\d.]+:\d+)", said)
    account = re.search(r"Key (\S+), secret (\S+)", said)
    assert place is not None, said
    return RunningExchange(place[1], *(account.groups() if account else ("", "")))
