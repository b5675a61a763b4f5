"""A Binance Spot exchange in a box: matching engine, accounts, markets, and REST faces in process and over HTTP."""
