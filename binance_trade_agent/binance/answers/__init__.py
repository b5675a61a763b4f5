"""Answers of the exchange as it gives them: documented Structs, money in exact Decimal, times in milliseconds UTC."""
