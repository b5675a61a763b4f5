"""The tables of the book, version 1: append-only journal and ledger, and the tables that are derived from them.

Amounts are decimals as text, times are integer milliseconds UTC. Enumerated values are spelled out here and not taken from
the code, because this text is history: it must go on meaning what it meant when a book was made with it.
"""

ORDER_STATES = """'INTENDED', 'NOT_SENT', 'SENT', 'UNKNOWN', 'NEVER_PLACED', 'NEW', 'PARTIALLY_FILLED', 'FILLED', 'CANCELED', 'EXPIRED',
    'REJECTED'"""
_APPEND_ONLY = ("order_events", "fills", "ledger_transactions", "ledger_postings", "mode_changes")


def _append_only(table: str) -> tuple[str, str]:
    return (
        f"CREATE TRIGGER {table}_never_change BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
        f"CREATE TRIGGER {table}_never_delete BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
    )


_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    # One row for each intent, in the order they were made; everything up to send_deadline_ms is written once.
    f"""CREATE TABLE orders (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        client_order_id TEXT NOT NULL UNIQUE CHECK (length(client_order_id) BETWEEN 1 AND 36),
        number INTEGER UNIQUE CHECK (number > 0),
        symbol TEXT NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
        type TEXT NOT NULL CHECK (type IN ('MARKET', 'LIMIT', 'LIMIT_MAKER')),
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
        updated_ms INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX orders_by_state ON orders (state)",
    "CREATE INDEX orders_by_exchange_id ON orders (symbol, order_id)",
    f"""CREATE TABLE order_events (
        id INTEGER PRIMARY KEY,
        client_order_id TEXT NOT NULL REFERENCES orders (client_order_id),
        event TEXT NOT NULL,
        from_state TEXT NOT NULL CHECK (from_state IN ({ORDER_STATES})),
        to_state TEXT NOT NULL CHECK (to_state IN ({ORDER_STATES})),
        time_ms INTEGER NOT NULL,
        detail TEXT NOT NULL,
        exchange_status TEXT,
        exchange_order_id INTEGER,
        reported_quantity TEXT,
        reported_quote TEXT
    ) STRICT""",
    "CREATE INDEX order_events_by_order ON order_events (client_order_id, id)",
    # id is the order of booking; client_order_id is empty for trades that no order of ours made.
    """CREATE TABLE fills (
        id INTEGER PRIMARY KEY,
        symbol TEXT NOT NULL,
        trade_id INTEGER NOT NULL,
        order_id INTEGER NOT NULL,
        client_order_id TEXT NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
        price TEXT NOT NULL,
        quantity TEXT NOT NULL,
        quote_quantity TEXT NOT NULL,
        commission TEXT NOT NULL,
        commission_asset TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        is_maker INTEGER NOT NULL CHECK (is_maker IN (0, 1)),
        UNIQUE (symbol, trade_id)
    ) STRICT""",
    "CREATE INDEX fills_by_order ON fills (symbol, order_id)",
    """CREATE TABLE ledger_transactions (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('fill', 'external')),
        reference TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        UNIQUE (kind, reference)
    ) STRICT""",
    """CREATE TABLE ledger_postings (
        id INTEGER PRIMARY KEY,
        transaction_id INTEGER NOT NULL REFERENCES ledger_transactions (id),
        account TEXT NOT NULL CHECK (account IN ('wallet', 'market', 'commission', 'external')),
        asset TEXT NOT NULL,
        amount TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX ledger_postings_by_transaction ON ledger_postings (transaction_id)",
    "CREATE TABLE wallet_balances (asset TEXT PRIMARY KEY, amount TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE commissions (asset TEXT PRIMARY KEY, amount TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE positions (
        id INTEGER PRIMARY KEY,
        symbol TEXT NOT NULL UNIQUE,
        base_asset TEXT NOT NULL,
        quote_asset TEXT NOT NULL CHECK (quote_asset <> base_asset),
        quantity TEXT NOT NULL,
        cost TEXT NOT NULL,
        realized TEXT NOT NULL,
        opened_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE mode_changes (
        id INTEGER PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        scope TEXT NOT NULL,
        mode TEXT NOT NULL CHECK (mode IN ('ACTIVE', 'REDUCING', 'HALTED')),
        rule TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX mode_changes_by_scope ON mode_changes (scope, id)",
    """CREATE TABLE decisions (
        id INTEGER PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        correlation_id TEXT NOT NULL,
        verdict TEXT NOT NULL,
        explanation TEXT NOT NULL,
        price TEXT,
        strategy TEXT,
        action TEXT,
        confidence REAL,
        indicators TEXT,
        refused_by TEXT,
        client_order_id TEXT,
        outcome TEXT,
        error TEXT,
        execution_duration_ms REAL NOT NULL,
        market_ms REAL,
        signal_ms REAL,
        risk_ms REAL,
        execution_ms REAL,
        book_ms REAL
    ) STRICT""",
    """CREATE TABLE equity_points (
        time_ms INTEGER PRIMARY KEY,
        equity TEXT NOT NULL,
        cash TEXT NOT NULL,
        exposure TEXT NOT NULL,
        realized TEXT NOT NULL,
        unrealized TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE risk_state (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        peak_equity TEXT NOT NULL,
        day INTEGER NOT NULL,
        day_start_equity TEXT NOT NULL,
        loss_streak INTEGER NOT NULL CHECK (loss_streak >= 0),
        entries_paused_until_ms INTEGER NOT NULL,
        armed_ms INTEGER NOT NULL
    ) STRICT""",
    "CREATE TABLE peak_prices (symbol TEXT PRIMARY KEY, price TEXT NOT NULL) STRICT, WITHOUT ROWID",
)

VERSION_1 = _TABLES + tuple(statement for table in _APPEND_ONLY for statement in _append_only(table))
