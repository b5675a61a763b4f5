"""Deterministic simulation: the real daemon in virtual time against the simulated exchange, with faults and crashes drawn from a seed."""
