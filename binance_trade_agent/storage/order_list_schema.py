"""Version 2 of the book's schema: orders that wake at a price, and orders that belong to a list.

A CHECK cannot be changed, so the table is made anew. Enumerated values are spelled out, as in version 1: what it said once must not change.
"""

from binance_trade_agent.storage.schema import ORDER_STATES

KEPT = """sequence, client_order_id, number, symbol, side, type, purpose, quantity, reference_price, price, time_in_force, created_ms,
    correlation_id, reason, reserved_quote, send_deadline_ms, state, order_id, executed_quantity, updated_ms"""


def orders_made_anew(types: str, kept: str) -> tuple[str, ...]:
    """The statements that give the table of orders a CHECK that allows `types`, and keep the columns `kept` of each row."""
    return (
        f"""CREATE TABLE orders_anew (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        client_order_id TEXT NOT NULL UNIQUE CHECK (length(client_order_id) BETWEEN 1 AND 36),
        number INTEGER UNIQUE CHECK (number > 0),
        symbol TEXT NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
        type TEXT NOT NULL CHECK (type IN ({types})),
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
        f"INSERT INTO orders_anew ({kept}) SELECT {kept} FROM orders",  # noqa: S608  # the columns are the constant above
        # The number of the newest row that ever was goes along, so that none is given twice.
        "DELETE FROM sqlite_sequence WHERE name = 'orders_anew'",
        "INSERT INTO sqlite_sequence (name, seq) SELECT 'orders_anew', seq FROM sqlite_sequence WHERE name = 'orders'",
        "DROP TABLE orders",
        "ALTER TABLE orders_anew RENAME TO orders",
        "CREATE INDEX orders_by_state ON orders (state)",
        "CREATE INDEX orders_by_exchange_id ON orders (symbol, order_id)",
    )


VERSION_2 = orders_made_anew("'MARKET', 'LIMIT', 'LIMIT_MAKER', 'STOP_LOSS'", KEPT)
