"""RSA and Ed25519 keys, from PKCS#8 PEM. Imported only when such a key is used, because the cryptography it needs takes a while to load.

Source: rest-api.md, "RSA Keys" and "Ed25519 Keys": RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519; the signature in base64.
"""

from base64 import b64encode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from binance_trade_agent.binance.signing import GuardedKey, KeyKind
from binance_trade_agent.domain.errors import ConfigurationError

LEAST_RSA_BITS = 2_048
"""faqs/api_key_types.md: 2048 and 4096 bit keys are supported."""


class RsaSigner(GuardedKey):
    """RSASSA-PKCS1-v1_5 with SHA-256."""

    __slots__ = ("_key",)

    kind = KeyKind.RSA

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key

    def sign(self, payload: bytes) -> str:
        """The signature of `payload` in base64."""
        return b64encode(self._key.sign(payload, PKCS1v15(), hashes.SHA256())).decode("ascii")


class Ed25519Signer(GuardedKey):
    """Ed25519, the kind that Binance recommends."""

    __slots__ = ("_key",)

    kind = KeyKind.ED25519

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def sign(self, payload: bytes) -> str:
        """The signature of `payload` in base64."""
        return b64encode(self._key.sign(payload)).decode("ascii")


def signer_from_pem(pem: str, passphrase: str) -> RsaSigner | Ed25519Signer:
    """The signer of a PKCS#8 private key; ConfigurationError, which names the setting and quotes nothing, for anything else."""
    try:
        key = load_pem_private_key(pem.encode("ascii"), passphrase.encode() if passphrase else None)
    except TypeError:
        raise ConfigurationError(
            "BINANCE_API_KEY_PASSPHRASE is set, but the key in BINANCE_API_SECRET is not encrypted; remove the passphrase"
        ) from None
    except UnsupportedAlgorithm:
        raise ConfigurationError("BINANCE_API_SECRET holds a kind of key that cannot be read; allowed: RSA and Ed25519") from None
    except ValueError:
        hint = "or BINANCE_API_KEY_PASSPHRASE is not its passphrase" if passphrase else "it may be cut off or damaged"
        raise ConfigurationError(f"BINANCE_API_SECRET holds a private key that cannot be read; {hint}") from None
    if isinstance(key, Ed25519PrivateKey):
        return Ed25519Signer(key)
    if not isinstance(key, RSAPrivateKey):
        raise ConfigurationError("BINANCE_API_SECRET holds a private key of a kind that Binance does not take; allowed: RSA and Ed25519")
    if key.key_size < LEAST_RSA_BITS:
        raise ConfigurationError(f"BINANCE_API_SECRET holds an RSA key of {key.key_size} bits; allowed: {LEAST_RSA_BITS} bits or more")
    return RsaSigner(key)
