"""Our client over every way to the exchange, in process under virtual time, in weather from a seed: it repeats, and says what is so."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from socket_exchange import KEY, SECRET

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.connection import Connection, OrderEntry
from binance_trade_agent.binance.streams.market_streams import MarketStreams
from binance_trade_agent.domain.errors import AgentError, FateUnknownError
from binance_trade_agent.domain.order import OrderIntent, OrderType, Purpose, Side
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.faults.incident import IncidentKind
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.weather import LIES, drawn_weather
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.in_process_sockets import InProcessSockets
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.simulation.virtual_loop import run_virtual

START_MS = 1_790_000_040_000
ORDERS = 40
FAULTS = frozenset(FaultKind) - LIES - {FaultKind.DUPLICATE_REQUEST}
INCIDENTS = frozenset({IncidentKind.SHIFT_CLOCK, IncidentKind.MAINTENANCE, IncidentKind.SYMBOL_STATUS, IncidentKind.CUT_CONNECTIONS})


@dataclass
class Log:
    """All that the client was told, in its order, and what became of each order."""

    heard: list[Any] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    history: bytes = b""
    struck: dict[Any, int] = field(default_factory=dict)

    def on_order(self, report: Any) -> None:
        self.heard.append(report)

    def on_fill(self, fill: Any) -> None:
        self.heard.append(fill)

    def on_balances(self, balances: Any) -> None:
        self.heard.append(balances)

    def on_external_change(self, change: Any) -> None:
        self.heard.append(change)

    def on_event(self, stream: str, event: Any) -> None:
        self.heard.append((stream, event))

    def on_gap(self, gap: Any) -> None:
        self.heard.append(gap if isinstance(gap, str) else sorted(gap))


def intent(number: int, clock: VirtualClock) -> OrderIntent:
    return OrderIntent(
        client_order_id=f"bta-a1-{number}",
        symbol="BTCUSDT",
        side=Side.BUY if number % 2 else Side.SELL,
        type=OrderType.MARKET,
        quantity=Decimal("0.01"),
        reference_price=Decimal(60_000),
        purpose=Purpose.ENTRY,
        created_ms=clock.now_ms(),
        correlation_id="weather",
        reason="a test",
    )


async def trade(seed: int, entry: OrderEntry) -> Log:
    log, clock = Log(), VirtualClock(START_MS)
    exchange = SimulatedExchange(SyntheticMarket(["BTCUSDT"], 7), clock, seed=seed)
    exchange.open_account(KEY, SECRET, {"USDT": Decimal(100_000), "BTC": Decimal(1)})
    exchange.let_break(drawn_weather(seed, 0.6, faults=FAULTS, incidents=INCIDENTS))
    sockets = InProcessSockets(exchange, latency_ms=30)
    connection = Connection(
        "http://in.process",
        InProcessTransport(exchange, latency_ms=30),
        clock,
        KEY,
        SECRET,
        recv_window_ms=5_000,
        websocket_api_url="ws://in.process/ws-api/v3",
        open_socket=sockets.open,
        order_entry=entry,
    )
    streams = MarketStreams("ws://in.process", log, server_ms=exchange.clock.now_ms, random=Random(seed), open_socket=sockets.open)
    async with AsyncBinanceClient(connection) as client:
        listening = asyncio.ensure_future(client.user_data_stream(log).run())
        with suppress(AgentError):
            await streams.subscribe(["btcusdt@kline_1m"])
        for number in range(1, ORDERS + 1):
            await asyncio.sleep(60)
            await place(client, intent(number, clock), log)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await streams.close()
    await asyncio.sleep(1_200)  # what is still on its way arrives
    log.history, log.struck = b"".join(exchange.history()), {**exchange.faults.struck, **exchange.incidents.struck}
    log.outcomes["at the exchange"] = " ".join(sorted(order.client_order_id for order in exchange.orders(KEY)))
    await sockets.aclose()
    exchange.close()
    return log


async def place(client: AsyncBinanceClient, wanted: OrderIntent, log: Log) -> None:
    with suppress(AgentError):
        await client.sync_clock()
    try:
        report = await client.place_order(wanted, send_deadline_ms=client.server_time_ms() + 20_000)
    except AgentError as error:
        log.outcomes[wanted.client_order_id] = type(error).__name__
    else:
        log.outcomes[wanted.client_order_id] = "placed"
        assert report.client_order_id == wanted.client_order_id


@pytest.mark.parametrize("entry", OrderEntry)
@pytest.mark.parametrize("seed", range(4))
def test_what_the_client_says_of_an_order_is_so(seed, entry):
    log = run_virtual(trade(seed, entry))
    there = log.outcomes.pop("at the exchange").split()
    assert len(there) == len(set(there))
    for order_id, outcome in log.outcomes.items():
        if outcome == "placed":
            assert order_id in there
        elif outcome not in {FateUnknownError.__name__, "BadAnswerError"}:
            assert order_id not in there, outcome
    assert "placed" in log.outcomes.values()
    assert sum(log.struck.values()) > 10


@pytest.mark.parametrize("entry", OrderEntry)
def test_a_seed_repeats_everything_that_the_client_hears(entry):
    first, second = (run_virtual(trade(11, entry)) for _ in range(2))
    assert first == second
    assert first.heard
