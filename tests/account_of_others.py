"""An agent in virtual time on a simulated exchange as on a test network: other people have the same keys, and the exchange outlives it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from virtual_pilot import Pilot

from binance_trade_agent.binance.connection import Connection
from binance_trade_agent.ports.observer import Observer
from binance_trade_agent.settings import Settings, load_settings
from binance_trade_agent.simulation.clocks import VirtualClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.in_process import InProcessTransport
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket
from binance_trade_agent.wiring import open_components
from binance_trade_agent.wiring.venue import Venue

KEY, SECRET = "k" * 64, "s" * 64
START_MS = 1_790_000_040_000
SYMBOLS = ("BTCUSDT", "ETHUSDT")
STRATEGIES = Path(__file__).parent / "scripted_strategies.py"


class SharedAccount:
    """The exchange and the account; make it within a virtual loop. `opened` is one process of the agent after the other."""

    def __init__(self, folder: Path, **balances: str) -> None:
        self._folder = folder
        self.clock = VirtualClock(START_MS)
        self.exchange = SimulatedExchange(SyntheticMarket(SYMBOLS, 7), self.clock, seed=7)
        given = {"USDT": "100000"} | balances
        self.account_id = self.exchange.open_account(KEY, SECRET, {asset: Decimal(amount) for asset, amount in given.items()})

    def settings(self, strategy: str = "Buying", **overrides: Any) -> Settings:
        """Those of a test network, without breakers."""
        return load_settings(
            **{
                "trading_mode": "testnet",
                "binance_api_key": KEY,
                "binance_api_secret": SECRET,
                "binance_base_url": "http://127.0.0.1:1",
                "user_data_stream": "off",
                "market_data": "rest",
                "trading_symbols": ",".join(SYMBOLS),
                "strategy_path": f"{STRATEGIES}:{strategy}",
                "candle_interval": "1m",
                "candle_window": 20,
                "data_dir": self._folder,
                "http_port": 0,
                "risk_cooldown_seconds": 0,
                "risk_volatility_threshold": "0",
                "risk_default_stop_loss_pct": "0",
                "risk_default_take_profit_pct": "0",
                **overrides,
            }
        )

    @asynccontextmanager
    async def opened(self, strategy: str = "Buying", observer: Observer | None = None, **overrides: Any) -> AsyncIterator[Pilot]:
        """An agent on the account, reconciled."""
        async with open_components(self.settings(strategy, **overrides), observer, at=self.venue) as components:
            pilot = Pilot(components)
            await pilot.orchestrator.start()
            yield pilot

    @asynccontextmanager
    async def venue(self, settings: Settings, observer: Observer) -> AsyncIterator[Venue]:
        """See OpenVenue."""
        transport = InProcessTransport(self.exchange, latency_ms=10)
        connection = Connection(settings.base_url, transport, self.clock, api_key=KEY, api_secret=SECRET, observer=observer)
        yield Venue("testnet", settings, settings.book_path.parent, connection, self.clock, is_virtual=True)

    @property
    def balances(self) -> dict[str, Decimal]:
        """What the account holds, without zeros."""
        return {asset: balance.total for asset, balance in self.exchange.balances(KEY).items() if balance.total}

    def check_agreement(self, pilot: Pilot) -> None:
        """The book holds what the exchange holds."""
        assert {asset: amount for asset, amount in pilot.components.portfolio.balances.items() if amount} == self.balances
