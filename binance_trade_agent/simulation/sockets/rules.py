"""The rules of a WebSocket connection, with Binance's values; tests shorten them.

Source: web-socket-streams.md, "General WSS information" and "WebSocket Limits"; web-socket-api.md, "General API Information". They hold
in real time, whatever the speed of the market: pings, patience and haste belong to the socket and to whoever sits at its other end. What
is counted by address (connections, request weight) is counted in market time, as all rate limits of the exchange are.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionRules:
    """What the server demands of a connection; times in seconds."""

    ping_interval_s: float = 20.0
    pong_timeout_s: float = 60.0
    lifetime_s: float = 24 * 3_600.0
    messages_per_second: int = 5
    """Of market streams: control messages, pings and pongs that a client may send within a second."""
    most_streams: int = 1_024
    most_message_bytes: int = 256 * 1_024
    """The longest message that is read from a client."""
    most_unsent_bytes: int = 4 * 1_024 * 1_024
    """What may wait for a client that reads too slowly; with more, the connection is cut."""
    tick_ms: int = 100
    """Of market time: how often whoever listens is told what has happened. Binance's fastest update speed of a stream."""
    close_timeout_s: float = 2.0
    """How long a closing handshake may take."""
