"""What can be asked of open connections by the control address."""

from enum import StrEnum
from typing import Protocol

import msgspec

from binance_trade_agent.simulation.faults.kinds import Garbage


class ConnectionsAction(StrEnum):
    """What is done to open WebSocket connections."""

    CUT = "cut"
    STALL = "stall"
    RESUME = "resume"
    GARBAGE = "garbage"
    SHUTDOWN = "shutdown"
    """Announce that the server is about to go (`serverShutdown`), and stay."""


class Doors(Protocol):
    """Whose connections they are; see SocketDoors."""

    def cut(self, path: str | None = None) -> None:
        """Break connections off."""
        ...

    def stall(self, path: str | None = None) -> None:
        """Send nothing more."""
        ...

    def resume(self) -> None:
        """End every stall."""
        ...

    def send_garbage(self, garbage: Garbage, path: str | None = None) -> None:
        """Send what no client should trip over."""
        ...

    def announce_shutdown(self) -> None:
        """Tell everybody."""
        ...


class ConnectionsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`path` keeps to the connections that came in by it (`/stream`, `/ws`, `/ws-api/v3`); `garbage` is the name of a Garbage."""

    action: ConnectionsAction
    path: str | None = None
    garbage: str = Garbage.BROKEN_JSON.name.lower()

    def carry_out(self, doors: Doors) -> None:
        """Do it. Raises ValueError for garbage that there is not."""
        match self.action:
            case ConnectionsAction.CUT:
                doors.cut(self.path)
            case ConnectionsAction.STALL:
                doors.stall(self.path)
            case ConnectionsAction.RESUME:
                doors.resume()
            case ConnectionsAction.SHUTDOWN:
                doors.announce_shutdown()
            case ConnectionsAction.GARBAGE:
                if self.garbage.upper() not in Garbage.__members__:
                    raise ValueError(f"garbage is one of {', '.join(name.lower() for name in Garbage.__members__)}, not {self.garbage!r}")
                doors.send_garbage(Garbage[self.garbage.upper()], self.path)
