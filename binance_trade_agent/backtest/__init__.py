"""The same stations over recorded candles, as fast as the machine goes, with a report at the end."""
