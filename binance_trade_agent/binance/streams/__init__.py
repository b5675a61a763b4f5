"""Binance's market streams: their names, their events, and the connections that carry them."""
