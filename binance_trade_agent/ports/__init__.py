"""Protocols between the stations and the outside: exchange, market feed, book, clock, observer, cache."""
