"""Building blocks of the catalogue: what is known of each setting, and the value types that settings have in common."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr
from pydantic.fields import FieldInfo

from binance_trade_agent.domain.errors import MoneyError
from binance_trade_agent.domain.money import money
from binance_trade_agent.domain.notice import NoticeKind
from binance_trade_agent.settings.choices import MAX_SYMBOLS

MOST_MONEY = 10**15
"""Of an account's own asset; beyond it decimals of 28 digits, in which simulated accounts are kept, would be rounded."""

_SYMBOL = re.compile(r"[A-Z0-9]{2,20}")
_PATTERN = re.compile(r"[A-Z0-9*?]{1,20}")
MOST_PATTERNS = 200
# Plain names and addresses only: a name in another writing (a last dot, wide letters) would be taken for another server than it is.
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*|[0-9a-f:]+")
# Names as people give them to machines and containers of their own, and IPv6 addresses.
_MACHINE = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+")
MOST_MACHINE_NAMES = 20
_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class Group(StrEnum):
    """Headings of the settings page, in its order."""

    MODE = "Mode and keys"
    TRADING = "Trading"
    SELECTION = "Choice of symbols"
    STRATEGY = "Strategy"
    RISK = "Risk limits"
    EXITS = "Exits"
    SIZING = "Size of entries"
    LOCKS = "Locks of entries"
    BOOK = "Book"
    CONNECTION = "Connection to the exchange"
    TIMING = "Timing"
    DEMO = "Demo"
    CANDLES = "Recorded candles"
    SERVICE = "Service and logs"
    NOTICES = "Messages"
    TRACING = "Traces"
    CACHE = "Cache of market data"


@dataclass(frozen=True, slots=True)
class About:
    """What the catalogue knows of a setting beside its type. `allowed` is empty where the type and its bounds say it.

    `per_symbol` settings may differ from symbol to symbol, by SYMBOL_OVERRIDES.
    """

    group: Group
    unit: str = ""
    allowed: str = ""
    per_symbol: bool = False


def setting(default: Any, group: Group, description: str, **about: Any) -> Any:
    """A field of the catalogue; `about` may hold `unit`, `allowed` and `per_symbol`."""
    return Field(default=default, description=description, json_schema_extra={"about": About(group, **about)})  # type: ignore[dict-item]  # never rendered as a schema


def about(field: FieldInfo) -> About:
    """What the catalogue knows of `field`."""
    extra = field.json_schema_extra
    if not isinstance(extra, dict):
        raise TypeError("every field of the catalogue is made by setting()")
    known: Any = extra["about"]
    if not isinstance(known, About):
        raise TypeError("every field of the catalogue is made by setting()")
    return known


def is_secret(field: FieldInfo) -> bool:
    """True when the value must never be shown."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def allowed_text(field: FieldInfo) -> str:
    """What the field may be, in words: `a whole number from 1 to 60000`."""
    known = about(field)
    kind: Any = field.annotation
    if known.allowed:
        return known.allowed
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return "one of " + ", ".join(kind)
    if bool in (kind, *get_args(kind)):
        return "true or false"
    if kind is int:
        return "a whole number" + _bounds(field)
    if kind in (float, Decimal):
        return "a number" + _bounds(field)
    return "text"


def _bounds(field: FieldInfo) -> str:
    names = ("ge", "gt", "le", "lt")
    found = {name: bound for name in names for part in field.metadata if (bound := getattr(part, name, None)) is not None}
    low = f" from {found['ge']}" if "ge" in found else f" above {found['gt']}" if "gt" in found else ""
    if "le" in found:
        return f"{low} to {found['le']}" if "ge" in found else f"{low} and at most {found['le']}"
    return f"{low} to below {found['lt']}" if "lt" in found else low


def exact(value: object) -> object:
    """Refuse floats where exact decimals are due; text and TOML numbers arrive exactly."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise ValueError("not a number")
    try:
        return money(value)  # type: ignore[arg-type]  # a float is passed on purpose: money() refuses it with the reason
    except MoneyError as error:
        raise ValueError(str(error)) from None


