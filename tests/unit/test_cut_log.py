"""A book whose log is cut, at every frame and at any byte, or damaged in it: what was committed before the place is there, and no more."""

import asyncio
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from decimal import Decimal
from random import Random

import pytest
from hand_clocks import StillClock

from binance_trade_agent.domain.order import Fill, OrderEvent, OrderIntent, OrderType, Purpose, Side
from binance_trade_agent.domain.risk import ModeChange, Reservation, TradingMode
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.ports.observer import NullObserver
from binance_trade_agent.storage.book_store import SqliteBookStore
from binance_trade_agent.storage.database import open_database

ZERO = Decimal(0)
RULES = {"BTCUSDT": SymbolRules("BTCUSDT", "BTC", "USDT", SymbolStatus.TRADING, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO)}
ORDERS = 12
LOG_HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24  # https://www.sqlite.org/fileformat2.html, "WAL File Format"
RANDOM_CUTS, RANDOM_DAMAGES = 60, 60


def fill(number: int, part: int) -> Fill:
    quantity = Decimal(number) / 8
    return Fill(
        "BTCUSDT", 10 * number + part, number, "", Side.BUY, Decimal(100), quantity, 100 * quantity, quantity / 1000, "BTC", number, False
    )


async def trade(manager: PortfolioManager, number: int, committed) -> None:
    name = f"bta-e-{number}"
    order = OrderIntent(name, "BTCUSDT", Side.BUY, OrderType.MARKET, Decimal(1), Decimal(1), Purpose.ENTRY, number, "c", "because")
    for write in (
        manager.record_intent(order, Reservation(name, "BTCUSDT", Decimal(1)), number),
        manager.record_event(name, OrderEvent.SEND, time_ms=number),
        manager.record_event(name, OrderEvent.PARTIAL_FILL, time_ms=number, fills=[fill(number, 1), fill(number, 2)]),
        manager.record_external("USDT", Decimal(number), f"by hand:{number}", number),
        manager.record_mode(ModeChange(number, "*", TradingMode.HALTED, "operator", "because")),
    ):
        await write
        committed()


def content(path) -> dict[str, list[tuple[object, ...]]]:
    """Everything in the file, as whoever opens it next sees it."""
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


def copied(folder, target):
    """The book and its log as they are, in a folder of their own."""
    target.mkdir()
    for name in ("book.sqlite", "book.sqlite-wal"):
        shutil.copy(folder / name, target / name)
    return target


@pytest.fixture(scope="module")
def dead_book(tmp_path_factory):
    """Folder of a book whose process has died, and what was committed in it by the length that its log had then."""
    folder = tmp_path_factory.mktemp("book")
    path, log = folder / "book.sqlite", folder / "book.sqlite-wal"
    by_length: dict[int, Mapping[str, list[tuple[object, ...]]]] = {}

    def committed() -> None:
        copy = folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        by_length[log.stat().st_size] = content(copied(folder, copy) / path.name)

    async def made() -> None:
        async with open_database(str(path), inline=True, clock=StillClock()):
            pass  # its tables are folded into the file when it is closed
        async with open_database(str(path), inline=True, clock=StillClock()) as database:
            store = SqliteBookStore(database, new_epoch=lambda: "e")
            manager = PortfolioManager(store, quote_asset="USDT", rules=RULES, observer=NullObserver(), clock=StillClock())
            await manager.open()
            for number in range(1, ORDERS + 1):
                await trade(manager, number, committed)
            copied(folder, folder / "dead")

    asyncio.run(made())
    return folder / "dead", by_length


def reopened(dead, folder, log: bytes):
    """What the daemon's own code finds when it opens the book with this log, after its audit."""
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    shutil.copy(dead / "book.sqlite", folder / "book.sqlite")
    (folder / "book.sqlite-wal").write_bytes(log)

    async def opened() -> tuple[str, ...]:
        async with open_database(str(folder / "book.sqlite"), inline=True, clock=StillClock()) as database:
            return await SqliteBookStore(database, new_epoch=lambda: "e").verify()

    assert asyncio.run(opened()) == ()
    return content(folder / "book.sqlite")


def committed_within(by_length, length: int):
    """What was committed when the log was at most so long; None before the first commit that was looked at."""
    return by_length.get(max((known for known in by_length if known <= length), default=-1))


def test_a_log_cut_at_any_frame_or_byte_leaves_what_was_committed_before_and_nothing_of_what_was_not(dead_book, tmp_path):
    dead, by_length = dead_book
    log = (dead / "book.sqlite-wal").read_bytes()
    page_bytes = int.from_bytes(log[8:12], "big")
    frame_bytes = FRAME_HEADER_BYTES + page_bytes
    frames = (len(log) - LOG_HEADER_BYTES) // frame_bytes
    random = Random("cuts of the log")
    cuts = [LOG_HEADER_BYTES + number * frame_bytes for number in range(frames + 1)]
    cuts += [random.randrange(len(log)) for _ in range(RANDOM_CUTS)]
    first = min(by_length)
    looked = 0
    for cut in cuts:
        found = reopened(dead, tmp_path / "cut", log[:cut])
        if cut >= first:
            looked += 1
            assert found == committed_within(by_length, cut), f"cut at byte {cut}"
    assert looked > ORDERS
    assert len(by_length) == 5 * ORDERS


def test_a_byte_that_has_changed_in_the_log_ends_it_there(dead_book, tmp_path):
    dead, by_length = dead_book
    log = bytearray((dead / "book.sqlite-wal").read_bytes())
    random = Random("damage in the log")
    for _ in range(RANDOM_DAMAGES):
        place = random.randrange(min(by_length), len(log))
        log[place] ^= 1 << random.randrange(8)
        assert reopened(dead, tmp_path / "damaged", bytes(log)) == committed_within(by_length, place), f"byte {place}"
        log = bytearray((dead / "book.sqlite-wal").read_bytes())
