"""Drawing: how a plan follows from a seed.

Each subject draws from a stream of its own, so that a new one changes nothing about the others.
"""

import dataclasses
import math
from collections.abc import Mapping
from random import Random
from types import MappingProxyType

from msgspec.structs import replace

from binance_trade_agent.simulation.faults.delay import Delay
from binance_trade_agent.simulation.faults.incident import Incident, IncidentKind
from binance_trade_agent.simulation.faults.kinds import FaultKind, FaultPoint
from binance_trade_agent.simulation.faults.plan import Fault
from binance_trade_agent.simulation.faults.weather import LIES, drawn_weather
from simulating.plan import MOST_LAG_MS, SYMBOLS, Blow, SeedPlan

MARKETS = 4
"""So many different markets are played; what follows from them is kept from one seed to the next."""

SEVERITIES = (0.0, 0.1, 0.2, 0.4, 0.7)
INTERVALS_S = (10, 15, 20, 30)
PASSES = 60
"""Passes of the troubled part, if none is lost."""

CALM_S = 15 * 60.0
"""Longer than the longest fence, ban and pause that can be left over."""

LONGEST_LAG_MS = 60_000

MOST_LIVES = 12
MOST_HALTS = 20
_LONGEST_LIFE_STEPS = 2_000

_Blows = tuple[Mapping[int, Blow], ...]

INCIDENTS = frozenset(IncidentKind) - {IncidentKind.RESET_ACCOUNTS}
"""A reset makes the book another account's; that it is met is shown elsewhere."""

FAULTS = frozenset(FaultKind) - LIES - {FaultKind.DUPLICATE_REQUEST}
"""Lies cannot be seen through, and a market order that the network brings twice is carried out twice, whoever sent it."""

_SOCKET_FAULTS = (
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
)
_ORDER_FAULTS = (*_SOCKET_FAULTS, FaultKind.REFUSE_CONNECT)
_ORDERS, _LISTS, _CANCELS = "POST /api/v3/order", "POST /api/v3/orderList*", "DELETE /api/v3/order*"
_MOVES = "POST /api/v3/order/cancelReplace"
_SOCKET_ORDERS = "order.*"


def with_reset(plan: SeedPlan) -> SeedPlan:
    """The same with an exchange that is reset once, in the middle of the trouble."""
    random = Random(f"{plan.seed}:reset")  # noqa: S311 - see below
    return dataclasses.replace(plan, reset_s=plan.trouble_s * random.uniform(0.2, 0.8))


