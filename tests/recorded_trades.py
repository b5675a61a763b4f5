"""Trade files as Binance publishes them, written from made-up trades."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

START_MS = 1_735_689_600_000
SINGLE_HEADER = "id,price,qty,quote_qty,time,is_buyer_maker,is_best_match"
AGGREGATE_HEADER = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker,is_best_match"


@dataclass(frozen=True)
class Trade:
    """One trade; `at` is in milliseconds after START_MS, price and quantity in hundredths."""

    number: int
    at: int
    cents: int
    size: int
    is_buyer_maker: bool = False

    @property
    def taker(self) -> tuple:
        return self.at, self.cents, self.is_buyer_maker


def single_rows(trades: Iterable[Trade], scale: int = 1) -> list[str]:
    return [
        f"{one.number},{one.cents / 100:.8f},{one.size / 100:.8f},{one.cents * one.size / 10_000:.8f},"
        f"{(START_MS + one.at) * scale},{one.is_buyer_maker},True"
        for one in trades
    ]


def aggregate_rows(trades: Iterable[Trade], scale: int = 1) -> list[str]:
    rows = []
    for number, ((at, cents, is_buyer_maker), group) in enumerate(groupby(trades, key=lambda one: one.taker)):
        parts = list(group)
        size = sum(one.size for one in parts)
        rows.append(
            f"{number},{cents / 100:.8f},{size / 100:.8f},{parts[0].number},{parts[-1].number},"
            f"{(START_MS + at) * scale},{is_buyer_maker},True"
        )
    return rows


def write_rows(folder: Path, name: str, rows: list[str]) -> Path:
    path = folder / name
    text = "\n".join(rows) + "\n"
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path.with_suffix(".csv").name, text)
    else:
        path.write_text(text)
    return path
