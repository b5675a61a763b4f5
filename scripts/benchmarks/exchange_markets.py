"""`bench exchange`, markets: memory and CPU of many symbols at once, and how fast recorded trades are read and played."""

import json
import os
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from benchmarks.market_size import MarketSize
from benchmarks.measuring import Plan
from benchmarks.report import Table, Target
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.clocks import ShiftedClock
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.terms import OrderType
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.recorded_trades import RecordedTradesMarket
from binance_trade_agent.simulation.markets.trade_files import load_trades

SYMBOLS = 500
MOST_MIB = 500
ROWS = 100_000
START_MS = 1_735_689_600_000
GAP_MS = 40  # between two trades: 100,000 of them last an hour and more

_SIZE_NOTES = (
    "One process, made for this and then gone. Memory is the most that it ever held, the interpreter with all libraries included; at that "
    "moment every level of every book is kept as a pair of exact decimals, although books are only made as far as somebody reads them. "
    "A tick is what streams show of a second: best prices, trades, the candle so far."
)
_TRADES_NOTES = (
    "CPU time of one process. Played means: the engine walks every trade, with the book around it, because an order rests at a price "
    "nearby."
)


def sizes(symbols: int = SYMBOLS) -> Table:
    """What many symbols take."""
    command = [sys.executable, "-m", "benchmarks.market_size", str(symbols)]
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    size = MarketSize(**json.loads(subprocess.run(command, env=here, check=True, stdout=subprocess.PIPE, text=True).stdout))
    rows = [
        ("memory before, MiB", size.start_mib),
        (f"memory with {size.levels:,} levels and {size.candles:,} candles, MiB", size.peak_mib),
        ("making the exchange, s of CPU", size.make_s),
        ("a day of 1-minute candles of every symbol, s of CPU", size.candles_s),
        ("every level of every book, s of CPU", size.books_s),
        ("one second of every symbol, ms of CPU", size.tick_s * 1e3),
    ]
    targets = [
        Target(f"memory of {symbols} symbols, MiB", size.peak_mib, MOST_MIB),
        Target(f"{symbols} symbols in real time, share of one core", size.tick_s, 1.0),
    ]
    return Table(f"{symbols} symbols of the synthetic market", ("what", "measured"), rows, targets, (_SIZE_NOTES,))


def recorded(rows: int = ROWS) -> Table:
    """How fast recorded trades are read from a file and played past a resting order."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "BTCUSDT-aggTrades-2025-01-01.csv"
        path.write_text("".join(_row(number) for number in range(rows)))
        began = time.process_time()
        trades = load_trades(path)
        read_s = time.process_time() - began
    market = RecordedTradesMarket(trades)
    clock = ShiftedClock(market.start_ms - time.time_ns() // 1_000_000)
    exchange = SimulatedExchange(market, clock)
    account_id = exchange.open_account("bench-key", "bench-secret", {"USDT": Decimal(10**9)})
    engine = exchange.venue.engine
    engine.place(
        account_id, NewOrder("BTCUSDT", Side.BUY, OrderType.LIMIT, quantity=Decimal(1), price=Decimal("99000.00")), market.start_ms + 1
    )
    began = time.process_time()
    engine.advance(market.end_ms - 1)
    played_s = time.process_time() - began
    exchange.close()
    figures = [("read from a file", rows / read_s), ("played past a resting order", rows / played_s)]
    return Table("Recorded trades", ("what", "trades/s on one core"), figures, (), (_TRADES_NOTES,))


def _row(number: int) -> str:
    cents = 10_000_000 + (number * 7919) % 1_000
    time_us = (START_MS + number * GAP_MS) * 1_000
    return f"{number},{cents / 100:.8f},0.{number % 997 + 1:08d},{number},{number},{time_us},{number % 3 == 0},True\n"


def measure(plan: Plan) -> list[Table]:
    """All tables of this subject; each is measured once, whatever the plan."""
    return [sizes(), recorded()]
