"""Version 4 of the book's schema: closing orders and the rests that they bring about, which risk remembers.

A closing order gets its row when it has ended, a lock when it begins; both tables only grow.
"""

VERSION_4 = (
    """CREATE TABLE closed_orders (
        number INTEGER PRIMARY KEY CHECK (number > 0),
        time_ms INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        realized TEXT NOT NULL,
        cost TEXT NOT NULL,
        by_stop INTEGER NOT NULL CHECK (by_stop IN (0, 1))
    ) STRICT""",
    # scope is a symbol, or * for all of them.
    """CREATE TABLE entry_locks (
        id INTEGER PRIMARY KEY,
        rule TEXT NOT NULL,
        scope TEXT NOT NULL,
        since_ms INTEGER NOT NULL,
        until_ms INTEGER NOT NULL,
        reason TEXT NOT NULL,
        UNIQUE (rule, scope, since_ms, until_ms)
    ) STRICT""",
)
