"""Weather: faults and incidents drawn from a seed: which kinds there are, how often they strike, and how hard."""

import math
from dataclasses import dataclass
from random import Random

from binance_trade_agent.simulation.faults.delay import Delay, DelayShape
from binance_trade_agent.simulation.faults.incident import Incident, IncidentKind
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault

LIES = frozenset({FaultKind.WRONG_DIGIT, FaultKind.WRONG_ANSWER})
"""What no client can see through: the bytes are right, and what they say is not. Drawn only when they are asked for."""

_LEAST_CHANCE, _MOST_CHANCE = 0.000_3, 0.1
_SHORTEST_MS, _LONGEST_MS = 5.0, 20_000.0
_SHORTEST_PAUSE_MS, _LONGEST_PAUSE_MS = 5 * 60_000, 12 * 3_600_000
_SHORTEST_SPELL_MS, _LONGEST_SPELL_MS = 2_000, 10 * 60_000
_ENDLESS = frozenset({IncidentKind.MOVE_FUNDS, IncidentKind.FOREIGN_ORDER, IncidentKind.FOREIGN_CANCEL, IncidentKind.RESET_ACCOUNTS})


@dataclass(frozen=True, slots=True)
class Weather:
    """What the plan of an exchange is to hold."""

    faults: tuple[Fault, ...]
    incidents: tuple[Incident, ...]


def drawn_weather(
    seed: int,
    severity: float = 0.5,
    *,
    faults: frozenset[FaultKind] = frozenset(FaultKind) - LIES,
    incidents: frozenset[IncidentKind] = frozenset(IncidentKind),
) -> Weather:
    """Weather of the seed, the same whenever it is drawn; the kinds given are those that it may hold.

    `severity`, from 0 to 1, is the part of the kinds that is drawn on average, and scales how often they strike. ValueError for another.
    """
    if not 0 <= severity <= 1:
        raise ValueError(f"the severity of weather is 0 to 1, not {severity!r}")
    random = Random(f"{seed}:weather")  # noqa: S311 - weather has to repeat, not to be secret
    # Everything is drawn for every kind, so that one kind more or less changes nothing about the others.
    drawn_faults = [(kind, random.random() < severity, _fault(kind, severity, random)) for kind in FaultKind]
    drawn_incidents = [(kind, random.random() < severity, _incident(kind, severity, random)) for kind in IncidentKind]
    return Weather(
        tuple(fault for kind, is_drawn, fault in drawn_faults if is_drawn and kind in faults),
        tuple(incident for kind, is_drawn, incident in drawn_incidents if is_drawn and kind in incidents),
    )


def _fault(kind: FaultKind, severity: float, random: Random) -> Fault:
    shape = random.choice(tuple(DelayShape))
    delay = Delay(_between(_SHORTEST_MS, _LONGEST_MS, random), shape, random.random())
    chance = max(_between(_LEAST_CHANCE, _MOST_CHANCE, random) * severity, _LEAST_CHANCE)
    if kind is FaultKind.LATENCY:
        delay, chance = Delay(min(delay.typical_ms, 500.0), shape, min(delay.spread, 0.5)), 1.0
    return Fault(kind, times=None, chance=chance, delay=delay, status=random.choice((500, 502, 503, 504)))


def _incident(kind: IncidentKind, severity: float, random: Random) -> Incident:
    pause_ms = _between(_SHORTEST_PAUSE_MS, _LONGEST_PAUSE_MS, random) / max(severity, 0.1)
    spell_ms = round(_between(_SHORTEST_SPELL_MS, _LONGEST_SPELL_MS, random))
    return Incident(kind, every_ms=round(pause_ms), lasts_ms=0 if kind in _ENDLESS else spell_ms)


def _between(least: float, most: float, random: Random) -> float:
    """Any order of magnitude is as likely as another."""
    return math.exp(random.uniform(math.log(least), math.log(most)))
