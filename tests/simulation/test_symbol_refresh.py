"""The whole daemon over the simulated exchange in virtual time, while symbols rise, fall, are halted and are delisted, and it is killed."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from recorder import Recorder

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.domain.decision import TradeDecision, Verdict
from binance_trade_agent.domain.errors import ExchangeError, ExitCode, ServiceError
from binance_trade_agent.domain.facts import PassFinished
from binance_trade_agent.domain.order import Side
from binance_trade_agent.domain.risk import Refused, RiskRule, TradingMode
from binance_trade_agent.domain.symbol_facts import RefreshResult, SymbolRefreshEnded, SymbolsTraded
from binance_trade_agent.service.agent_parts import daemon_parts
from binance_trade_agent.service.daemon import Daemon
from binance_trade_agent.settings import load_settings
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.engine.listing import TradingStatus
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.in_process_sockets import InProcessSockets
from binance_trade_agent.simulation.markets.candle_files import RecordedCandles
from binance_trade_agent.simulation.markets.market import MarketCandle
from binance_trade_agent.simulation.markets.recorded import RecordedMarket
from binance_trade_agent.simulation.virtual_loop import run_virtual
from binance_trade_agent.wiring import Components, open_components
from binance_trade_agent.wiring.remote_venue import wanted_streams
from binance_trade_agent.wiring.venue import Venue

KEY, SECRET = "key-of-the-simulation-0123456789abcdef", "secret-of-the-simulation-fedcba9876543210"
STEP_MS, HOUR_MS = 300_000, 3_600_000
BEGIN_MS = 1_735_689_600_000
HOURS = 9
FLAT = (TradingMode.REDUCING, RiskRule.FLATTEN, "it is to go")

# What is traded of each in five minutes, hour by hour. The daemon starts after the first hour and chooses the two with the most of the day.
VOLUMES = {
    "AAAUSDT": (600,) + (30,) * 8,
    "BBBUSDT": (500,) * 9,
    "CCCUSDT": (1, 5_000, 1, 1, 1, 1, 1, 1, 1),
    "DDDUSDT": (10,) * 9,
}

STRATEGY = '''
from binance_trade_agent.domain.signal import Action, Opinion


class Patient:
    """Buys in every candle, and sells AAAUSDT from the sixth hour on."""

    name = "patient"
    required_candles = 1

    def evaluate(self, window):
        is_late = window.symbol == "AAAUSDT" and window.candles[-1].open_time_ms >= 1_735_689_600_000 + 5 * 3_600_000
        return Opinion(Action.SELL if is_late else Action.BUY, 1.0, "late" if is_late else "early")
'''


def candles(volumes: tuple[int, ...]) -> list[MarketCandle]:
    made = []
    for number in range(HOURS * HOUR_MS // STEP_MS):
        volume, open_ms = Decimal(volumes[number * STEP_MS // HOUR_MS]), BEGIN_MS + number * STEP_MS
        low, high = Decimal("99.9"), Decimal("100.1")
        made.append(MarketCandle(open_ms, Decimal(100), high, low, Decimal(100), volume, open_ms + STEP_MS - 1, volume * 100, 10))
    return made


class Market(RecordedMarket):
    """The recorded candles; what is in `gone` is not listed any more."""

    def __init__(self) -> None:
        super().__init__(RecordedCandles(STEP_MS, {symbol: candles(volumes) for symbol, volumes in VOLUMES.items()}))
        self.gone: set[str] = set()

    @property
    def rules(self):
        return {symbol: rules for symbol, rules in super().rules.items() if symbol not in self.gone}


class World:
    """An exchange, and one daemon after the other on a folder."""

    def __init__(self, folder, **settings) -> None:
        self.folder, self.settings = folder, settings
        self.market = Market()
        self.clock = VirtualClock(BEGIN_MS + HOUR_MS + 1_000)
        self.exchange = SimulatedExchange(self.market, self.clock)
        self.exchange.open_account(KEY, SECRET, {"USDT": Decimal(10_000)})
        self.sockets = InProcessSockets(self.exchange)
        self.facts = Recorder()
        (folder / "patient.py").write_text(STRATEGY)

    async def until_hour(self, hour: float) -> None:
        await self.clock.sleep_until(BEGIN_MS + round(hour * HOUR_MS))

    @asynccontextmanager
    async def daemon(self, data="data"):
        """Components and daemon, which runs beside the block and is asked to stop at its end."""
        given = {
            "trading_mode": "testnet",
            "binance_api_key": KEY,
            "binance_api_secret": SECRET,
            "binance_base_url": "http://127.0.0.1:1",
            "trading_symbols": "AAAUSDT",
            "symbol_selection": "top-volume",
            "symbol_count": 2,
            "symbol_slack": 0,
            "symbol_min_age_days": 0,
            "symbol_refresh_hours": 1,
            "trading_interval_seconds": 300,
            "candle_interval": "5m",
            "candle_window": 10,
            "market_data": "rest",
            "strategy_path": f"{self.folder / 'patient.py'}:Patient",
            "data_dir": self.folder / data,
            "http_port": 0,
            "risk_volatility_threshold": "0",
            "risk_max_total_exposure": "0.8",
            "reconcile_interval_seconds": 900,
        }
        async with open_components(load_settings(**(given | self.settings)), self.facts, at=self._venue) as components:
            daemon = Daemon(daemon_parts(components, metrics=bytes))
            running = asyncio.ensure_future(daemon.run())
            try:
                yield components, daemon
            finally:
                daemon.request_stop("the test is over")
                assert await running is ExitCode.OK

    @asynccontextmanager
    async def _venue(self, settings, observer):
        connection = Connection(
            base_url=settings.base_url,
            transport=InProcessTransport(self.exchange, latency_ms=20),
            clock=self.clock,
            api_key=KEY,
            api_secret=SECRET,
            observer=observer,
            open_socket=self.sockets.open,
        )
        yield Venue("far", settings, settings.book_path.parent, connection, self.clock, wanted_streams(settings), is_virtual=True)

    def refreshes(self) -> list[RefreshResult]:
        return [fact.result for fact in self.facts.of(SymbolRefreshEnded)]

    def decisions(self, symbol: str) -> list[TradeDecision]:
        every = (decision for fact in self.facts.of(PassFinished) for decision in fact.decisions)
        return [decision for decision in every if decision.symbol == symbol]

    def refusals(self, symbol: str) -> set[RiskRule]:
        return {decision.risk.rule for decision in self.decisions(symbol) if isinstance(decision.risk, Refused)}

    def bought(self, symbol: str) -> Decimal:
        return sum((trade.quantity for trade in self.exchange.trades(KEY) if trade.symbol == symbol and trade.side is Side.BUY), Decimal(0))


def lived(folder, story: Callable[[World], Awaitable[None]], **settings) -> None:
    async def live() -> None:
        world = World(folder, **settings)
        try:
            await story(world)
        finally:
            await world.sockets.aclose()

    run_virtual(live())


def standing(components: Components) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return components.traded.chosen, components.traded.exits_only


def test_what_rises_is_bought_and_what_falls_is_only_sold_until_nothing_is_held_over_a_kill(tmp_path):
    async def story(world: World) -> None:
        async with world.daemon() as (components, _):
            await world.until_hour(1.9)
            assert standing(components) == (("AAAUSDT", "BBBUSDT"), ())
            assert set(components.portfolio.held_symbols) == {"AAAUSDT", "BBBUSDT"}
            await world.until_hour(2.9)
            assert standing(components) == (("CCCUSDT", "BBBUSDT"), ("AAAUSDT",))
            before, bought = len(world.decisions("AAAUSDT")), world.bought("AAAUSDT")
            assert "CCCUSDT" in components.portfolio.held_symbols
            await world.until_hour(3.9)
            assert len(world.decisions("AAAUSDT")) > before + 10
            assert world.bought("AAAUSDT") == bought
            assert RiskRule.NOT_CHOSEN in world.refusals("AAAUSDT")
            assert RiskRule.NOT_CHOSEN not in world.refusals("BBBUSDT") | world.refusals("CCCUSDT")
            shutil.copytree(world.folder / "data", world.folder / "killed")
        assert world.facts.of(SymbolsTraded)[1:] == [
            SymbolsTraded(("CCCUSDT", "BBBUSDT"), ("AAAUSDT",), joined=("CCCUSDT",), left=("AAAUSDT",), closing=("AAAUSDT",))
        ]
        assert world.refreshes() == [RefreshResult.CHANGED, RefreshResult.UNCHANGED]
        async with world.daemon("killed") as (components, _):
            assert standing(components) == (("CCCUSDT", "BBBUSDT"), ("AAAUSDT",))
            await world.until_hour(5.0)
            assert world.bought("AAAUSDT") == bought
            assert "AAAUSDT" in components.portfolio.held_symbols
            await world.until_hour(6)
            assert standing(components) == (("CCCUSDT", "BBBUSDT"), ())
            assert world.exchange.balances(KEY)["AAA"].total < Decimal("0.001")
            assert world.decisions("AAAUSDT")[-1].verdict is Verdict.FILLED
            assert world.facts.of(SymbolsTraded)[-1].dropped == ("AAAUSDT",)
            assert components.market._open.candles.own.knows("BBBUSDT")
            assert not components.market._open.candles.own.knows("AAAUSDT")

    lived(tmp_path, story)


def test_what_is_halted_or_delisted_while_held_is_watched_and_never_lost(tmp_path):
    async def story(world: World) -> None:
        async with world.daemon() as (components, _):
            await world.until_hour(1.9)
            world.exchange.set_symbol_status("BBBUSDT", TradingStatus.BREAK)
            await world.until_hour(2.9)
            assert standing(components) == (("CCCUSDT", "AAAUSDT"), ("BBBUSDT",))
            await world.until_hour(3.5)
            world.market.gone.add("BBBUSDT")
            await world.until_hour(4.9)
            assert (standing(components), components.traded.stranded) == ((("CCCUSDT", "AAAUSDT"), ()), ("BBBUSDT",))
            assert "BBBUSDT" in components.portfolio.held_symbols
            told = world.facts.of(SymbolsTraded)[-1]
            assert (told.stranded, told.lost, told.dropped) == (("BBBUSDT",), ("BBBUSDT",), ())
            shutil.copytree(world.folder / "data", world.folder / "killed")
        async with world.daemon("killed") as (components, _):
            assert components.traded.stranded == ("BBBUSDT",)
            assert world.facts.of(SymbolsTraded)[-1].lost == ("BBBUSDT",), "each start says so"
            world.market.gone.clear()
            world.exchange.set_symbol_status("BBBUSDT", TradingStatus.TRADING)
            await world.until_hour(6.5)
            assert standing(components)[0] == ("CCCUSDT", "BBBUSDT")
            assert components.traded.stranded == ()
            assert world.facts.of(SymbolsTraded)[-1].lost == ()

    lived(tmp_path, story)


def test_a_choice_that_cannot_be_made_leaves_the_present_one_and_says_so(tmp_path):
    async def story(world: World) -> None:
        async with world.daemon() as (components, daemon):
            await world.until_hour(1.9)
            chosen = components.traded.chosen
            world.exchange.faults.append(Fault(FaultKind.ANSWER_5XX_NOT_EXECUTED, "GET /api/v3/ticker/24hr", times=None))
            await world.until_hour(2.9)
            assert components.traded.chosen == chosen
            assert world.refreshes() == [RefreshResult.FAILED]
            told = daemon._status()["symbols"]
            assert told["error"]
            assert told["next_refresh_ms"] > world.clock.now_ms()
            world.exchange.faults.clear()
            for symbol in VOLUMES:
                world.exchange.set_symbol_status(symbol, TradingStatus.HALT)
            with pytest.raises(ServiceError, match="only 0 symbols pass the filters now, and 2 are chosen: that is less than half"):
                await daemon._verbs().refresh()
            assert standing(components) == (chosen, ())
            for symbol in VOLUMES:
                world.exchange.set_symbol_status(symbol, TradingStatus.TRADING)
            told = await daemon._verbs().refresh()
            assert (told.joined, told.left) == (("CCCUSDT",), ("AAAUSDT",))
            assert daemon._status()["symbols"]["error"] is None

    lived(tmp_path, story)


def test_a_choice_that_somebody_asked_for_and_that_failed_is_tried_again_after_an_hour_whatever_the_schedule(tmp_path):
    async def story(world: World) -> None:
        async with world.daemon() as (components, daemon):
            await world.until_hour(1.5)
            world.exchange.faults.append(Fault(FaultKind.ANSWER_5XX_NOT_EXECUTED, "GET /api/v3/ticker/24hr", times=None))
            with pytest.raises(ExchangeError):
                await daemon._verbs().refresh()
            await world.until_hour(2.6)
            assert world.refreshes() == [RefreshResult.FAILED] * 2
            world.exchange.faults.clear()
            await world.until_hour(3.4)
            assert world.refreshes() == [RefreshResult.FAILED] * 2
            await world.until_hour(8.9)
            assert world.refreshes() == [RefreshResult.FAILED, RefreshResult.FAILED, RefreshResult.CHANGED]
            assert components.traded.chosen[0] == "CCCUSDT"

    lived(tmp_path, story, symbol_refresh_hours=6)


def test_a_pass_that_had_to_wait_goes_over_what_is_traded_when_it_begins(tmp_path):
    async def story(world: World) -> None:
        async with world.daemon() as (components, _):
            await world.until_hour(1.9)
            orchestrator = AsyncTradingOrchestrator(components)
            async with orchestrator._busy:
                waiting = asyncio.ensure_future(orchestrator.run_pass())
                await world.until_hour(2.05)
                assert standing(components) == (("CCCUSDT", "BBBUSDT"), ("AAAUSDT",))
            assert tuple(decision.symbol for decision in (await waiting).decisions) == ("CCCUSDT", "BBBUSDT", "AAAUSDT")

    lived(tmp_path, story)


def test_streams_follow_what_is_traded_and_leave_what_is_dropped(tmp_path):
    async def story(world: World) -> None:
        async with world.daemon() as (components, _):
            await world.until_hour(1.5)
            streams = set(components.streams._homes)
            assert streams == {f"{symbol}@{kind}" for symbol in ("aaausdt", "bbbusdt") for kind in ("miniTicker", "kline_5m")}
            await world.until_hour(2.5)
            assert set(components.streams._homes) - streams == {"cccusdt@miniTicker", "cccusdt@kline_5m"}
            assert components.traded.exits_only == ("AAAUSDT",)
            await components.change_mode("AAAUSDT", *FLAT)
            await world.until_hour(2.9)
            assert components.traded.exits_only == ()
            assert not [name for name in components.streams._homes if name.startswith("aaa")]

    lived(tmp_path, story, market_data="streams", binance_stream_url="ws://127.0.0.1:1")


def test_without_a_schedule_symbols_are_chosen_when_somebody_asks(tmp_path):
    async def story(world: World) -> None:
        async with world.daemon() as (_, daemon):
            await world.until_hour(4)
            assert world.refreshes() == []
            assert daemon._status()["symbols"]["next_refresh_ms"] is None
            assert (await daemon._verbs().refresh()).joined == ("CCCUSDT",)

    lived(tmp_path, story, symbol_refresh_hours=0)


def test_the_lowest_rank_that_leaves_with_nothing_in_its_place_is_only_sold_and_is_bought_again_once_it_is_back(tmp_path):
    async def story(world: World) -> None:
        async with world.daemon() as (components, daemon):
            await world.until_hour(1.9)
            assert components.symbols == ("AAAUSDT", "BBBUSDT")
            for symbol in ("BBBUSDT", "CCCUSDT", "DDDUSDT"):
                world.exchange.set_symbol_status(symbol, TradingStatus.HALT)
            assert (await daemon._verbs().refresh()).closing == ("BBBUSDT",)
            for symbol in ("BBBUSDT", "CCCUSDT", "DDDUSDT"):
                world.exchange.set_symbol_status(symbol, TradingStatus.TRADING)
            assert components.symbols == ("AAAUSDT", "BBBUSDT")
            bought = world.bought("BBBUSDT")
            await world.until_hour(2.2)
            assert RiskRule.NOT_CHOSEN in world.refusals("BBBUSDT")
            assert world.bought("BBBUSDT") == bought
            assert world.facts.of(SymbolsTraded)[-1].closing == ("BBBUSDT",)
            world.exchange.set_symbol_status("CCCUSDT", TradingStatus.HALT)
            assert (await daemon._verbs().refresh()).joined == ("BBBUSDT",)
            count = len(world.decisions("BBBUSDT"))
            await world.until_hour(2.5)
            later = world.decisions("BBBUSDT")[count:]
            assert later
            assert not [each for each in later if isinstance(each.risk, Refused) and each.risk.rule is RiskRule.NOT_CHOSEN]

    lived(tmp_path, story, symbol_refresh_hours=0)
