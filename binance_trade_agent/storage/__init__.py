"""The book on disk: SQLite through aiosqlite, one writer, pooled readers, versioned migrations."""
