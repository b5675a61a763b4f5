"""SeedPlan: everything that a seed decides: market, settings, faults, and what strikes the daemon's process and when."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from types import MappingProxyType

from msgspec.structs import replace

from binance_trade_agent.simulation.faults.delay import Delay, DelayShape
from binance_trade_agent.simulation.faults.incident import Incident, IncidentKind
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.faults.weather import LIES, drawn_weather

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")
MARKETS = 4
"""So many different markets are played; what follows from them is kept from one seed to the next."""

SEVERITIES = (0.0, 0.1, 0.2, 0.4, 0.7)
INTERVALS_S = (10, 15, 20, 30)
PASSES = 60
"""Passes of the troubled part, if none is lost."""

CALM_S = 15 * 60.0
"""Longer than the longest fence, ban and pause that can be left over."""

MOST_LAG_MS = 4_500
"""The daemon takes what two looks five seconds apart agree on for true, so queries that are to be answered for lag less."""

MOST_LIVES = 12
MOST_HALTS = 20
_LONGEST_LIFE_STEPS = 2_000

INCIDENTS = frozenset(IncidentKind) - {IncidentKind.RESET_ACCOUNTS}
"""A reset makes the book another account's; that it is met is shown elsewhere."""

FAULTS = frozenset(FaultKind) - LIES - {FaultKind.DUPLICATE_REQUEST}
"""Lies cannot be seen through, and a market order that the network brings twice is carried out twice, whoever sent it."""

_ORDER_FAULTS = (
    FaultKind.LOSE_REQUEST,
    FaultKind.LOSE_ANSWER,
    FaultKind.DELAY_REQUEST,
    FaultKind.DELAY_ANSWER,
    FaultKind.CUT_NOT_EXECUTED,
    FaultKind.CUT_EXECUTED,
    FaultKind.CUT_MIDWAY,
    FaultKind.ANSWER_5XX_NOT_EXECUTED,
    FaultKind.ANSWER_5XX_EXECUTED,
    FaultKind.UNEXPECTED_EXECUTED,
    FaultKind.ENGINE_DELAY,
    FaultKind.MUTATE_ANSWER,
    FaultKind.REFUSE_CONNECT,
)
_ORDERS = "POST /api/v3/order"


class Blow(StrEnum):
    """What strikes the process at one of its steps."""

    POWER_CUT = "power_cut"
    """It is gone at once; what was committed stays, and requests that have left go on."""
    ERROR = "error"
    """The step fails: nothing was written, no connection; or what was done is told as failed."""
    STOP = "stop"
    """It is asked to stop, as by SIGTERM."""
    CANCEL = "cancel"
    """It is asked to stop twice, which cancels what runs."""
    HALT = "halt"
    """The operator halts the account when the next commit begins, which may be that of an order, and resumes it a little later."""


@dataclass(frozen=True, slots=True)
class SeedPlan:
    """One simulation. `blows` tells for each life of the process what strikes at which of its steps (counted from 1).

    With an aim that life's blows wait for an order and strike so many steps after it has begun to leave.
    A commit takes `disk_ms`, and with `stall_chance` some seconds. `clock_jumps_ms` are how far the machine's own clock is set, by the
    second of the simulation; `halts` are the seconds at which the operator halts (and later resumes) the account or a symbol.
    """

    seed: int
    market: int
    symbols: tuple[str, ...]
    interval_s: int
    trouble_s: float
    calm_s: float
    latency_ms: float
    disk_ms: float
    stall_chance: float
    settings: Mapping[str, object]
    faults: tuple[Fault, ...]
    incidents: tuple[Incident, ...]
    blows: tuple[Mapping[int, Blow], ...]
    aims: tuple[int | None, ...]
    clock_jumps_ms: Mapping[float, int]
    halts: Mapping[float, str]

    @property
    def is_current(self) -> bool:
        """Whether no query is answered from further back than MOST_LAG_MS."""
        lags = [fault.delay for fault in self.faults if fault.kind is FaultKind.LAG_QUERY]
        return all(lag.shape is DelayShape.FIXED and lag.typical_ms <= MOST_LAG_MS for lag in lags)

    @property
    def is_timely(self) -> bool:
        """Whether nothing can arrive at the exchange later than it allows: no clock is set, and no engine is late."""
        late = any(fault.kind is FaultKind.ENGINE_DELAY for fault in self.faults)
        return not (late or self.clock_jumps_ms or self.has(IncidentKind.SHIFT_CLOCK))

    def has(self, kind: IncidentKind) -> bool:
        """Whether such incidents happen."""
        return any(incident.kind is kind for incident in self.incidents)


