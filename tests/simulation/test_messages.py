"""Messages as a user gets them: by a real service, from the shipped command."""

import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from command_line import COMMAND, environment
from running_daemon import daemon

TOKEN = "very-secret-token-0123"


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.append((self.path, body["title"], body["message"]))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def webhook(status: int = 200) -> Iterator[ThreadingHTTPServer]:
    """A webhook that apprise's json:// posts to."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    server.got, server.status = [], status
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def url(server: ThreadingHTTPServer) -> str:
    return f"json://127.0.0.1:{server.server_port}/{TOKEN}"


def test_a_daemon_tells_its_start_its_trades_and_its_end(tmp_path):
    with webhook() as hook, daemon(tmp_path / "data", NOTIFY_URLS=url(hook), NOTIFY_SPACING_SECONDS="1") as running:
        running.find_address()
        running.wait_for(lambda: any("Bought" in message for _, _, message in hook.got))
        assert running.stop(signal.SIGTERM) == 0
        text = "\n".join(message for _, _, message in hook.got)
        assert {path for path, _, _ in hook.got} == {f"/{TOKEN}"}
        assert {title for _, title, _ in hook.got} == {"Trade agent (demo)"}
        assert re.search(r"^Trading 10 symbols in demo mode", text, re.MULTILINE)
        assert re.search(r"^Bought [0-9.]+ [A-Z]+USDT at [0-9.]+ for [0-9.]+ USDT", text, re.MULTILINE)
        assert text.splitlines()[-1] == "The daemon ended with exit code 0 (OK)"
        assert TOKEN not in running.log.read_text()
        assert "127.0.0.1" in running.log.read_text()


def test_a_service_that_is_down_costs_no_pass(tmp_path):
    with webhook(status=500) as hook, daemon(tmp_path / "data", NOTIFY_URLS=url(hook), LOG_LEVEL="DEBUG") as running:
        running.find_address()
        running.wait_for(lambda: hook.got)
        running.wait_for(running.trades)
        assert running.stop(signal.SIGTERM) == 0
        log = running.log.read_text()
        assert "A message could not be sent; it is tried again in 15 s" in log
        assert TOKEN not in log


def test_notify_test_says_which_address_works(tmp_path):
    with webhook() as good, webhook(status=500) as bad:
        settings = environment(tmp_path / "data", NOTIFY_URLS=f"{url(good)} {url(bad)}")
        done = subprocess.run(
            [*COMMAND, "notify-test"], env=settings, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["json-1: sent", "json-2: could not be sent"]
    assert good.got[0][2] == "A test: messages of the trade agent come here."
    assert TOKEN not in done.stdout + done.stderr


def test_an_address_that_means_nothing_is_told_by_its_place_and_not_shown(tmp_path):
    settings = environment(tmp_path / "data", NOTIFY_URLS=f"json://127.0.0.1:1/a nonsense://{TOKEN}")
    done = subprocess.run([*COMMAND, "run"], env=settings, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "NOTIFY_URLS: apprise does not understand address 2, of 'nonsense'" in done.stderr
    assert TOKEN not in done.stdout + done.stderr


def test_a_kind_of_notice_that_does_not_exist_is_refused(tmp_path):
    settings = environment(tmp_path / "data", NOTIFY_EVENTS="fills,everything")
    done = subprocess.run([*COMMAND, "run"], env=settings, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "NOTIFY_EVENTS" in done.stderr
    assert "everything" in done.stderr
