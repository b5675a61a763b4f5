"""Binance's WebSocket API: requests and answers over one connection, account events, and order entry. Source: web-socket-api.md."""
