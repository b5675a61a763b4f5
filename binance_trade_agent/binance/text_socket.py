"""Socket: an open connection that carries text, and how one is made: over the network, or to an exchange in this process."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from binance_trade_agent.binance.websocket import WebSocketListener


class Socket(Protocol):
    """An open connection that carries text; see binance/websocket.py, whose WebSocket it is outside tests."""

    @property
    def is_open(self) -> bool:
        """Whether messages can still come and go."""
        ...

    @property
    def received_s(self) -> float:
        """When the last frame of any kind came, by the event loop's clock."""
        ...

    def send_text(self, message: bytes) -> None:
        """Send one message; NotSentError when nothing of it was written."""
        ...

    def close(self, reason: str = ...) -> None:
        """End it; the listener has been told when this returns."""
        ...

    async def wait_closed(self) -> None:
        """Return when the socket is gone."""
        ...


class OpenSocket(Protocol):
    """How a connection is made; see open_websocket."""

    async def __call__(self, url: str, listener: "WebSocketListener", *, connect_timeout_s: float, max_message_bytes: int) -> Socket:
        """A connection that is open; NotSentError when none came up."""
        ...


async def open_real_socket(url: str, listener: "WebSocketListener", *, connect_timeout_s: float, max_message_bytes: int) -> Socket:
    """A real socket; see open_websocket."""
    from binance_trade_agent.binance.websocket import open_websocket  # its library takes long to import, and most never need it

    return await open_websocket(url, listener, connect_timeout_s=connect_timeout_s, max_message_bytes=max_message_bytes)
