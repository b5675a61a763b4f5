"""`halt`, `reduce` and `resume` by the command line, against a real HTTP face: what is asked arrives, and every no is told plainly."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from command_line import COMMAND, environment

from binance_trade_agent.domain.errors import BookError, ExitCode
from binance_trade_agent.domain.risk import ModeChange, TradingMode
from binance_trade_agent.service.control import Control
from binance_trade_agent.service.http_face import HttpFace, Sources
from binance_trade_agent.service.vitals import Report

TOKEN = "the-token-of-this-test"


class Desk:
    """Takes modes; raises `error` instead when there is one."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, TradingMode, str]] = []
        self.error: Exception | None = None

    async def set_mode(self, scope: str, mode: TradingMode, reason: str) -> ModeChange:
        if self.error:
            raise self.error
        self.taken.append((scope, mode, reason))
        return ModeChange(7, scope, mode, "operator", reason)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def port(desk: Desk) -> AsyncIterator[str]:
    sources = Sources(lambda: Report({}), lambda: Report({}), dict, lambda: b"", Control(TOKEN, desk.set_mode))
    async with HttpFace("127.0.0.1", 0, sources) as face:
        yield face.address.rstrip("/").rpartition(":")[2]


async def ask(folder: Path, *words: str, **settings: str) -> tuple[int, str]:
    """(exit code, what was said) of the command."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *words, env=environment(folder, **settings), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        (("halt", "--reason", "news"), ("*", TradingMode.HALTED, "news")),
        (("reduce", "--reason", "thin books", "--symbol", "BTCUSDT"), ("BTCUSDT", TradingMode.REDUCING, "thin books")),
        (("resume", "--reason", "understood"), ("*", TradingMode.ACTIVE, "understood")),
    ],
)
async def test_a_verb_reaches_the_running_daemon(tmp_path: Path, desk: Desk, port: str, words, taken) -> None:
    code, said = await ask(tmp_path, *words, HTTP_PORT=port, CONTROL_TOKEN=TOKEN)
    assert (code, desk.taken) == (0, [taken])
    assert str(taken[1]) in said


async def test_a_no_changes_nothing_and_is_told(tmp_path: Path, desk: Desk, port: str) -> None:
    code, said = await ask(tmp_path, "halt", "--reason", "news", HTTP_PORT=port, CONTROL_TOKEN="another-token-altogether")
    assert (code, "401" in said, TOKEN in said, desk.taken) == (ExitCode.FAILED, True, False, [])
    desk.error = BookError("the disk is full")
    code, said = await ask(tmp_path, "halt", "--reason", "news", HTTP_PORT=port, CONTROL_TOKEN=TOKEN)
    assert code == ExitCode.FAILED
    assert "the disk is full" in said


async def test_without_a_daemon_or_a_token_it_is_refused(tmp_path: Path) -> None:
    code, said = await ask(tmp_path, "halt", "--reason", "news", HTTP_PORT="1", CONTROL_TOKEN=TOKEN)
    assert code == ExitCode.FAILED
    assert "nothing was changed" in said
    code, said = await ask(tmp_path, "halt", "--reason", "news", HTTP_PORT="1")
    assert code == ExitCode.CONFIGURATION
    assert "CONTROL_TOKEN" in said
