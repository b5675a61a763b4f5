"""Download of histories from a server of public files: whole or not at all, whatever the server does, and on again after a kill."""

import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from benchmarks.made_up_history import made_up_history
from command_line import COMMAND, environment
from public_archive import Archive, kline_text, served

from binance_trade_agent.backtest.candles import download as downloading
from binance_trade_agent.backtest.candles.checking import contents
from binance_trade_agent.backtest.candles.download import Downloaded, download, wanted_files
from binance_trade_agent.backtest.candles.importing import files_in, import_files
from binance_trade_agent.backtest.candles.public_files import ATTEMPTS, PublicFile, PublicFiles, public_files
from binance_trade_agent.domain.candle_columns import CandleColumns
from binance_trade_agent.domain.errors import CandleStoreError, ExchangeError
from binance_trade_agent.storage.candles.calendar import Month, Span
from binance_trade_agent.storage.candles.store import CandleStore, SeriesName

NAME = SeriesName("BTCUSDT", "1h")


def day(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000


FIRST, LAST = day("2024-11-01"), day("2025-02-10")
WHOLE = Span(FIRST, LAST)


@pytest.fixture
def history() -> CandleColumns:
    """From November 2024 to 9 February 2025, over the change to microseconds, with holes."""
    return made_up_history("BTCUSDT", "1h", start_ms=FIRST, days=(LAST - FIRST) // 86_400_000, gap_share=0.01)


@pytest.fixture
def archive(history: CandleColumns) -> Iterator[Archive]:
    with served() as archive:
        archive.publish(history, header=True)
        yield archive


async def fetched(
    store: CandleStore, archive: Archive, span: Span = WHOLE, *, now: str = "2025-03-01", name: SeriesName = NAME
) -> Downloaded:
    async with public_files(archive.url, store.folder, parallel=2) as source:
        hasty = PublicFiles(source._session, archive.url, source._folder, pause_s=0)
        files = list(wanted_files(store, name, span, day(now)))
        settled: list[int] = []
        done = await download(store, hasty, files, now_ms=day(now), parallel=2, show=lambda count, _: settled.append(count))
        assert sum(settled) == sum(file.most_candles for file in files)
        return done


def same(store: CandleStore, history: CandleColumns) -> bool:
    found = store.read("BTCUSDT", "1h")
    return found.decimals == history.decimals and np.array_equal(found.table, history.table)


async def test_months_come_as_months_and_the_rest_as_days_and_nothing_twice(
    tmp_path: Path, archive: Archive, history: CandleColumns
) -> None:
    store = CandleStore(tmp_path)
    done = await fetched(store, archive)
    assert (done.files, done.candles, done.faults) == (3 + 9, len(history), ())
    assert same(store, history)
    assert store.covered(NAME) == (WHOLE,)
    months = {f"BTCUSDT-1h-{month}.zip" for month in ("2024-11", "2024-12", "2025-01")}
    assert set(archive.fetched) == months | {f"BTCUSDT-1h-2025-02-0{number}.zip" for number in range(1, 10)}
    asked = len(archive.asked)
    assert await fetched(store, archive) == Downloaded(0, 0, ())
    assert len(archive.asked) == asked
    assert not (tmp_path / ".downloads").exists()


async def test_only_what_is_missing_is_fetched(tmp_path: Path, archive: Archive, history: CandleColumns) -> None:
    store = CandleStore(tmp_path)
    held = Span(day("2024-12-05"), day("2025-01-30"))
    store.add(history.between(held.start_ms, held.end_ms), held)
    await fetched(store, archive, Span(day("2024-11-01"), day("2025-02-01")))
    days = [f"BTCUSDT-1h-2024-12-0{number}.zip" for number in range(1, 5)]
    assert sorted(archive.fetched) == ["BTCUSDT-1h-2024-11.zip", *days, "BTCUSDT-1h-2025-01-30.zip", "BTCUSDT-1h-2025-01-31.zip"]
    assert store.covered(NAME) == (Span(FIRST, day("2025-02-01")),)


async def test_what_is_missing_in_an_imported_file_is_fetched_and_no_day_twice(
    tmp_path: Path, archive: Archive, history: CandleColumns
) -> None:
    """Two stretches of one day, and one over the end of a month; holes that the archive has too are asked for once."""
    lost = [("2024-11-10 03:00", "2024-11-10 05:00"), ("2024-11-10 20:00", "2024-11-10 21:00"), ("2024-11-30 12:00", "2024-12-02 12:00")]
    times = history.open_times
    kept = ~np.any([(day(first) <= times) & (times < day(last)) for first, last in lost], axis=0)
    holed = CandleColumns(history.symbol, history.interval_ms, history.decimals, history.table[:, kept])
    file = tmp_path / "in" / "BTCUSDT-1h-2024-11.csv"
    file.parent.mkdir()
    file.write_text(kline_text(holed))
    store = CandleStore(tmp_path / "kept")
    import_files(store, files_in([file]), lambda _: None)
    (named,) = contents(store).histories
    assert {hole.was_fetched for hole in named.holes} == {False}
    span = Span(int(times[0]), int(times[-1]) + history.interval_ms)
    await fetched(store, archive, span)
    assert same(store, history)
    assert store.covered(NAME) == (span,)
    days = {f"BTCUSDT-1h-{text}.zip" for text in ("2024-11-10", "2024-11-30", "2024-12-01", "2024-12-02")}
    assert days <= set(archive.fetched)
    assert len(archive.fetched) == len(set(archive.fetched))
    (named,) = contents(store).histories
    assert {hole.was_fetched for hole in named.holes} == {True}
    asked = len(archive.asked)
    await fetched(store, archive, span)
    assert len(archive.asked) == asked


@pytest.mark.parametrize("fault", ["500", "cut", "flip"])
@pytest.mark.parametrize("ending", [".zip", ".zip.CHECKSUM"])
async def test_a_fault_that_passes_is_not_noticed(
    tmp_path: Path, archive: Archive, history: CandleColumns, fault: str, ending: str
) -> None:
    archive.fail(f"/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12{ending}", fault, times=ATTEMPTS - 1)
    store = CandleStore(tmp_path)
    assert (await fetched(store, archive)).faults == ()
    assert same(store, history)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("500", "BTCUSDT-1h-2024-12.zip: not fetched in 4 attempts: HTTP 500"),
        ("cut", "BTCUSDT-1h-2024-12.zip: not fetched in 4 attempts: "),
        ("flip", "BTCUSDT-1h-2024-12.zip: its checksum is not the one that was published with it"),
    ],
)
async def test_a_fault_that_stays_is_told_and_stops_no_other_file(
    tmp_path: Path, archive: Archive, history: CandleColumns, fault: str, text: str
) -> None:
    archive.fail("/data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-12.zip", fault)
    store = CandleStore(tmp_path)
    done = await fetched(store, archive)
    assert len(done.faults) == 1
    assert text in done.faults[0]
    assert store.covered(NAME) == (Month(2024, 11).span, Span(day("2025-01-01"), LAST))
    archive.heal()
    assert (await fetched(store, archive)).files == 1
    assert same(store, history)


