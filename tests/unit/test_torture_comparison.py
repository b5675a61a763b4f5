"""The comparison after a strike sees whatever is wrong: a sound book and history pass, and each thing that is changed is named."""

import json
import sqlite3
from contextlib import closing

import pytest
from torturing.comparing import Comparison, copied_book
from torturing.history import ExchangeHistory

from binance_trade_agent.storage.schema import VERSION_1

ORDER = "bta-1-1"
TRADE = {"symbol": "BTCUSDT", "trade_id": 7, "order_id": 3, "side": "BUY", "price": "100", "quantity": "2", "quote_quantity": "200"}
BOOK = f"""
INSERT INTO orders VALUES (1, '{ORDER}', 1, 'BTCUSDT', 'BUY', 'MARKET', 'ENTRY', '2', '100', NULL, NULL,
    1, 'c', 'r', '200', 9, 'FILLED', 3, '2', 2);
INSERT INTO fills VALUES (1, 'BTCUSDT', 7, 3, '{ORDER}', 'BUY', '100', '2', '200', '0.002', 'BTC', 2, 0);
INSERT INTO ledger_transactions VALUES (1, 'external', 'opening:USDT', 1), (2, 'fill', 'BTCUSDT:7', 2);
INSERT INTO ledger_postings VALUES (1, 1, 'wallet', 'USDT', '1000'), (2, 1, 'external', 'USDT', '-1000'), (3, 2, 'wallet', 'BTC', '1.998'),
    (4, 2, 'market', 'BTC', '-2'), (5, 2, 'commission', 'BTC', '0.002'), (6, 2, 'wallet', 'USDT', '-200'), (7, 2, 'market', 'USDT', '200');
INSERT INTO wallet_balances VALUES ('USDT', '800'), ('BTC', '1.998');
INSERT INTO positions VALUES (1, 'BTCUSDT', 'BTC', 'USDT', '1.998', '200', '0', 2, 2);
"""


def history(**changes: object) -> list[dict]:
    order = {"symbol": "BTCUSDT", "order_id": 3, "client_order_id": ORDER, "side": "BUY", "status": "FILLED"}
    lines = [
        {"record": "history", "format": 1, "time_ms": 9},
        {"record": "symbol", "symbol": "BTCUSDT", "base_asset": "BTC", "quote_asset": "USDT"},
        {"record": "movement", "account_id": 1, "asset": "USDT", "amount": "1000", "time_ms": 0},
        {"record": "order", **order, "original_quantity": "2", "executed_quantity": "2"},
        {"record": "trade", **TRADE, "commission": "0.002", "commission_asset": "BTC"},
        {"record": "balance", "asset": "BTC", "free": "1.998", "locked": "0"},
        {"record": "balance", "asset": "USDT", "free": "700", "locked": "100"},
    ]
    return [line | changes.get(line["record"], {}) for line in lines]


def findings(folder, lines: list[dict], *, change: str = "", is_settled: bool = True) -> list[str]:
    path = folder / "book.sqlite"
    with closing(sqlite3.connect(path)) as book:
        for statement in VERSION_1:
            if "TRIGGER" not in statement:  # here somebody does what the daemon never does
                book.execute(statement)
        book.executescript(BOOK + change)
    ended = [*lines, {"record": "end", "lines": len(lines) + 1}]
    copy = copied_book(path, folder / "copy.sqlite")
    comparison = Comparison(copy, ExchangeHistory(json.dumps(line) for line in ended))
    found = list(comparison.settled() if is_settled else comparison.at_any_moment())
    copy.close()
    return found


def test_a_sound_book_shows_nothing(tmp_path):
    assert findings(tmp_path, history()) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("DELETE FROM orders", "the book has no intent for it"),
        ("UPDATE orders SET quantity = '3'", "not what was intended"),
        ("UPDATE orders SET state = 'NEVER_PLACED'", "is NEVER_PLACED in the book, and the exchange has it as FILLED"),
        ("UPDATE fills SET price = '101'", "trade ('BTCUSDT', 7) is booked as"),
        ("UPDATE fills SET trade_id = 8", "the exchange does not know it"),
        ("UPDATE ledger_postings SET amount = '201' WHERE id = 7", "ledger transaction 2 is off by 1 USDT"),
        ("UPDATE wallet_balances SET amount = '801' WHERE asset = 'USDT'", "wallet USDT is kept as 801, and its entries make 800"),
        ("UPDATE positions SET quantity = '2'", "position BTCUSDT is kept as 2, and its entries make 1.998"),
    ],
)
def test_what_must_never_be_committed_is_found_in_a_dead_book(tmp_path, change, what):
    assert any(what in finding for finding in findings(tmp_path, history(), change=change, is_settled=False))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE orders SET state = 'SENT'", "is still SENT after the calm"),
        ("UPDATE orders SET state = 'CANCELED'", "is CANCELED with 2, on the exchange FILLED with 2"),
        ("UPDATE orders SET state = 'REJECTED'", "is REJECTED in the book, and has traded"),
        ("DELETE FROM fills", "trade ('BTCUSDT', 7) is not in the book"),
    ],
)
def test_what_must_not_stay_is_found_after_a_calm(tmp_path, change, what):
    assert any(what in finding for finding in findings(tmp_path, history(), change=change))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"movement": {"amount": "1001"}}, "the exchange holds 800 USDT, and its own trades make 801"),
        ({"order": {"executed_quantity": "1"}}, "executed 1 on the exchange"),
        ({"order": {"client_order_id": "bta-1-2"}}, "order bta-1-2 is on the exchange, and the book has no intent for it"),
    ],
)
def test_an_exchange_that_contradicts_itself_or_the_book_is_found(tmp_path, changes, what):
    assert any(what in finding for finding in findings(tmp_path, history(**changes)))


def test_an_order_that_was_placed_twice_is_found(tmp_path):
    lines = history()
    again = {**lines[3], "order_id": 4, "status": "EXPIRED", "executed_quantity": "0"}
    assert f"the exchange holds 2 orders for the one intent {ORDER}" in findings(tmp_path, [*lines, again])


def test_a_history_that_was_cut_off_is_refused():
    with pytest.raises(ValueError, match="not complete"):
        ExchangeHistory(json.dumps(line) for line in history())
