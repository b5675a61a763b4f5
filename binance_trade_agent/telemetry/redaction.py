"""Redaction: masks secrets in log events, by the name of a key and by known secret values anywhere in any text."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "[hidden]"
# A shorter secret would mask half of the log, and is none.
LEAST_SECRET_LENGTH = 4
# Deeper values are shown as text, so that a value that holds itself ends somewhere.
MOST_DEPTH = 6
# A secret of many lines is logged line by line in some tracebacks; a long line of it is a secret of its own, and of a private key in
# PEM every line is, whichever way its line breaks are written.
_LEAST_LINE_LENGTH = 16
_PEM_MARK = "-----BEGIN "
_PEM_BORDER = re.compile(r"-----[A-Z0-9 ]+-----")
_PEM_ROW = 64

_SECRET_KEYS = frozenset(
    {
        "api_key",
        "apikey",
        "api_secret",
        "apisecret",
        "secret",
        "secret_key",
        "private_key",
        "signature",
        "password",
        "passphrase",
        "passwd",
        "token",
        "authorization",
        "x_mbx_apikey",
        "listen_key",
        "listenkey",
        "cookie",
        "set_cookie",
        "credentials",
    }
)
_SECRET_ENDINGS = ("_secret", "_password", "_token", "_api_key", "_apikey", "_private_key", "_signature")
# name=value, name: value, "name": "value" (also escaped), and the pairs of bytes in which HTTP libraries keep headers.
_NAMED_IN_TEXT = re.compile(
    r"(?i)(signature|x-mbx-apikey|api[-_]?key|api[-_]?secret|secret[-_]?key|private[-_]?key|listen[-_]?key|password|token|authorization)"
    r"((?:[\\\"']+\s*[,:=]|\s*[=:])\s*(?:b(?=[\\\"']))?[\\\"']*(?:(?:bearer|basic)\s+)?)"
    r"([^\s&\"',;)}\]\\]+)"
)
# Where there is none of these, or none of `=`, `:` and `,`, the expression above finds nothing; looking for them costs a tenth of it.
_NAME_PARTS = ("key", "secret", "token", "password", "signature", "authorization")
_MOST_KEYS = 1_000


class Redactor:
    """Masks the fields of log lines; also usable on any text.

    `secrets` are the plain values to hide wherever they occur, also percent-encoded.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        # Longest first, so that a secret that contains another one is hidden whole.
        self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        self._values = re.compile("|".join(map(re.escape, self._forms))) if forms else None
        self._keys: dict[str, tuple[str, bool]] = {}

    def __repr__(self) -> str:
        return "Redactor()"

    def masked_fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a line with every secret in keys and values masked, and with nothing in them that JSON cannot hold."""
        return self._mapping(fields, 0)

    def text(self, text: str) -> str:
        """`text` with secret values and `name=value` pairs of secret names masked."""
        for form in self._forms:
            if form in text and self._values is not None:
                text = self._values.sub(MASK, text)
                break
        return _NAMED_IN_TEXT.sub(rf"\1\2{MASK}", text) if _may_name_secret(text) else text

    def _mapping(self, pairs: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        masked = {}
        for key, value in pairs.items():
            shown, is_secret = self._keys.get(key) or self._key(str(key))
            if is_secret:
                masked[shown] = MASK
            else:
                masked[shown] = self.text(value) if type(value) is str else self._value(value, depth)
        return masked

    def _key(self, key: str) -> tuple[str, bool]:
        """How a key is shown, and whether it names a secret; the keys of log lines are few, and come again."""
        found = (self.text(key), _names_secret(key))
        if len(self._keys) < _MOST_KEYS:
            self._keys[key] = found
        return found

    def _value(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, (bool, float)):
            return value
        if isinstance(value, str):
            return self.text(str(value))
        if isinstance(value, int):
            return self._number(value)
        if isinstance(value, Decimal):
            return self.text(format(value, "f"))
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "replace"))
        if depth < MOST_DEPTH and isinstance(value, Mapping):
            return self._mapping(value, depth + 1)
        if depth < MOST_DEPTH and isinstance(value, (list, tuple, set, frozenset)):
            return [self._value(item, depth + 1) for item in value]
        # An object of any other kind would be turned to text after this processor, where nothing masks it any more.
        return self.text(_described(value))

    def _number(self, value: int) -> int | str:
        text = str(value)
        if self._values is not None and self._values.search(text):
            return MASK
        # JSON writers stop at 64 bits.
        return int(value) if value.bit_length() < 64 else text


def _described(value: object) -> str:
    try:
        return str(value) if isinstance(value, BaseException) else repr(value)
    except Exception as error:  # a log line must not fail because an object cannot describe itself
        return f"<{type(value).__name__} without a description: {type(error).__name__}>"


def _may_name_secret(text: str) -> bool:
    if "=" not in text and ":" not in text and "," not in text:
        return False
    if not text.isascii():  # some letters beyond are the same as ours when their case is passed over
        return True
    lowered = text.lower()
    for part in _NAME_PARTS:  # noqa: SIM110 - any() costs three times as much, in every line
        if part in lowered:
            return True
    return False


def _names_secret(key: str) -> bool:
    name = key.lower().replace("-", "_")
    return name in _SECRET_KEYS or name.endswith(_SECRET_ENDINGS)


def _forms(secret: str) -> set[str]:
    text = secret.strip()
    if len(text) < LEAST_SECRET_LENGTH:
        return set()
    plain = _pem_parts(text) if _PEM_MARK in text else {text, *(line for line in _lines(text) if len(line) >= _LEAST_LINE_LENGTH)}
    escaped = {repr(form)[1:-1] for form in plain}
    return plain | escaped | {quote(form, safe="") for form in plain} | {quote_plus(form) for form in plain}


def _pem_parts(text: str) -> set[str]:
    """A private key in each form it is written in (lines, their breaks as \\n, one run of letters), and every line of it."""
    whole = text.replace("\\r", "").replace("\\n", "\n")
    words = [word for line in _lines(whole) for word in _PEM_BORDER.sub(" ", line).split()]
    inside = "".join(words)
    rows = [inside[start : start + _PEM_ROW] for start in range(0, len(inside), _PEM_ROW)]
    parts = {text, whole, whole.replace("\n", "\\n"), inside, *words, *rows}
    return {part for part in parts if len(part) >= LEAST_SECRET_LENGTH}


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]
