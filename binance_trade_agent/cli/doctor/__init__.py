"""The check-up behind `binance-trade-agent doctor`: this machine, the book, and the exchange, each in a file of its own."""