async def test_a_file_without_its_checksum_or_of_another_time_is_not_taken(
    tmp_path: Path, archive: Archive, history: CandleColumns
) -> None:
    november, december = (PublicFile(NAME, Month(2024, number).span, is_monthly=True) for number in (11, 12))
    del archive.files[november.path + ".CHECKSUM"]
    archive.put(december, history.between(FIRST, december.span.end_ms))
    store = CandleStore(tmp_path)
    done = await fetched(store, archive)
    assert sorted(fault.split(": ", 1)[1] for fault in done.faults) == [
        f"holds {len(history.between(FIRST, december.span.start_ms))} candles of another time than its name says",
        "is there without its .CHECKSUM file, so it is not trusted",
    ]
    assert store.covered(NAME) == (Span(day("2025-01-01"), LAST),)


async def test_a_month_whose_file_has_not_appeared_comes_by_days(tmp_path: Path, archive: Archive, history: CandleColumns) -> None:
    del archive.files[PublicFile(NAME, Month(2025, 1).span, is_monthly=True).path]
    store = CandleStore(tmp_path)
    assert (await fetched(store, archive, now="2025-02-11")).files == 2 + 31 + 9
    assert same(store, history)


async def test_time_before_a_symbol_was_listed_costs_two_requests_a_month(tmp_path: Path, archive: Archive, history: CandleColumns) -> None:
    store = CandleStore(tmp_path)
    done = await fetched(store, archive, Span(day("2024-06-01"), LAST), now="2026-01-01")
    assert done.faults == ()
    assert same(store, history)
    assert len([path for path in archive.asked if "-2024-0" in path or "-2024-10" in path]) == 2 * 5
    assert store.covered(NAME) == (WHOLE,)


