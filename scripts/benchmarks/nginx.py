"""An nginx of our own: found, started with a configuration, and stopped; in the foreground, without touching the system's."""

import os
import pwd
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INSTALL = "nginx is needed and was not found; on Debian and Ubuntu: apt-get install nginx-light"
_PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
_MODULES = (Path("/usr/lib/nginx/modules"), Path("/usr/lib64/nginx/modules"), Path("/usr/share/nginx/modules"))
_START_S = 10.0

_MAIN = """\
{user}
{echo}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
}}
"""


def find_nginx() -> str | None:
    """Path of the program, None when it is not installed."""
    return shutil.which("nginx", path=_PLACES)


def echo_module() -> Path | None:
    """The module that can wait before it answers, None when it is not installed."""
    found = (folder / "ngx_http_echo_module.so" for folder in _MODULES)
    return next((path for path in found if path.is_file()), None)


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running_nginx(folder: Path, http: str, port: int, *, with_echo: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Run nginx with `http` as the inside of its http block, ready on `port` within; files of its own go to `folder`."""
    program, module = find_nginx(), echo_module()
    if program is None or (with_echo and module is None):
        raise FileNotFoundError(INSTALL)
    user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
    echo = f"load_module {module};" if with_echo else ""
    path = folder / "nginx.conf"
    path.write_text(_MAIN.format(user=user, echo=echo, folder=folder, http=http), encoding="utf-8")
    process = subprocess.Popen([program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(path)])
    try:
        _await_port(process, port)
        yield process
    finally:
        process.terminate()
        process.wait(_START_S)


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"nginx did not start on port {port}: exit code {process.poll()}")


def trusting(certificate: Path) -> ssl.SSLContext:
    """A client's context that trusts this certificate only."""
    return ssl.create_default_context(cafile=str(certificate))
