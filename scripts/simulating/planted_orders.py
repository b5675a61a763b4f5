"""Planted faults of sending: order of steps, outcomes, gates and fences."""

import asyncio
from typing import Any

from msgspec.structs import replace

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.rest import RestCaller
from binance_trade_agent.domain.errors import ExchangeError, ExchangeRefusedError, FateUnknownError, NotSentError
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.order import OrderEvent, OrderState
from binance_trade_agent.portfolio_manager import PortfolioManager
from binance_trade_agent.reconciler.missing_orders import MissingOrders
from binance_trade_agent.reconciler.order_fates import OrderFates
from binance_trade_agent.risk_management_agent.agent import RiskManagementAgent
from binance_trade_agent.risk_management_agent.commitments import Commitments
from binance_trade_agent.risk_management_agent.modes import Modes
from binance_trade_agent.risk_management_agent.sizing import Sizing
from binance_trade_agent.sending_desk import SendingDesk
from simulating.planting import Bed, Planted


def _resend(bed: Bed) -> None:
    real = AsyncBinanceClient.place_order

    async def place_order(self: Any, intent: Any, *, send_deadline_ms: int, last_look: Any = None) -> Any:
        try:
            return await real(self, intent, send_deadline_ms=send_deadline_ms, last_look=last_look)
        except FateUnknownError:
            return await real(self, intent, send_deadline_ms=send_deadline_ms + 60_000, last_look=last_look)

    bed.replace(AsyncBinanceClient, "place_order", place_order)


def _unknown_as(error: Exception) -> Any:
    def plant(bed: Bed) -> None:
        real = AsyncBinanceClient.place_order

        async def place_order(self: Any, intent: Any, *, send_deadline_ms: int, last_look: Any = None) -> Any:
            try:
                return await real(self, intent, send_deadline_ms=send_deadline_ms, last_look=last_look)
            except FateUnknownError:
                raise error from None

        bed.replace(AsyncBinanceClient, "place_order", place_order)

    return plant


def _commit_after_send(bed: Bed) -> None:
    async def carry(self: Any, orders: Any, request: Any) -> Any:
        intents = [order.intent for order in orders]
        deadline_ms = self._server_time_ms() + self._max_send_delay_ms
        outcome, reports = await self._send(intents, request, deadline_ms)
        for order in orders:
            await self._journal.record_intent(order.intent, order.reservation, deadline_ms)
            await self._event(order.intent, OrderEvent.SEND)
        return await self._record(intents, outcome, reports)

    bed.replace(SendingDesk, "_carry", carry)


def _send_event_after_send(bed: Bed) -> None:
    async def carry(self: Any, orders: Any, request: Any) -> Any:
        intents = [order.intent for order in orders]
        deadline_ms = self._server_time_ms() + self._max_send_delay_ms
        for order in orders:
            await self._journal.record_intent(order.intent, order.reservation, deadline_ms)
        outcome, reports = await self._send(intents, request, deadline_ms)
        for intent in intents:
            await self._event(intent, OrderEvent.SEND)
        return await self._record(intents, outcome, reports)

    bed.replace(SendingDesk, "_carry", carry)


def _gate_before_await(bed: Bed) -> None:
    async def carry(self: Any, orders: Any, request: Any) -> Any:
        intents, gate = [order.intent for order in orders], self._gate
        deadline_ms = self._server_time_ms() + self._max_send_delay_ms
        refused = gate(intents[0])
        for order in orders:
            await self._journal.record_intent(order.intent, order.reservation, deadline_ms)
            await self._event(order.intent, OrderEvent.SEND)
        self._gate = lambda _: refused
        try:
            outcome, reports = await self._send(intents, request, deadline_ms)
        finally:
            self._gate = gate
        return await self._record(intents, outcome, reports)

    bed.replace(SendingDesk, "_carry", carry)


def _no_gate(bed: Bed) -> None:
    bed.replace(RiskManagementAgent, "gate", lambda self, intent: None)


def _deadline_ignored(bed: Bed) -> None:
    real = RestCaller._seal
    bed.replace(RestCaller, "_seal", lambda self, endpoint, deadline_ms, last_look: real(self, endpoint, None, last_look))