async def test_a_candle_that_contradicts_what_is_kept_is_told(tmp_path: Path, archive: Archive, history: CandleColumns) -> None:
    store = CandleStore(tmp_path)
    other = made_up_history("BTCUSDT", "1h", seed=8, start_ms=FIRST, days=2)
    store.add(other, Span(FIRST, FIRST + 10 * 3_600_000))
    done = await fetched(store, archive, Span(FIRST, day("2024-12-01")))
    assert any("candles differ from those that are to be added" in fault for fault in done.faults)
    assert np.array_equal(store.read("BTCUSDT", "1h", FIRST, FIRST + 86_400_000).table, other.table[:, :10])


async def test_a_server_that_is_not_there_is_given_up(tmp_path: Path, archive: Archive) -> None:
    archive.url = "http://127.0.0.1:1"
    with pytest.raises(ExchangeError, match=r"not fetched in 4 attempts: Cannot connect to host 127\.0\.0\.1:1"):
        await fetched(CandleStore(tmp_path), archive)


def left_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_full_disk_ends_it_at_once_and_leaves_nothing_half_written(
    tmp_path: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CandleStoreError, match=r"1h/BTCUSDT/.*cannot be written: No space left on device"):
        await fetched(CandleStore(tmp_path), archive)
    assert len(archive.fetched) <= 4
    assert left_in(tmp_path) == []


def test_a_second_of_candles_comes_by_days_only_and_weeks_by_months_only(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    span = Span(day("2025-01-01"), day("2025-02-03"))
    seconds = list(wanted_files(store, SeriesName("BTCUSDT", "1s"), span, day("2026-01-01")))
    assert [file.is_monthly for file in seconds] == [False] * 33
    weeks = list(wanted_files(store, SeriesName("BTCUSDT", "1w"), span, day("2026-01-01")))
    assert [file.file_name for file in weeks] == ["BTCUSDT-1w-2025-01.zip"]
    held = made_up_history("BTCUSDT", "1w", start_ms=day("2025-01-06"), days=28)  # the last of them reaches into February
    store.add(held, Span(day("2025-01-06"), day("2025-01-13")), Span(day("2025-01-20"), day("2025-02-03")))
    weeks = list(wanted_files(store, SeriesName("BTCUSDT", "1w"), Span(span.start_ms, day("2025-04-01")), day("2025-03-20")))
    assert [file.file_name for file in weeks] == ["BTCUSDT-1w-2025-01.zip", "BTCUSDT-1w-2025-02.zip"]
    assert downloading.MONTHS_APPEAR_MS == 40 * 86_400_000


def command(archive: Archive, place: Path, *more: str) -> list[str]:
    start = [*COMMAND, "candles", "download", "BTCUSDT", "--interval", "1h", "--from", "2024-11-01", "--to", "2025-02-10"]
    return [*start, "--url", archive.url, "--store", str(place / "kept"), *more]


def test_a_download_killed_at_any_moment_goes_on_where_it_stood(tmp_path: Path, archive: Archive, history: CandleColumns) -> None:
    archive.delay_s = 0.05
    store = CandleStore(tmp_path / "kept")
    for count in (1, 2, 3):
        running = subprocess.Popen(command(archive, tmp_path), env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while len(store.files(NAME)) < count and running.poll() is None:
            time.sleep(0.01)
        running.send_signal(signal.SIGKILL)
        running.communicate()
        assert running.returncode == -signal.SIGKILL
    archive.delay_s = 0
    before = len(archive.fetched)
    whole_months = sum("2025-02" not in path.name for path in store.files(NAME))
    (tmp_path / "kept" / "1h" / "BTCUSDT" / ".2025-02.parquet.99999").write_bytes(b"half")
    ended = subprocess.run(command(archive, tmp_path), env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert same(store, history)
    assert len(archive.fetched) - before <= 12 - whole_months
    assert [path.name for path in (tmp_path / "kept").rglob(".*")] == [".lock"]
    once_more = subprocess.run(
        command(archive, tmp_path), env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert "0 candles of 0 files added" in once_more.stdout


def test_what_is_missing_is_told_and_nothing_at_all_is_a_failure(tmp_path: Path, archive: Archive) -> None:
    late = subprocess.run(
        command(archive, tmp_path, "--from", "2024-10-01", "--to", "2025-02-12"),
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert late.returncode == 0, late.stderr
    assert "BTCUSDT 1h: nothing from 2024-10-01 to 2024-11-01\nBTCUSDT 1h: nothing from 2025-02-10 to 2025-02-12\n" in late.stdout
    none = subprocess.run(
        [*command(archive, tmp_path), "nosuchusdt"], env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    assert none.returncode == 9
    assert "fault: NOSUCHUSDT 1h: there is nothing from 2024-11-01 to 2025-02-10" in none.stderr
