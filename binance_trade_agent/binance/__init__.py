"""Binance's dialect: endpoints, signing, wire shapes, error codes, weights, filters; and its sockets."""
