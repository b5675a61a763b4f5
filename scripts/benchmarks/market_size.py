"""What 500 symbols of the simulated exchange take: run by itself, so that the memory is nobody else's; prints JSON."""

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from binance_trade_agent.domain.candle_intervals import DAY_MS, MINUTE_MS
from binance_trade_agent.simulation.clocks import WallClock
from binance_trade_agent.simulation.exchange import SimulatedExchange
from binance_trade_agent.simulation.markets.synthetic import SyntheticMarket

SEED = 7
CANDLES = DAY_MS // MINUTE_MS
TICKS = 10


@dataclass(frozen=True, slots=True)
class MarketSize:
    """CPU times in seconds; `levels` are those of all books together, `peak_mib` is the most memory that the process ever held."""

    symbols: int
    levels: int
    candles: int
    make_s: float
    candles_s: float
    books_s: float
    tick_s: float
    start_mib: float
    peak_mib: float


def measured(symbols: int) -> MarketSize:
    """An exchange of `symbols` that is asked for a day of candles and for whole books, which are kept all at once, and then ticks."""
    start_mib = peak_mib()
    began = time.process_time()
    market = SyntheticMarket([f"COIN{number}USDT" for number in range(symbols)], SEED)
    clock = WallClock()
    exchange = SimulatedExchange(market, clock)
    engine, now_ms = exchange.venue.engine, exchange.advance()
    made = time.process_time()
    candles = 0
    for symbol in market.rules:
        candles += len(market.candles(symbol, MINUTE_MS, start_ms=None, end_ms=None, limit=CANDLES, now_ms=now_ms))
    with_candles = time.process_time()
    books = [engine.visible_ladder(symbol, now_ms) for symbol in market.rules]
    held = [(tuple(book.bids), tuple(book.asks)) for book in books]
    with_books = time.process_time()
    for tick in range(1, TICKS + 1):
        _tick(market, exchange, now_ms + tick * 1_000)
    tick_s = (time.process_time() - with_books) / TICKS
    exchange.close()
    return MarketSize(
        symbols=symbols,
        levels=sum(len(bids) + len(asks) for bids, asks in held),
        candles=candles,
        make_s=made - began,
        candles_s=with_candles - made,
        books_s=with_books - with_candles,
        tick_s=tick_s,
        start_mib=start_mib,
        peak_mib=peak_mib(),
    )


def _tick(market: SyntheticMarket, exchange: SimulatedExchange, now_ms: int) -> None:
    """One second of every symbol as streams show it: the best prices, what was traded, and the minute's candle so far."""
    for symbol in market.rules:
        ladder = exchange.venue.engine.visible_ladder(symbol, now_ms)
        _ = ladder.bids[0], ladder.asks[0]
        list(market.taker_orders(symbol, now_ms - 1_000, now_ms))
        market.candles(symbol, MINUTE_MS, start_ms=now_ms - now_ms % MINUTE_MS, end_ms=None, limit=1, now_ms=now_ms)


def peak_mib() -> float:
    """The most memory that this process ever held. What getrusage tells on Linux may be that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        peak_kib = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak_kib) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / (1024 if sys.platform == "darwin" else 1)


if __name__ == "__main__":
    print(json.dumps(asdict(measured(int(sys.argv[1])))))
