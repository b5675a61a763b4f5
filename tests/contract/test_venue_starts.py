"""Starts against a server: what stops them, what is waited for, and that no secret is told on the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from command_line import COMMAND, environment
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from far_side import KEY, PATIENCE_S, SECRET, SYMBOLS, TURNS, agent, far_side

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.cli import commands
from binance_trade_agent.domain.errors import ExitCode
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.simulation.rest.face import FaceAnswer


@pytest.fixture
async def far():
    async with far_side() as side:
        yield side


REAL_MONEY = {"TRADING_MODE": "live", "LIVE_TRADING_CONFIRMATION": "I accept that real money is traded"}
KEYS = {"BINANCE_API_KEY": KEY, "BINANCE_API_SECRET": SECRET}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({**KEYS, "TRADING_MODE": "live"}, "LIVE_TRADING_CONFIRMATION is not set"),
        ({**KEYS, **REAL_MONEY, "LIVE_TRADING_CONFIRMATION": "yes"}, "LIVE_TRADING_CONFIRMATION is 'yes'"),
        (REAL_MONEY, "BINANCE_API_KEY is not set"),
        ({**KEYS, **REAL_MONEY, "BINANCE_BASE_URL": "http://api.binance.com"}, "plain http"),
        ({**KEYS, **REAL_MONEY, "BINANCE_BASE_URL": "http://127.0.0.1.example.com"}, "plain http"),
        ({**KEYS, "TRADING_MODE": "testnet", "BINANCE_BASE_URL": "https://api.binance.com"}, "trades real money"),
        ({**KEYS, "TRADING_MODE": "testnet", "BINANCE_BASE_URL": "https://api.binance.com."}, "no URL of a server"),
        ({**KEYS, "TRADING_MODE": "testnet", "BINANCE_BASE_URL": "https://api。binance。com"}, "no URL of a server"),
        ({**KEYS, "TRADING_MODE": "testnet", "STRATEGY_NAME": "lucky"}, "strategy 'lucky' is unknown"),
    ],
)
def test_wrong_settings_stop_the_start_before_anything_is_made_or_asked(tmp_path, monkeypatch, settings, told):
    for name, value in {"DATA_DIR": str(tmp_path / "data"), **settings}.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(commands, ["run"])
    assert result.exit_code == ExitCode.CONFIGURATION
    assert told in result.output
    assert KEY not in result.output
    assert SECRET not in result.output
    assert not (tmp_path / "data").exists()


# The waits between attempts, made short; all else is the command as it is.
IN_A_HURRY = (
    "from binance_trade_agent.wiring import patience; patience.START_RETRY_S = 0.001; from binance_trade_agent.cli import main; main()"
)


@dataclass(frozen=True)
class Ended:
    code: int | None
    out: str
    errors: str


async def run_command(data_dir: Path, url: str, **settings: str) -> Ended:
    """`run` in a process of its own, until it ends by itself."""
    chosen = {"TRADING_MODE": "testnet", **KEYS, "BINANCE_BASE_URL": url, "TRADING_SYMBOLS": ",".join(SYMBOLS), **settings}
    process = await asyncio.create_subprocess_exec(
        COMMAND[0],
        "-c",
        IN_A_HURRY,
        "run",
        env=environment(data_dir, **chosen),
        cwd=data_dir.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    return Ended(process.returncode, out.decode(), errors.decode())


def require_no_secret(folder: Path, *texts: str, secrets: tuple[str, ...] = (KEY, SECRET)) -> None:
    for secret in secrets:
        assert not any(secret in text for text in texts)
        for path in folder.rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def require_one_line(ended: Ended, told: str) -> None:
    assert ended.code == ExitCode.EXCHANGE_UNREACHABLE
    assert "Traceback" not in ended.out + ended.errors
    (line,) = [line for line in (ended.out + ended.errors).splitlines() if not line.startswith("{")]
    assert line.startswith("error: ")
    assert told in line


@pytest.mark.parametrize("mode", ["testnet", "paper"])
async def test_a_server_that_is_away_is_asked_again_and_then_named(far, tmp_path, mode):
    await far.stop()
    ended = await run_command(tmp_path / "data", far.url, TRADING_MODE=mode)
    require_one_line(ended, "127.0.0.1/api/v3/time: no connection came up")
    waits = [orjson.loads(line) for line in ended.errors.splitlines() if line.startswith("{")]
    assert [line["event"] for line in waits] == ["the start has to wait"] * 5
    require_no_secret(tmp_path, ended.out, ended.errors)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"BINANCE_API_KEY": "key-that-nobody-has-0123"}, "-2015"),
        ({"BINANCE_API_SECRET": "secret-that-is-wrong-0123"}, "-1022"),
        ({"TRADING_SYMBOLS": "BTCUSDT,NOPEUSDT"}, "-1121"),
    ],
)
async def test_what_the_exchange_refuses_is_told_in_one_line(far, tmp_path, settings, told):
    ended = await run_command(tmp_path / "data", far.url, **settings)
    require_one_line(ended, told)
    require_no_secret(tmp_path, ended.out, ended.errors, secrets=(KEY, SECRET, *settings.values()))


@pytest.mark.parametrize(
    ("permissions", "told"),
    [
        ({"enableWithdrawals": True}, "error: BINANCE_API_KEY may withdraw"),
        ({"enableSpotAndMarginTrading": False}, "error: BINANCE_API_KEY may not trade Spot"),
    ],
)
async def test_real_money_is_not_traded_with_a_key_that_may_do_too_much_or_too_little(far, tmp_path, permissions, told):
    far.face.key_permissions |= permissions
    ended = await run_command(tmp_path / "data", far.url, **REAL_MONEY)
    assert ended.code == ExitCode.CONFIGURATION
    assert told in ended.out + ended.errors
    assert "Traceback" not in ended.out + ended.errors
    assert not [request for request in far.face.received if request.method != "GET"]
    require_no_secret(tmp_path, ended.out, ended.errors)


async def test_only_the_real_exchange_is_asked_what_the_key_may_do(far, tmp_path):
    far.face.key_permissions |= {"enableWithdrawals": True}
    async with agent(far, tmp_path):
        assert not [request for request in far.face.received if request.path.startswith("/sapi/")]


async def test_a_clock_that_cannot_be_agreed_on_is_told_in_one_line(far, tmp_path):
    refusal = b'{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'
    far.face.script = lambda method, path: FaceAnswer(400, {}, refusal) if path == "/api/v3/account" else None
    ended = await run_command(tmp_path / "data", far.url)
    require_one_line(ended, "-1021")


async def test_a_rate_limit_at_the_start_is_sat_out(far, tmp_path):
    answers = iter([FaceAnswer(429, {"Retry-After": "1"}, b"{}")])
    far.face.script = lambda method, path: next(answers, None)
    async with agent(far, tmp_path) as components:
        assert (await AsyncTradingOrchestrator(components).start()).differences == ()
    first, second = far.face.received[:2]
    assert second.time_s - first.time_s >= 1


async def test_a_daemon_that_is_started_again_during_a_ban_asks_nothing_until_it_is_over(far, tmp_path):
    far.face.script = lambda method, path: FaceAnswer(418, {"Retry-After": "3"}, b"{}")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1), agent(far, tmp_path):
            raise AssertionError("it started during a ban")
    (banned,) = far.face.received
    far.face.script = lambda method, path: None
    async with agent(far, tmp_path) as components:
        assert (await AsyncTradingOrchestrator(components).start()).differences == ()
    assert far.face.received[1].time_s - banned.time_s >= 2.99


async def test_a_stop_is_heard_while_the_start_waits(far, tmp_path):
    far.face.script = lambda method, path: FaceAnswer(429, {"Retry-After": "600"}, b"{}")
    settings = {"TRADING_MODE": "testnet", **KEYS, "BINANCE_BASE_URL": far.url, "TRADING_SYMBOLS": ",".join(SYMBOLS)}
    async with process("run", env=environment(tmp_path / "data", **settings), cwd=tmp_path) as daemon:
        await daemon.line("the start has to wait")
        assert await daemon.stop() == 0
    assert "stopped while starting" in daemon.text
    assert "Traceback" not in daemon.text
    assert len(far.face.received) == 1


async def test_the_two_commands_trade_with_each_other_and_keep_the_secret(tmp_path):
    """`exchange` in one process, `run` in another, as a user would try the agent without Binance."""
    data = tmp_path / "data"
    settings = {**KEYS, "TRADING_SYMBOLS": ",".join(SYMBOLS), "STRATEGY_PATH": f"{tmp_path / 'turns.py'}:Turns"}
    (tmp_path / "turns.py").write_text(TURNS)
    async with process("exchange", "--port", "0", env=environment(data, **settings), cwd=tmp_path) as exchange:
        url = (await exchange.line("listens on")).split("listens on ")[1].split(";")[0]
        await exchange.line("Key and secret are those of the settings")
        chosen = {"TRADING_MODE": "testnet", "BINANCE_BASE_URL": url, "TRADING_INTERVAL_SECONDS": "1", "CANDLE_INTERVAL": "1m"}
        chosen |= {"RISK_COOLDOWN_SECONDS": "0", "LOG_LEVEL": "DEBUG"}
        for _ in range(2):
            async with process("run", env=environment(data, **settings, **chosen), cwd=tmp_path) as daemon:
                await daemon.line("Bought")
                assert await daemon.stop() == 0
        assert await exchange.stop() == 0
    assert (data / "testnet" / "book.sqlite").exists()
    require_no_secret(tmp_path, exchange.text, daemon.text)


async def test_the_exchange_command_knows_its_owner_by_an_ed25519_key(tmp_path):
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    settings = {"BINANCE_API_KEY": KEY, "BINANCE_API_SECRET": pem.replace("\n", "\\n")}
    async with process("exchange", "--port", "0", env=environment(tmp_path / "data", **settings), cwd=tmp_path) as exchange:
        url = (await exchange.line("listens on")).split("listens on ")[1].split(";")[0]
        async with AsyncBinanceClient(Connection(url, PooledTransport(), WallClock(), KEY, pem)) as client:
            assert (await client.get_account()).balances["USDT"].free > 0
        assert await exchange.stop() == 0
    assert pem.splitlines()[1] not in exchange.text


class Process:
    """A command of ours, read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.text = ""

    async def line(self, part: str) -> str:
        """The next line with `part` in it."""
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while True:
                line = (await self._process.stdout.readline()).decode()
                self.text += line
                assert line, self.text
                if part in line:
                    return line

    async def stop(self) -> int | None:
        self._process.terminate()
        rest, _ = await asyncio.wait_for(self._process.communicate(), PATIENCE_S)
        self.text += rest.decode()
        return self._process.returncode


@asynccontextmanager
async def process(*arguments: str, env: dict[str, str], cwd: Path) -> AsyncIterator[Process]:
    started = await asyncio.create_subprocess_exec(
        *COMMAND,
        *arguments,
        env={**env, "PYTHONUNBUFFERED": "1"},
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Process(started)
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()
