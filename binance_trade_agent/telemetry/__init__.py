"""Observers of facts: metrics, logs and their redaction, and the decorator that measures async functions."""
