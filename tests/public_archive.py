"""A server of Binance's public kline files on loopback, made of histories, with whatever faults a test wants."""

import hashlib
import io
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from binance_trade_agent.backtest.candles.public_files import PublicFile
from binance_trade_agent.domain.candle_columns import CandleColumns
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.simulation.markets.exact_candles import market_candles
from binance_trade_agent.storage.candles.calendar import Span, days_of, months_of
from binance_trade_agent.storage.candles.store import SeriesName

MICROSECONDS_SINCE_MS = 1_735_689_600_000  # 2025-01-01
HEADER = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n"


def series_of(columns: CandleColumns) -> SeriesName:
    interval = next(name for name, length_ms in INTERVALS_MS.items() if length_ms == columns.interval_ms)
    return SeriesName(columns.symbol, interval)


def kline_text(columns: CandleColumns, *, header: bool = False) -> str:
    """The rows as Binance writes them: 8 decimals, microseconds since 2025."""
    rows = []
    for candle in market_candles(columns):
        scale = 1_000 if candle.open_time_ms >= MICROSECONDS_SINCE_MS else 1
        amounts = (candle.open, candle.high, candle.low, candle.close, candle.volume)
        bought = (candle.taker_buy_volume, candle.taker_buy_quote_volume)
        cells = [
            candle.open_time_ms * scale,
            *(f"{amount:.8f}" for amount in amounts),
            (candle.close_time_ms + 1) * scale - 1,
            f"{candle.quote_volume:.8f}",
            candle.trades,
            *(f"{amount:.8f}" for amount in bought),
            0,
        ]
        rows.append(",".join(map(str, cells)))
    return (HEADER if header else "") + "\n".join(rows) + "\n"


class Archive:
    """Files by path. `faults` names a fault by path ("500", "cut", "flip"), met `times` times or for ever."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.url = ""
        self.delay_s = 0.0
        self._faults: dict[str, str] = {}
        self._left: Counter[str] = Counter()

    def publish(self, columns: CandleColumns, *, monthly: bool = True, daily: bool = True, header: bool = False) -> None:
        """The files of every month and day that lies whole within the history."""
        name = series_of(columns)
        whole = Span(int(columns.open_times[0]), int(columns.open_times[-1]) + columns.interval_ms)
        months = [PublicFile(name, month.span, is_monthly=True) for month in months_of(whole)] if monthly else []
        days = [PublicFile(name, day, is_monthly=False) for day in days_of(whole)] if daily else []
        for file in [*months, *days]:
            if whole.start_ms <= file.span.start_ms and file.span.end_ms <= whole.end_ms:
                self.put(file, columns.between(file.span.start_ms, file.span.end_ms), header=header)

    def put(self, file: PublicFile, columns: CandleColumns, *, header: bool = False) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(file.file_name.replace(".zip", ".csv"), kline_text(columns, header=header))
        content = packed.getvalue()
        self.files[file.path] = content
        self.files[file.path + ".CHECKSUM"] = f"{hashlib.sha256(content).hexdigest()}  {file.file_name}\n".encode()

    def fail(self, path: str, fault: str, times: int = 1_000_000) -> None:
        self._faults[path], self._left[path] = fault, times

    def heal(self) -> None:
        self._faults.clear()

    def fault(self, path: str) -> str | None:
        if path in self._faults and self._left[path] > 0:
            self._left[path] -= 1
            return self._faults[path]
        return None

    @property
    def fetched(self) -> list[str]:
        """Names of the zip files that were asked for, in order."""
        return [path.rpartition("/")[2] for path in self.asked if path.endswith(".zip")]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    archive: Archive

    def do_GET(self) -> None:
        archive, path = self.archive, self.path
        archive.asked.append(path)
        time.sleep(archive.delay_s)
        content = archive.files.get(path)
        fault = archive.fault(path)
        if fault == "500" or content is None:
            self._answer(500 if fault == "500" else 404, b"<Error/>")
        elif fault == "cut":
            self._answer(200, content, told=len(content) + 100)
            self.close_connection = True
        elif fault == "flip":
            self._answer(200, content[:40] + bytes([content[40] ^ 1]) + content[41:])
        else:
            self._answer(200, content)

    def _answer(self, status: int, content: bytes, told: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if told is None else told))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may go at any moment."""


@contextmanager
def served() -> Iterator[Archive]:
    archive = Archive()
    handler = type("Handler", (_Handler,), {"archive": archive})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        archive.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield archive
        finally:
            server.shutdown()
            thread.join()