def drawn_plan(seed: int) -> SeedPlan:
    """The plan of the seed, the same whenever it is drawn."""
    random = Random(f"{seed}:plan")  # noqa: S311 - it has to repeat, not to be secret
    symbols = SYMBOLS[: random.randint(1, len(SYMBOLS))]
    interval_s = random.choice(INTERVALS_S)
    trouble_s = float(interval_s * PASSES)
    severity = random.choice(SEVERITIES)
    weather = drawn_weather(seed, severity, faults=FAULTS, incidents=INCIDENTS)
    latency_ms = random.choice((2.0, 20.0, 100.0, 400.0))
    disk_ms = random.choice((0.0, 1.0, 30.0))
    stall_chance = random.choice((0.0, 0.0, 0.02))
    settings = _settings(random)
    faults = [*_order_faults(random), *_query_faults(random)]
    incidents = tuple(_oftener(incident, trouble_s, random) for incident in weather.incidents)
    blows = _blows(random)
    aims = tuple(random.choice((None, 0, 1, 2, 3)) for _ in blows)
    clock_jumps_ms = _clock_jumps(random, trouble_s)
    halts = {random.uniform(0, trouble_s): random.choice(("*", *symbols)) for _ in range(random.choice((0, 0, 1, 3)))}
    for more_settings, more_faults in (_protection(seed), _guards(seed), _faces(seed), _lag(seed), _stop(seed)):
        settings |= more_settings
        faults += more_faults
    return SeedPlan(
        seed=seed,
        market=seed % MARKETS,
        symbols=symbols,
        interval_s=interval_s,
        trouble_s=trouble_s,
        calm_s=CALM_S,
        latency_ms=latency_ms,
        disk_ms=disk_ms,
        stall_chance=stall_chance,
        settings=MappingProxyType(settings),
        faults=(*faults, *weather.faults),
        incidents=incidents,
        blows=_cut_while_halted(seed, blows),
        aims=aims,
        clock_jumps_ms=MappingProxyType(clock_jumps_ms),
        halts=MappingProxyType(halts),
        neighbour_leaves=_neighbour_leaves(seed),
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
    faults = _some(_ORDER_FAULTS, random.choice((0, 1, 2, 4)), _ORDERS, random)
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


def _protection(seed: int) -> tuple[dict[str, object], list[Fault]]:
    """Half of the seeds have their positions protected on the exchange, with trouble for pairs and for cancelling them."""
    random = Random(f"{seed}:protection")  # noqa: S311 - see above
    if random.random() < 1 / 2:
        return {}, []
    settings: dict[str, object] = {
        "protection": random.choice(("exchange", "exchange", "exchange-or-halt")),
        "risk_default_stop_loss_pct": random.choice(("0.002", "0.01", "0.05")),
        "risk_default_take_profit_pct": random.choice(("0.002", "0.01", "0.10")),
    }
    faults = [fault for target in (_LISTS, _CANCELS) for fault in _some(_ORDER_FAULTS, random.choice((0, 1, 2)), target, random)]
    return settings, faults


def _guards(seed: int) -> tuple[dict[str, object], list[Fault]]:
    """Of the seeds with protection most have stops that follow the price, stops with a price of their own, or no take-profit."""
    settings, _ = _protection(seed)
    random = Random(f"{seed}:guards")  # noqa: S311 - see above
    if not settings or random.random() < 1 / 4:
        return {}, []
    more: dict[str, object] = {
        "risk_trailing_stop_pct": random.choice(("0", "0.001", "0.003", "0.02")),
        "protection_trailing_step_pct": random.choice(("0", "0.0005", "0.002")),
        "protection_stop_offset_pct": random.choice(("0", "0", "0.003")),
    }
    if random.random() < 1 / 5:
        more["risk_default_take_profit_pct"] = "0"
    return more, _some(_ORDER_FAULTS, random.choice((0, 1, 2)), _MOVES, random)


def _faces(seed: int) -> tuple[dict[str, object], list[Fault]]:
    """By which ways orders, prices and the account's events come."""
    random = Random(f"{seed}:faces")  # noqa: S311 - see above
    orders, prices, events = random.random(), random.random(), random.random()
    over_socket = orders < 1 / 4
    settings: dict[str, object] = {
        "order_entry": "websocket" if over_socket else "rest",
        "market_data": "streams" if prices < 1 / 8 else "rest",
        "user_data_stream": "off" if events < 1 / 8 else "on",
    }
    return settings, _some(
        _SOCKET_FAULTS, random.choice((0, 1, 2)), _SOCKET_ORDERS, random, FaultPoint.WEBSOCKET_API
    ) if over_socket else []


def _lag(seed: int) -> tuple[dict[str, object], list[Fault]]:
    """Some seeds have replicas that are further behind than any fence and any second look."""
    random = Random(f"{seed}:lag")  # noqa: S311 - see above
    if random.random() < 7 / 8:
        return {}, []
    target = random.choice((None, "GET /api/v3/myTrades", "GET /api/v3/account", "GET /api/v3/order", "GET /api/v3/openOrders"))
    lag = Delay(_log(random, MOST_LAG_MS, LONGEST_LAG_MS))
    return {}, [Fault(FaultKind.LAG_QUERY, target, times=None, chance=random.uniform(0.05, 1), delay=lag)]


def _stop(seed: int) -> tuple[dict[str, object], list[Fault]]:
    """What becomes of standing orders when a process is asked to stop."""
    random = Random(f"{seed}:stop")  # noqa: S311 - see above
    return {"open_orders_at_stop": random.choice(("keep-protection", "keep-protection", "keep-all", "cancel-all"))}, []


def _neighbour_leaves(seed: int) -> int | None:
    """Some share their address with a program that uses most of the weight."""
    random = Random(f"{seed}:neighbour")  # noqa: S311 - see above
    return None if random.random() < 5 / 6 else round(_log(random, 300, 2_500))


def _some(kinds: tuple[FaultKind, ...], count: int, target: str, random: Random, point: FaultPoint | None = None) -> list[Fault]:
    return [
        Fault(kind, target, times=None, chance=_log(random, 0.02, 0.4), delay=Delay(_log(random, 50, 60_000)), point=point)
        for kind in random.sample(kinds, count)
    ]


def _oftener(incident: Incident, trouble_s: float, random: Random) -> Incident:
    """Weather is drawn for days; this is for less than an hour."""
    lasts_ms = round(_log(random, 1_000, 120_000)) if incident.lasts_ms else 0
    return replace(incident, every_ms=max(round(_log(random, trouble_s * 50, trouble_s * 1_000)), 1_000), lasts_ms=lasts_ms)


def _blows(random: Random) -> _Blows:
    """Short lives and long ones."""
    lives = random.choice((0, 1, 3, MOST_LIVES))
    kinds = (Blow.POWER_CUT, Blow.POWER_CUT, Blow.POWER_CUT, Blow.ERROR, Blow.ERROR, Blow.STOP, Blow.CANCEL)
    blows = [{_step(random): random.choice(kinds)} for _ in range(lives)] or [{}]
    for blow in blows:
        halts = {random.randint(1, _LONGEST_LIFE_STEPS): Blow.HALT for _ in range(random.choice((0, MOST_HALTS)))}
        blow.update({step: halt for step, halt in halts.items() if step not in blow})
    return tuple(map(MappingProxyType, blows))


def _cut_while_halted(seed: int, blows: _Blows) -> _Blows:
    """In a sixth of the seeds one of the first lives ends as soon as the operator's halt is written; the next one begins with it."""
    random = Random(f"{seed}:halted")  # noqa: S311 - see above
    if random.random() < 5 / 6:
        return blows
    number, step = random.randrange(min(len(blows), 2)), round(_log(random, 1, _LONGEST_LIFE_STEPS / 4))
    return tuple(MappingProxyType({**blow, step: Blow.HALT_AND_CUT}) if life == number else blow for life, blow in enumerate(blows))


def _step(random: Random) -> int:
    return round(_log(random, 1, _LONGEST_LIFE_STEPS))


def _clock_jumps(random: Random, trouble_s: float) -> dict[float, int]:
    return {random.uniform(0, trouble_s): random.randint(-20_000, 20_000) for _ in range(random.choice((0, 0, 0, 1, 3)))}


def _log(random: Random, least: float, most: float) -> float:
    """Any order of magnitude is as likely as another."""
    return math.exp(random.uniform(math.log(least), math.log(most)))
