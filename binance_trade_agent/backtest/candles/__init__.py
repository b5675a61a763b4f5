"""Getting histories of candles: from Binance's public files, by REST, or from files that are here already."""
