"""Who sent a request, and whether it is theirs and fresh: API keys, signatures, timestamps.

Source: rest-api.md and web-socket-api.md, "Request Security".
"""

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import sha256

from binance_trade_agent.domain.errors import ConfigurationError
from binance_trade_agent.simulation.engine import refusals
from binance_trade_agent.simulation.engine.refusals import UNAUTHORIZED, refused
from binance_trade_agent.simulation.rest.key_verifiers import KeyVerifier, verifier_for
from binance_trade_agent.simulation.rest.params import MICROSECONDS_FROM, Params

MOST_AHEAD_MS = 1_000
DEFAULT_RECV_WINDOW_MS = Decimal(5_000)
MOST_RECV_WINDOW_MS = Decimal(60_000)

_KEY = re.compile(r"[A-Za-z0-9_\-]{1,128}")
_RECV_WINDOW = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,3})?")
# What RFC 3986 allows in a query as it stands; everything else has to be percent-encoded before it is signed.
_ENCODED = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")
_SIGNATURE = "signature="


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """The account behind an API key, and what the key may do with it: reading always, trading unless it was restricted."""

    api_key: str = field(repr=False)
    account_id: int
    verifier: KeyVerifier = field(repr=False)
    may_trade: bool = True

    def require_trading(self) -> None:
        """Raise -2015 for a key that may not trade."""
        if not self.may_trade:
            raise refused(-2015, "Invalid API-key, IP, or permissions for action.", UNAUTHORIZED)


class KeyRing:
    """API keys in memory, with what is needed to check their signatures; they are never stored."""

    def __init__(self) -> None:
        self._holders: dict[str, KeyHolder] = {}

    def add(self, api_key: str, api_secret: str, account_id: int) -> None:
        """Let `api_key` act for an account; `api_secret` is an HMAC secret, or an RSA or Ed25519 key in PEM, public or private."""
        self._holders[api_key] = KeyHolder(api_key, account_id, verifier_for(api_secret))

    def restrict(self, api_key: str, *, may_trade: bool) -> None:
        """Let a key trade, or no longer; LookupError when there is no such key."""
        self._holders[api_key] = replace(self._holders[api_key], may_trade=may_trade)

    def revoke(self, api_key: str) -> None:
        """Take a key back; LookupError when there is no such key."""
        del self._holders[api_key]

    def account_id(self, api_key: str) -> int:
        """The account of a known key; LookupError else."""
        holder = self._holders.get(api_key)
        if holder is None:
            raise LookupError("no account is open for this API key")
        return holder.account_id

    def holder(self, api_key: str | None) -> KeyHolder:
        """Who may act with the key of a request: -2014 for no key or an impossible one, -2015 for an unknown one."""
        if not api_key or not _KEY.fullmatch(api_key):
            raise refused(-2014, "API-key format invalid.", UNAUTHORIZED)
        holder = self._holders.get(api_key)
        if holder is None:
            raise refused(-2015, "Invalid API-key, IP, or permissions for action.", UNAUTHORIZED)
        return holder


def require_usable(api_key: str, api_secret: str) -> None:
    """Raise ConfigurationError for a key that no request could carry, an empty secret, or a PEM that is no key."""
    if not _KEY.fullmatch(api_key):
        raise ConfigurationError("the simulated exchange's API key must be 1 to 128 letters, digits, - or _")
    if not api_secret:
        raise ConfigurationError("the simulated exchange's API secret must not be empty")
    verifier_for(api_secret)


def key_fingerprint(api_key: str) -> str:
    """How the store names a key without holding it."""
    return sha256(api_key.encode()).hexdigest()


def authenticate(holder: KeyHolder, params: Params, payload: str | None, now_ms: int) -> None:
    """Raise ExchangeRefusedError unless `payload` is signed by `holder` (-1102, -1022; None: nothing can be) and fresh (-1102, -1021)."""
    params.require("timestamp")
    signature = params.require("signature")
    if payload is None or not holder.verifier.is_valid(payload.encode(), signature):
        raise refused(-1022, "Signature for this request is not valid.")
    check_time(params, now_ms)


def signed_text(query: str, form: str) -> str | None:
    """What a REST request's signature is made over; None when there is no such text, or when it is not percent-encoded."""
    payload = signed_payload(query, form)
    return payload if payload is not None and _ENCODED.fullmatch(payload) else None


def signed_payload(query: str, form: str) -> str | None:
    """Query and form put together as they were signed; None when the signature is not the last parameter of its part."""
    if form:
        rest = _without_signature(form)
        if rest is not None:
            return query + rest
    rest = _without_signature(query)
    return None if rest is None else rest + form


def _without_signature(part: str) -> str | None:
    before, ampersand, last = part.rpartition("&")
    if not last.startswith(_SIGNATURE):
        return None
    return before if ampersand else ""


def check_time(params: Params, now_ms: int) -> None:
    """Raise ExchangeRefusedError (-1102, -1021) unless the request's timestamp is of now ("Timing security")."""
    sent = params.integer("timestamp")
    if sent is None:
        raise refusals.mandatory_missing("timestamp")
    if _timestamp_ms(sent) >= now_ms + MOST_AHEAD_MS:
        raise refused(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    require_young(params, now_ms)


def require_young(params: Params, now_ms: int) -> None:
    """Raise -1021 when the request's timestamp is further back than its recvWindow."""
    if now_ms - _timestamp_ms(params.integer("timestamp") or 0) > _recv_window_ms(params):
        raise refused(-1021, "Timestamp for this request is outside of the recvWindow.")


def _timestamp_ms(sent: int) -> Decimal:
    return Decimal(sent) / 1000 if sent >= MICROSECONDS_FROM else Decimal(sent)


def _recv_window_ms(params: Params) -> Decimal:
    value = params.text("recvWindow")
    if value is None:
        return DEFAULT_RECV_WINDOW_MS
    if not _RECV_WINDOW.fullmatch(value):
        raise refusals.illegal_characters("recvWindow", r"^[0-9]{1,10}(\.[0-9]{1,3})?$")
    window_ms = Decimal(value)
    if window_ms > MOST_RECV_WINDOW_MS:
        raise refused(-1102, f"'recvWindow' contains unexpected value. Cannot be greater than {MOST_RECV_WINDOW_MS}.")
    return window_ms
