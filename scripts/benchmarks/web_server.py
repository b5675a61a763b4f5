"""The far side of all clients: nginx on its own core, with canned answers over TLS and connections that stay open."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import canned
from benchmarks.certificate import write_certificate
from benchmarks.measuring import on_core
from benchmarks.nginx import loopback_listener, running_nginx

_SERVER_CORE = 1

# The headers that Binance's own answers carry, so that every client parses as many bytes as it does in earnest.
_HEADERS = {
    "x-mbx-uuid": "4f6a1e8e-58d8-4ab7-a7b5-1a2b3c4d5e6f",
    "x-mbx-used-weight": "2",
    "x-mbx-used-weight-1m": "2",
    "Strict-Transport-Security": "max-age=31536000; includeSubdomains",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Xss-Protection": "1; mode=block",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self'",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "0",
    "X-Cache": "Miss from cloudfront",
    "Via": "1.1 0f1e2d3c4b5a69788796a5b4c3d2e1f0.cloudfront.net (CloudFront)",
    "X-Amz-Cf-Pop": "NRT57-C1",
    "X-Amz-Cf-Id": "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdEfGhIjKlMnOpQ==",
    "Last-Modified": "",
}

_HTTP = """
    default_type "application/json;charset=UTF-8";
    etag off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    large_client_header_buffers 4 64k;
    open_file_cache max=1000 inactive=1h;
    open_file_cache_valid 1h;
    map $msec $now_ms {{ "~^(\\d+)\\.(\\d+)$" "$1$2"; }}
    map "$arg_symbol+$arg_symbols" $asked {{ default ""; "+" "-all"; "~^\\+(%5B|\\[)(%22|\\")(?<first>[A-Z0-9]+)" "-$first"; }}
    map $arg_omitZeroBalances $zeros {{ default "all"; "true" "held"; }}
    {headers}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        root {folder};
        location = /api/v3/ping {{ return 200 '{{}}'; }}
        location = /api/v3/time {{ return 200 '{{"serverTime":$now_ms}}'; }}
        location = /api/v3/exchangeInfo {{ try_files /exchange_info.json =404; }}
        location = /api/v3/account {{ try_files /account-$zeros.json =404; }}
        location = /api/v3/ticker/price {{ {wait} }}
        location = /api/v3/klines {{ {wait} }}
        location /slow/api/v3/ticker/price {{ internal; try_files /price$asked.json =404; }}
        location /slow/api/v3/klines {{ internal; try_files /candles-$arg_limit.json =404; }}
    }}
"""


@dataclass(frozen=True, slots=True)
class WebServer:
    """Where clients find the server, and the certificate they must trust."""

    url: str
    certificate: Path


@contextmanager
def web_server(*, latency_ms: int = 0, answers: Mapping[str, bytes] | None = None) -> Iterator[WebServer]:
    """The server, running within; prices and candles come `latency_ms` after they were asked.

    `answers` are more files by name: `price-X.json` is the answer about a list of symbols that begins with X, `price-all.json` about all.
    """
    files = {
        "price.json": canned.price(),
        f"price-{canned.SYMBOL}.json": canned.prices([canned.SYMBOL]),
        "candles-100.json": canned.candles(100),
        "candles-101.json": canned.candles(101),
        "candles-151.json": canned.candles(151),
        "candles-500.json": canned.candles(500),
        "account-all.json": canned.account(),
        "account-held.json": canned.account(canned.HELD_BALANCES),
        "exchange_info.json": canned.exchange_info([canned.SYMBOL]),
        **(answers or {}),
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        certificate, key = write_certificate(folder)
        listener = loopback_listener()
        port = listener.getsockname()[1]
        wait = f"echo_sleep {latency_ms / 1000}; echo_exec /slow$uri$is_args$args;" if latency_ms else "rewrite ^ /slow$uri last;"
        headers = "\n    ".join(f'add_header {header} "{value}";' for header, value in _HEADERS.items())
        http = _HTTP.format(headers=headers, port=port, certificate=certificate, key=key, folder=folder, wait=wait)
        with on_core(_SERVER_CORE), running_nginx(folder, http, listener, with_echo=latency_ms > 0):
            yield WebServer(f"https://127.0.0.1:{port}", certificate)