def _fence_ignored(bed: Bed) -> None:
    async def missed(self: Any, order: Any, differences: list[str]) -> Any:
        if order.state is OrderState.SENT:
            return await self._records.record(order, OrderEvent.LOSE_SIGHT, detail="planted")
        if order.state is OrderState.UNKNOWN:
            return await self._records.record(order, OrderEvent.PROVE_ABSENT, detail="planted")
        return None

    bed.replace(MissingOrders, "missed", missed)


def _errors_are_absence(bed: Bed) -> None:
    real = AsyncBinanceClient.get_order

    async def get_order(self: Any, *args: Any, **more: Any) -> Any:
        try:
            return await real(self, *args, **more)
        except ExchangeError:
            return None

    bed.replace(AsyncBinanceClient, "get_order", get_order)


def _sent_taken_for_not_sent(bed: Bed) -> None:
    real = OrderFates._settle

    async def settle(self: Any, order: Any, differences: list[str]) -> Any:
        if order.state is OrderState.SENT:
            return await self._records.record(order, OrderEvent.GIVE_UP, detail="planted")
        return await real(self, order, differences)

    bed.replace(OrderFates, "_settle", settle)


def _unknown_given_up(bed: Bed) -> None:
    """Orders whose fate is open are never looked for."""

    async def settle_each(self: Any, differences: list[str]) -> Any:
        return (), []

    bed.replace(OrderFates, "settle_each", settle_each)


def _money_not_held_back(bed: Bed) -> None:
    bed.replace(Commitments, "amount", lambda self, view: Commitments(self._taker_rate)._taker_rate * 0)
    bed.replace(Commitments, "unsettled_order", lambda self, symbol, view: None)


def _exposure_unlimited(bed: Bed) -> None:
    real = Sizing.entry

    def entry(self: Any, money: Any, *wanted: Any) -> Any:
        return real(self, replace(money, exposure=ZERO, held_value=ZERO), *wanted)

    bed.replace(Sizing, "entry", entry)


def _modes_forgotten_at_restart(bed: Bed) -> None:
    bed.replace(Modes, "restore", lambda self, modes, **more: None)


def _halt_not_written(bed: Bed) -> None:
    async def record_mode(self: Any, change: Any) -> None:
        self._modes[change.scope] = change

    bed.replace(PortfolioManager, "record_mode", record_mode)


def _orders_not_drained(bed: Bed) -> None:
    async def send(self: Any, orders: Any, request: Any) -> Any:
        return await asyncio.shield(asyncio.ensure_future(self._carry(orders, request)))

    bed.replace(SendingDesk, "send", send)


ORDERS = (
    Planted("resend_on_timeout", "an order without an answer is sent once more", _resend),
    Planted(
        "unknown_is_rejected", "an order without an answer counts as refused", _unknown_as(ExchangeRefusedError(-2010, "planted", 400))
    ),
    Planted("unknown_is_not_sent", "an order without an answer counts as not sent", _unknown_as(NotSentError("planted"))),
    Planted("commit_after_send", "the intent is written when the order has left", _commit_after_send),
    Planted("send_event_after_send", "that an order leaves is written when it has left", _send_event_after_send),
    Planted("gate_before_await", "a halt is looked for before the journal is written, and not after", _gate_before_await),
    Planted("no_gate", "a halt is not looked for after the decision", _no_gate),
    Planted("deadline_ignored", "an order is signed however old its decision is", _deadline_ignored),
    Planted("fence_ignored", "an order that one query does not show was never placed", _fence_ignored),
    Planted("errors_are_absence", "a query that fails counts as one that found nothing", _errors_are_absence),
    Planted("sent_is_not_sent", "an order that was under way when the process ended was not sent", _sent_taken_for_not_sent),
    Planted("unknown_given_up", "orders whose fate is open are not looked for", _unknown_given_up),
    Planted("money_not_held_back", "an open order holds no money back", _money_not_held_back),
    Planted("exposure_unlimited", "the limits of exposure do not hold", _exposure_unlimited),
    Planted("modes_forgotten", "a halt ends with the process", _modes_forgotten_at_restart),
    Planted("halt_not_written", "a halt is in force and not written", _halt_not_written),
    Planted("orders_not_drained", "a process ends while an order is under way", _orders_not_drained),
)
