"""`bench exchange`: the simulated exchange, one part after the other."""

import inspect
from importlib import import_module

from benchmarks.measuring import Plan
from benchmarks.report import Table

PARTS = ("exchange_engine", "exchange_faces", "exchange_markets")
"""Modules whose `measure` gives tables."""


async def measure(plan: Plan) -> list[Table]:
    """The tables of all parts."""
    tables: list[Table] = []
    for part in PARTS:
        found = import_module(f"benchmarks.{part}").measure(plan)
        tables += await found if inspect.isawaitable(found) else found
    return tables
