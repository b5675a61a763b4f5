"""OtlpPosting: posts batches to a service of traces over one connection that is kept, for a thread that may wait.

Source: OpenTelemetry specification, "OTLP/HTTP" (Request, Response, Retryable Response Codes) and "OTLP Exporter" (the standard names).
"""

import gzip
import http.client
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from urllib.parse import unquote, urlsplit

SEND_TIMEOUT_S = 5.0
"""What one batch may take, its repetitions included."""

FIRST_PAUSE_S = 0.5
MOST_ANSWER_BYTES = 64 * 1024
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e]+")
_RETRYABLE = frozenset({429, 502, 503, 504})


class TracesNotTakenError(Exception):
    """The service of traces could not be reached or did not take a batch."""


class Compression(StrEnum):
    """How batches are packed; the values of OTEL_EXPORTER_OTLP_COMPRESSION."""

    NONE = "none"
    GZIP = "gzip"
    DEFLATE = "deflate"


_PACKERS: Mapping[Compression, Callable[[bytes], bytes]] = {
    Compression.NONE: bytes,
    Compression.GZIP: gzip.compress,
    Compression.DEFLATE: zlib.compress,
}


class OtlpPosting:
    """Posts to `url`; `names` are the process's environment, whose standard names say with which headers, certificate and packing.

    No proxy is used. Raises ValueError for a packing that there is not, a certificate that cannot be used, or a header that cannot be sent,
    whose value is not shown.
    """

    def __init__(self, url: str, names: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._path = parts.path or "/"
        compression = _compression(_standard(names, "COMPRESSION"))
        self._pack = _PACKERS[compression]
        self._headers = {**_headers(_standard(names, "HEADERS")), "content-type": "application/x-protobuf"}
        if compression is not Compression.NONE:
            self._headers["content-encoding"] = str(compression)
        self._stopping = threading.Event()
        self._connection = _connection(parts.scheme, parts.hostname or "", parts.port, names)

    def post(self, batch: bytes) -> None:
        """Have the service take a batch; takes about SEND_TIMEOUT_S at most. Raises TracesNotTakenError."""
        until_s = time.monotonic() + SEND_TIMEOUT_S
        packed, pause_s = self._pack(batch), FIRST_PAUSE_S
        while True:
            status, asked_s = self._answer(packed, until_s)
            if 200 <= status < 300:
                return
            wait_s = max(pause_s, asked_s)
            if status not in _RETRYABLE or time.monotonic() + wait_s >= until_s or self._stopping.wait(wait_s):
                raise TracesNotTakenError(f"it answers with HTTP {status}")
            pause_s *= 2

    def close(self) -> None:
        """Give up what is being sent, and close the connection."""
        self._stopping.set()
        connection = self._connection.sock
        if connection is not None:
            with suppress(OSError):  # whoever waits for an answer wakes up
                connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _answer(self, packed: bytes, until_s: float) -> tuple[int, float]:
        """Status, and after how many seconds it wants to be asked again. A kept connection may have been closed, so there are two tries."""
        was_kept = self._connection.sock is not None
        try:
            return self._exchange(packed, until_s)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            if not was_kept or isinstance(error, TimeoutError):
                raise TracesNotTakenError(str(error) or type(error).__name__) from None
        try:
            return self._exchange(packed, until_s)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise TracesNotTakenError(str(error) or type(error).__name__) from None

    def _exchange(self, packed: bytes, until_s: float) -> tuple[int, float]:
        self._connection.timeout = max(0.001, until_s - time.monotonic())
        if self._connection.sock is not None:
            self._connection.sock.settimeout(self._connection.timeout)
        self._connection.request("POST", self._path, packed, self._headers)
        response = self._connection.getresponse()
        response.read(MOST_ANSWER_BYTES)
        if not response.isclosed():  # what is longer is not read to its end, and with it the connection
            self._connection.close()
        return response.status, _seconds(response.headers.get("retry-after", ""))


def _connection(scheme: str, host: str, port: int | None, names: Mapping[str, str]) -> http.client.HTTPConnection:
    if scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=SEND_TIMEOUT_S)
    authority, certificate = _standard(names, "CERTIFICATE"), _standard(names, "CLIENT_CERTIFICATE")
    try:
        context = ssl.create_default_context(cafile=authority or None)
        if certificate:
            context.load_cert_chain(certificate, _standard(names, "CLIENT_KEY") or None)
    except OSError as error:
        wanted = f"OTEL_EXPORTER_OTLP_CERTIFICATE ({authority or 'none'}), _CLIENT_CERTIFICATE ({certificate or 'none'}) and _CLIENT_KEY"
        raise ValueError(f"{wanted} cannot be used: {error}") from None
    return http.client.HTTPSConnection(host, port, timeout=SEND_TIMEOUT_S, context=context)


def _standard(names: Mapping[str, str], name: str) -> str:
    """A standard name's value; the one for traces alone goes before the one for all."""
    return (names.get(f"OTEL_EXPORTER_OTLP_TRACES_{name}") or names.get(f"OTEL_EXPORTER_OTLP_{name}") or "").strip()


def _compression(value: str) -> Compression:
    try:
        return Compression(value.lower() or Compression.NONE)
    except ValueError:
        raise ValueError(f"OTEL_EXPORTER_OTLP_COMPRESSION is {value!r}; allowed: {', '.join(Compression)}") from None


def _headers(listed: str) -> dict[str, str]:
    """`name=value,name=value`, both percent-encoded where they hold what HTTP or the list cannot."""
    headers = {}
    for position, pair in enumerate(filter(None, (part.strip() for part in listed.split(","))), start=1):
        name, _, value = (unquote(part).strip() for part in pair.partition("="))
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            # Neither name nor value is shown: what was mistyped may be the token itself.
            raise ValueError(f"header {position} of OTEL_EXPORTER_OTLP_HEADERS is not of the form name=value in what HTTP can carry")
        headers[name.lower()] = value
    return headers


def _seconds(retry_after: str) -> float:
    return float(retry_after) if retry_after.isdecimal() else 0.0