def drawn_plan(seed: int) -> SeedPlan:
    """The plan of the seed, the same whenever it is drawn."""
    random = Random(f"{seed}:plan")  # noqa: S311 - it has to repeat, not to be secret
    symbols = SYMBOLS[: random.randint(1, len(SYMBOLS))]
    interval_s = random.choice(INTERVALS_S)
    trouble_s = float(interval_s * PASSES)
    severity = random.choice(SEVERITIES)
    weather = drawn_weather(seed, severity, faults=FAULTS, incidents=INCIDENTS)
    return SeedPlan(
        seed=seed,
        market=seed % MARKETS,
        symbols=symbols,
        interval_s=interval_s,
        trouble_s=trouble_s,
        calm_s=CALM_S,
        latency_ms=random.choice((2.0, 20.0, 100.0, 400.0)),
        disk_ms=random.choice((0.0, 1.0, 30.0)),
        stall_chance=random.choice((0.0, 0.0, 0.02)),
        settings=MappingProxyType(_settings(random)),
        faults=(*_order_faults(random), *_query_faults(random), *weather.faults),
        incidents=tuple(_oftener(incident, trouble_s, random) for incident in weather.incidents),
        blows=(blows := _blows(random)),
        aims=tuple(random.choice((None, 0, 1, 2, 3)) for _ in blows),
        clock_jumps_ms=MappingProxyType(_clock_jumps(random, trouble_s)),
        halts=MappingProxyType({random.uniform(0, trouble_s): random.choice(("*", *symbols)) for _ in range(random.choice((0, 0, 1, 3)))}),
    )


def _settings(random: Random) -> dict[str, object]:
    return {
        "risk_max_total_exposure": random.choice(("0.1", "0.3", "0.8")),
        "risk_max_position_per_symbol": random.choice(("0.05", "0.1")),
        "risk_max_single_trade_size": random.choice(("0.03", "0.05")),
        "risk_default_stop_loss_pct": random.choice(("0", "0.002", "0.05")),
        "risk_default_take_profit_pct": random.choice(("0", "0.002", "0.10")),
        "risk_cooldown_seconds": random.choice((0, 0, 30)),
        "reconcile_interval_seconds": random.choice((60, 300)),
        "clock_sync_interval_seconds": random.choice((60, 300)),
        "unknown_order_grace_seconds": random.choice((10, 30)),
        "strategy_parameters": {"seed": random.randrange(1_000), "appetite": random.choice((30, 80, 100))},
    }


def _order_faults(random: Random) -> list[Fault]:
    """Orders are few among the requests, so they get trouble of their own; and queries lag."""
    kinds = random.sample(_ORDER_FAULTS, random.choice((0, 1, 2, 4)))
    faults = [Fault(kind, _ORDERS, times=None, chance=_log(random, 0.02, 0.4), delay=Delay(_log(random, 50, 60_000))) for kind in kinds]
    if random.random() < 1 / 2:
        faults.append(Fault(FaultKind.LAG_QUERY, times=None, chance=_log(random, 0.02, 0.5), delay=Delay(_log(random, 100, MOST_LAG_MS))))
    return faults


def _query_faults(random: Random) -> list[Fault]:
    """Trouble for those who look for an order that got lost, or compare; and silence that outlasts a restart."""
    faults = []
    for target in ("GET /api/v3/myTrades", "GET /api/v3/account", "GET /api/v3/order"):
        if random.random() < 1 / 4:
            lag = Delay(_log(random, 500, MOST_LAG_MS))
            faults.append(Fault(FaultKind.LAG_QUERY, target, times=None, chance=random.uniform(0.3, 1), delay=lag))
    if random.random() < 1 / 5:
        kind = random.choice((FaultKind.UNAVAILABLE, FaultKind.ANSWER_5XX_NOT_EXECUTED, FaultKind.MUTATE_ANSWER))
        faults.append(Fault(kind, "GET /api/v3/order", times=None, chance=random.uniform(0.5, 1)))
    if random.random() < 1 / 5:
        kind = random.choice((FaultKind.BANNED, FaultKind.TOO_MANY_REQUESTS))
        faults.append(Fault(kind, times=4, chance=0.02, delay=Delay(_log(random, 20_000, 300_000))))
    return faults


def _oftener(incident: Incident, trouble_s: float, random: Random) -> Incident:
    """Weather is drawn for days; this is for less than an hour."""
    lasts_ms = round(_log(random, 1_000, 120_000)) if incident.lasts_ms else 0
    return replace(incident, every_ms=max(round(_log(random, trouble_s * 50, trouble_s * 1_000)), 1_000), lasts_ms=lasts_ms)


def _blows(random: Random) -> tuple[Mapping[int, Blow], ...]:
    """Short lives and long ones."""
    lives = random.choice((0, 1, 3, MOST_LIVES))
    kinds = (Blow.POWER_CUT, Blow.POWER_CUT, Blow.POWER_CUT, Blow.ERROR, Blow.ERROR, Blow.STOP, Blow.CANCEL)
    blows = [{_step(random): random.choice(kinds)} for _ in range(lives)] or [{}]
    for blow in blows:
        halts = {random.randint(1, _LONGEST_LIFE_STEPS): Blow.HALT for _ in range(random.choice((0, MOST_HALTS)))}
        blow.update({step: halt for step, halt in halts.items() if step not in blow})
    return tuple(map(MappingProxyType, blows))


def _step(random: Random) -> int:
    return round(_log(random, 1, _LONGEST_LIFE_STEPS))


def _clock_jumps(random: Random, trouble_s: float) -> dict[float, int]:
    return {random.uniform(0, trouble_s): random.randint(-20_000, 20_000) for _ in range(random.choice((0, 0, 0, 1, 3)))}


def _log(random: Random, least: float, most: float) -> float:
    """Any order of magnitude is as likely as another."""
    return math.exp(random.uniform(math.log(least), math.log(most)))
