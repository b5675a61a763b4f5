"""UserDataHub: tells the owners of accounts what happens to them, however it was caused, in the order in which it happened.

All that one operation of the engine did to an account comes together: deposits, then what happened to its orders, then one account update
with every balance that the operation touched. It comes before the answer to the request that caused it.
"""

from collections.abc import Callable, Iterator

import orjson

from binance_trade_agent.simulation.engine.change_feed import ChangeFeed
from binance_trade_agent.simulation.engine.changes import ChangeSet
from binance_trade_agent.simulation.engine.list_records import ListReport
from binance_trade_agent.simulation.faults.kinds import FaultPoint
from binance_trade_agent.simulation.faults.mutation import mutated
from binance_trade_agent.simulation.faults.plan import FaultPlan
from binance_trade_agent.simulation.rest.json_shapes import Json
from binance_trade_agent.simulation.sockets.event_faults import EventFaults
from binance_trade_agent.simulation.sockets.pulse import Pulse
from binance_trade_agent.simulation.websocket_api.account_event_json import account_position, balance_update, execution_report, list_status

EventListener = Callable[[bytes], None]
"""Called with one event as JSON."""


class UserDataHub:
    """Listeners by account. While there is one, the pulse beats: what rests is filled when the market reaches it, whoever asks.

    `is_waiting` tells whether any order waits for the market.
    """

    def __init__(self, feed: ChangeFeed, pulse: Pulse, faults: FaultPlan, is_waiting: Callable[[], bool]) -> None:
        self._feed = feed
        self._pulse = pulse
        self._faults = EventFaults(faults, FaultPoint.ACCOUNT_EVENT, mutated)
        self._is_waiting = is_waiting
        self._listeners: dict[int, list[EventListener]] = {}

    def subscribe(self, account_id: int, listener: EventListener) -> None:
        """Call `listener` with every event of the account from now on."""
        if not self._listeners:
            self._feed.subscribe(self._tell)
            self._pulse.add(_let_time_pass, self._is_waiting)
        self._listeners.setdefault(account_id, []).append(listener)

    def unsubscribe(self, account_id: int, listener: EventListener) -> None:
        """Call `listener` no more; ValueError when it was not called."""
        listeners = self._listeners[account_id]
        listeners.remove(listener)
        if not listeners:
            del self._listeners[account_id]
            if not self._listeners:
                self._feed.unsubscribe(self._tell)
                self._pulse.remove(_let_time_pass)

    def _tell(self, changes: ChangeSet, now_ms: int) -> None:
        self._pulse.hasten()
        for account_id, listeners in self._listeners.items():
            for event in _events(changes, account_id, now_ms):
                encoded = orjson.dumps(event)
                event_to = [(listener, encoded) for listener in listeners]
                for listener, content in event_to if self._faults.is_quiet else self._faults.passed(event["e"], event_to):
                    listener(content)


def _events(changes: ChangeSet, account_id: int, now_ms: int) -> Iterator[Json]:
    updated_ms = 0
    for movement in changes.movements:
        if movement.account_id == account_id:
            updated_ms = movement.time_ms
            yield balance_update(movement, now_ms)
    for report in changes.reports:
        if report.account_id == account_id:
            updated_ms = report.time_ms
            yield list_status(report, now_ms) if isinstance(report, ListReport) else execution_report(report, now_ms)
    balances = [balance for (owner, _), balance in changes.balances.items() if owner == account_id]
    if balances:
        yield account_position(balances, updated_ms, now_ms)


def _let_time_pass(now_ms: int) -> None:
    """The pulse has advanced the engine, which is all that is wanted."""
