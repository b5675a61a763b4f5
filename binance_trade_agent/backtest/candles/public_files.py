"""PublicFiles: Binance's public kline files over HTTP, each with its checksum, tried again when it comes damaged or not at all.

Source: README of Binance's public data repository (github.com/binance/binance-public-data): paths, names, CHECKSUM files, and that files
of a month hold whole months and files of a day whole days, UTC.
"""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from binance_trade_agent.backtest.candles.importing import CHECKSUM_SUFFIX, LONGEST_CHECKSUM, require_checksum
from binance_trade_agent.backtest.candles.kline_files import history_in
from binance_trade_agent.domain.candle_columns import CandleColumns
from binance_trade_agent.domain.candle_intervals import DAY_MS, INTERVALS_MS
from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import CandleFileError, CandleStoreError, ExchangeError
from binance_trade_agent.storage.candles.calendar import Month, Span, date_text
from binance_trade_agent.storage.candles.store import SeriesName

ATTEMPTS = 4
"""How often one file is tried; the pause before each further attempt is twice as long."""

MAX_FILE_BYTES = 64 * 1024 * 1024
"""A zip file that is larger is not fetched to its end; a month of 1-minute candles has 2 to 3 MiB."""

CONNECT_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 30.0
"""Longest wait for the next bytes of an answer."""

FILE_TIMEOUT_S = 600.0

_PASSING_FOLDER = ".downloads"
_CHUNK_BYTES = 64 * 1024
_OK = 200
_ABSENT = 404
_TOO_MANY = 429
_SERVER_FAILED = 500


@dataclass(frozen=True, slots=True)
class PublicFile:
    """One file that may be there: a month of candles, or a day of them."""

    name: SeriesName
    span: Span
    is_monthly: bool

    @property
    def file_name(self) -> str:
        """Such as BTCUSDT-1m-2025-01.zip, or with -2025-01-31."""
        label = str(Month.of(self.span.start_ms)) if self.is_monthly else date_text(self.span.start_ms)
        return f"{self.name.symbol}-{self.name.interval}-{label}.zip"

    @property
    def path(self) -> str:
        """Below the server's address."""
        period = "monthly" if self.is_monthly else "daily"
        return f"/data/spot/{period}/klines/{self.name.symbol}/{self.name.interval}/{self.file_name}"

    @property
    def most_candles(self) -> int:
        """How many candles it can have."""
        return (self.span.end_ms - self.span.start_ms) // INTERVALS_MS[self.name.interval]


class _PassingError(Exception):
    """An attempt that failed in a way that another may not."""


class PublicFiles:
    """The server at `base_url`; files pass through `folder`, which exists. `pause_s` comes before the second attempt at a file."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, folder: Path, *, pause_s: float = 1.0) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")
        self._folder = folder
        self._pause_s = pause_s

    async def fetch(self, file: PublicFile) -> CandleColumns | None:
        """The candles of a file, checked; None when there is no such file.

        Raises CandleFileError for a file that is there but cannot be trusted, ExchangeError when the server cannot be reached or fails,
        CandleStoreError when there is no room for it.
        """
        pause_s = self._pause_s
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._fetch(file)
            except (aiohttp.ClientError, TimeoutError, _PassingError) as error:
                if attempt == ATTEMPTS:
                    why = str(error) or type(error).__name__
                    raise ExchangeError(f"{self._base_url}{file.path}: not fetched in {ATTEMPTS} attempts: {why}") from None
            except CandleFileError:
                if attempt == ATTEMPTS:
                    raise
            await asyncio.sleep(pause_s)
            pause_s *= 2
        raise AssertionError("the last attempt returns or raises")

    async def _fetch(self, file: PublicFile) -> CandleColumns | None:
        content = await self._get(file.path, MAX_FILE_BYTES)
        if content is None:
            return None
        told = await self._get(file.path + CHECKSUM_SUFFIX, LONGEST_CHECKSUM)
        if told is None:
            raise CandleFileError(f"{file.file_name}: is there without its {CHECKSUM_SUFFIX} file, so it is not trusted")
        require_checksum(hashlib.sha256(content).hexdigest(), told, file.file_name)
        path = self._folder / file.file_name
        try:
            path.write_bytes(content)
            columns = await asyncio.to_thread(history_in, path, file.name.symbol, file.name.interval)
        except OSError as error:
            raise CandleStoreError.at(path, error) from error
        finally:
            path.unlink(missing_ok=True)
        return _within(file, columns)

    async def _get(self, path: str, most_bytes: int) -> bytes | None:
        timeout = aiohttp.ClientTimeout(total=FILE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S)
        async with self._session.get(f"{self._base_url}{path}", timeout=timeout) as answer:
            if answer.status == _ABSENT:
                return None
            if answer.status >= _SERVER_FAILED or answer.status == _TOO_MANY:
                raise _PassingError(f"HTTP {answer.status}")
            if answer.status != _OK:
                raise CandleFileError(f"{self._base_url}{path}: HTTP {answer.status}; expected a file, or 404 where there is none")
            content = bytearray()
            async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                content += chunk
                if len(content) > most_bytes:
                    raise CandleFileError(f"{self._base_url}{path}: longer than {most_bytes} bytes")
            return bytes(content)


@asynccontextmanager
async def public_files(base_url: str, store_folder: Path, *, parallel: int) -> AsyncIterator[PublicFiles]:
    """The server, by way of a folder of its own inside a store's, which also goes when a process before this one has left it."""
    passing = store_folder / _PASSING_FOLDER
    shutil.rmtree(passing, ignore_errors=True)
    try:
        passing.mkdir(parents=True)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=parallel), trust_env=True) as session:
            yield PublicFiles(session, base_url, passing)
    finally:
        shutil.rmtree(passing, ignore_errors=True)


def _within(file: PublicFile, columns: CandleColumns) -> CandleColumns:
    """Candles of 3 days and weeks may reach over the ends of a month; they belong where they open. Others must not."""
    inside = columns.between(file.span.start_ms, file.span.end_ms)
    if columns.interval_ms <= DAY_MS and len(inside) != len(columns):
        raise CandleFileError(f"{file.file_name}: holds {counted(len(columns) - len(inside), 'candle')} of another time than its name says")
    return inside
