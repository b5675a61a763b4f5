"""ServedMarket: which market the `exchange` command serves, from when on, and what its account begins with."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from binance_trade_agent.settings import Settings
from binance_trade_agent.simulation.markets.market import Market
from binance_trade_agent.simulation.markets.recorded import RecordedMarket
from binance_trade_agent.simulation.markets.recorded_trades import RecordedTradesMarket
from binance_trade_agent.simulation.markets.trade_files import load_trades
from binance_trade_agent.wiring.candle_source import recorded_candles
from binance_trade_agent.wiring.embedded_venue import starting_cash, synthetic_market
from binance_trade_agent.wiring.exchange_memory import description_of
from binance_trade_agent.wiring.recorded_settings import settings_for_candles, settings_for_symbols


@dataclass(frozen=True, slots=True)
class ServedMarket:
    """A market, the time that it starts at, ms UTC, starting balances by asset, and by what setting and text it is known again."""

    market: Market
    start_ms: int
    cash: Mapping[str, Decimal]
    identity: tuple[str, str]


def served_market(settings: Settings, trades_dir: Path | None) -> ServedMarket:
    """The trades in `trades_dir`, else the candles in CANDLES_DIR, else a synthetic market at the present time.

    Raises ConfigurationError for recordings that are not quoted in one asset, RecordedFileError for files that cannot be used.
    """
    if trades_dir is not None:
        trades = load_trades(trades_dir)
        traded = RecordedTradesMarket(trades)
        here = settings_for_symbols(settings, trades, "the trades that are played")
        description = f"{len(trades)} symbols, {sum(map(len, trades.values()))} rows from {traded.start_ms} to {traded.end_ms - 1}"
        return ServedMarket(traded, traded.start_ms, _cash(here), ("--trades", description))
    if settings.candles_dir is not None:
        recorded = recorded_candles(settings.candles_dir, settings)
        cash = _cash(settings_for_candles(settings, recorded))
        return ServedMarket(RecordedMarket(recorded), recorded.first_open_ms, cash, ("CANDLES_DIR", description_of(recorded)))
    seed = str(settings.demo_seed)
    return ServedMarket(synthetic_market(settings), time.time_ns() // 1_000_000, _cash(settings), ("DEMO_SEED", seed))


def _cash(settings: Settings) -> Mapping[str, Decimal]:
    return {settings.accounting_asset: starting_cash(settings)}
