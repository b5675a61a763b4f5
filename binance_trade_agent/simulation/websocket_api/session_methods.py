"""The methods that are about the connection itself: logging on and off, and its user data subscriptions.

Source: web-socket-api.md, "Authentication requests" and "User Data Stream requests". Which error answers a subscription without a session,
or a logon with a key that is not Ed25519, is not documented: here it is -2015.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from binance_trade_agent.simulation.engine.refusals import UNAUTHORIZED, refused
from binance_trade_agent.simulation.rest.endpoint import Call, Endpoint, Venue, flat, public, signed
from binance_trade_agent.simulation.rest.security import KeyHolder
from binance_trade_agent.simulation.websocket_api.account_event_json import stream_terminated
from binance_trade_agent.simulation.websocket_api.user_data import EventListener, UserDataHub

WEIGHT = 2
MOST_SUBSCRIPTIONS = 1_000
MOST_SUBSCRIPTIONS_EVER = 65_535

Method = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class _Subscription:
    account_id: int
    listener: EventListener
    is_of_session: bool


class SessionMethods:
    """State of one connection's session. `send_event` takes an event with its subscription's id; `signer` gives who signed the request."""

    def __init__(
        self,
        hub: UserDataHub,
        send_event: Callable[[int, bytes], None],
        signer: Callable[[], KeyHolder | None],
        connected_ms: int,
        *,
        shows_limits: bool,
    ) -> None:
        self._hub = hub
        self._send_event = send_event
        self._signer = signer
        self._connected_ms = connected_ms
        self._shows_limits = shows_limits
        self.holder: KeyHolder | None = None
        self._authorized_ms: int | None = None
        self._subscriptions: dict[int, _Subscription] = {}
        self._next_id = 0
        self._ended: list[tuple[int, bytes]] = []
        self.endpoints: Mapping[str, Endpoint] = {
            "session.logon": _of(self._logon, signed, "apiKey"),
            "session.status": _of(self._status, public),
            "session.logout": _of(self._logout, public),
            "session.subscriptions": _of(self._list, public),
            "userDataStream.subscribe": _of(self._subscribe_session, public),
            "userDataStream.subscribe.signature": _of(self._subscribe_signer, signed, "apiKey"),
            "userDataStream.unsubscribe": _of(self._unsubscribe, public, "subscriptionId"),
        }

    def forget_key(self) -> None:
        """The session is no longer authenticated."""
        self.holder = self._authorized_ms = None

    def tell_ends(self) -> None:
        """Send what has to be said of subscriptions that were ended, after the answer to the request that ended them."""
        for subscription_id, event in self._ended:
            self._send_event(subscription_id, event)
        self._ended.clear()

    def close(self) -> None:
        """The connection is over."""
        for subscription in self._subscriptions.values():
            self._hub.unsubscribe(subscription.account_id, subscription.listener)
        self._subscriptions.clear()

    def _logon(self, call: Call) -> Any:
        holder = self._signer()
        if holder is None or not holder.verifier.may_log_on:
            raise _not_permitted()
        self.holder, self._authorized_ms = holder, call.now_ms
        return self._status(call)

    def _status(self, call: Call) -> Any:
        return {
            "apiKey": self.holder.api_key if self.holder else None,
            "authorizedSince": self._authorized_ms,
            "connectedSince": self._connected_ms,
            "returnRateLimits": self._shows_limits,
            "serverTime": call.now_ms,
            "userDataStream": bool(self._subscriptions),
        }

    def _logout(self, call: Call) -> Any:
        self.forget_key()
        self._end([number for number, subscription in self._subscriptions.items() if subscription.is_of_session], call.now_ms)
        return self._status(call)

    def _list(self, call: Call) -> Any:
        return [{"subscriptionId": number} for number in self._subscriptions]

    def _subscribe_session(self, call: Call) -> Any:
        if self.holder is None:
            raise _not_permitted()
        return self._subscribe(self.holder.account_id, is_of_session=True)

    def _subscribe_signer(self, call: Call) -> Any:
        return self._subscribe(call.account_id, is_of_session=False)

    def _subscribe(self, account_id: int, *, is_of_session: bool) -> Any:
        if any(subscription.account_id == account_id for subscription in self._subscriptions.values()):
            raise refused(-2035, "User Data Stream subscription already active.")
        if len(self._subscriptions) >= MOST_SUBSCRIPTIONS:
            raise refused(-1191, f"Too many subscriptions. Connection may create up to '{MOST_SUBSCRIPTIONS}' subscriptions at a time.")
        if self._next_id >= MOST_SUBSCRIPTIONS_EVER:
            raise refused(-2042, "Maximum subscription ID reached for this connection.")
        number = self._next_id
        self._next_id += 1

        def listener(event: bytes) -> None:
            self._send_event(number, event)

        self._hub.subscribe(account_id, listener)
        self._subscriptions[number] = _Subscription(account_id, listener, is_of_session)
        return {"subscriptionId": number}

    def _unsubscribe(self, call: Call) -> Any:
        number = call.params.integer("subscriptionId")
        if number is not None and number not in self._subscriptions:
            raise refused(-2036, "User Data Stream subscription not active.")
        self._end(list(self._subscriptions) if number is None else [number], call.now_ms)
        return {}

    def _end(self, numbers: list[int], now_ms: int) -> None:
        for number in numbers:
            subscription = self._subscriptions.pop(number)
            self._hub.unsubscribe(subscription.account_id, subscription.listener)
            self._ended.append((number, orjson.dumps(stream_terminated(now_ms))))


def _of(method: Method, kind: Callable[..., Endpoint], parameters: str = "") -> Endpoint:
    def handler(venue: Venue, call: Call) -> Any:
        return method(call)

    return kind(handler, parameters, weight=flat(WEIGHT))


def _not_permitted() -> Exception:
    return refused(-2015, "Invalid API-key, IP, or permissions for action.", UNAUTHORIZED)
