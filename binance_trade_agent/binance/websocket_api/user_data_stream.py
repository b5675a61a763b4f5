"""UserDataStream: tells a listener, in domain terms, what the exchange says of our account, and when something may have been missed.

Source: web-socket-api.md, "User Data Stream subscription", and user-data-stream.md.
"""

from collections import deque

from binance_trade_agent.binance.websocket_api.access import ApiAccess
from binance_trade_agent.binance.websocket_api.account_events import (
    AccountEvent,
    AccountPosition,
    BalanceUpdate,
    ExecutionReport,
    Identity,
    ListStatus,
    LockUpdate,
    StreamTerminated,
    decode_account_event,
    kind_of,
)
from binance_trade_agent.binance.websocket_api.messages import AccountMessage
from binance_trade_agent.binance.websocket_api.methods import SUBSCRIBE, SUBSCRIBE_SIGNATURE
from binance_trade_agent.binance.websocket_api.order_reports import report_of
from binance_trade_agent.binance.websocket_api.session import Session
from binance_trade_agent.binance.websocket_api.session_keeper import SessionKeeper
from binance_trade_agent.domain.account import Balance, ExternalChange, ExternalKind
from binance_trade_agent.domain.errors import BadAnswerError
from binance_trade_agent.domain.facts import AccountEventCame, AccountEventsMissed
from binance_trade_agent.ports.account_events import AccountEvents

SESSION_NAME = "user_data"

MOST_REMEMBERED = 2_000
"""Events by which a second copy is known. Two connections overlap for seconds, in which no account has so many."""


class UserDataStream:
    """One subscription to the events of an account, kept up for good."""

    def __init__(self, access: ApiAccess, listener: AccountEvents) -> None:
        self._access = access
        self._listener = listener
        self._keeper = SessionKeeper(access, SESSION_NAME, self._subscribe, self)
        self._seen: set[Identity] = set()
        self._order_of_seen: deque[Identity] = deque()

    async def run(self) -> None:
        """Keep the subscription up until cancelled."""
        await self._keeper.run()

    @property
    def is_live(self) -> bool:
        """Whether events come: subscribed, on a connection that is up."""
        return self._keeper.current is not None

    async def _subscribe(self, session: Session) -> None:
        if self._access.may_log_on:
            await session.log_on()
            await session.read(SUBSCRIBE, {})
        else:
            await session.read(SUBSCRIBE_SIGNATURE, {})

    # -- what the keeper calls ------------------------------------------------------------------------------------------------

    def on_live(self, reason: str) -> None:
        """Events come again; those in between are lost."""
        self._tell_gap(reason)

    def on_loss(self, reason: str) -> None:
        """An old connection did not live to bring its last events."""
        self._tell_gap(f"a connection that was being replaced ended early: {reason}")

    def on_event(self, session: Session, message: AccountMessage) -> None:
        """Tell the listener, unless the event is known already; one that cannot be read is as good as missed."""
        try:
            event = decode_account_event(message.payload)
            kind = kind_of(message.payload)
        except BadAnswerError as error:
            self._count("unreadable")
            self._tell_gap(f"an event could not be read: {error}")
            return
        if event is None:
            self._count("unknown")
        elif isinstance(event, StreamTerminated):
            self._count(kind)
            session.close("the exchange ended the subscription")
        elif self._is_repeated(event.identity):
            self._count("repeated")
        else:
            self._count(kind)
            self._tell(event)

    def _is_repeated(self, identity: Identity) -> bool:
        if identity in self._seen:
            return True
        if len(self._order_of_seen) >= MOST_REMEMBERED:
            self._seen.discard(self._order_of_seen.popleft())
        self._seen.add(identity)
        self._order_of_seen.append(identity)
        return False

    def _tell(self, event: AccountEvent) -> None:
        match event:
            case ExecutionReport():
                report = report_of(event)
                self._listener.on_order(report)
                for fill in report.fills:
                    self._listener.on_fill(fill)
            case AccountPosition():
                self._listener.on_balances({row.asset: Balance(row.asset, row.free, row.locked) for row in event.balances})
            case BalanceUpdate():
                change = ExternalChange(ExternalKind.TRANSFER, event.asset, event.delta, event.cleared_ms)
                self._listener.on_external_change(change)
            case LockUpdate():
                self._listener.on_external_change(ExternalChange(ExternalKind.LOCK, event.asset, event.delta, event.time_ms))
            case ListStatus() | StreamTerminated():
                pass  # the orders of a list have reports of their own, and the end of a subscription was met before

    def _tell_gap(self, reason: str) -> None:
        self._access.observer.observe(AccountEventsMissed(reason))
        self._listener.on_gap(reason)

    def _count(self, kind: str) -> None:
        self._access.observer.observe(AccountEventCame(kind))
