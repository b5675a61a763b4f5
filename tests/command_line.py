"""The command line in a process of its own, with no setting but those a test gives."""

import os
import sys
from pathlib import Path

COMMAND = [sys.executable, "-m", "binance_trade_agent"]


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "DATA_DIR": str(data_dir), "HTTP_PORT": "0", "STRATEGY_NAME": "rsi", **settings}
