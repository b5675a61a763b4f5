"""The tables of the exchange's store, version by version: an older file is brought up to date when it is opened."""

import sqlite3
from decimal import Decimal

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.domain.money import times
from binance_trade_agent.simulation.engine.amounts import ceil_amount

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE accounts (account_id INTEGER PRIMARY KEY, key_fingerprint TEXT NOT NULL UNIQUE, opened_ms INTEGER NOT NULL);
CREATE TABLE deposits (account_id INTEGER NOT NULL, asset TEXT NOT NULL, amount TEXT NOT NULL, time_ms INTEGER NOT NULL);
CREATE TABLE balances (
    account_id INTEGER NOT NULL, asset TEXT NOT NULL, free TEXT NOT NULL, locked TEXT NOT NULL, PRIMARY KEY (account_id, asset)
) WITHOUT ROWID;
CREATE TABLE orders (
    symbol TEXT NOT NULL, order_id INTEGER NOT NULL, account_id INTEGER NOT NULL, client_order_id TEXT NOT NULL, side TEXT NOT NULL,
    type TEXT NOT NULL, time_in_force TEXT NOT NULL, price TEXT NOT NULL, original_quantity TEXT NOT NULL,
    original_quote_quantity TEXT NOT NULL, time_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, status TEXT NOT NULL,
    executed_quantity TEXT NOT NULL, cumulative_quote_quantity TEXT NOT NULL, expiry_reason TEXT, prevented_match_id INTEGER,
    prevented_quantity TEXT NOT NULL, PRIMARY KEY (symbol, order_id)
) WITHOUT ROWID;
CREATE INDEX orders_by_client ON orders (account_id, symbol, client_order_id);
CREATE INDEX orders_by_account ON orders (account_id, symbol, order_id);
CREATE INDEX orders_open ON orders (symbol, order_id) WHERE status IN ('NEW', 'PARTIALLY_FILLED');
CREATE TABLE trades (
    symbol TEXT NOT NULL, trade_id INTEGER NOT NULL, order_id INTEGER NOT NULL, account_id INTEGER NOT NULL, side TEXT NOT NULL,
    price TEXT NOT NULL, quantity TEXT NOT NULL, quote_quantity TEXT NOT NULL, commission TEXT NOT NULL, commission_asset TEXT NOT NULL,
    time_ms INTEGER NOT NULL, is_maker INTEGER NOT NULL, PRIMARY KEY (symbol, trade_id, order_id)
) WITHOUT ROWID;
CREATE INDEX trades_by_account ON trades (account_id, symbol, trade_id);
CREATE INDEX trades_by_order ON trades (symbol, order_id);
CREATE TABLE taken (
    symbol TEXT NOT NULL, quote_time_ms INTEGER NOT NULL, side TEXT NOT NULL, price TEXT NOT NULL, quantity TEXT NOT NULL,
    PRIMARY KEY (symbol, side, price)
) WITHOUT ROWID;
"""

_EVERY_KIND_OF_ORDER = """
ALTER TABLE orders ADD COLUMN stop_price TEXT;
ALTER TABLE orders ADD COLUMN trailing_delta INTEGER;
ALTER TABLE orders ADD COLUMN trailing_ms INTEGER NOT NULL DEFAULT -1;
ALTER TABLE orders ADD COLUMN trailing_price TEXT;
ALTER TABLE orders ADD COLUMN iceberg_quantity TEXT;
ALTER TABLE orders ADD COLUMN visible_quantity TEXT;
ALTER TABLE orders ADD COLUMN self_trade_prevention TEXT NOT NULL DEFAULT 'EXPIRE_MAKER';
ALTER TABLE orders ADD COLUMN strategy_id INTEGER;
ALTER TABLE orders ADD COLUMN strategy_type INTEGER;
ALTER TABLE orders ADD COLUMN peg_price_type TEXT;
ALTER TABLE orders ADD COLUMN peg_offset_type TEXT;
ALTER TABLE orders ADD COLUMN peg_offset_value INTEGER;
ALTER TABLE orders ADD COLUMN pegged_price TEXT;
ALTER TABLE orders ADD COLUMN is_working INTEGER NOT NULL DEFAULT 1;
ALTER TABLE orders ADD COLUMN working_ms INTEGER NOT NULL DEFAULT -1;
ALTER TABLE orders ADD COLUMN order_list_id INTEGER NOT NULL DEFAULT -1;
ALTER TABLE orders ADD COLUMN working_floor TEXT;
ALTER TABLE orders ADD COLUMN queue_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN locked_amount TEXT NOT NULL DEFAULT '0';
ALTER TABLE orders ADD COLUMN hold_price TEXT;
ALTER TABLE orders ADD COLUMN amendments INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trades ADD COLUMN order_list_id INTEGER NOT NULL DEFAULT -1;
UPDATE orders SET working_ms = time_ms, queue_number = order_id;
UPDATE orders SET locked_amount = open_lock(side, price, original_quantity, executed_quantity)
    WHERE status IN ('NEW', 'PARTIALLY_FILLED');
