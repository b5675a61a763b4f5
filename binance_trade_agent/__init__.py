"""binance_trade_agent: a trading daemon for Binance Spot that never loses track of an order."""

from binance_trade_agent.ports.defaults import register

# Stations built without arguments ask for these by name; wiring is imported only when one does.
register("components", "binance_trade_agent.wiring:open_components")
register("connection", "binance_trade_agent.wiring:open_connection")
