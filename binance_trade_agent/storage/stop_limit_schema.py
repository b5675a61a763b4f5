"""Version 3 of the book's schema: orders that wake at one price and are then offered at another (STOP_LOSS_LIMIT).

The table of orders is made anew, as in version 2.
"""

from binance_trade_agent.storage.schema import ORDER_STATES

_KEPT = """sequence, client_order_id, number, symbol, side, type, purpose, quantity, reference_price, price, time_in_force, created_ms,
    correlation_id, reason, reserved_quote, send_deadline_ms, state, order_id, executed_quantity, updated_ms, stop_price, list_id"""

VERSION_3 = (
    f"""CREATE TABLE orders_anew (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        client_order_id TEXT NOT NULL UNIQUE CHECK (length(client_order_id) BETWEEN 1 AND 36),
        number INTEGER UNIQUE CHECK (number > 0),
        symbol TEXT NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
        type TEXT NOT NULL CHECK (type IN ('MARKET', 'LIMIT', 'LIMIT_MAKER', 'STOP_LOSS', 'STOP_LOSS_LIMIT')),
        purpose TEXT NOT NULL CHECK (purpose IN ('ENTRY', 'EXIT')),
        quantity TEXT NOT NULL,
        reference_price TEXT NOT NULL,
        price TEXT,
        time_in_force TEXT CHECK (time_in_force IN ('GTC', 'IOC', 'FOK')),
        created_ms INTEGER NOT NULL,
        correlation_id TEXT NOT NULL,
        reason TEXT NOT NULL,
        reserved_quote TEXT NOT NULL,
        send_deadline_ms INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ({ORDER_STATES})),
        order_id INTEGER,
        executed_quantity TEXT NOT NULL,
        updated_ms INTEGER NOT NULL,
        stop_price TEXT,
        list_id TEXT CHECK (length(list_id) BETWEEN 1 AND 36)
    ) STRICT""",
    f"INSERT INTO orders_anew ({_KEPT}) SELECT {_KEPT} FROM orders",  # noqa: S608  # the columns are the constant above
    "DELETE FROM sqlite_sequence WHERE name = 'orders_anew'",
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'orders_anew', seq FROM sqlite_sequence WHERE name = 'orders'",
    "DROP TABLE orders",
    "ALTER TABLE orders_anew RENAME TO orders",
    "CREATE INDEX orders_by_state ON orders (state)",
    "CREATE INDEX orders_by_exchange_id ON orders (symbol, order_id)",
)