def symbols(value: object) -> object:
    """Symbols from comma-separated text or a list; upper case, none twice."""
    names = _listed(value, "symbols")
    _require_all(names, _SYMBOL, "is no symbol: upper-case letters and digits, such as BTCUSDT")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"named twice: {', '.join(twice)}")
    if not 1 <= len(names) <= MAX_SYMBOLS:
        raise ValueError(f"{len(names)} symbols")
    return names


def symbol_patterns(value: object) -> object:
    """Patterns of symbols from comma-separated text or a list."""
    patterns = _listed(value, "patterns", most=MOST_PATTERNS)
    _require_all(patterns, _PATTERN, "is no pattern: upper-case letters, digits, * and ?, such as *TRY")
    return patterns


def machine_names(value: object) -> object:
    """Host names from comma-separated text or a list; lower case."""
    names = tuple(name.lower() for name in _listed(value, "names", most=MOST_MACHINE_NAMES))
    _require_all(names, _MACHINE, "is no host name; a port or https:// does not belong to it")
    return names


def notice_kinds(value: object) -> object:
    """Kinds of notices from comma-separated text or a list."""
    names = _listed(value, "kinds")
    unknown = [name for name in names if name not in set(NoticeKind)]
    if unknown:
        raise ValueError(f"no such kind: {', '.join(unknown)}")
    return tuple(kind for kind in NoticeKind if kind in names)


def _listed(value: object, what: str, *, most: int | None = None) -> tuple[str, ...]:
    """The items of comma-separated text or a list, at most `most` of them; empty ones are none."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)):
        raise ValueError(f"not a list of {what}")
    found = tuple(text for item in items if (text := str(item).strip()))
    if most is not None and len(found) > most:
        raise ValueError(f"{len(found)} {what}")
    return found


def _require_all(items: Iterable[str], form: re.Pattern[str], fault: str) -> None:
    """Raise ValueError for the first of `items` that is not of a form; `fault` follows it."""
    for item in items:
        if not form.fullmatch(item):
            raise ValueError(f"{item!r} {fault}")


def parameters(value: object) -> object:
    """A table of parameters from JSON text or a TOML table; numbers become floats, because they feed indicators."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except json.JSONDecodeError as error:
            raise ValueError(f"no JSON: {error.msg} at character {error.pos + 1}") from None
    if not isinstance(value, Mapping):
        raise ValueError("not a table of names and values")
    return _without_decimals(value)


def overrides(value: object) -> object:
    """Tables of settings by symbol, from JSON text or TOML tables, with names in lower case; what is in them is checked in overrides.py."""
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=Decimal)
        except json.JSONDecodeError as error:
            raise ValueError(f"no JSON: {error.msg} at character {error.pos + 1}") from None
    if not isinstance(value, Mapping):
        raise ValueError("not a table of symbols")
    if value:
        symbols(tuple(value))
    for symbol, table in value.items():
        if not isinstance(table, Mapping):
            raise ValueError(f"{symbol} has no table of settings and values")
    return {str(symbol): {str(name).lower(): item for name, item in table.items()} for symbol, table in value.items()}


def _without_decimals(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _without_decimals(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_decimals(item) for item in value]
    return float(value) if isinstance(value, Decimal) else value


def server_url(value: object) -> object:
    """A server without path, query or user; https, except on this machine itself."""
    text = str(value).rstrip("/")
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in {"https", "http"} or not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise ValueError("no URL of a server")
    if parts.username or parts.password or parts.path or parts.query or parts.fragment:
        raise ValueError("a server alone is due, without user, path or query")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK_HOSTS:
        raise ValueError("plain http would send keys in the clear; only a loopback address may have it")
    return text


def http_address(value: object) -> object:
    """An address of HTTP with a path, without user; or nothing."""
    text = str(value)
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.hostname or not _MACHINE.fullmatch(parts.hostname)):
        raise ValueError("no HTTP address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address without user or query is due")
    if text and not parts.path.strip("/"):
        raise ValueError("its path is missing")
    return text


