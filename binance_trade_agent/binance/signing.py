"""Percent-encoding and signing of request parameters.

Source: rest-api.md, "SIGNED Endpoint security" and "SIGNED Endpoint Examples". What is signed is the percent-encoded text, byte
for byte what is then sent (required since 2026-01-15).
"""

import hmac
import re
from collections.abc import Mapping
from enum import Enum
from typing import NoReturn, Protocol
from urllib.parse import quote

_NEEDS_NO_ENCODING = re.compile(r"[A-Za-z0-9_.~\-]*").fullmatch


class KeyKind(Enum):
    """The kinds of keys that the exchange takes (faqs/api_key_types.md); a WebSocket session is logged on with ED25519 alone."""

    HMAC = "HMAC"
    RSA = "RSA"
    ED25519 = "ED25519"


class Signer(Protocol):
    """A key that signs; one implementation for each kind of key (HMAC here, RSA and Ed25519 in pem_signers)."""

    @property
    def kind(self) -> KeyKind:
        """Which kind of key this is."""
        ...

    def sign(self, payload: bytes) -> str:
        """The signature of `payload` as the exchange wants to see it, before percent-encoding."""
        ...


class GuardedKey:
    """What all signers share: a key that shows in no repr and cannot be pickled."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is not pickled: its secret would be written out")


class HmacSigner(GuardedKey):
    """HMAC-SHA256 with the API secret; the signature is 64 lower-case hex digits."""

    __slots__ = ("_keyed",)

    kind = KeyKind.HMAC

    def __init__(self, secret: str) -> None:
        self._keyed = hmac.new(secret.encode(), digestmod="sha256")  # what the key alone makes, which is half of the work

    def sign(self, payload: bytes) -> str:
        """The signature of `payload` in hex."""
        mac = self._keyed.copy()
        mac.update(payload)
        return mac.hexdigest()


def encode_value(value: str) -> str:
    """`value` percent-encoded as UTF-8; most values (numbers, symbols) need nothing done, so that is looked at first."""
    return value if (value.isalnum() and value.isascii()) or _NEEDS_NO_ENCODING(value) else quote(value, safe="")


def encode_params(params: Mapping[str, str]) -> str:
    """`name=value` pairs joined by `&` in the mapping's order, percent-encoded."""
    return "&".join([f"{name}={encode_value(value)}" for name, value in params.items()])


def signed_query(payload: str, signer: Signer) -> str:
    """The whole query string of a signed request: the encoded parameters in `payload`, and their signature last."""
    return f"{payload}&signature={encode_value(signer.sign(payload.encode('ascii')))}"
