"""Migrations: the versions of the book's schema, append-only, each applied whole or not at all."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.storage.order_list_schema import VERSION_2
from binance_trade_agent.storage.risk_memory_schema import VERSION_4
from binance_trade_agent.storage.schema import VERSION_1
from binance_trade_agent.storage.stop_limit_schema import VERSION_3

APPLICATION_ID = 0x42544131
"""Written into the header of each book ("BTA1"), so that another program's SQLite file is never taken for one."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: the SQL that leads from `version` - 1 to `version`."""

    version: int
    name: str
    statements: tuple[str, ...]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "journal, ledger, positions and history", VERSION_1),
    Migration(2, "orders that wake at a price and orders of lists", VERSION_2),
    Migration(3, "stops that are offered at a price of their own", VERSION_3),
    Migration(4, "closing orders and locks of entries", VERSION_4),
)


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the schema in the file; 0 for an empty one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def refuse_unknown(connection: sqlite3.Connection, path: str, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Raise BookError for a database that is not a book of ours, or a book that a newer version made. Writes nothing."""
    application_id = int(connection.execute("PRAGMA application_id").fetchone()[0])
    objects = int(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    version = schema_version(connection)
    if application_id != APPLICATION_ID and (application_id, version, objects) != (0, 0, 0):
        raise BookError(f"{path} is a database of another program; give the book a path of its own")
    newest = migrations[-1].version
    if version > newest:
        raise BookError(f"{path} has schema version {version} and this program knows up to {newest}; run the newer program")


def migrate(connection: sqlite3.Connection, path: str | None, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """Bring the schema to the newest version and return how many steps that took.

    Each step is one transaction, its version number included: a step that fails leaves the version before it intact. An existing
    book is first copied to `path`.bak-vN, N being its version; `path` None (a database in memory) has no copy.
    Call it outside of transactions and before foreign keys are enforced, so that a step may rebuild a table.
    """
    version = schema_version(connection)
    due = [migration for migration in migrations if migration.version > version]
    if due and version > 0 and path is not None:
        _back_up(connection, Path(f"{path}.bak-v{version}"))
    for migration in due:
        _apply(connection, migration)
    return len(due)


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in migration.statements:
            connection.execute(statement)
        if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
            raise BookError(f"migration {migration.version} ({migration.name}) would leave rows that refer to nothing")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {migration.version}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(connection: sqlite3.Connection, target: Path) -> None:
    # Under its final name only when it is whole: a half-written copy must not look like a backup.
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    with closing(sqlite3.connect(partial)) as copy:
        connection.backup(copy)
    os.replace(partial, target)
