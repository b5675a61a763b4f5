"""Checking signatures: HMAC with the shared secret, RSA and Ed25519 with the public key that its owner would upload.

Source: rest-api.md and web-socket-api.md, "SIGNED request example"; faqs/api_key_types.md. Written apart from the client's signers.
"""

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Protocol

from binance_trade_agent.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

LEAST_RSA_BITS = 2_048

_PEM = "-----BEGIN "
_PRIVATE = "PRIVATE KEY-----"


class KeyVerifier(Protocol):
    """The exchange's half of an API key."""

    @property
    def may_log_on(self) -> bool:
        """Whether a WebSocket session can be authenticated with it: Ed25519 keys alone."""
        ...

    def is_valid(self, payload: bytes, signature: str) -> bool:
        """Whether the owner signed `payload`."""
        ...


class HmacVerifier:
    """HMAC-SHA256 in hexadecimal, of any case."""

    __slots__ = ("_secret",)

    may_log_on = False

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def is_valid(self, payload: bytes, signature: str) -> bool:
        """Compared in constant time."""
        expected = hmac.digest(self._secret, payload, "sha256").hex()
        return hmac.compare_digest(expected.encode(), signature.lower().encode())


class RsaVerifier:
    """RSASSA-PKCS1-v1_5 with SHA-256, in base64."""

    __slots__ = ("_key",)

    may_log_on = False

    def __init__(self, key: "RSAPublicKey") -> None:
        self._key = key

    def is_valid(self, payload: bytes, signature: str) -> bool:
        """False also for what is no base64."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

        try:
            self._key.verify(b64decode(signature, validate=True), payload, PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, Base64Error, ValueError):
            return False
        return True


class Ed25519Verifier:
    """Ed25519, in base64."""

    __slots__ = ("_key",)

    may_log_on = True

    def __init__(self, key: "Ed25519PublicKey") -> None:
        self._key = key

    def is_valid(self, payload: bytes, signature: str) -> bool:
        """False also for what is no base64."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._key.verify(b64decode(signature, validate=True), payload)
        except (InvalidSignature, Base64Error, ValueError):
            return False
        return True


def verifier_for(secret: str) -> KeyVerifier:
    """The verifier of an HMAC secret, or of an RSA or Ed25519 key in PEM: the public key, or a private one whose public half is taken.

    Raises ConfigurationError, which quotes nothing, for a PEM that is none of these.
    """
    return _asymmetric(secret.replace("\\n", "\n")) if secret.startswith(_PEM) else HmacVerifier(secret)


def _asymmetric(pem: str) -> KeyVerifier:
    # Most exchanges in a box have HMAC keys, and importing these takes as long as the rest of this room.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

    try:
        key = load_pem_private_key(pem.encode(), None) if _PRIVATE in pem else load_pem_public_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(
            "the simulated exchange's API secret is no key in PEM that it can read; an RSA or Ed25519 key without a passphrase is due"
        ) from None
    if isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        key = key.public_key()
    if isinstance(key, Ed25519PublicKey):
        return Ed25519Verifier(key)
    if isinstance(key, RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
        return RsaVerifier(key)
    raise ConfigurationError(f"the simulated exchange takes Ed25519 keys and RSA keys of {LEAST_RSA_BITS} bits or more")
