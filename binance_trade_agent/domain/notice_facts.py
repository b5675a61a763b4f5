"""Facts about what is sent to whoever looks on, messages and traces; `service` is the kind of address, with its place in the list."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoticesSent:
    """A message of so many lines was sent, or could not be."""

    service: str
    lines: int
    was_sent: bool


@dataclass(frozen=True, slots=True)
class NoticesDropped:
    """So many lines were dropped, because more came than could be sent."""

    service: str
    lines: int


@dataclass(frozen=True, slots=True)
class SpansSent:
    """Since the last time so many spans of traces were sent, and so many lost: too many to wait, or nobody took them."""

    sent: int
    lost: int


NoticeFact = NoticesSent | NoticesDropped | SpansSent
