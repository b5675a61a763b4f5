"""Parameters of a request: parsing query and form, and typed reading with Binance's error for each way to be wrong."""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import unquote

import orjson

from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.amounts import LARGEST
from binance_trade_agent.simulation.engine.refusals import refused

E = TypeVar("E", bound=StrEnum)

MOST_SYMBOLS = 1_000
NO_OTHER_NAMES: Mapping[str, str] = MappingProxyType({})
MICROSECONDS_FROM = 10**14
"""Timestamps from here on are microseconds (milliseconds would be the year 5138)."""

_SYMBOL = re.compile(r"(?:(?![a-z])[\w\-.]){1,50}")
_SYMBOL_RANGE = r"^[\w\-._&&[^a-z]]{1,50}$"
_INTEGER = re.compile(r"[0-9]{1,20}")
_DECIMAL = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
_CLIENT_ID = re.compile(r"[a-zA-Z0-9\-_]{1,36}")
_LARGEST_LONG = 2**63 - 1


def parse_pairs(raw: str) -> dict[str, str]:
    """Name and decoded value of every pair in an encoded query or form; -1101 when a name comes twice."""
    pairs: dict[str, str] = {}
    for part in raw.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if "+" in value:
            value = value.replace("+", " ")
        if "%" in part:
            name, value = unquote(name), unquote(value)
        if name in pairs:
            raise refused(-1101, "Duplicate values for a parameter detected.")
        pairs[name] = value
    return pairs


class Params:
    """The parameters of one request. Every reader raises ExchangeRefusedError for text that cannot be."""

    def __init__(self, pairs: dict[str, str], names: Mapping[str, str] = NO_OTHER_NAMES) -> None:
        self._pairs = pairs
        self._names = names

    def renamed(self, names: Mapping[str, str]) -> "Params":
        """The same parameters for a reader that knows some under other names: `names` maps what it asks for to what is sent.

        So one reader serves an order and each order of a list, and its errors name what was sent.
        """
        return Params(self._pairs, names)

    def supplied(self, more: Mapping[str, str]) -> "Params":
        """The same parameters and some that are not sent because they follow from what is asked."""
        return Params({**self._pairs, **more}, self._names)

    def sent_name(self, name: str) -> str:
        """What the parameter `name` is called in the request."""
        return self._names.get(name, name)

    def require_known(self, allowed: Collection[str]) -> None:
        """-1101 for an endpoint without parameters that got some, -1104 for parameters that nobody reads, -1105 for empty ones."""
        sent = len(self._pairs)
        if sent and not allowed:
            raise refused(-1101, f"Too many parameters; expected '0' and received '{sent}'.")
        read = sum(name in allowed for name in self._pairs)
        if read < sent:
            raise refused(-1104, f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'.")
        for name, value in self._pairs.items():
            if not value:
                raise refused(-1105, f"Parameter '{name}' was empty.")

    def has(self, name: str) -> bool:
        """True when the parameter was sent."""
        return self.sent_name(name) in self._pairs

    def text(self, name: str) -> str | None:
        """The value as it was sent."""
        return self._pairs.get(self.sent_name(name))

    def require(self, name: str) -> str:
        """The value as it was sent; -1102 when it was not."""
        name = self.sent_name(name)
        value = self._pairs.get(name)
        if not value:
            raise refusals.mandatory_missing(name)
        return value

    def symbol(self) -> str:
        """The mandatory parameter `symbol`; whether it exists is for the engine to say."""
        return _symbol(self.require("symbol"), "symbol")

    def optional_symbol(self) -> str | None:
        """The parameter `symbol` where it may be left out."""
        value = self._pairs.get("symbol")
        return None if value is None else _symbol(value, "symbol")

    def symbols(self, most: int = MOST_SYMBOLS) -> list[str] | None:
        """The parameter `symbols`, a JSON array of at most `most` different names: -1135, -1100, -1101 or -1151 when it is not."""
        value = self._pairs.get("symbols")
        if value is None:
            return None
        try:
            names = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise refused(-1135, "JSON sent for parameter 'symbols' is not valid") from None
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise refusals.illegal_characters("symbols", rf"^\[(\"{_SYMBOL_RANGE[1:-1]}\",?){{1,}}\]$")
        if len(names) > most:
            raise refused(-1101, f"Too many values sent for parameter 'symbols', maximum allowed up to {most}.")
        if len(set(names)) < len(names):
            raise refused(-1151, "Symbol is present multiple times in the list.")
        return [_symbol(name, "symbols") for name in names]

    def integer(self, name: str) -> int | None:
        """A LONG."""
        name = self.sent_name(name)
        value = self._pairs.get(name)
        if value is None:
            return None
        if not _INTEGER.fullmatch(value):
            raise refusals.illegal_characters(name, "^[0-9]{1,20}$")
        number = int(value)
        if number > _LARGEST_LONG:
            raise refused(-1108, f"Parameter '{name}' overflowed.")
        return number

    def time_ms(self, name: str) -> int | None:
        """A point in time, sent in milliseconds or microseconds."""
        number = self.integer(name)
        return number // 1000 if number is not None and number >= MICROSECONDS_FROM else number

    def limit(self, *, default: int, most: int) -> int:
        """The parameter `limit`; values above `most` count as `most`, 0 is -1130."""
        number = self.integer("limit")
        if number is None:
            return default
        if number == 0:
            raise refusals.not_valid("limit")
        return min(number, most)

    def decimal(self, name: str, decimals: int) -> Decimal | None:
        """A DECIMAL with at most `decimals` places (-1111), and not beyond what the exchange can count (-1108)."""
        name = self.sent_name(name)
        value = self._pairs.get(name)
        if value is None:
            return None
        if not _DECIMAL.fullmatch(value):
            raise refusals.illegal_characters(name, r"^([0-9]{1,20})(\.[0-9]{1,20})?$")
        if len(value.partition(".")[2]) > decimals:
            raise refused(-1111, f"Parameter '{name}' has too much precision.")
        number = Decimal(value)
        if number > LARGEST:
            raise refused(-1108, f"Parameter '{name}' overflowed.")
        return number

    def boolean(self, name: str, *, default: bool) -> bool:
        """A BOOLEAN, true or false."""
        name = self.sent_name(name)
        value = self._pairs.get(name)
        if value is None:
            return default
        if value.lower() not in {"true", "false"}:
            raise refusals.not_valid(name)
        return value.lower() == "true"

    def choice(self, name: str, kind: type[E], code: int, message: str) -> E | None:
        """An ENUM; refused with `code` and `message` when the value is none of its members."""
        name = self.sent_name(name)
        value = self._pairs.get(name)
        if value is None:
            return None
        try:
            return kind(value)
        except ValueError:
            raise refused(code, message) from None

    def client_order_id(self, name: str) -> str | None:
        """A client order id."""
        name = self.sent_name(name)
        value = self._pairs.get(name)
        if value is not None and not _CLIENT_ID.fullmatch(value):
            raise refusals.illegal_characters(name, "^[a-zA-Z0-9-_]{1,36}$")
        return value


def _symbol(value: str, name: str) -> str:
    if not _SYMBOL.fullmatch(value):
        raise refusals.illegal_characters(name, _SYMBOL_RANGE)
    return value
