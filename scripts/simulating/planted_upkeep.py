"""Planted faults of upkeep: what is kept, what is protected, what a process leaves behind, and how much it asks."""

import asyncio
from typing import Any

from binance_trade_agent.async_orchestrator import AsyncTradingOrchestrator
from binance_trade_agent.binance.limits.weight_governor import WeightGovernor
from binance_trade_agent.domain.order import OrderEvent
from binance_trade_agent.protection_agent import ProtectionAgent
from binance_trade_agent.sending_desk import SendingDesk
from binance_trade_agent.storage import bookings
from binance_trade_agent.telemetry.metrics import MetricsObserver
from simulating.planting import Bed, Planted


def _lost_sight_moves_nothing(bed: Bed) -> None:
    real = bookings.next_state
    bed.replace(bookings, "next_state", lambda state, event: state if event is OrderEvent.LOSE_SIGHT else real(state, event))


def _executed_of_last_fill(bed: Bed) -> None:
    real = bookings._executed

    def executed(connection: Any, symbol: str, order_id: int) -> Any:
        query = "SELECT max(trade_id) FROM fills WHERE symbol = ? AND order_id = ?"
        last = connection.execute(query, (symbol, order_id)).fetchone()[0]
        row = connection.execute("SELECT quantity FROM fills WHERE symbol = ? AND trade_id = ?", (symbol, last)).fetchone()
        return real(connection, symbol, order_id) if row is None else bookings.money(row[0])

    bed.replace(bookings, "_executed", executed)


def _pairs_not_placed(bed: Bed) -> None:
    async def ensure(self: Any, view: Any, rules: Any) -> None:
        return None

    bed.replace(ProtectionAgent, "ensure", ensure)


def _pairs_not_withdrawn(bed: Bed) -> None:
    async def withdraw(self: Any, symbol: str) -> bool:
        return True

    bed.replace(ProtectionAgent, "withdraw", withdraw)


def _deliveries_kept(bed: Bed) -> None:
    real = SendingDesk._record

    async def record(self: Any, *given: Any) -> Any:
        delivery = await real(self, *given)
        self.__dict__.setdefault("deliveries", []).append(delivery)
        return delivery

    bed.replace(SendingDesk, "_record", record)


def _tasks_left_behind(bed: Bed) -> None:
    real = AsyncTradingOrchestrator.run_pass
    left = []

    async def run_pass(self: Any) -> Any:
        left.append(asyncio.get_running_loop().create_task(asyncio.Event().wait()))
        return await real(self)

    bed.replace(AsyncTradingOrchestrator, "run_pass", run_pass)


def _weight_not_counted(bed: Bed) -> None:
    """Only what the exchange's answers tell is known; what is under way is not."""
    bed.replace(WeightGovernor, "_full", lambda self, each, amount, place: None)


def _key_in_a_metric(bed: Bed) -> None:
    real = MetricsObserver.render

    def render(self: Any) -> bytes:
        from simulating.world import KEY

        return bytes(real(self)) + f'signed_total{{key="{KEY}"}} 1\n'.encode()

    bed.replace(MetricsObserver, "render", render)


UPKEEP = (
    Planted("lost_sight_moves_nothing", "an order whose answer got lost stays where it was in the state table", _lost_sight_moves_nothing),
    Planted("executed_of_last_fill", "what is kept as executed is the last fill alone", _executed_of_last_fill),
    Planted("pairs_not_placed", "positions are not protected on the exchange", _pairs_not_placed),
    Planted("pairs_not_withdrawn", "an exit leaves what protects its position where it stands", _pairs_not_withdrawn),
    Planted("deliveries_kept", "what became of each order is kept in memory", _deliveries_kept),
    Planted("tasks_left_behind", "each pass leaves a task behind", _tasks_left_behind),
    Planted("weight_not_counted", "a full limit keeps no request back", _weight_not_counted),
    Planted("key_in_a_metric", "the key stands in a metric's label", _key_in_a_metric),
)
