"""Recorded files: the rows of the .csv files, also zipped, that Binance publishes, read in a stream and never more than is allowed."""

import csv
import io
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from binance_trade_agent.domain.errors import RecordedFileError

_SUFFIXES = frozenset({".csv", ".zip"})
LEAST_MICROSECONDS = 10**15  # 16 digits; milliseconds have 13 until the year 2286


@dataclass(frozen=True, slots=True)
class FileKind:
    """What kind of files are read, as errors name it, with the error, an example of a name, and how a header row may begin."""

    name: str
    example: str
    failure: type[RecordedFileError]
    header_starts: Collection[str]


def found_files(location: Path, kind: FileKind) -> list[Path]:
    """The file `location`, or all .csv and .zip files right inside a folder; the kind's error when there is none."""
    try:
        paths = sorted(location.iterdir()) if location.is_dir() else [location]
    except OSError as error:
        raise kind.failure(f"{location}: cannot be read: {error.strerror}") from error
    if location.is_dir():
        paths = [path for path in paths if path.suffix in _SUFFIXES and path.is_file() and not path.name.startswith(".")]
        if not paths:
            raise kind.failure(f"{location}: no {kind.name} files; expected files such as {kind.example}.csv or .zip")
    elif not location.is_file():
        raise kind.failure(f"{location}: no such file or folder")
    return paths


def rows_of(path: Path, kind: FileKind, most_bytes: int) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row below the header, where there is one; the kind's error when the file cannot be read to its end."""
    with _opened(path, kind, most_bytes) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text)
        try:
            for row in reader:
                line = reader.line_num
                if line == 1 and row and row[0].strip().lower().replace(" ", "_") in kind.header_starts:
                    continue
                yield line, row
        except (UnicodeDecodeError, csv.Error) as error:
            raise kind.failure(f"{path}:{reader.line_num + 1}: expected comma-separated UTF-8 text ({error})") from None


def content_of(path: Path, kind: FileKind, most_bytes: int) -> bytes:
    """All that a file holds, unpacked; the kind's error when it cannot be read to its end."""
    with _opened(path, kind, most_bytes) as stream:
        return stream.read()


def milliseconds(text: str) -> int:
    """A time of a file, which may count microseconds (Spot files since 2025), in milliseconds; ValueError for no time since 1970."""
    value = int(text)
    if value < 0:
        raise ValueError(f"expected a time in ms or µs since 1970, found {text!r}")
    return value // 1000 if value >= LEAST_MICROSECONDS else value


class _BoundedStream(io.RawIOBase):
    """`source`, of which not more than `most_bytes` are read."""

    def __init__(self, source: IO[bytes], path: Path, kind: FileKind, most_bytes: int) -> None:
        super().__init__()
        self._source = source
        self._path = path
        self._kind = kind
        self._most_bytes = most_bytes
        self._left = most_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed knows no type for all buffers
        data = self._source.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise _too_long(self._path, self._kind, self._most_bytes)
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def _opened(path: Path, kind: FileKind, most_bytes: int) -> Iterator[io.BufferedReader]:
    try:
        with ExitStack() as stack:
            zipped = path.suffix == ".zip"
            source = _unpacked(path, kind, most_bytes, stack) if zipped else stack.enter_context(path.open("rb"))
            yield stack.enter_context(io.BufferedReader(_BoundedStream(source, path, kind, most_bytes)))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise kind.failure(f"{path}: not a readable zip file: {error}") from None
    except OSError as error:
        raise kind.failure(f"{path}: cannot be read: {error}") from error


def _unpacked(path: Path, kind: FileKind, most_bytes: int, stack: ExitStack) -> IO[bytes]:
    """The one file in an archive, after it was read through once: nothing of a damaged one is used."""
    archive = stack.enter_context(zipfile.ZipFile(path))
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1 or not members[0].filename.endswith(".csv"):
        raise kind.failure(f"{path}: expected a zip with one .csv inside, found {len(members)} files")
    if members[0].flag_bits & 1:
        raise kind.failure(f"{path}: expected a zip without a password")
    if members[0].file_size > most_bytes:  # more than that is not unpacked, whatever there is
        raise _too_long(path, kind, most_bytes)
    if archive.testzip() is not None:
        raise kind.failure(f"{path}: not a readable zip file: what it holds is damaged")
    return stack.enter_context(archive.open(members[0]))


def _too_long(path: Path, kind: FileKind, most_bytes: int) -> RecordedFileError:
    return kind.failure(f"{path}: holds more than {most_bytes // 1024 // 1024} MiB unpacked; split it into several files")
