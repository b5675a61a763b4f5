"""What other people do on the exchange, as a function of time."""
