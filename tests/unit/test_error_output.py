"""Standard error that cannot be written loses lines, says so when it can, and changes neither what a process does nor its exit code."""

import contextlib
import errno
import fcntl
import io
import json
import os
import signal
import subprocess
import time
import urllib.request

import pytest
from command_line import COMMAND, environment

from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.telemetry.error_output import ErrorOutput


@pytest.fixture
def pipe():
    """A pipe whose writer is refused, not kept waiting, when it is full."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    yield reader, writer
    for descriptor in (reader, writer):
        os.close(descriptor)


def test_what_is_lost_is_counted_and_told_by_the_first_write_that_succeeds(pipe):
    reader, writer = pipe
    output = ErrorOutput(writer)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x")
    output.write(b"lost\n")
    output.write(b"lost, too\n")
    while not os.read(reader, 65_536).endswith(b"x"):
        pass
    output.write(b"last\n")
    notice, last = os.read(reader, 65_536).decode().splitlines()
    assert json.loads(notice)["count"] == 2
    assert last == "last"
    output.write(b"next\n")
    assert os.read(reader, 65_536) == b"next\n"


def test_a_reader_that_does_not_read_holds_nobody_up_and_finds_whole_lines_when_he_does():
    reader, writer = os.pipe()  # one that keeps its writer waiting, as the pipe of a shell or of a container does
    output = ErrorOutput(writer)
    lines = [json.dumps({"event": "e" * (number * 37 % 7_000), "number": number}).encode() + b"\n" for number in range(300)]
    for line in lines:
        assert output.write(line) == len(line)
    os.set_blocking(reader, False)
    found = b""
    with contextlib.suppress(BlockingIOError):
        while True:
            found += os.read(reader, 65_536)
    output.write(b'{"number": 1000}\n')
    rest = found.rpartition(b"\n")[2] + os.read(reader, 65_536)
    *_, notice, last = rest.splitlines()
    told = [json.loads(line)["number"] for line in found.splitlines()[:-1]]
    assert told == list(range(len(told)))
    assert json.loads(notice)["error"] == "nobody reads it"
    assert len(told) + output.lost_writes in (300, 299)  # the one that was cut in the middle is lost, or fitted to its last letter
    assert json.loads(last)["number"] == 1000
    os.close(reader)
    os.close(writer)


def test_a_line_of_which_a_part_was_written_is_ended_before_the_next(pipe, monkeypatch):
    reader, writer = pipe
    output = ErrorOutput(writer)
    write, taken = os.write, iter([3])

    def fills_up(descriptor, data):
        if (size := next(taken, 0)) == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data[:size])

    monkeypatch.setattr(os, "write", fills_up)
    assert output.write(b"a line\n") == 7
    monkeypatch.undo()
    output.write(b"the next\n")
    part, notice, following = os.read(reader, 65_536).decode().splitlines()
    assert (part, following) == ("a l", "the next")
    assert json.loads(notice)["error"] == "No space left on device"


def test_a_text_stream_over_it_keeps_nothing_back_that_could_fail_later():
    with open("/dev/full", "wb", buffering=0) as full:
        text = io.TextIOWrapper(ErrorOutput(full.fileno()), encoding="utf-8", write_through=True)
        print("a line", file=text, flush=True)
        text.flush()


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", ">&- 2>&-"])
def test_a_command_ends_with_its_own_code_whether_or_not_its_error_can_be_told(tmp_path, redirection):
    settings = environment(tmp_path / "data", TRADING_MODE="nowhere")
    told = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, "run"], env=settings, cwd=tmp_path, timeout=60, check=False
    )
    assert told.returncode == ExitCode.CONFIGURATION


def test_the_daemon_goes_on_when_whoever_reads_its_log_has_stopped_reading(tmp_path):
    settings = environment(tmp_path / "data", TRADING_SYMBOLS="BTCUSDT", LOG_FORMAT="json", LOG_LEVEL="DEBUG")
    with subprocess.Popen([*COMMAND, "run"], env=settings, cwd=tmp_path, stderr=subprocess.PIPE) as daemon:
        fcntl.fcntl(daemon.stderr, fcntl.F_SETPIPE_SZ, 4_096)
        address = next(told["address"] for line in daemon.stderr if (told := json.loads(line))["event"] == "trading")

        def figures(name):
            with urllib.request.urlopen(f"{address}metrics", timeout=20) as answer:
                return next(
                    float(line.split()[1]) for line in answer.read().decode().splitlines() if line.startswith(f"trade_agent_{name} ")
                )

        until = time.monotonic() + 60
        while figures("log_writes_lost_total") < 3 and time.monotonic() < until:
            time.sleep(0.2)
        passes = figures("passes_total")
        while figures("passes_total") < passes + 3 and time.monotonic() < until:
            time.sleep(0.2)
        assert figures("log_writes_lost_total") >= 3
        assert figures("passes_total") >= passes + 3
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(60) == ExitCode.OK


def test_the_daemon_goes_on_when_whoever_read_its_log_has_gone(tmp_path):
    settings = environment(tmp_path / "data", TRADING_SYMBOLS="BTCUSDT", LOG_FORMAT="json")
    with subprocess.Popen([*COMMAND, "run"], env=settings, cwd=tmp_path, stderr=subprocess.PIPE) as daemon:
        assert any(json.loads(line)["event"] == "trading" for line in daemon.stderr)
        daemon.stderr.close()
        with pytest.raises(subprocess.TimeoutExpired):
            daemon.wait(3)  # it logs a decision each half second
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(60) == ExitCode.OK
