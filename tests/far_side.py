"""A far side for venues that talk to a server: our own exchange on a real socket, watched, and agents that trade there."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from binance_trade_agent.async_binance_client import AsyncBinanceClient, Connection
from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.binance.http.transport import PooledTransport
from binance_trade_agent.domain.decision import Verdict
from binance_trade_agent.domain.facts import PassFinished
from binance_trade_agent.settings import load_settings
from binance_trade_agent.simulation.clocks import ShiftedClock, WallClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.rest.face import FaceAnswer, RestFace
from binance_trade_agent.simulation.rest.http_server import RunningServer, serve
from binance_trade_agent.wiring import Components, open_components

D = Decimal
KEY, SECRET = "key-of-the-tests-0123456789", "secret-of-the-tests-9876543210"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
HOUR_MS = 3_600_000
PATIENCE_S = 30.0

TURNS = '''
from binance_trade_agent.domain.signal import Action, Opinion


class Turns:
    """Buys and sells in turns, once a pass."""

    name = "turns"
    required_candles = 1

    def __init__(self) -> None:
        self.asked = {}

    def evaluate(self, window):
        turn = self.asked[window.symbol] = self.asked.get(window.symbol, 0) + 1
        return Opinion(Action.BUY if turn % 2 else Action.SELL, 1.0, f"turn {turn}")


class Selling:
    name = "selling"
    required_candles = 1

    def evaluate(self, window):
        return Opinion(Action.SELL, 1.0, "it always sells")
'''


@dataclass(frozen=True)
class Received:
    """One request as the server saw it, and what it answered."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    answer: FaceAnswer
    time_s: float


Script = Callable[[str, str], FaceAnswer | None]


class WatchedFace:
    """The exchange's REST face, remembering everything that came; `script` may answer in its place."""

    def __init__(self, face: RestFace) -> None:
        self._face = face
        self.received: list[Received] = []
        self.script: Script = lambda method, path: None
        self.key_permissions = {"ipRestrict": True, "enableReading": True, "enableWithdrawals": False, "enableSpotAndMarginTrading": True}

    def handle(self, method, path, query, body, headers, *rest):
        answer = self.script(method, path) or self._wallet(path) or self._face.handle(method, path, query, body, headers, *rest)
        seen = {name.lower(): value for name, value in headers.items()}
        self.received.append(Received(method, path, query, seen, answer, time.monotonic()))
        return answer

    def _wallet(self, path):
        """What the real exchange has beside Spot, and our own has not."""
        is_asked = path == "/sapi/v1/account/apiRestrictions"
        return FaceAnswer(200, {}, json.dumps(self.key_permissions).encode()) if is_asked else None


@dataclass
class FarSide:
    """An exchange on a server of its own, with the account of KEY; `offset_ms` is how far its clock is ahead of ours."""

    offset_ms: int = 0
    port: int = 0
    server: RunningServer | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        clock = ShiftedClock(self.offset_ms) if self.offset_ms else WallClock()
        self.exchange = SimulatedExchange(SyntheticMarket(SYMBOLS, 7), clock)
        self.exchange.open_account(KEY, SECRET, {"USDT": D(10_000), "BTC": D(1), "BNB": D("2.5")})
        self.face = WatchedFace(self.exchange.face)
        self.exchange.face = self.face

    async def start(self) -> None:
        self.server = await serve(self.exchange, port=self.port)
        self.port = self.server.port

    async def stop(self) -> None:
        if self.server is not None:
            await self.server.close()
            self.server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def held(self) -> dict[str, Decimal]:
        return {asset: balance.total for asset, balance in self.exchange.balances(KEY).items() if balance.total}

    @asynccontextmanager
    async def by_hand(self) -> AsyncIterator[AsyncBinanceClient]:
        """A client of the account's owner, beside the agent."""
        async with AsyncBinanceClient(Connection(self.url, PooledTransport(), WallClock(), KEY, SECRET)) as client:
            yield client


@asynccontextmanager
async def far_side(offset_ms: int = 0) -> AsyncIterator[FarSide]:
    side = FarSide(offset_ms)
    await side.start()
    try:
        yield side
    finally:
        await side.stop()
        side.exchange.close()


class Facts:
    """What the agent reported."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def observe(self, fact: object) -> None:
        self.seen.append(fact)

    def count(self, kind: type) -> int:
        return sum(isinstance(fact, kind) for fact in self.seen)


@asynccontextmanager
async def agent(
    side: FarSide, folder: Path, strategy: str = "Turns", observer: Facts | None = None, **overrides: object
) -> AsyncIterator[Components]:
    path = folder / "turns.py"
    path.write_text(TURNS)
    values: dict[str, object] = {
        "trading_mode": "testnet",
        "binance_api_key": KEY,
        "binance_api_secret": SECRET,
        "binance_base_url": side.url,
        "trading_symbols": ",".join(SYMBOLS),
        "trading_interval_seconds": 1,
        "candle_interval": "1m",
        "candle_window": 20,
        "strategy_path": f"{path}:{strategy}",
        "data_dir": folder / "data",
        "http_port": 0,
        "risk_cooldown_seconds": 0,
        "risk_max_orders_per_minute": 1000,
        "risk_volatility_threshold": "0",
        "risk_max_loss_streak": 0,
        "risk_max_daily_drawdown": "1",
        "risk_max_total_drawdown": "1",
        **overrides,
    }
    async with open_components(load_settings(**values), observer) as components:
        yield components


async def passes(components: Components, count: int) -> list[PassFinished]:
    orchestrator = AsyncTradingOrchestrator(components)
    return [await orchestrator.run_pass() for _ in range(count)]


def book(components: Components) -> dict[str, Decimal]:
    return {asset: amount for asset, amount in components.portfolio.balances.items() if amount}


def verdicts(finished: PassFinished) -> set[Verdict]:
    return {decision.verdict for decision in finished.decisions}


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in a server and a daemon that offer no event
            await asyncio.sleep(0.02)
