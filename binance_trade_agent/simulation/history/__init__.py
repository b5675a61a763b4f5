"""What the exchange remembers: every account, order and trade."""
