"""The methods of the WebSocket API that we call, each with the definition that governs its weight, its security and its fate.

Source: web-socket-api.md, "Authentication requests", "Trading requests" and "User Data Stream requests".
"""

from dataclasses import dataclass
from typing import Any

from binance_trade_agent.binance.endpoints import CANCEL_ORDER, NEW_ORDER, Endpoint, Security
from binance_trade_agent.binance.weights import fixed
from binance_trade_agent.binance.wire import decode_nothing

PATH = "/ws-api/v3"


@dataclass(frozen=True, slots=True)
class Method:
    """One method. `endpoint` is the REST endpoint that does the same, or a definition in its form; `name` labels metrics."""

    name: str
    endpoint: Endpoint[Any]


def _session_method(name: str, security: Security = Security.NONE) -> Method:
    return Method(name, Endpoint(name, "WS", PATH, fixed(2), decode_nothing, security))


ORDER_PLACE = Method("order.place", NEW_ORDER)
ORDER_CANCEL = Method("order.cancel", CANCEL_ORDER)
LOGON = _session_method("session.logon", Security.USER_DATA)
SUBSCRIBE = _session_method("userDataStream.subscribe")
SUBSCRIBE_SIGNATURE = _session_method("userDataStream.subscribe.signature", Security.USER_DATA)

CONNECT = _session_method("websocket_api.connect").endpoint
"""Not a method: what a connection by itself costs ("IP limits")."""
