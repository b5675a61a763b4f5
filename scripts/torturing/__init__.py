"""Torture: the shipped daemon and the simulated exchange as processes that are killed and frozen, and what is compared afterwards."""
