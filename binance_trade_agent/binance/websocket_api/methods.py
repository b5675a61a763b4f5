"""The methods of the WebSocket API that we call, each with the definition that governs its weight, its security and its fate.

Source: web-socket-api.md, "Authentication requests", "Trading requests" and "User Data Stream requests".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from binance_trade_agent.binance.answers.shape import Answer, Decoder
from binance_trade_agent.binance.endpoints import CANCEL_ORDER, NEW_ORDER, Endpoint, Security
from binance_trade_agent.binance.limits.weights import fixed
from binance_trade_agent.binance.wire import decode_nothing

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PATH = "/ws-api/v3"


@dataclass(frozen=True, slots=True)
class Method(Generic[T_co]):
    """One method. `endpoint` is the REST endpoint that does the same, or a definition in its form; `name` labels metrics."""

    name: str
    endpoint: Endpoint[T_co]


class Subscribed(Answer, frozen=True):
    """A user data subscription, by the number that its events carry."""

    subscription_id: int


def _session_method(name: str, decode: Callable[[bytes], T], security: Security = Security.NONE) -> Method[T]:
    return Method(name, Endpoint(name, "WS", PATH, fixed(2), decode, security))


ORDER_PLACE = Method("order.place", NEW_ORDER)
ORDER_CANCEL = Method("order.cancel", CANCEL_ORDER)
LOGON = _session_method("session.logon", decode_nothing, Security.USER_DATA)
SUBSCRIBE = _session_method("userDataStream.subscribe", Decoder("userDataStream.subscribe", Subscribed))
SUBSCRIBE_SIGNATURE = _session_method(
    "userDataStream.subscribe.signature", Decoder("userDataStream.subscribe.signature", Subscribed), Security.USER_DATA
)

CONNECT = _session_method("websocket_api.connect", decode_nothing).endpoint
"""Not a method: what a connection by itself costs ("IP limits")."""
