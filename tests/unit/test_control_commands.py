"""`halt`, `flatten` and the like by the command line, against a real HTTP face: what is asked arrives, and every no is told plainly."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from command_line import COMMAND, environment
from operator_desk import Desk

from binance_trade_agent.domain.errors import AgentError, BookError, ExitCode, ModeUnwrittenError
from binance_trade_agent.domain.risk import TradingMode
from binance_trade_agent.service.control import Control
from binance_trade_agent.service.http_face import HttpFace, Sources
from binance_trade_agent.service.vitals import Report

TOKEN = "the-token-of-this-test"


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def port(desk: Desk) -> AsyncIterator[str]:
    sources = Sources(lambda: Report({}), lambda: Report({}), dict, lambda: b"", Control(TOKEN, desk.verbs))
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
    assert (code, desk.set) == (0, [taken])
    assert str(taken[1]) in said


async def test_flatten_and_cancel_say_what_became_of_what(tmp_path: Path, desk: Desk, port: str) -> None:
    code, said = await ask(tmp_path, "flatten", "--reason", "enough", HTTP_PORT=port, CONTROL_TOKEN=TOKEN)
    assert (code, desk.flattened) == (0, [("*", "enough")])
    assert "being sold: BTCUSDT\nnot sold, because they are halted by themselves: ETHUSDT" in said
    code, said = await ask(tmp_path, "cancel", "--reason", "tidy up", "--symbol", "BTCUSDT", HTTP_PORT=port, CONTROL_TOKEN=TOKEN)
    assert (code, desk.canceled) == (0, [("BTCUSDT", "tidy up")])
    assert "over: bta-a-1\nnot known to be over, asked for again at each comparison: bta-a-2" in said


async def test_an_order_is_settled_by_its_id_and_its_end_is_told(tmp_path: Path, desk: Desk, port: str) -> None:
    code, said = await ask(tmp_path, "settle", "bta-a-7", "--reason", "not on the order page", HTTP_PORT=port, CONTROL_TOKEN=TOKEN)
    assert (code, desk.settled) == (0, [("bta-a-7", "not on the order page")])
    assert "order bta-a-7 is EXPIRED, with 0.5 executed" in said
    desk.error = AgentError("order bta-a-7 may still reach the exchange; ask again in 12 s")
    code, said = await ask(tmp_path, "settle", "bta-a-7", "--reason", "again", HTTP_PORT=port, CONTROL_TOKEN=TOKEN)
    assert code == ExitCode.FAILED
    assert "ask again in 12 s" in said


async def test_a_new_choice_of_symbols_is_told(tmp_path: Path, desk: Desk, port: str) -> None:
    code, said = await ask(tmp_path, "refresh", "--reason", "listed", HTTP_PORT=port, CONTROL_TOKEN=TOKEN)
    assert (code, desk.refreshed) == (0, 1)
    assert "chosen: BTCUSDT, ETHUSDT\njoined: ETHUSDT\nleft: SOLUSDT\nexits only: SOLUSDT" in said


async def test_a_wrong_symbol_is_told_with_the_right_ones(tmp_path: Path, desk: Desk, port: str) -> None:
    code, said = await ask(tmp_path, "halt", "--reason", "news", "--symbol", "BTCUSDTT", HTTP_PORT=port, CONTROL_TOKEN=TOKEN)
    assert (code, desk.set) == (ExitCode.FAILED, [])
    assert "symbols are BTCUSDT, ETHUSDT" in said


async def test_a_no_changes_nothing_and_is_told(tmp_path: Path, desk: Desk, port: str) -> None:
    code, said = await ask(tmp_path, "halt", "--reason", "news", HTTP_PORT=port, CONTROL_TOKEN="another-token-altogether")
    assert (code, "401" in said, TOKEN in said, desk.set) == (ExitCode.FAILED, True, False, [])
    desk.error = BookError("the disk is full")
    code, said = await ask(tmp_path, "resume", "--reason", "news", HTTP_PORT=port, CONTROL_TOKEN=TOKEN)
    assert code == ExitCode.FAILED
    assert "resume was not carried out: the disk is full (HTTP 503)" in said


async def test_a_halt_that_the_book_did_not_take_is_told_to_be_in_force(tmp_path: Path, desk: Desk, port: str) -> None:
    desk.error = ModeUnwrittenError("the disk is full")
    code, said = await ask(tmp_path, "halt", "--reason", "news", HTTP_PORT=port, CONTROL_TOKEN=TOKEN)
    assert code == ExitCode.FAILED
    assert "halt is in force, and not in the book yet; it is written as soon as the book takes it: the disk is full" in said
    assert "refused" not in said


async def test_without_a_daemon_or_a_token_it_is_refused(tmp_path: Path) -> None:
    code, said = await ask(tmp_path, "halt", "--reason", "news", HTTP_PORT="1", CONTROL_TOKEN=TOKEN)
    assert code == ExitCode.FAILED
    assert "nothing was changed" in said
    code, said = await ask(tmp_path, "halt", "--reason", "news", HTTP_PORT="1")
    assert code == ExitCode.CONFIGURATION
    assert "CONTROL_TOKEN" in said
