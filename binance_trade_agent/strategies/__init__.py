"""Strategies: pure functions from a candle window to an opinion, and the catalogue that names them."""
