"""StreamBounds: every bound of the stream connections by name. Source: web-socket-streams.md, "WebSocket Limits"."""

from dataclasses import dataclass
from typing import Final

from binance_trade_agent.domain.errors import ConfigurationError

MOST_STREAMS_PER_CONNECTION: Final = 1_024


@dataclass(frozen=True, slots=True)
class StreamBounds:
    """Seconds are those of the event loop.

    Control messages leave a connection `message_interval_s` apart, less than half of the 5 a second that the exchange takes, so that
    pongs always fit in; each names `names_per_message` streams at most. The exchange pings every 20 s: nothing at all for
    `silent_connection_s` means that the connection is dead. Klines, mini tickers, average prices and depth come every second or two; one
    that brings nothing for `silent_stream_s` counts as not live. Connections are replaced after `rotate_after_s` and up to
    `rotate_jitter_s` more, before the exchange cuts them at 24 h; the old one stays beside the new for `overlap_s`, and
    longer (`longest_overlap_s` at most) until it has brought something, a ping at least, which proves that nothing is left on its way.
    """

    streams_per_connection: int = MOST_STREAMS_PER_CONNECTION
    names_per_message: int = 100
    message_interval_s: float = 0.4
    answer_timeout_s: float = 10.0
    connect_timeout_s: float = 10.0
    most_message_bytes: int = 1024 * 1024
    check_interval_s: float = 5.0
    silent_connection_s: float = 45.0
    silent_stream_s: float = 60.0
    rotate_after_s: float = 23 * 3600.0
    rotate_jitter_s: float = 1800.0
    overlap_s: float = 3.0
    longest_overlap_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what the exchange would punish or what could never work."""
        if not 1 <= self.streams_per_connection <= MOST_STREAMS_PER_CONNECTION:
            raise ConfigurationError(
                f"streams_per_connection is {self.streams_per_connection}; allowed is 1 to {MOST_STREAMS_PER_CONNECTION}"
            )
        for name in self.__slots__:
            if not getattr(self, name) > 0:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; it must be above 0")
