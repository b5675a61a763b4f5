"""SeedPlan: everything that a seed decides: market, settings, faults, and what strikes the daemon's process and when."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from binance_trade_agent.simulation.faults.delay import DelayShape
from binance_trade_agent.simulation.faults.incident import Incident, IncidentKind
from binance_trade_agent.simulation.faults.kinds import FaultKind
from binance_trade_agent.simulation.faults.plan import Fault

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT")

MOST_LAG_MS = 4_500
"""The daemon takes what two looks five seconds apart agree on for true, so queries that are to be answered for lag less."""

_OFF = "off"


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
    HALT_AND_CUT = "halt_and_cut"
    """As HALT, and the process is gone as soon as the halt is written; the operator resumes when another one has run for a while."""


@dataclass(frozen=True, slots=True)
class SeedPlan:
    """One simulation. `blows` tells for each life of the process what strikes at which of its steps (counted from 1).

    With an aim that life's blows wait for an order and strike so many steps after it has begun to leave.
    A commit takes `disk_ms`, and with `stall_chance` some seconds. `clock_jumps_ms` are how far the machine's own clock is set, by the
    second of the simulation; `halts` are the seconds at which the operator halts (and later resumes) the account or a symbol.
    `neighbour_leaves` is the request weight that somebody else behind the same address leaves of each minute, None without one.
    `reset_s` is the second at which the exchange forgets all of its accounts' history, None for never.
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
    neighbour_leaves: int | None = None
    reset_s: float | None = None

    @property
    def is_current(self) -> bool:
        """Whether no query is answered from further back than MOST_LAG_MS. Lag is of the exchange's time, which leaps with its clock."""
        return self._lags_at_most(MOST_LAG_MS)

    @property
    def is_timely(self) -> bool:
        """Whether nothing is later than the daemon allows for: no clock is set, no engine is late, no replica is behind the grace."""
        late = any(fault.kind is FaultKind.ENGINE_DELAY for fault in self.faults)
        grace_ms = float(str(self.settings["unknown_order_grace_seconds"])) * 1_000
        return self._lags_at_most(grace_ms) and not (late or self.clock_jumps_ms or self.has(IncidentKind.SHIFT_CLOCK))

    def _lags_at_most(self, most_ms: float) -> bool:
        lags = [fault.delay for fault in self.faults if fault.kind is FaultKind.LAG_QUERY]
        is_short = all(lag.shape is DelayShape.FIXED and lag.typical_ms <= most_ms for lag in lags)
        return not lags or (is_short and not self.has(IncidentKind.SHIFT_CLOCK))

    @property
    def protects(self) -> bool:
        """Whether positions are to have a stop-loss and a take-profit on the exchange."""
        return self.settings.get("protection", _OFF) != _OFF

    @property
    def keeps_protection(self) -> bool:
        """Whether it still stands when the last process has stopped."""
        return self.protects and self.settings.get("open_orders_at_stop") != "cancel-all"

    @property
    def features(self) -> tuple[str, ...]:
        """What of the daemon, and around it, is on in this plan."""
        given = {
            "protection": self.protects,
            "orders by WebSocket": self.settings.get("order_entry") == "websocket",
            "market streams": self.settings.get("market_data") == "streams",
            "no account events": self.settings.get("user_data_stream") == "off",
            "long lag": not self.is_current,
            "a reset": self.reset_s is not None,
            "a neighbour": self.neighbour_leaves is not None,
            "clocks that jump": bool(self.clock_jumps_ms) or self.has(IncidentKind.SHIFT_CLOCK),
        }
        return tuple(name for name, is_on in given.items() if is_on)

    def has(self, kind: IncidentKind) -> bool:
        """Whether such incidents happen."""
        return any(incident.kind is kind for incident in self.incidents)

    def as_json(self) -> bytes:
        """The whole plan, from which `plan_from_json` makes an equal one."""
        mappings = ("settings", "clock_jumps_ms", "halts")
        plain = {name: dict(getattr(self, name)) for name in mappings} | {"blows": [dict(blow) for blow in self.blows]}
        whole = {name: plain.get(name, getattr(self, name)) for name in SeedPlan.__slots__}
        return msgspec.json.format(msgspec.json.encode(whole))

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits by which two plans are told apart."""
        return hashlib.sha256(self.as_json()).hexdigest()[:12]


def plan_from_json(text: bytes) -> SeedPlan:
    """The plan that `as_json` wrote; msgspec.ValidationError for what is none."""
    return msgspec.json.decode(text, type=SeedPlan)
