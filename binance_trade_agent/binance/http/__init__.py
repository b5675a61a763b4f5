"""The HTTP transport of our own: a pool of connections in two lanes, and what passes over one of them."""
