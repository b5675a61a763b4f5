"""The matching engine: orders, books, accounts and their rules. It knows no wire."""
