"""NoticeSettings: who is told what happens, and how often."""

import re
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from binance_trade_agent.domain.notice import NoticeKind
from binance_trade_agent.settings.fields import Group, NoticeKinds, SecondsAboveZero, setting

_SEPARATORS = re.compile(r"[/?&=@:,+]+")
_LEAST_TOKEN_LENGTH = 8
_SERVER = re.compile(r"localhost|[a-z0-9-]+(\.[a-z0-9-]+)*\.([a-z]{2,10}|[0-9]{1,3})")


class NoticeSettings(BaseModel):
    """Who is told what happens, and how often."""

    notify_urls: SecretStr | None = setting(
        None,
        Group.NOTICES,
        "Where messages go: Telegram, Discord, Slack, mail, webhooks and more; without it none are sent, and over recorded candles never.",
        allowed="addresses of apprise such as tgram://token/chat, separated by blanks",
    )
    notify_events: NoticeKinds = setting(
        tuple(NoticeKind), Group.NOTICES, "What messages are sent about.", allowed="some of " + ", ".join(NoticeKind) + ", comma separated"
    )
    notify_spacing_seconds: SecondsAboveZero = setting(
        10.0, Group.NOTICES, "Shortest time between two messages to one address; what happens meanwhile goes into the next.", unit="s"
    )
    notify_summary_hour: Annotated[int, Field(ge=0, le=23)] = setting(
        0, Group.NOTICES, "Hour of the day (UTC, market time) after which the daily summary is sent.", unit="hour"
    )

    @property
    def notice_addresses(self) -> tuple[str, ...]:
        """The addresses of NOTIFY_URLS, each of which may hold a token or password."""
        return tuple(self.notify_urls.get_secret_value().split()) if self.notify_urls is not None else ()

    @property
    def notice_secrets(self) -> tuple[str, ...]:
        """The addresses, and each part of them that is long enough for a token; names of servers are none, and stay readable in the log."""
        parts = [part for address in self.notice_addresses for part in _SEPARATORS.split(address.partition("://")[2])]
        return (*self.notice_addresses, *(part for part in parts if len(part) >= _LEAST_TOKEN_LENGTH and not _SERVER.fullmatch(part)))
