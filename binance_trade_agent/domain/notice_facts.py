"""Facts about messages to whoever runs the daemon; `service` is the kind of address, such as `tgram`, and its place in the list."""

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


NoticeFact = NoticesSent | NoticesDropped
