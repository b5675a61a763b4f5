"""Candles at rest: a folder of Parquet files, one for each symbol, interval and month."""