def websocket_url(value: object) -> object:
    """A WebSocket address without user, query or fragment; wss, except on this machine itself."""
    text = str(value)
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in {"wss", "ws"} or not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise ValueError("no WebSocket address")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address without user or query is due")
    if parts.scheme == "ws" and parts.hostname not in _LOOPBACK_HOSTS:
        raise ValueError("plain ws would send keys in the clear; only a loopback address may have it")
    return text


def websocket_server(value: object) -> object:
    """A WebSocket server without a path; wss, except on this machine itself."""
    text = str(websocket_url(str(value).rstrip("/")))
    if urlsplit(text).path:
        raise ValueError("a server alone is due, without a path")
    return text


def host_name(value: object) -> object:
    """The name or address of a machine alone, or nothing."""
    text = str(value)
    if text and not _MACHINE.fullmatch(text):
        raise ValueError("no name or address of a machine")
    return text


def strategy_file(value: object) -> object:
    """`file.py:Class`, or nothing."""
    text = str(value)
    path, colon, name = text.rpartition(":")
    if text and not (colon and path.endswith(".py") and name.isidentifier()):
        raise ValueError("not of the form file.py:Class")
    return text


def folder(value: object) -> object:
    """A folder that exists, or None."""
    if value is None or not str(value):
        return None
    path = Path(str(value))
    if path.is_dir():
        return path
    if path.exists():
        raise ValueError(f"a file; name the folder that it is in, {path.parent}")
    raise ValueError("no such folder")


def speed(value: object) -> object:
    """`max`, or a positive factor as text."""
    text = str(value).strip()
    if text == "max":
        return text
    try:
        factor = money(text)
    except MoneyError:
        factor = Decimal(0)
    if factor <= 0:
        raise ValueError("neither max nor a number above 0")
    return text


Fraction = Annotated[Decimal, BeforeValidator(exact), Field(ge=0, le=1)]
FractionBelowOne = Annotated[Decimal, BeforeValidator(exact), Field(ge=0, lt=1)]
# A share of a price that may be more than the whole: prices can double.
Share = Annotated[Decimal, BeforeValidator(exact), Field(ge=0, le=100)]
FractionAboveZero = Annotated[Decimal, BeforeValidator(exact), Field(gt=0, le=1)]
Amount = Annotated[Decimal, BeforeValidator(exact), Field(gt=0)]
Money = Annotated[Decimal, BeforeValidator(exact), Field(gt=0, le=MOST_MONEY)]
Seconds = Annotated[float, Field(ge=0, le=604_800, allow_inf_nan=False)]
SecondsAboveZero = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Symbols = Annotated[tuple[str, ...], BeforeValidator(symbols)]
SymbolPatterns = Annotated[tuple[str, ...], BeforeValidator(symbol_patterns)]
MachineNames = Annotated[tuple[str, ...], BeforeValidator(machine_names)]
NoticeKinds = Annotated[tuple[NoticeKind, ...], BeforeValidator(notice_kinds)]
Overrides = Annotated[Mapping[str, Mapping[str, Any]], BeforeValidator(overrides)]
Parameters = Annotated[Mapping[str, Any], BeforeValidator(parameters)]
ServerUrl = Annotated[str, BeforeValidator(server_url)]
WebSocketServer = Annotated[str, BeforeValidator(websocket_server)]
WebSocketUrl = Annotated[str, BeforeValidator(websocket_url)]
HttpAddress = Annotated[str, BeforeValidator(http_address)]
HostName = Annotated[str, BeforeValidator(host_name)]
StrategyFile = Annotated[str, BeforeValidator(strategy_file)]
Folder = Annotated[Path | None, BeforeValidator(folder)]
Speed = Annotated[str, BeforeValidator(speed)]
