"""`candles` as a user runs it: import, list, check and play what is kept."""

import hashlib
import json
import subprocess
from pathlib import Path

from command_line import COMMAND, environment
from made_up_candles import candle_rows, write_candles

from binance_trade_agent.storage.candles.store import CandleStore


def command(place: Path, *arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env=environment(place / "data", **settings),
        cwd=place,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def imported(place: Path) -> Path:
    holed = candle_rows(4, 600, price=300.0)
    del holed[200:203]
    write_candles(place / "in", "AAAUSDT", candle_rows(1, 600))
    write_candles(place / "in" / "deep" / "deeper", "DDDUSDT", holed, zipped=True)
    done = command(place, "candles", "import", "in", "--store", "kept")
    assert done.returncode == 0, done.stderr
    assert "1197 candles of 2 files imported into kept" in done.stdout
    return place / "kept"


def test_a_check_of_nothing_finds_nothing_sound(tmp_path: Path) -> None:
    nothing = command(tmp_path, "candles", "check", "--store", "mistyped")
    assert nothing.returncode == 9
    assert "mistyped: nothing is kept there, so there is nothing to check" in nothing.stderr


def test_what_was_imported_is_listed_checked_and_played_like_the_files(tmp_path: Path) -> None:
    store = imported(tmp_path)
    again = command(tmp_path, "candles", "import", "in", "--store", "kept")
    assert again.returncode == 0
    listed = command(tmp_path, "candles", "list", "--store", "kept").stdout
    assert [line.split() for line in listed.splitlines() if "USDT" in line] == [
        [
            "│",
            "AAAUSDT",
            "│",
            "1m",
            "│",
            "2025-01-01",
            "00:00",
            "│",
            "2025-01-01",
            "09:59",
            "│",
            "600",
            "│",
            "0",
            "│",
            "1",
            "│",
            "0.0",
            "│",
        ],
        [
            "│",
            "DDDUSDT",
            "│",
            "1m",
            "│",
            "2025-01-01",
            "00:00",
            "│",
            "2025-01-01",
            "09:59",
            "│",
            "597",
            "│",
            "3",
            "│",
            "1",
            "│",
            "0.0",
            "│",
        ],
    ]
    checked = command(tmp_path, "candles", "check", "--store", "kept")
    assert checked.returncode == 0
    assert "DDDUSDT 1m: 3 missing after 2025-01-01 03:19, never fetched\n1197 candles of 2 histories are sound" in checked.stdout
    folder = tmp_path / "flat"
    folder.mkdir()
    for path in (tmp_path / "in").rglob("*-1m-*"):
        path.rename(folder / path.name)
    reports = []
    for place in (folder, store):
        played = command(tmp_path, "run", "--candles", place, "--fresh", "--report", "report.json")
        assert played.returncode == 0, played.stderr
        reports.append(json.loads((tmp_path / "report.json").read_text()))
    assert reports[0]["all"]["fills"] > 0
    assert reports[0] == reports[1]


def test_of_a_store_the_settings_choose_what_is_played(tmp_path: Path) -> None:
    imported(tmp_path)
    one = command(tmp_path, "run", "--candles", "kept", "--report", "report.json", TRADING_SYMBOLS="DDDUSDT")
    assert one.returncode == 0, one.stderr
    assert list(json.loads((tmp_path / "report.json").read_text())["gaps"]) == ["DDDUSDT"]
    other = command(tmp_path, "run", "--candles", "kept", TRADING_SYMBOLS="BTCUSDT")
    assert other.returncode == 9
    assert "error: kept: no 1m candles of BTCUSDT; there are some of AAAUSDT, DDDUSDT" in other.stderr
    other = command(tmp_path, "run", "--candles", "kept", CANDLE_INTERVAL="5m")
    assert other.returncode == 9
    assert "error: kept: no 5m candles; there are some of 1m" in other.stderr


def test_damage_is_told_by_file(tmp_path: Path) -> None:
    store = imported(tmp_path)
    path = store / "1m" / "AAAUSDT" / "2025-01.parquet"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 5] ^= 1
    path.write_bytes(raw)
    checked = command(tmp_path, "candles", "check", "--store", "kept")
    assert checked.returncode == 9
    assert "damaged: kept/1m/AAAUSDT/2025-01.parquet: not a readable candle file" in checked.stderr


def test_a_list_shows_what_is_sound_beside_what_is_damaged(tmp_path: Path) -> None:
    store = imported(tmp_path)
    for name in ("2025-01.parquet", "notes.parquet"):
        (store / "1m" / "AAAUSDT" / name).write_bytes(b"nothing")
    listed = command(tmp_path, "candles", "list", "--store", "kept")
    assert listed.returncode == 9
    assert "DDDUSDT" in listed.stdout
    assert "AAAUSDT" not in listed.stdout
    assert "damaged: kept/1m/AAAUSDT/2025-01.parquet: not a readable candle file" in listed.stderr
    assert "damaged: kept/1m/AAAUSDT/notes.parquet: expected a name such as 2025-01.parquet" in listed.stderr
    checked = command(tmp_path, "candles", "check", "--store", "kept")
    assert checked.returncode == 9
    assert checked.stderr.count("damaged: ") == 2


def test_one_process_writes_at_a_time(tmp_path: Path) -> None:
    store = imported(tmp_path)
    with CandleStore(store).writing():
        refused = command(tmp_path, "candles", "import", "in", "--store", "kept")
        assert command(tmp_path, "candles", "list", "--store", "kept").returncode == 0
    assert refused.returncode == 1
    assert "error: kept: another process is writing to this store" in refused.stderr


def test_without_its_packages_the_command_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pyarrow").mkdir()
    (tmp_path / "pyarrow" / "__init__.py").write_text("raise ModuleNotFoundError('no pyarrow', name='pyarrow')")
    asked = subprocess.run(
        [*COMMAND, "candles", "list"],
        env={**environment(tmp_path), "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert asked.returncode == 3
    assert "error: pyarrow is not installed; it comes with the extra `backtest`: scripts/environment bench, or with Docker:" in asked.stderr


def test_a_checksum_beside_a_file_is_checked(tmp_path: Path) -> None:
    path = write_candles(tmp_path / "in", "AAAUSDT", candle_rows(1, 60), zipped=True)
    checksum = path.with_name(path.name + ".CHECKSUM")
    checksum.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    done = command(tmp_path, "candles", "import", path, "--store", "kept")
    assert "60 candles of 1 file imported into kept, 1 with its checksum\n" in done.stdout
    checksum.write_text(f"{'0' * 64}  {path.name}\n")
    refused = command(tmp_path, "candles", "import", path, "--store", "other")
    assert refused.returncode == 9
    assert f"{path.name}: its checksum is not the one that was published with it" in refused.stderr
    assert command(tmp_path, "candles", "list", "--store", "other").stdout == "other: nothing is kept there\n"
