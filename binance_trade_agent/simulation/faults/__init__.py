"""Faults of the simulated exchange: what can go wrong between it and its clients, and inside it; by name, counted, and from a seed."""
