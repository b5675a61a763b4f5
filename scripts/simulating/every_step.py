"""Fail at every n: short reference runs, struck at each of their steps in turn by an error, a power cut and a cancellation."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from types import MappingProxyType

from simulating.plan import SYMBOLS, Blow, SeedPlan
from simulating.result import Result
from simulating.running import Runner

BLOWS = (Blow.ERROR, Blow.POWER_CUT, Blow.CANCEL)

_TROUBLE_S, _CALM_S = 100.0, 60.0
"""Some passes that buy and sell, then longer than the fence of an order that got lost."""

REFERENCE = SeedPlan(
    seed=0,
    market=0,
    symbols=SYMBOLS[:1],
    interval_s=20,
    trouble_s=_TROUBLE_S,
    calm_s=_CALM_S,
    latency_ms=20.0,
    disk_ms=1.0,
    stall_chance=0.0,
    settings=MappingProxyType(
        {
            "risk_cooldown_seconds": 0,
            "reconcile_interval_seconds": 20,
            "clock_sync_interval_seconds": 20,
            "unknown_order_grace_seconds": 5,
            "max_intent_age_seconds": 2,
            "request_timeout_seconds": 3,
            "strategy_parameters": {"seed": 2, "appetite": 100},
        }
    ),
    faults=(),
    incidents=(),
    blows=(),
    aims=(),
    clock_jumps_ms=MappingProxyType({}),
    halts=MappingProxyType({}),
)


GUARDED = replace(
    REFERENCE,
    settings=MappingProxyType(
        {
            **REFERENCE.settings,
            "protection": "exchange",
            "risk_default_stop_loss_pct": "0.01",
            "risk_default_take_profit_pct": "0.01",
            "risk_trailing_stop_pct": "0.004",
            "protection_trailing_step_pct": "0",
            "protection_stop_offset_pct": "0.002",
            "strategy_parameters": {"seed": 4, "appetite": 60},
        }
    ),
)
"""The same with a stop and a take-profit on the exchange for what is held: pairs are placed, moved and withdrawn."""

BY_SOCKET = replace(REFERENCE, settings=MappingProxyType({**REFERENCE.settings, "order_entry": "websocket"}))

REFERENCES: Mapping[str, SeedPlan] = MappingProxyType(
    {
        "plain": REFERENCE,
        "guarded": GUARDED,
        "by WebSocket": BY_SOCKET,
    }
)


def steps_of(name: str) -> int:
    """How many steps the undisturbed run takes."""
    return Runner().run(REFERENCES[name]).steps


def struck_at(name: str, step: int, blow: Blow) -> Result:
    """The reference run of this name with this blow at this step."""
    return Runner().run(replace(REFERENCES[name], blows=(MappingProxyType({step: blow}),)))


def every_step(jobs: int, stride: int = 1, first: int = 1) -> Iterator[tuple[str, int, Blow, Result]]:
    """Strike at each step, or each `stride`-th from `first` on, of each reference run, with every blow."""
    cases = [(name, step, blow) for name in REFERENCES for step in range(first, steps_of(name) + 1, stride) for blow in BLOWS]
    if jobs <= 1:
        yield from ((*case, struck_at(*case)) for case in cases)
        return
    with ProcessPoolExecutor(jobs) as pool:
        for case, result in zip(cases, pool.map(struck_at, *zip(*cases, strict=True), chunksize=8), strict=True):
            yield *case, result
