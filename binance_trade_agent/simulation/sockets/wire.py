"""Wire: what a WebSocket connection of the exchange runs on: a real socket, or a pipe within this process."""

from collections.abc import AsyncIterator
from enum import Enum, auto
from typing import Protocol


class MessageKind(Enum):
    """What a client has sent."""

    TEXT = auto()
    PING = auto()
    PONG = auto()
    UNREADABLE = auto()
    """A breach of the protocol, of which nothing can be said."""
    OTHER = auto()


Message = tuple[MessageKind, str | bytes]
"""With the text, or with the payload of a ping or pong."""


class Wire(Protocol):
    """A connection whose opening handshake is done."""

    def messages(self) -> AsyncIterator[Message]:
        """What the client sends, until the connection is over, whoever ends it."""
        ...

    def write(self, frames: bytes) -> None:
        """Send whole frames."""
        ...

    def unsent_bytes(self) -> int:
        """What the client has not read yet."""
        ...

    def abort(self) -> None:
        """Break the connection off without a word."""
        ...

    async def close(self, code: int, reason: bytes) -> None:
        """Shake hands and end."""
        ...
