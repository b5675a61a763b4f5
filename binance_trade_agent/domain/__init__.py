"""Pure values and rules of trading: no I/O, no clock, no randomness."""
