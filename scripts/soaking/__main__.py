"""The command line: soak the daemon for so many simulated days, and say what grew."""

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from torturing.commit import commit

from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.telemetry.logging import configure_logging
from soaking.days import Days
from soaking.slopes import WARM_UP, Trend, trends


def main() -> int:
    """Return 0 when nothing grows by more than it may and the daemon ended well, else 1."""
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description="Run the daemon for simulated days, and hold what it keeps against bounds."
    )
    parser.add_argument("--days", type=float, default=7.0, help="simulated days (%(default)s)")
    parser.add_argument("--symbols", type=int, default=50, help="symbols, 1 to 500 (%(default)s)")
    parser.add_argument(
        "--streams", action="store_true", help="prices and candles by market streams, which costs nine times as much, not by REST"
    )
    parser.add_argument("--folder", type=Path, help="where the files are to stay; by default they are removed")
    wanted = parser.parse_args()
    if wanted.days < 0.5 or not 1 <= wanted.symbols <= 500:
        parser.error("--days is at least 0.5, and --symbols 1 to 500")
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory(prefix="soak-") as made:
        folder = wanted.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log").open("w", encoding="utf-8") as log:
            configure_logging("INFO", "json", log)
            soaked = run_virtual(Days(folder, wanted.days, wanted.symbols, with_streams=wanted.streams).run())
    found = list(trends(soaked.samples, soaked.pace))
    market_data = "streams" if wanted.streams else "REST"
    print(f"{wanted.days:g} simulated days with {wanted.symbols} symbols by {market_data}: {soaked.told()}\n\n{table(found)}\n")
    spent = f"{time.monotonic() - began_s:.0f} s, {time.process_time() - began_cpu_s:.0f} s of CPU"
    print(f"{spent} (commit {commit()}, {os.cpu_count()} CPUs, Python {platform.python_version()}).")
    return int(soaked.code is not ExitCode.OK or any(trend.is_too_steep for trend in found))


def table(found: list[Trend]) -> str:
    """As Markdown."""
    head = f"| Held | after {WARM_UP:.0%} of the time | at the end | most | slope a day | may be | |\n|---|---|---|---|---|---|---|"
    return "\n".join((head, *map(str, found)))


if __name__ == "__main__":
    sys.exit(main())