DROP INDEX orders_open;
CREATE INDEX orders_open ON orders (symbol, queue_number, order_id) WHERE status IN ('NEW', 'PARTIALLY_FILLED', 'PENDING_NEW');
CREATE TABLE counters (
    symbol TEXT PRIMARY KEY, order_id INTEGER NOT NULL, trade_id INTEGER NOT NULL, execution_id INTEGER NOT NULL,
    prevented_match_id INTEGER NOT NULL, queue_number INTEGER NOT NULL, book_changes INTEGER NOT NULL
) WITHOUT ROWID;
-- No less than ever were counted: an order began and ended once, a trade has two sides, and every commit held one of these.
INSERT INTO counters
    SELECT symbol, last_order, last_trade, 2 * (last_order + last_trade), last_match, last_order, 2 * last_order + last_trade
    FROM (
        SELECT symbol, MAX(order_id) AS last_order, COALESCE(MAX(prevented_match_id), 0) AS last_match,
            COALESCE((SELECT MAX(trade_id) FROM trades WHERE trades.symbol = orders.symbol), 0) AS last_trade
        FROM orders GROUP BY symbol
    );
CREATE TABLE prevented_matches (
    symbol TEXT NOT NULL, prevented_match_id INTEGER NOT NULL, taker_order_id INTEGER NOT NULL, taker_account_id INTEGER NOT NULL,
    maker_order_id INTEGER NOT NULL, maker_account_id INTEGER NOT NULL, trade_group_id INTEGER NOT NULL, mode TEXT NOT NULL,
    price TEXT NOT NULL, quantity TEXT NOT NULL, taker_prevented_quantity TEXT, maker_prevented_quantity TEXT, time_ms INTEGER NOT NULL,
    PRIMARY KEY (symbol, prevented_match_id)
) WITHOUT ROWID;
CREATE TABLE amendments (
    symbol TEXT NOT NULL, order_id INTEGER NOT NULL, account_id INTEGER NOT NULL, execution_id INTEGER NOT NULL,
    original_client_order_id TEXT NOT NULL, new_client_order_id TEXT NOT NULL, original_quantity TEXT NOT NULL,
    new_quantity TEXT NOT NULL, time_ms INTEGER NOT NULL, PRIMARY KEY (symbol, execution_id)
) WITHOUT ROWID;
"""

_EVERY_MOVEMENT = """
ALTER TABLE deposits ADD COLUMN is_first INTEGER NOT NULL DEFAULT 1;
CREATE INDEX deposits_by_account ON deposits (account_id);
"""

_ORDER_LISTS = """
CREATE TABLE order_lists (
    order_list_id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, symbol TEXT NOT NULL, client_order_id TEXT NOT NULL,
    orders TEXT NOT NULL, time_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL, working_id INTEGER, working_pays INTEGER NOT NULL,
    status_type TEXT NOT NULL, order_status TEXT NOT NULL
);
CREATE INDEX order_lists_by_account ON order_lists (account_id, order_list_id);
CREATE INDEX order_lists_by_client ON order_lists (account_id, client_order_id);
CREATE INDEX order_lists_open ON order_lists (order_list_id) WHERE order_status = 'EXECUTING';
"""

VERSIONS = (_FIRST, _EVERY_KIND_OF_ORDER, _EVERY_MOVEMENT, _ORDER_LISTS)
"""What each version adds to the one before it; the version of a file is how many of them it has."""


def bring_up_to_date(db: sqlite3.Connection) -> None:
    """Make what is missing, each version in one transaction; BookError for a file of a newer program. Raises sqlite3.Error."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > len(VERSIONS):
        raise BookError(f"the simulated exchange's store has version {version}, this program knows {len(VERSIONS)}")
    db.create_function("open_lock", 4, _open_lock, deterministic=True)
    for number, script in enumerate(VERSIONS[version:], version + 1):
        db.executescript(f"BEGIN; {script} PRAGMA user_version = {number}; COMMIT;")


def _open_lock(side: str, price: str, original_quantity: str, executed_quantity: str) -> str:
    """What a resting limit order had locked, where its table did not say so: exact, which SQL cannot be."""
    remaining = Decimal(original_quantity) - Decimal(executed_quantity)
    return format(ceil_amount(times(Decimal(price), remaining)) if side == "BUY" else remaining, "f")
