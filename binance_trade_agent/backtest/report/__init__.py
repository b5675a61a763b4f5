"""What trading over candles came to: figures with stated formulas, as tables, JSON and one page."""
