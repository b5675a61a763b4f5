"""An nginx of our own: found, started with a configuration, and stopped; in the foreground, without touching the system's."""

import os
import pwd
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.programs import find_program

INSTALL = "nginx is needed and was not found; on Debian and Ubuntu: apt-get install nginx-light"
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


def echo_module() -> Path | None:
    """The module that can wait before it answers, None when it is not installed."""
    found = (folder / "ngx_http_echo_module.so" for folder in _MODULES)
    return next((path for path in found if path.is_file()), None)


def loopback_listener() -> socket.socket:
    """A listening socket on a port that is ours from now on; nginx inherits it, so nobody can take the port in between."""
    return socket.create_server(("127.0.0.1", 0), backlog=511)


@contextmanager
def running_nginx(folder: Path, http: str, listener: socket.socket, *, with_echo: bool = False) -> Iterator[subprocess.Popen[bytes]]:
    """Run nginx with `http` as the inside of its http block, which listens where `listener` does; files of its own go to `folder`."""
    with listener:  # ours is closed when nginx has it
        program, module = find_program("nginx"), echo_module()
        if program is None or (with_echo and module is None):
            raise FileNotFoundError(INSTALL)
        user = f"user {pwd.getpwuid(os.geteuid()).pw_name};" if os.geteuid() == 0 else ""
        echo = f"load_module {module};" if with_echo else ""
        path = folder / "nginx.conf"
        path.write_text(_MAIN.format(user=user, echo=echo, folder=folder, http=http), encoding="utf-8")
        command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(path)]
        # NGINX names inherited sockets: nginx's own way to hand them over when its program file is replaced.
        inherited = {**os.environ, "NGINX": f"{listener.fileno()};"}
        process = subprocess.Popen(command, env=inherited, pass_fds=(listener.fileno(),))
    try:
        _await_file(process, folder / "nginx.pid")
        yield process
    finally:
        process.terminate()
        process.wait(_START_S)


def _await_file(process: subprocess.Popen[bytes], path: Path) -> None:
    deadline = time.monotonic() + _START_S
    while not path.is_file():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"nginx did not start: exit code {process.poll()}")
        time.sleep(0.01)
