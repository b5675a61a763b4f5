"""The complete history of an exchange in a plain format: one JSON object a line, the same bytes for the same history.

Every line names its `record`; its other fields are those of the engine's records. Amounts are strings in plain decimal notation, times are
milliseconds UTC. docs/exchange.md, "History", describes the lines; history/reading.py reads them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
from msgspec import to_builtins
from msgspec.structs import asdict

from binance_trade_agent.domain.account import Balance
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.history import Archive, Span
from binance_trade_agent.simulation.engine.list_records import OrderList
from binance_trade_agent.simulation.engine.records import ExchangeOrder, PreventedMatch

FORMAT = 1
ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class HistorySource:
    """Where a history comes from. `accounts` are numbers by the SHA-256 of their API keys, `rules` those of the market's symbols."""

    archive: Archive
    accounts: Mapping[str, int]
    balances: Callable[[int], Mapping[str, Balance]]
    rules: Mapping[str, SymbolRules]


def history_lines(source: HistorySource, time_ms: int) -> Iterator[bytes]:
    """The lines of the history at `time_ms`, each with its line break. Nothing may change while they are taken."""
    count = 0
    for record, fields in _records(source, time_ms):
        count += 1
        yield _line(record, fields)
    yield _line("end", {"lines": count + 1})


def _records(source: HistorySource, time_ms: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "history", {"format": FORMAT, "time_ms": time_ms}
    accounts = sorted((number, fingerprint) for fingerprint, number in source.accounts.items())
    symbols: set[str] = set()
    matches: dict[tuple[str, int], PreventedMatch] = {}
    for account_id, fingerprint in accounts:
        orders = source.archive.all_orders(account_id)
        traded = sorted({order.symbol for order in orders})
        for symbol in traded:
            matches.update(((symbol, match.prevented_match_id), match) for match in _matches(source.archive, account_id, symbol))
        yield from ((record, fields) for record, fields in _symbols(source, [name for name in traded if name not in symbols]))
        symbols.update(traded)
        yield "account", {"account_id": account_id, "key_sha256": fingerprint}
        for movement in source.archive.movements(account_id):
            fields = {"account_id": account_id, "asset": movement.asset, "amount": movement.amount, "time_ms": movement.time_ms}
            yield "movement", fields
        yield from _orders(source.archive, account_id, orders)
        yield from (("order_list", to_builtins(each)) for each in _lists(source.archive, account_id))
        yield from (("trade", asdict(trade)) for trade in source.archive.all_trades(account_id))
        for asset, balance in sorted(source.balances(account_id).items()):
            yield "balance", {"account_id": account_id, "asset": asset, "free": balance.free, "locked": balance.locked}
    yield from (("prevented_match", asdict(matches[key])) for key in sorted(matches))


def _symbols(source: HistorySource, names: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What the symbols trade; one that the market has no more is not described."""
    for name in names:
        rules = source.rules.get(name)
        if rules is not None:
            yield "symbol", {"symbol": name, "base_asset": rules.base_asset, "quote_asset": rules.quote_asset}


def _orders(archive: Archive, account_id: int, orders: list[ExchangeOrder]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for order in orders:
        yield "order", asdict(order)
        if order.amendments:
            span = Span(order.amendments)
            yield from (("amendment", asdict(each)) for each in archive.amendments(account_id, order.symbol, order.order_id, span))


def _lists(archive: Archive, account_id: int) -> Iterator[OrderList]:
    next_id = 0
    while rows := archive.order_lists(account_id, Span(ROWS_AT_ONCE, from_id=next_id)):
        yield from rows
        next_id = rows[-1].order_list_id + 1


def _matches(archive: Archive, account_id: int, symbol: str) -> Iterator[PreventedMatch]:
    next_id = 0
    while rows := archive.prevented_matches(account_id, symbol, Span(ROWS_AT_ONCE, from_id=next_id)):
        yield from rows
        next_id = rows[-1].prevented_match_id + 1


def _line(record: str, fields: Mapping[str, Any]) -> bytes:
    return orjson.dumps({"record": record, **fields}, default=_plain, option=orjson.OPT_APPEND_NEWLINE)


def _plain(value: object) -> str:
    """Decimals in plain notation; Struct fields hold nothing else that JSON does not know."""
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} has no place in a history")
