"""EventFaults: what faults make of events on their way to those who listen: lost, doubled, late, out of order, damaged."""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from random import Random

from binance_trade_agent.simulation.faults.kinds import FaultKind, FaultPoint
from binance_trade_agent.simulation.faults.plan import FaultPlan

Delivery = tuple[Callable[[bytes], None], bytes]
"""Who is to be called, and with what."""

Damage = Callable[[bytes, Random], bytes]


class EventFaults:
    """One for each kind of events. `damage` spoils what is delivered."""

    def __init__(self, plan: FaultPlan, point: FaultPoint, damage: Damage) -> None:
        self._plan = plan
        self._point = point
        self._damage = damage
        self._held: dict[Hashable, Sequence[Delivery]] = {}  # one event for each name at most

    @property
    def is_quiet(self) -> bool:
        """True when every event goes out as it is: nobody needs to ask."""
        return not self._held and self._plan.is_quiet(self._point)

    def passed(self, name: str, event: Sequence[Delivery]) -> Sequence[Delivery]:
        """What goes out now in place of `event`, which is of the stream or kind `name`."""
        fault = self._plan.take(self._point, name)
        held = self._held.pop(name, ())
        if fault is None:
            return (*event, *held)
        random = self._plan.random(self._point)
        now: Sequence[Delivery] = ()
        match fault.kind:
            case FaultKind.DUPLICATE_EVENT:
                now = (*event, *event)
            case FaultKind.DELAY_EVENT:
                asyncio.get_running_loop().call_later(fault.delay.drawn_s(random), _deliver, event)
            case FaultKind.SWAP_EVENTS:
                self._held[name] = event
            case FaultKind.MUTATE_EVENT:
                now = [(receive, self._damage(content, random)) for receive, content in event]
        return (*now, *held)


def _deliver(event: Sequence[Delivery]) -> None:
    for receive, content in event:
        receive(content)
